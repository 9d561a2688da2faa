package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/machine/tunnel"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateVpnGateway", func(c *api.Call, in *shape.CreateVpnGatewayRequest) []api.Check {
	return creates(c, "CreateVpnGateway", "vpn-gateway", in.TagSpecifications)
}, (*Service).createVpnGateway)

func (s *Service) createVpnGateway(ctx context.Context, c *api.Call, in *shape.CreateVpnGatewayRequest) (*shape.CreateVpnGatewayResult, error) {
	if err := begin(in, "Type", "TagSpecifications", "AmazonSideAsn"); err != nil {
		return nil, err
	}
	if err := ipsecOnly(in.Type); err != nil {
		return nil, err
	}
	asn := int64(64512)
	if in.AmazonSideAsn != nil {
		asn = *in.AmazonSideAsn
	}
	if (asn < 64512 || asn > 65534) && (asn < 4200000000 || asn > 4294967294) {
		return nil, invalidValue.New("Value (%d) for parameter amazonSideAsn is invalid. Expecting a private ASN.", asn)
	}
	tags, err := s.specified(in.TagSpecifications, "vpn-gateway")
	if err != nil {
		return nil, err
	}
	out := &shape.CreateVpnGatewayResult{}
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := sweep(tx, vpnGateways, c.Account()); err != nil {
			return err
		}
		have, err := alive(tx, vpnGateways, c.Account(), func(*vpnGateway) bool { return true })
		if err != nil || len(have) >= s.Quotas.VPNGateways {
			return either(err, vpnGatewayLimit.New("The maximum number of virtual private gateways has been reached."))
		}
		g := &vpnGateway{head: vpnGateways.begin(tx, c.Account(), tags), ASN: asn, Key: tunnel.NewKey()}
		if g.Port, err = s.freePort(tx); err != nil {
			return err
		}
		out.VpnGateway = new(awsVPNGateway(g))
		return vpnGateways.put(tx, g)
	})
}

// ipsecOnly refuses every type but the one there is.
func ipsecOnly(kind *string) error {
	if str(kind) == "" {
		return missingParameter.New("The request must contain the parameter type")
	}
	if *kind != ipsec {
		return invalidValue.New("Value (%s) for parameter type is invalid. Unknown VPN gateway type.", *kind)
	}
	return nil
}

// onGatewayAndVPC is the check of an operation on both.
func onGatewayAndVPC(c *api.Call, action string, gateway, vpc *string) []api.Check {
	return []api.Check{check(c, action, "vpn-gateway", str(gateway)), check(c, action, "vpc", str(vpc))}
}

var _ = api.Define(operations, "AttachVpnGateway", func(c *api.Call, in *shape.AttachVpnGatewayRequest) []api.Check {
	return onGatewayAndVPC(c, "AttachVpnGateway", in.VpnGatewayId, in.VpcId)
}, (*Service).attachVpnGateway)

func (s *Service) attachVpnGateway(ctx context.Context, c *api.Call, in *shape.AttachVpnGatewayRequest) (*shape.AttachVpnGatewayResult, error) {
	if err := begin(in, "VpnGatewayId", "VpcId"); err != nil {
		return nil, err
	}
	out := &shape.AttachVpnGatewayResult{VpcAttachment: &shape.VpcAttachment{VpcId: in.VpcId, State: new("attached")}}
	return out, s.change(ctx, func(tx *store.Tx) error {
		g, err := live(tx, vpnGateways, c.Account(), str(in.VpnGatewayId))
		if err != nil {
			return err
		}
		v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		has, err := vpnGatewayOf(tx, v)
		switch {
		case err != nil:
			return err
		case g.VPC == v.ID:
			return nil
		case g.VPC != "":
			return vpnAttachmentLimit.New("The vpnGateway '%s' is already attached to the vpc '%s'.", g.ID, g.VPC)
		case has != nil:
			return vpnAttachmentLimit.New("The vpc '%s' already has a virtual private gateway attached.", v.ID)
		}
		g.VPC = v.ID
		return vpnGateways.put(tx, g)
	})
}

