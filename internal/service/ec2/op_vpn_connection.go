package ec2

import (
	"context"
	"net/netip"
	"reflect"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/machine/tunnel"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateVpnConnection", func(c *api.Call, in *shape.CreateVpnConnectionRequest) []api.Check {
	out := append(creates(c, "CreateVpnConnection", "vpn-connection", in.TagSpecifications), check(c, "CreateVpnConnection", "customer-gateway", str(in.CustomerGatewayId)))
	if id := str(in.VpnGatewayId); id != "" {
		out = append(out, check(c, "CreateVpnConnection", "vpn-gateway", id))
	}
	return out
}, (*Service).createVpnConnection)

func (s *Service) createVpnConnection(ctx context.Context, c *api.Call, in *shape.CreateVpnConnectionRequest) (*shape.CreateVpnConnectionResult, error) {
	if err := begin(in, "CustomerGatewayId", "Type", "VpnGatewayId", "TransitGatewayId", "PreSharedKeyStorage", "TagSpecifications", "Options"); err != nil {
		return nil, err
	}
	if err := possible(in); err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "vpn-connection")
	if err != nil {
		return nil, err
	}
	out := &shape.CreateVpnConnectionResult{}
	return out, s.change(ctx, func(tx *store.Tx) error {
		if err := sweep(tx, vpnConnections, c.Account()); err != nil {
			return err
		}
		device, err := live(tx, customerGateways, c.Account(), str(in.CustomerGatewayId))
		if err != nil {
			return err
		}
		g, err := live(tx, vpnGateways, c.Account(), str(in.VpnGatewayId))
		if err != nil {
			return err
		}
		if err := s.roomForTunnel(tx, g); err != nil {
			return err
		}
		v := &vpnConnection{head: vpnConnections.begin(tx, c.Account(), tags), Customer: device.ID, Gateway: g.ID, Key: tunnel.NewKey(), Shared: tunnel.NewShared()}
		if err := vpnConnections.put(tx, v); err != nil {
			return err
		}
		out.VpnConnection, err = s.show(tx, v)
		return err
	})
}

// possible says why a connection as asked for cannot be.
func possible(in *shape.CreateVpnConnectionRequest) error {
	if err := ipsecOnly(in.Type); err != nil {
		return err
	}
	if id := str(in.TransitGatewayId); id != "" {
		return fault.Kind{Code: "InvalidTransitGatewayID.NotFound", Status: 400}.New("The transitGateway ID '%s' does not exist", id)
	}
	if k := str(in.PreSharedKeyStorage); k != "" && k != "Standard" {
		return unsupportedOperation.New("The pre-shared key storage %s is not supported.", k)
	}
	if str(in.VpnGatewayId) == "" {
		return unsupportedOperation.New("The request must contain the parameter vpnGatewayId: connections without a gateway are not supported.")
	}
	o := in.Options
	if o == nil || !yes(o.StaticRoutesOnly) {
		return unsupportedOperation.New("VPN connections with dynamic routing (BGP) are not supported. Set Options.StaticRoutesOnly to true and name the networks with CreateVpnConnectionRoute.")
	}
	for _, t := range o.TunnelOptions {
		if name := firstSet(&t); name != "" {
			return unsupportedOperation.New("The tunnel option %s is not supported.", name)
		}
	}
	everywhere := "0.0.0.0/0"
	for _, m := range []struct {
		name, only string
		value      *string
	}{
		{"LocalIpv4NetworkCidr", everywhere, o.LocalIpv4NetworkCidr}, {"RemoteIpv4NetworkCidr", everywhere, o.RemoteIpv4NetworkCidr},
		{"LocalIpv6NetworkCidr", "", o.LocalIpv6NetworkCidr}, {"RemoteIpv6NetworkCidr", "", o.RemoteIpv6NetworkCidr},
		{"OutsideIpAddressType", "PublicIpv4", o.OutsideIpAddressType}, {"TunnelInsideIpVersion", "ipv4", o.TunnelInsideIpVersion},
		{"TransportTransitGatewayAttachmentId", "", o.TransportTransitGatewayAttachmentId}, {"TunnelBandwidth", "standard", o.TunnelBandwidth},
	} {
		if v := str(m.value); v != "" && v != m.only {
			return unsupportedOperation.New("The option %s with the value %s is not supported.", m.name, v)
		}
	}
	if yes(o.EnableAcceleration) {
		return unsupportedOperation.New("The option EnableAcceleration is not supported.")
	}
	return nil
}

// firstSet names a member that asks for anything; empty when none does.
func firstSet(in any) string {
	v := reflect.ValueOf(in).Elem()
	for i := range v.NumField() {
		if set(v.Field(i)) {
			return v.Type().Field(i).Name
		}
	}
	return ""
}

func (s *Service) roomForTunnel(tx *store.Tx, g *vpnGateway) error {
	all, err := alive(tx, vpnConnections, g.Account, func(*vpnConnection) bool { return true })
	if err != nil {
		return err
	}
	on := 0
	for _, c := range all {
		if c.Gateway == g.ID {
			on++
		}
	}
	if len(all) >= s.Quotas.VPNConnections || on >= s.Quotas.TunnelsPerGateway {
		return vpnConnectionLimit.New("The maximum number of VPN connections has been reached.")
	}
	return nil
}

// show gives one connection as AWS does.
func (s *Service) show(tx *store.Tx, c *vpnConnection) (*shape.VpnConnection, error) {
	view, err := s.newConnectionView(tx, c.Account)
	if err != nil {
		return nil, err
	}
	return new(view.aws(c)), nil
}

