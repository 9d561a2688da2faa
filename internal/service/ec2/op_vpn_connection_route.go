package ec2

import (
	"context"
	"net/netip"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateVpnConnectionRoute", named("CreateVpnConnectionRoute", "vpn-connection",
	func(in *shape.CreateVpnConnectionRouteRequest) *string { return in.VpnConnectionId }), (*Service).createVpnConnectionRoute)

// createVpnConnectionRoute may be repeated, as on AWS.
func (s *Service) createVpnConnectionRoute(ctx context.Context, c *api.Call, in *shape.CreateVpnConnectionRouteRequest) (*struct{}, error) {
	n, err := networkOf(in.DestinationCidrBlock)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		v, err := live(tx, vpnConnections, c.Account(), str(in.VpnConnectionId))
		if err != nil || slices.Contains(v.Networks, n) {
			return err
		}
		there, err := connectionsOf(tx, v.Account, v.Gateway)
		if err != nil {
			return err
		}
		if err := behindAnother(there, v.ID, n); err != nil {
			return err
		}
		if len(v.Networks) >= s.Quotas.NetworksPerTunnel {
			return routeLimit.New("The maximum number of static routes has been reached for the VPN connection %s.", v.ID)
		}
		v.Networks = append(v.Networks, n)
		return vpnConnections.put(tx, v)
	})
}

var _ = api.Define(operations, "DeleteVpnConnectionRoute", named("DeleteVpnConnectionRoute", "vpn-connection",
	func(in *shape.DeleteVpnConnectionRouteRequest) *string { return in.VpnConnectionId }), (*Service).deleteVpnConnectionRoute)

func (s *Service) deleteVpnConnectionRoute(ctx context.Context, c *api.Call, in *shape.DeleteVpnConnectionRouteRequest) (*struct{}, error) {
	n, err := networkOf(in.DestinationCidrBlock)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		v, err := live(tx, vpnConnections, c.Account(), str(in.VpnConnectionId))
		if err != nil {
			return err
		}
		at := slices.Index(v.Networks, n)
		if at < 0 {
			return routeNotFound.New("no route with destination-cidr-block %s in VPN connection %s", n, v.ID)
		}
		v.Networks = slices.Delete(v.Networks, at, at+1)
		return vpnConnections.put(tx, v)
	})
}

func networkOf(cidr *string) (netip.Prefix, error) {
	if err := need("destinationCidrBlock", str(cidr)); err != nil {
		return netip.Prefix{}, err
	}
	return parseCIDR("destinationCidrBlock", *cidr)
}

var _ = api.Define(operations, "EnableVgwRoutePropagation", named("EnableVgwRoutePropagation", "route-table",
	func(in *shape.EnableVgwRoutePropagationRequest) *string { return in.RouteTableId }), (*Service).enableVgwRoutePropagation)

func (s *Service) enableVgwRoutePropagation(ctx context.Context, c *api.Call, in *shape.EnableVgwRoutePropagationRequest) (*struct{}, error) {
	if err := begin(in, "GatewayId", "RouteTableId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		t, err := routeTables.get(tx, c.Account(), str(in.RouteTableId))
		if err != nil {
			return err
		}
		g, err := live(tx, vpnGateways, c.Account(), str(in.GatewayId))
		if err != nil || slices.Contains(t.Propagating, g.ID) {
			return err
		}
		if g.VPC != t.VPC {
			return gatewayNotAttached.New("resource %s is not attached to network %s", g.ID, t.VPC)
		}
		t.Propagating = append(t.Propagating, g.ID)
		return routeTables.put(tx, t)
	})
}

var _ = api.Define(operations, "DisableVgwRoutePropagation", named("DisableVgwRoutePropagation", "route-table",
	func(in *shape.DisableVgwRoutePropagationRequest) *string { return in.RouteTableId }), (*Service).disableVgwRoutePropagation)

// disableVgwRoutePropagation may be repeated, and outlive the gateway.
func (s *Service) disableVgwRoutePropagation(ctx context.Context, c *api.Call, in *shape.DisableVgwRoutePropagationRequest) (*struct{}, error) {
	if err := begin(in, "GatewayId", "RouteTableId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		t, err := routeTables.get(tx, c.Account(), str(in.RouteTableId))
		if err != nil {
			return err
		}
		if err := vpnGateways.valid(str(in.GatewayId)); err != nil {
			return err
		}
		t.Propagating = without(t.Propagating, []string{*in.GatewayId})
		return routeTables.put(tx, t)
	})
}