var _ = api.Define(operations, "DetachVpnGateway", func(c *api.Call, in *shape.DetachVpnGatewayRequest) []api.Check {
	return onGatewayAndVPC(c, "DetachVpnGateway", in.VpnGatewayId, in.VpcId)
}, (*Service).detachVpnGateway)

func (s *Service) detachVpnGateway(ctx context.Context, c *api.Call, in *shape.DetachVpnGatewayRequest) (*struct{}, error) {
	if err := begin(in, "VpnGatewayId", "VpcId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		g, err := live(tx, vpnGateways, c.Account(), str(in.VpnGatewayId))
		if err != nil {
			return err
		}
		// Whether the VPC is there is not asked: of one that is gone it is detached.
		if err := vpcs.valid(str(in.VpcId)); err != nil {
			return err
		}
		if g.VPC != *in.VpcId {
			return vpnDetached.New("The attachment with vpn gateway ID '%s' and vpc ID '%s' does not exist", g.ID, *in.VpcId)
		}
		if err := stopPropagating(tx, g); err != nil {
			return err
		}
		g.VPC = ""
		return vpnGateways.put(tx, g)
	})
}

// stopPropagating takes a gateway out of every table.
func stopPropagating(tx *store.Tx, g *vpnGateway) error {
	tables, err := routeTables.where(tx, g.Account, func(t *routeTable) bool { return slices.Contains(t.Propagating, g.ID) })
	for _, t := range tables {
		t.Propagating = without(t.Propagating, []string{g.ID})
		if err := routeTables.put(tx, t); err != nil {
			return err
		}
	}
	return err
}

var _ = api.Define(operations, "DeleteVpnGateway", named("DeleteVpnGateway", "vpn-gateway",
	func(in *shape.DeleteVpnGatewayRequest) *string { return in.VpnGatewayId }), (*Service).deleteVpnGateway)

func (s *Service) deleteVpnGateway(ctx context.Context, c *api.Call, in *shape.DeleteVpnGatewayRequest) (*struct{}, error) {
	if err := begin(in, "VpnGatewayId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		g, err := live(tx, vpnGateways, c.Account(), str(in.VpnGatewayId))
		if err != nil {
			return err
		}
		tunnels, err := connectionsOf(tx, g.Account, g.ID)
		switch {
		case err != nil:
			return err
		case g.VPC != "":
			return incorrectState.New("The vpnGateway '%s' is attached to the vpc '%s'.", g.ID, g.VPC)
		case len(tunnels) > 0:
			return incorrectState.New("The VPN gateway is in use.")
		}
		g.Deleted, g.Key = tx.Now, [32]byte{}
		return vpnGateways.put(tx, g)
	})
}

var _ = api.Define(operations, "DescribeVpnGateways", describes[shape.DescribeVpnGatewaysRequest]("DescribeVpnGateways"), (*Service).describeVpnGateways)

func (s *Service) describeVpnGateways(ctx context.Context, c *api.Call, in *shape.DescribeVpnGatewaysRequest) (*shape.DescribeVpnGatewaysResult, error) {
	if err := begin(in, "VpnGatewayIds", "Filters"); err != nil {
		return nil, err
	}
	out := &shape.DescribeVpnGatewaysResult{VpnGateways: []shape.VpnGateway{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		page, err := shown(tx, vpnGateways, c.Account(), query{ids: in.VpnGatewayIds, filters: in.Filters}, vpnGatewayFields)
		for _, g := range page.items {
			out.VpnGateways = append(out.VpnGateways, awsVPNGateway(g))
		}
		return err
	})
}

var vpnGatewayFields = fields[*vpnGateway]{
	"amazon-side-asn":   one(func(g *vpnGateway) string { return text(g.ASN) }),
	"attachment.vpc-id": atMostOne(func(g *vpnGateway) string { return g.VPC }),
	"attachment.state": func(g *vpnGateway) []string {
		if g.VPC == "" {
			return nil
		}
		return []string{"attached"}
	},
	"availability-zone": func(*vpnGateway) []string { return nil },
	"state":             one(func(g *vpnGateway) string { return stateOf(g) }),
	"type":              one(func(*vpnGateway) string { return ipsec }),
	"vpn-gateway-id":    one(func(g *vpnGateway) string { return g.ID }),
}