var _ = api.Define(operations, "ModifyVpnConnection", func(c *api.Call, in *shape.ModifyVpnConnectionRequest) []api.Check {
	out := []api.Check{check(c, "ModifyVpnConnection", "vpn-connection", str(in.VpnConnectionId))}
	if id := str(in.CustomerGatewayId); id != "" {
		out = append(out, check(c, "ModifyVpnConnection", "customer-gateway", id))
	}
	if id := str(in.VpnGatewayId); id != "" {
		out = append(out, check(c, "ModifyVpnConnection", "vpn-gateway", id))
	}
	return out
}, (*Service).modifyVpnConnection)

// modifyVpnConnection moves a connection to other ends. The customer's keys stay.
func (s *Service) modifyVpnConnection(ctx context.Context, c *api.Call, in *shape.ModifyVpnConnectionRequest) (*shape.ModifyVpnConnectionResult, error) {
	if err := begin(in, "VpnConnectionId", "CustomerGatewayId", "VpnGatewayId"); err != nil {
		return nil, err
	}
	if (str(in.CustomerGatewayId) == "") == (str(in.VpnGatewayId) == "") {
		return nil, invalidCombination.New("The request must contain exactly one of customerGatewayId and vpnGatewayId")
	}
	out := &shape.ModifyVpnConnectionResult{}
	return out, s.change(ctx, func(tx *store.Tx) error {
		v, err := live(tx, vpnConnections, c.Account(), str(in.VpnConnectionId))
		if err != nil {
			return err
		}
		if id := str(in.CustomerGatewayId); id != "" {
			if _, err := live(tx, customerGateways, c.Account(), id); err != nil {
				return err
			}
			v.Customer = id
		} else if err := s.move(tx, v, *in.VpnGatewayId); err != nil {
			return err
		}
		if err := vpnConnections.put(tx, v); err != nil {
			return err
		}
		out.VpnConnection, err = s.show(tx, v)
		return err
	})
}

func (s *Service) move(tx *store.Tx, v *vpnConnection, to string) error {
	g, err := live(tx, vpnGateways, v.Account, to)
	if err != nil || g.ID == v.Gateway {
		return err
	}
	there, err := connectionsOf(tx, v.Account, g.ID)
	if err != nil || len(there) >= s.Quotas.TunnelsPerGateway {
		return either(err, vpnConnectionLimit.New("The maximum number of VPN connections has been reached."))
	}
	for _, n := range v.Networks {
		if err := behindAnother(there, v.ID, n); err != nil {
			return err
		}
	}
	v.Gateway = g.ID
	return nil
}

var _ = api.Define(operations, "DeleteVpnConnection", named("DeleteVpnConnection", "vpn-connection",
	func(in *shape.DeleteVpnConnectionRequest) *string { return in.VpnConnectionId }), (*Service).deleteVpnConnection)

func (s *Service) deleteVpnConnection(ctx context.Context, c *api.Call, in *shape.DeleteVpnConnectionRequest) (*struct{}, error) {
	if err := begin(in, "VpnConnectionId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		v, err := live(tx, vpnConnections, c.Account(), str(in.VpnConnectionId))
		if err != nil {
			return err
		}
		v.Deleted, v.Networks, v.Key, v.Shared = tx.Now, nil, [32]byte{}, [32]byte{}
		return vpnConnections.put(tx, v)
	})
}

var _ = api.Define(operations, "DescribeVpnConnections", describes[shape.DescribeVpnConnectionsRequest]("DescribeVpnConnections"), (*Service).describeVpnConnections)

func (s *Service) describeVpnConnections(ctx context.Context, c *api.Call, in *shape.DescribeVpnConnectionsRequest) (*shape.DescribeVpnConnectionsResult, error) {
	if err := begin(in, "VpnConnectionIds", "Filters"); err != nil {
		return nil, err
	}
	out := &shape.DescribeVpnConnectionsResult{VpnConnections: []shape.VpnConnection{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		view, err := s.newConnectionView(tx, c.Account())
		if err != nil {
			return err
		}
		page, err := shown(tx, vpnConnections, c.Account(), query{ids: in.VpnConnectionIds, filters: in.Filters}, view.fields())
		for _, v := range page.items {
			out.VpnConnections = append(out.VpnConnections, view.aws(v))
		}
		return err
	})
}

func (v *connectionView) fields() fields[*vpnConnection] {
	return fields[*vpnConnection]{
		"bgp-asn": func(c *vpnConnection) []string {
			if g := v.devices[c.Customer]; g != nil {
				return []string{g.ASN}
			}
			return nil
		},
		"customer-gateway-id":            one(func(c *vpnConnection) string { return c.Customer }),
		"customer-gateway-configuration": one(func(c *vpnConnection) string { return str(v.aws(c).CustomerGatewayConfiguration) }),
		"option.static-routes-only":      one(func(*vpnConnection) string { return "true" }),
		"route.destination-cidr-block":   func(c *vpnConnection) []string { return spellAll(c.Networks) },
		"state":                          one(func(c *vpnConnection) string { return stateOf(c) }),
		"transit-gateway-id":             func(*vpnConnection) []string { return nil },
		"type":                           one(func(*vpnConnection) string { return ipsec }),
		"vpn-connection-id":              one(func(c *vpnConnection) string { return c.ID }),
		"vpn-gateway-id":                 one(func(c *vpnConnection) string { return c.Gateway }),
	}
}

// behindAnother says why a network cannot be behind a tunnel: each address is behind one only.
func behindAnother(tunnels []*vpnConnection, but string, n netip.Prefix) error {
	for _, t := range tunnels {
		if t.ID != but && slices.ContainsFunc(t.Networks, n.Overlaps) {
			return unsupportedOperation.New("The network %s overlaps with one behind %s, which has the same VPN gateway.", n, t.ID)
		}
	}
	return nil
}
