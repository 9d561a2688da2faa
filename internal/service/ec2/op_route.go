package ec2

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/catalogue"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateRoute", named("CreateRoute", "route-table",
	func(in *shape.CreateRouteRequest) *string { return in.RouteTableId }), (*Service).createRoute)

// targetMembers are the members of a request that can name a route's target.
var targetMembers = []string{
	"GatewayId", "NatGatewayId", "EgressOnlyInternetGatewayId", "InstanceId", "NetworkInterfaceId", "VpcPeeringConnectionId", "TransitGatewayId",
	"VpcEndpointId", "LocalGatewayId", "CarrierGatewayId",
}

func (s *Service) createRoute(ctx context.Context, c *api.Call, in *shape.CreateRouteRequest) (*shape.CreateRouteResult, error) {
	err := begin(in, append([]string{"RouteTableId", "DestinationCidrBlock", "DestinationPrefixListId", "DestinationIpv6CidrBlock"}, targetMembers...)...)
	if err != nil {
		return nil, err
	}
	return &shape.CreateRouteResult{Return: new(true)}, s.change(ctx, func(tx *store.Tx) error {
		t, v, err := tableAndVPC(tx, c.Account(), str(in.RouteTableId))
		if err != nil {
			return err
		}
		r, err := s.parseDestination(tx, v, in.DestinationCidrBlock, in.DestinationPrefixListId, in.DestinationIpv6CidrBlock)
		if err != nil {
			return err
		}
		if slices.Contains(v.cidrs(), r.CIDR) || t.routeTo(&r) >= 0 {
			return routeAlreadyExists.New("The route identified by %s already exists.", r.destination())
		}
		if r.Target, err = targetFor(tx, t, in); err != nil {
			return err
		}
		t.Routes = append(t.Routes, r)
		if n, err := s.countRoutes(tx, t); err != nil || n > s.Quotas.RoutesPerTable {
			return either(err, routeLimit.New("The maximum number of routes has been reached for route table %s.", t.ID))
		}
		return routeTables.put(tx, t)
	})
}

var _ = api.Define(operations, "ReplaceRoute", named("ReplaceRoute", "route-table",
	func(in *shape.ReplaceRouteRequest) *string { return in.RouteTableId }), (*Service).replaceRoute)

func (s *Service) replaceRoute(ctx context.Context, c *api.Call, in *shape.ReplaceRouteRequest) (*struct{}, error) {
	err := begin(in, append([]string{"RouteTableId", "DestinationCidrBlock", "DestinationPrefixListId", "DestinationIpv6CidrBlock"}, targetMembers...)...)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		t, v, err := tableAndVPC(tx, c.Account(), str(in.RouteTableId))
		if err != nil {
			return err
		}
		if err := kept(tx, t, v, in.DestinationCidrBlock, in.DestinationPrefixListId, "replace"); err != nil {
			return err
		}
		r, err := s.parseDestination(tx, v, in.DestinationCidrBlock, in.DestinationPrefixListId, in.DestinationIpv6CidrBlock)
		if err != nil {
			return err
		}
		at := t.routeTo(&r)
		if at < 0 {
			return invalidValue.New("There is no route defined for '%s' in the route table. Use CreateRoute instead.", r.destination())
		}
		if r.Target, err = targetFor(tx, t, &shape.CreateRouteRequest{
			GatewayId: in.GatewayId, NatGatewayId: in.NatGatewayId, EgressOnlyInternetGatewayId: in.EgressOnlyInternetGatewayId,
			InstanceId: in.InstanceId, NetworkInterfaceId: in.NetworkInterfaceId, VpcPeeringConnectionId: in.VpcPeeringConnectionId,
			TransitGatewayId: in.TransitGatewayId, VpcEndpointId: in.VpcEndpointId, LocalGatewayId: in.LocalGatewayId, CarrierGatewayId: in.CarrierGatewayId,
		}); err != nil {
			return err
		}
		t.Routes[at] = r
		return routeTables.put(tx, t)
	})
}

var _ = api.Define(operations, "DeleteRoute", named("DeleteRoute", "route-table",
	func(in *shape.DeleteRouteRequest) *string { return in.RouteTableId }), (*Service).deleteRoute)

