package ec2

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateVpcPeeringConnection", func(c *api.Call, in *shape.CreateVpcPeeringConnectionRequest) []api.Check {
	return append(creates(c, "CreateVpcPeeringConnection", "vpc-peering-connection", in.TagSpecifications),
		check(c, "CreateVpcPeeringConnection", "vpc", str(in.VpcId)))
}, (*Service).createVpcPeeringConnection)

func (s *Service) createVpcPeeringConnection(ctx context.Context, c *api.Call, in *shape.CreateVpcPeeringConnectionRequest) (*shape.CreateVpcPeeringConnectionResult, error) {
	if err := begin(in, "VpcId", "PeerVpcId", "PeerOwnerId", "PeerRegion", "TagSpecifications"); err != nil {
		return nil, err
	}
	if r := str(in.PeerRegion); r != "" && r != s.Region {
		return nil, unsupportedOperation.New("VPC peering connections to other regions are not supported.")
	}
	if err := need("peerVpcId", str(in.PeerVpcId)); err != nil {
		return nil, err
	}
	owner := c.Account()
	if in.PeerOwnerId != nil {
		owner = *in.PeerOwnerId
	}
	if len(owner) != 12 || strings.Trim(owner, "0123456789") != "" {
		return nil, invalidValue.New("Value (%s) for parameter peerOwnerId is invalid. Invalid account id.", owner)
	}
	tags, err := s.specified(in.TagSpecifications, "vpc-peering-connection")
	if err != nil {
		return nil, err
	}
	out := &shape.CreateVpcPeeringConnectionResult{}
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		p, err := s.newPeering(tx, v, owner, *in.PeerVpcId, tags)
		if err != nil {
			return err
		}
		shown := s.awsPeering(p, c.Account(), tx.Now)
		shown.ExpirationTime = &p.Expires
		shown.Status = &shape.VpcPeeringConnectionStateReason{Code: new(peeringInitiating), Message: new("Initiating Request to " + owner)}
		out.VpcPeeringConnection = &shown
		return nil
	})
}

// newPeering makes a request. One that can never be accepted fails by itself, without saying why: the
// other VPC is somebody else's affair.
func (s *Service) newPeering(tx *store.Tx, v *vpc, owner, peer string, tags map[string]string) (*peering, error) {
	if err := vpcs.valid(peer); err != nil {
		return nil, err
	}
	other, err := vpcs.table.Get(tx, store.Key(owner, peer))
	if err != nil {
		return nil, err
	}
	if other == nil && owner == v.Account {
		return nil, vpcs.missing(peer)
	}
	own, err := peeringsOf(tx, v.Account)
	if err != nil {
		return nil, err
	}
	waiting := 0
	for _, p := range own {
		switch {
		case !p.visible(tx.Now):
			if err := peerings.remove(tx, p); err != nil {
				return nil, err
			}
		case p.over(tx.Now):
		case p.between(v.ID, peer):
			return nil, peeringExists.New("A VPC peering connection between %s and %s already exists: %s", v.ID, peer, p.ID)
		case p.Code == peeringPending && p.Account == v.Account:
			waiting++
		}
	}
	if waiting >= s.Quotas.PendingPeerings {
		return nil, peeringPendingLimit.New("The maximum number of outstanding VPC peering connection requests has been reached.")
	}
	p := &peering{
		head: peerings.begin(tx, v.Account, tags), Requester: side{Account: v.Account, VPC: v.ID, CIDRs: v.cidrs()}, Accepter: side{Account: owner, VPC: peer},
		Code: peeringPending, Message: "Pending Acceptance by " + owner, Expires: tx.Now.Add(peeringWaits),
	}
	if other == nil || overlap(v.cidrs(), other.cidrs()) {
		return p, p.end(tx, peeringFailed, incompatible)
	}
	return p, peerings.put(tx, p)
}

const incompatible = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"

var _ = api.Define(operations, "AcceptVpcPeeringConnection", func(c *api.Call, in *shape.AcceptVpcPeeringConnectionRequest) []api.Check {
	return []api.Check{
		check(c, "AcceptVpcPeeringConnection", "vpc-peering-connection", str(in.VpcPeeringConnectionId)), check(c, "AcceptVpcPeeringConnection", "vpc", ""),
	}
}, (*Service).acceptVpcPeeringConnection)

