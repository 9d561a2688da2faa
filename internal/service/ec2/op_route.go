package ec2

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateRoute", named("CreateRoute", "route-table",
	func(in *shape.CreateRouteRequest) *string { return in.RouteTableId }), (*Service).createRoute)

// createRoute can only refuse: no target that a route can be given exists. The routes to gateway
// endpoints come and go with those.
func (s *Service) createRoute(ctx context.Context, c *api.Call, in *shape.CreateRouteRequest) (*shape.CreateRouteResult, error) {
	err := begin(in, "RouteTableId", "DestinationCidrBlock", "DestinationPrefixListId", "DestinationIpv6CidrBlock", "GatewayId", "NatGatewayId",
		"EgressOnlyInternetGatewayId", "InstanceId", "NetworkInterfaceId", "VpcPeeringConnectionId", "TransitGatewayId", "VpcEndpointId",
		"LocalGatewayId", "CarrierGatewayId")
	if err != nil {
		return nil, err
	}
	return nil, s.DB.View(ctx, func(tx *store.Tx) error {
		t, err := routeTables.get(tx, c.Account(), str(in.RouteTableId))
		if err != nil {
			return err
		}
		v, err := vpcs.get(tx, c.Account(), t.VPC)
		if err != nil {
			return err
		}
		if str(in.DestinationCidrBlock) != "" {
			cidr, err := parseCIDR("destinationCidrBlock", *in.DestinationCidrBlock)
			if err != nil {
				return err
			}
			if cidr == v.CIDR {
				return routeAlreadyExists.New("The route identified by %s already exists.", cidr)
			}
		} else if str(in.DestinationPrefixListId) == "" && str(in.DestinationIpv6CidrBlock) == "" {
			return missingParameter.New("The request must contain the parameter destinationCidrBlock")
		}
		return noTarget(in)
	})
}

// noTarget says in AWS's words why the target of a route is none.
func noTarget(in *shape.CreateRouteRequest) error {
	absent := func(code string) fault.Kind { return fault.Kind{Code: code, Status: 400} }
	endpoint := str(in.VpcEndpointId)
	switch g := str(in.GatewayId); {
	case strings.HasPrefix(g, "vpce-"):
		endpoint = g
	case strings.HasPrefix(g, "vgw-"):
		return absent("InvalidVpnGatewayID.NotFound").New("The vpnGateway ID '%s' does not exist", g)
	case strings.HasPrefix(g, "igw-"):
		return absent("InvalidInternetGatewayID.NotFound").New("The internetGateway ID '%s' does not exist", g)
	case g != "":
		return absent("InvalidGatewayID.NotFound").New("The gateway ID '%s' does not exist", g)
	}
	if endpoint != "" {
		return routeNotSupported.New("Route table contains unsupported route target: %s. VPC Endpoints of this type cannot be used as route targets.", endpoint)
	}
	for _, t := range []struct {
		id             *string
		code, sentence string
	}{
		{in.NatGatewayId, "NatGatewayNotFound", "NAT gateway %s was not found"},
		{in.EgressOnlyInternetGatewayId, "InvalidGatewayID.NotFound", "The eigw ID '%s' does not exist"},
		{in.InstanceId, "InvalidInstanceID.NotFound", "The instance ID '%s' does not exist"},
		{in.VpcPeeringConnectionId, "InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '%s' does not exist"},
		{in.TransitGatewayId, "InvalidTransitGatewayID.NotFound", "The transitGateway ID '%s' does not exist"},
		{in.LocalGatewayId, "InvalidLocalGatewayID.NotFound", "The localGateway ID '%s' does not exist"},
		{in.CarrierGatewayId, "InvalidCarrierGatewayID.NotFound", "The carrierGateway ID '%s' does not exist"},
	} {
		if str(t.id) != "" {
			return absent(t.code).New(t.sentence, *t.id)
		}
	}
	if str(in.NetworkInterfaceId) != "" {
		return unsupportedOperation.New("Routes to network interfaces are not supported.")
	}
	return missingParameter.New("The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, vpcEndpointId or transitGatewayId")
}

var _ = api.Define(operations, "DeleteRoute", named("DeleteRoute", "route-table",
	func(in *shape.DeleteRouteRequest) *string { return in.RouteTableId }), (*Service).deleteRoute)

func (s *Service) deleteRoute(ctx context.Context, c *api.Call, in *shape.DeleteRouteRequest) (*struct{}, error) {
	if err := begin(in, "RouteTableId", "DestinationCidrBlock", "DestinationPrefixListId", "DestinationIpv6CidrBlock"); err != nil {
		return nil, err
	}
	return nil, s.DB.View(ctx, func(tx *store.Tx) error {
		t, err := routeTables.get(tx, c.Account(), str(in.RouteTableId))
		if err != nil {
			return err
		}
		v, err := vpcs.get(tx, c.Account(), t.VPC)
		if err != nil {
			return err
		}
		gateways, err := gatewayRoutes(tx, c.Account())
		if err != nil {
			return err
		}
		switch {
		case str(in.DestinationCidrBlock) == v.CIDR.String():
			return invalidValue.New("cannot remove local route %s in route table %s", v.CIDR, t.ID)
		case slices.ContainsFunc(gateways(t.ID), func(e *endpoint) bool { return e.prefixList() == str(in.DestinationPrefixListId) }):
			return invalidValue.New("cannot remove VPC endpoint route %s in route table %s", *in.DestinationPrefixListId, t.ID)
		case str(in.DestinationPrefixListId) != "":
			return routeNotFound.New("no route with destination-prefix-list-id %s in route table %s", *in.DestinationPrefixListId, t.ID)
		case str(in.DestinationIpv6CidrBlock) != "":
			return routeNotFound.New("no route with destination-ipv6-cidr-block %s in route table %s", *in.DestinationIpv6CidrBlock, t.ID)
		}
		return routeNotFound.New("no route with destination-cidr-block %s in route table %s", str(in.DestinationCidrBlock), t.ID)
	})
}