func (s *Service) deleteRoute(ctx context.Context, c *api.Call, in *shape.DeleteRouteRequest) (*struct{}, error) {
	if err := begin(in, "RouteTableId", "DestinationCidrBlock", "DestinationPrefixListId", "DestinationIpv6CidrBlock"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		t, v, err := tableAndVPC(tx, c.Account(), str(in.RouteTableId))
		if err != nil {
			return err
		}
		if err := kept(tx, t, v, in.DestinationCidrBlock, in.DestinationPrefixListId, "remove"); err != nil {
			return err
		}
		if str(in.DestinationIpv6CidrBlock) != "" {
			return routeNotFound.New("no route with destination-ipv6-cidr-block %s in route table %s", *in.DestinationIpv6CidrBlock, t.ID)
		}
		r, err := destination(in.DestinationCidrBlock, in.DestinationPrefixListId)
		if err != nil {
			return err
		}
		at := t.routeTo(&r)
		switch {
		case at < 0 && r.PrefixList != "":
			return routeNotFound.New("no route with destination-prefix-list-id %s in route table %s", r.PrefixList, t.ID)
		case at < 0:
			return routeNotFound.New("no route with destination-cidr-block %s in route table %s", r.CIDR, t.ID)
		}
		t.Routes = slices.Delete(t.Routes, at, at+1)
		return routeTables.put(tx, t)
	})
}

func tableAndVPC(tx *store.Tx, account, id string) (*routeTable, *vpc, error) {
	t, err := routeTables.get(tx, account, id)
	if err != nil {
		return nil, nil, err
	}
	v, err := vpcs.get(tx, account, t.VPC)
	return t, v, err
}

// routeTo finds the route with the same destination; -1 for none.
func (t *routeTable) routeTo(r *route) int {
	return slices.IndexFunc(t.Routes, func(o route) bool { return o.CIDR == r.CIDR && o.PrefixList == r.PrefixList })
}

// countRoutes is what a table's routes count for: one, or as many as a prefix list may have entries.
func (s *Service) countRoutes(tx *store.Tx, t *routeTable) (sum int, err error) {
	for _, r := range t.Routes {
		n := 1
		if r.PrefixList != "" {
			if n, err = s.knownPrefixList(tx, t.Account, r.PrefixList); err != nil {
				return 0, err
			}
		}
		sum += n
	}
	return sum, nil
}

// destination reads where a route leads to: exactly one of the two.
func destination(cidr, list *string) (r route, err error) {
	switch {
	case str(cidr) == "" && str(list) == "":
		return r, missingParameter.New("The request must contain the parameter destinationCidrBlock")
	case str(cidr) != "" && str(list) != "":
		return r, invalidCombination.New("The parameter destinationCidrBlock cannot be used with the parameter destinationPrefixListId")
	case str(list) != "":
		r.PrefixList = *list
		return r, nil
	}
	r.CIDR, err = parseCIDR("destinationCidrBlock", *cidr)
	return r, err
}

// parseDestination reads the destination of a route that could be.
func (s *Service) parseDestination(tx *store.Tx, v *vpc, cidr, list, cidr6 *string) (route, error) {
	if str(cidr6) != "" {
		return route{}, unsupportedOperation.New("IPv6 routes are not supported.")
	}
	r, err := destination(cidr, list)
	if err != nil {
		return r, err
	}
	if r.PrefixList != "" {
		return r, s.routableList(tx, v.Account, r.PrefixList)
	}
	if !slices.Contains(v.cidrs(), r.CIDR) && v.holds(r.CIDR) {
		return r, within(tx, v, r.CIDR)
	}
	return r, nil
}

// within says why a route cannot lead to a part of its own VPC.
func within(tx *store.Tx, v *vpc, to netip.Prefix) error {
	n, err := countIn(tx, subnets, v.Account, func(n *subnet) bool { return n.VPC == v.ID && n.CIDR == to })
	if err != nil {
		return err
	}
	if n == 0 {
		return invalidValue.New("Route destination doesn't match any subnet CIDR blocks")
	}
	return unsupportedOperation.New("Routes that are more specific than the local route are not supported.")
}

