package ec2

import (
	"context"
	"net/netip"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateCustomerGateway", func(c *api.Call, in *shape.CreateCustomerGatewayRequest) []api.Check {
	return creates(c, "CreateCustomerGateway", "customer-gateway", in.TagSpecifications)
}, (*Service).createCustomerGateway)

// createCustomerGateway gives the same gateway for the same device, as AWS does.
func (s *Service) createCustomerGateway(ctx context.Context, c *api.Call, in *shape.CreateCustomerGatewayRequest) (*shape.CreateCustomerGatewayResult, error) {
	if err := begin(in, "BgpAsn", "BgpAsnExtended", "PublicIp", "IpAddress", "Type", "TagSpecifications", "DeviceName"); err != nil {
		return nil, err
	}
	if err := ipsecOnly(in.Type); err != nil {
		return nil, err
	}
	want := &customerGateway{Device: str(in.DeviceName)}
	var err error
	if want.Address, err = deviceAddress(in); err != nil {
		return nil, err
	}
	if want.ASN, err = deviceASN(in); err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "customer-gateway")
	if err != nil {
		return nil, err
	}
	out := &shape.CreateCustomerGatewayResult{}
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := sweep(tx, customerGateways, c.Account()); err != nil {
			return err
		}
		have, err := alive(tx, customerGateways, c.Account(), func(*customerGateway) bool { return true })
		if err != nil {
			return err
		}
		for _, g := range have {
			if g.Address == want.Address && g.ASN == want.ASN && g.Device == want.Device {
				out.CustomerGateway = new(awsCustomerGateway(g))
				return nil
			}
		}
		if len(have) >= s.Quotas.CustomerGateways {
			return customerGatewayLimit.New("The maximum number of customer gateways has been reached.")
		}
		want.head = customerGateways.begin(tx, c.Account(), tags)
		out.CustomerGateway = new(awsCustomerGateway(want))
		return customerGateways.put(tx, want)
	})
}

func deviceAddress(in *shape.CreateCustomerGatewayRequest) (netip.Addr, error) {
	given := str(in.IpAddress)
	if given == "" {
		given = str(in.PublicIp)
	}
	if given == "" {
		return netip.Addr{}, missingParameter.New("The request must contain the parameter ipAddress")
	}
	a, err := netip.ParseAddr(given)
	if err != nil || !a.Is4() || a.IsUnspecified() || a.IsMulticast() {
		return a, invalidValue.New("Value (%s) for parameter ipAddress is invalid. Invalid IPv4 address.", given)
	}
	return a, nil
}

func deviceASN(in *shape.CreateCustomerGatewayRequest) (string, error) {
	switch {
	case in.BgpAsn != nil && in.BgpAsnExtended != nil:
		return "", invalidCombination.New("The parameter bgpAsn cannot be used with the parameter bgpAsnExtended")
	case in.BgpAsnExtended != nil && (*in.BgpAsnExtended < 1 || *in.BgpAsnExtended > 4294967295):
		return "", invalidValue.New("Value (%d) for parameter bgpAsnExtended is invalid.", *in.BgpAsnExtended)
	case in.BgpAsnExtended != nil:
		return text(*in.BgpAsnExtended), nil
	case in.BgpAsn == nil:
		return "65000", nil
	case *in.BgpAsn < 1:
		return "", invalidValue.New("Value (%d) for parameter bgpAsn is invalid.", *in.BgpAsn)
	}
	return text(*in.BgpAsn), nil
}

var _ = api.Define(operations, "DeleteCustomerGateway", named("DeleteCustomerGateway", "customer-gateway",
	func(in *shape.DeleteCustomerGatewayRequest) *string { return in.CustomerGatewayId }), (*Service).deleteCustomerGateway)

func (s *Service) deleteCustomerGateway(ctx context.Context, c *api.Call, in *shape.DeleteCustomerGatewayRequest) (*struct{}, error) {
	if err := begin(in, "CustomerGatewayId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		g, err := live(tx, customerGateways, c.Account(), str(in.CustomerGatewayId))
		if err != nil {
			return err
		}
		used, err := alive(tx, vpnConnections, c.Account(), func(v *vpnConnection) bool { return v.Customer == g.ID })
		if err != nil || len(used) > 0 {
			return either(err, incorrectState.New("The customer gateway is in use."))
		}
		g.Deleted = tx.Now
		return customerGateways.put(tx, g)
	})
}

var _ = api.Define(operations, "DescribeCustomerGateways", describes[shape.DescribeCustomerGatewaysRequest]("DescribeCustomerGateways"), (*Service).describeCustomerGateways)

func (s *Service) describeCustomerGateways(ctx context.Context, c *api.Call, in *shape.DescribeCustomerGatewaysRequest) (*shape.DescribeCustomerGatewaysResult, error) {
	if err := begin(in, "CustomerGatewayIds", "Filters"); err != nil {
		return nil, err
	}
	out := &shape.DescribeCustomerGatewaysResult{CustomerGateways: []shape.CustomerGateway{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		page, err := shown(tx, customerGateways, c.Account(), query{ids: in.CustomerGatewayIds, filters: in.Filters}, customerGatewayFields)
		for _, g := range page.items {
			out.CustomerGateways = append(out.CustomerGateways, awsCustomerGateway(g))
		}
		return err
	})
}

var customerGatewayFields = fields[*customerGateway]{
	"bgp-asn":             one(func(g *customerGateway) string { return g.ASN }),
	"customer-gateway-id": one(func(g *customerGateway) string { return g.ID }),
	"device-name":         atMostOne(func(g *customerGateway) string { return g.Device }),
	"ip-address":          one(func(g *customerGateway) string { return g.Address.String() }),
	"state":               one(func(g *customerGateway) string { return stateOf(g) }),
	"type":                one(func(*customerGateway) string { return ipsec }),
}