func (s *Service) acceptVpcPeeringConnection(ctx context.Context, c *api.Call, in *shape.AcceptVpcPeeringConnectionRequest) (*shape.AcceptVpcPeeringConnectionResult, error) {
	if err := begin(in, "VpcPeeringConnectionId"); err != nil {
		return nil, err
	}
	out := &shape.AcceptVpcPeeringConnectionResult{}
	return out, s.change(ctx, func(tx *store.Tx) error {
		p, err := pendingFor(tx, c.Account(), str(in.VpcPeeringConnectionId), "accept", peeringActive)
		if err != nil {
			return err
		}
		a, err := vpcs.table.Get(tx, store.Key(p.Requester.Account, p.Requester.VPC))
		if err != nil {
			return err
		}
		b, err := vpcs.table.Get(tx, store.Key(p.Accepter.Account, p.Accepter.VPC))
		if err != nil {
			return err
		}
		if a == nil || b == nil || overlap(a.cidrs(), b.cidrs()) {
			err = p.end(tx, peeringFailed, incompatible)
		} else if err = s.roomForPeering(tx, a.ID, b.ID); err == nil {
			p.Code, p.Message = peeringProvisioning, "Provisioning"
			p.Requester.CIDRs, p.Accepter.CIDRs = a.cidrs(), b.cidrs()
			err = peerings.put(tx, p)
		}
		out.VpcPeeringConnection = new(s.awsPeering(p, c.Account(), tx.Now))
		return err
	})
}

// roomForPeering says why VPCs cannot have one connection more.
func (s *Service) roomForPeering(tx *store.Tx, ids ...string) error {
	for _, id := range ids {
		n, err := countIn(tx, peerings, "", func(p *peering) bool { return p.joins() && p.touches(id) })
		if err != nil || n >= s.Quotas.ActivePeerings {
			return either(err, peeringActiveLimit.New("The maximum number of active VPC peering connections has been reached for %s.", id))
		}
	}
	return nil
}

// pendingFor gives a request that an account may answer.
func pendingFor(tx *store.Tx, account, id, verb, next string) (*peering, error) {
	p, err := peeringOf(tx, account, id)
	if err != nil {
		return nil, err
	}
	if p.Accepter.Account != account {
		return nil, notPermitted.New("User %s cannot %s peering %s", account, verb, id)
	}
	return p, p.movable(tx, next, peeringPending)
}

// movable says why a connection cannot get another status.
func (c *peering) movable(tx *store.Tx, next string, from ...string) error {
	code, _ := c.status(tx.Now)
	for _, f := range from {
		if f == code {
			return nil
		}
	}
	return invalidStateTransition.New("Invalid state transition for %s, attempted to transition from %s to %s", c.ID, code, next)
}

var _ = api.Define(operations, "RejectVpcPeeringConnection", named("RejectVpcPeeringConnection", "vpc-peering-connection",
	func(in *shape.RejectVpcPeeringConnectionRequest) *string { return in.VpcPeeringConnectionId }), (*Service).rejectVpcPeeringConnection)

func (s *Service) rejectVpcPeeringConnection(ctx context.Context, c *api.Call, in *shape.RejectVpcPeeringConnectionRequest) (*shape.RejectVpcPeeringConnectionResult, error) {
	if err := begin(in, "VpcPeeringConnectionId"); err != nil {
		return nil, err
	}
	return &shape.RejectVpcPeeringConnectionResult{Return: new(true)}, s.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := pendingFor(tx, c.Account(), str(in.VpcPeeringConnectionId), "reject", peeringRejected)
		if err != nil {
			return err
		}
		return p.end(tx, peeringRejected, "Rejected by "+c.Account())
	})
}

var _ = api.Define(operations, "DeleteVpcPeeringConnection", named("DeleteVpcPeeringConnection", "vpc-peering-connection",
	func(in *shape.DeleteVpcPeeringConnectionRequest) *string { return in.VpcPeeringConnectionId }), (*Service).deleteVpcPeeringConnection)

// deleteVpcPeeringConnection leaves the routes through it where they are, as black holes.
func (s *Service) deleteVpcPeeringConnection(ctx context.Context, c *api.Call, in *shape.DeleteVpcPeeringConnectionRequest) (*shape.DeleteVpcPeeringConnectionResult, error) {
	if err := begin(in, "VpcPeeringConnectionId"); err != nil {
		return nil, err
	}
	return &shape.DeleteVpcPeeringConnectionResult{Return: new(true)}, s.change(ctx, func(tx *store.Tx) error {
		p, err := peeringOf(tx, c.Account(), str(in.VpcPeeringConnectionId))
		if err != nil {
			return err
		}
		from := []string{peeringActive, peeringProvisioning}
		if p.Requester.Account == c.Account() {
			from = append(from, peeringPending)
		}
		if err := p.movable(tx, peeringDeleted, from...); err != nil {
			return err
		}
		return p.end(tx, peeringDeleted, "Deleted by "+c.Account())
	})
}