// routableList says why a prefix list cannot be the destination of a route.
func (s *Service) routableList(tx *store.Tx, account, id string) error {
	if _, aws := catalogue.ByPrefixList(s.Region, id); !aws {
		_, err := managedLists.get(tx, account, id)
		return err
	}
	return invalidValue.New("The prefix list %s is managed by AWS: routes to it come and go with gateway endpoints.", id)
}

// kept says why a route cannot be changed: it is the local one or a gateway endpoint's.
func kept(tx *store.Tx, t *routeTable, v *vpc, cidr, list *string, change string) error {
	if slices.ContainsFunc(v.cidrs(), func(p netip.Prefix) bool { return p.String() == str(cidr) }) {
		return invalidValue.New("cannot %s local route %s in route table %s", change, *cidr, t.ID)
	}
	gateways, err := gatewayRoutes(tx, t.Account)
	if err != nil {
		return err
	}
	if str(list) != "" && slices.ContainsFunc(gateways(t.ID), func(e *endpoint) bool { return e.prefixList() == *list }) {
		return invalidValue.New("cannot %s VPC endpoint route %s in route table %s", change, *list, t.ID)
	}
	return nil
}

// targetFor gives the target that a request names, if the table's routes can lead to it.
func targetFor(tx *store.Tx, t *routeTable, in *shape.CreateRouteRequest) (string, error) {
	var named []string
	for _, id := range []*string{
		in.GatewayId, in.NatGatewayId, in.EgressOnlyInternetGatewayId, in.InstanceId, in.NetworkInterfaceId, in.VpcPeeringConnectionId,
		in.TransitGatewayId, in.VpcEndpointId, in.LocalGatewayId, in.CarrierGatewayId,
	} {
		if str(id) != "" {
			named = append(named, *id)
		}
	}
	const exactly = "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, vpcEndpointId or transitGatewayId"
	switch len(named) {
	case 0:
		return "", missingParameter.New(exactly)
	case 1:
	default:
		return "", invalidCombination.New(exactly)
	}
	if err := noTarget(in); err != nil {
		return "", err
	}
	return named[0], targetOf(named[0]).fits(tx, t, named[0])
}

// noTarget says in AWS's words why what a request names can be no target here.
func noTarget(in *shape.CreateRouteRequest) error {
	endpoint := str(in.VpcEndpointId)
	if strings.HasPrefix(str(in.GatewayId), "vpce-") {
		endpoint = *in.GatewayId
	}
	if endpoint != "" {
		return routeNotSupported.New("Route table contains unsupported route target: %s. VPC Endpoints of this type cannot be used as route targets.", endpoint)
	}
	for _, m := range []struct {
		id             *string
		prefixes       []string // of what can be a target
		code, sentence string
	}{
		{in.GatewayId, []string{"igw-", "vgw-"}, "InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist"},
		{in.NatGatewayId, []string{"nat-"}, natGateways.malformed.Code, natGateways.misshapen},
		{in.VpcPeeringConnectionId, []string{"pcx-"}, peerings.malformed.Code, peerings.misshapen},
		{in.NetworkInterfaceId, []string{"eni-"}, enis.malformed.Code, enis.misshapen},
		{in.EgressOnlyInternetGatewayId, nil, "InvalidGatewayID.NotFound", "The eigw ID '%s' does not exist"},
		{in.InstanceId, nil, "InvalidInstanceID.NotFound", "The instance ID '%s' does not exist"},
		{in.TransitGatewayId, nil, "InvalidTransitGatewayID.NotFound", "The transitGateway ID '%s' does not exist"},
		{in.LocalGatewayId, nil, "InvalidLocalGatewayID.NotFound", "The localGateway ID '%s' does not exist"},
		{in.CarrierGatewayId, nil, "InvalidCarrierGatewayID.NotFound", "The carrierGateway ID '%s' does not exist"},
	} {
		if id := str(m.id); id != "" {
			kind := targetOf(id)
			if kind == nil || !slices.Contains(m.prefixes, kind.prefix) {
				return fault.Kind{Code: m.code, Status: 400}.New(m.sentence, id)
			}
		}
	}
	return nil
}
