package ec2

import (
	"context"
	"net/netip"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

// block is a range that was added to a VPC.
type block struct {
	Association string
	CIDR        netip.Prefix
}

var (
	cidrLimit     = fault.Kind{Code: "CidrLimitExceeded", Status: 400}
	blockNotFound = fault.Kind{Code: "InvalidVpcCidrBlockAssociationID.NotFound", Status: 400}
)

// blocksPerVPC is how many IPv4 ranges a VPC may have, the first included.
const blocksPerVPC = 5

// blocks are all ranges of a VPC, the primary first.
func (v *vpc) blocks() []block {
	return append([]block{{v.Association, v.CIDR}}, v.More...)
}

func (v *vpc) cidrs() (out []netip.Prefix) {
	for _, b := range v.blocks() {
		out = append(out, b.CIDR)
	}
	return out
}

// holds says whether a range lies within one of the VPC's.
func (v *vpc) holds(p netip.Prefix) bool {
	return slices.ContainsFunc(v.cidrs(), func(c netip.Prefix) bool { return p.Bits() >= c.Bits() && c.Contains(p.Addr()) })
}

func (b block) aws() shape.VpcCidrBlockAssociation {
	return shape.VpcCidrBlockAssociation{AssociationId: &b.Association, CidrBlock: new(b.CIDR.String()), CidrBlockState: &shape.VpcCidrBlockState{State: new("associated")}}
}

// families are the ranges of which a VPC that begins in one may not have another (the VPC guide's table).
var families = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("198.19.0.0/16"),
}

func familyOf(p netip.Prefix) int {
	return slices.IndexFunc(families, func(f netip.Prefix) bool { return f.Overlaps(p) })
}

// addable says why a range cannot be added to a VPC.
func addable(tx *store.Tx, v *vpc, p netip.Prefix) error {
	bad := vpcRange.New("The CIDR '%s' is invalid.", p)
	if !sized(p) || slices.ContainsFunc(reserved, p.Overlaps) || slices.ContainsFunc(v.cidrs(), p.Overlaps) {
		return bad
	}
	if mine := familyOf(v.CIDR); mine >= 0 && familyOf(p) >= 0 && familyOf(p) != mine {
		return vpcRange.New("The CIDR '%s' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR.", p)
	}
	if len(v.blocks()) >= blocksPerVPC {
		return cidrLimit.New("This network %s has met its maximum number of allowed CIDRs: %d", v.ID, blocksPerVPC)
	}
	tables, err := routeTables.where(tx, v.Account, func(t *routeTable) bool { return t.VPC == v.ID })
	if err != nil {
		return err
	}
	for _, t := range tables {
		for _, r := range t.Routes {
			if r.CIDR.IsValid() && p.Bits() <= r.CIDR.Bits() && p.Contains(r.CIDR.Addr()) {
				return vpcRange.New("The CIDR '%s' is the same as, or larger than, the destination %s of a route in %s.", p, r.CIDR, t.ID)
			}
		}
	}
	return peersClash(tx, v, p)
}

// peersClash refuses a range that a peered VPC has.
func peersClash(tx *store.Tx, v *vpc, p netip.Prefix) error {
	all, err := peerings.all(tx, "")
	if err != nil {
		return err
	}
	for _, o := range all {
		other := o.Accepter
		if other.VPC == v.ID {
			other = o.Requester
		} else if o.Requester.VPC != v.ID {
			continue
		}
		w, err := vpcs.table.Get(tx, store.Key(other.Account, other.VPC))
		if err != nil {
			return err
		}
		if w != nil && o.joins() && slices.ContainsFunc(w.cidrs(), p.Overlaps) {
			return vpcRange.New("The CIDR '%s' overlaps a CIDR of the peered VPC %s.", p, w.ID)
		}
	}
	return nil
}

var _ = api.Define(operations, "AssociateVpcCidrBlock", named("AssociateVpcCidrBlock", "vpc",
	func(in *shape.AssociateVpcCidrBlockRequest) *string { return in.VpcId }), (*Service).associateVpcCidrBlock)

func (s *Service) associateVpcCidrBlock(ctx context.Context, c *api.Call, in *shape.AssociateVpcCidrBlockRequest) (*shape.AssociateVpcCidrBlockResult, error) {
	if err := begin(in, "CidrBlock", "VpcId"); err != nil {
		return nil, err
	}
	if err := need("cidrBlock", str(in.CidrBlock)); err != nil {
		return nil, err
	}
	cidr, err := parseCIDR("cidrBlock", *in.CidrBlock)
	if err != nil {
		return nil, err
	}
	out := &shape.AssociateVpcCidrBlockResult{VpcId: in.VpcId}
	return out, s.change(ctx, func(tx *store.Tx) error {
		v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		if err := addable(tx, v, cidr); err != nil {
			return err
		}
		b := block{newID("vpc-cidr-assoc-"), cidr}
		v.More = append(v.More, b)
		out.CidrBlockAssociation = new(b.aws())
		out.CidrBlockAssociation.CidrBlockState.State = new("associating")
		return vpcs.put(tx, v)
	})
}

var _ = api.Define(operations, "DisassociateVpcCidrBlock", func(c *api.Call, in *shape.DisassociateVpcCidrBlockRequest) []api.Check {
	return []api.Check{check(c, "DisassociateVpcCidrBlock", "vpc", "")}
}, (*Service).disassociateVpcCidrBlock)

func (s *Service) disassociateVpcCidrBlock(ctx context.Context, c *api.Call, in *shape.DisassociateVpcCidrBlockRequest) (*shape.DisassociateVpcCidrBlockResult, error) {
	if err := begin(in, "AssociationId"); err != nil {
		return nil, err
	}
	id, out := str(in.AssociationId), new(shape.DisassociateVpcCidrBlockResult)
	return out, s.change(ctx, func(tx *store.Tx) error {
		all, err := vpcs.where(tx, c.Account(), func(v *vpc) bool {
			return slices.ContainsFunc(v.blocks(), func(b block) bool { return b.Association == id })
		})
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return blockNotFound.New("The vpc CIDR block association ID '%s' does not exist", id)
		}
		v := all[0]
		if v.Association == id {
			return notPermitted.New("The vpc CIDR block with association ID %s may not be disassociated. It is the primary IPv4 CIDR block of the VPC", id)
		}
		at := slices.IndexFunc(v.More, func(b block) bool { return b.Association == id })
		b := v.More[at]
		n, err := countIn(tx, subnets, c.Account(), func(n *subnet) bool { return n.VPC == v.ID && b.CIDR.Overlaps(n.CIDR) })
		if err != nil || n > 0 {
			return either(err, dependencyViolation.New("The vpc CIDR block '%s' has dependencies and cannot be disassociated.", b.CIDR))
		}
		v.More = slices.Delete(v.More, at, at+1)
		out.VpcId, out.CidrBlockAssociation = &v.ID, new(b.aws())
		out.CidrBlockAssociation.CidrBlockState.State = new("disassociating")
		return vpcs.put(tx, v)
	})
}
