package ec2

import (
	"path/filepath"
	"testing"

	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

// routesOf tells where the fabric was told that a table's routes lead, by their first destination.
func (h *house) routesOf(table string) map[string]network.Target {
	out := map[string]network.Target{}
	for _, v := range h.fabric.network().VPCs {
		for _, t := range v.Tables {
			for _, r := range t.Routes {
				if t.ID == table {
					out[r.Destinations[0].String()] = r.Target
				}
			}
		}
	}
	return out
}

// state is how Describe shows the route to a destination; empty when there is none.
func (h *house) state(table, destination string) string {
	h.Helper()
	for _, r := range must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{RouteTableIds: []string{table}}).RouteTables[0].Routes {
		if str(r.DestinationCidrBlock) == destination {
			return *r.State
		}
	}
	return ""
}

func TestRoutes(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	a, r := h.subnet(v, "10.0.0.0/24", "a"), h.table(v)
	h.dns(v)
	g, alien := h.igw(v), h.igw(w)
	i := *h.eni(a).NetworkInterfaceId
	managed := h.interfaceEndpoint(v, "sts", []string{a}, nil).NetworkInterfaceIds[0]
	to := func(cidr string) *shape.CreateRouteRequest {
		return &shape.CreateRouteRequest{RouteTableId: &r, DestinationCidrBlock: &cidr}
	}
	all := to("0.0.0.0/0")
	all.GatewayId = &g
	must[shape.CreateRouteResult](h, "CreateRoute", all)
	refused[shape.CreateRouteResult](h, "CreateRoute", all, "RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists.")
	through := to("192.168.3.4/16")
	through.NetworkInterfaceId = &i
	must[shape.CreateRouteResult](h, "CreateRoute", through)
	got := h.routesOf(r)
	if got["0.0.0.0/0"] != (network.Target{Kind: network.ToInternetGateway, ID: g}) || got["192.168.0.0/16"] != (network.Target{Kind: network.ToInterface, ID: i}) {
		t.Errorf("the fabric was told %v", got)
	}
	for _, f := range []shape.Filter{filter("route.gateway-id", g), filter("route.network-interface-id", i), filter("route.destination-cidr-block", "192.168.0.0/16")} {
		if got := must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{Filters: []shape.Filter{f}}).RouteTables; len(got) != 1 || *got[0].RouteTableId != r {
			t.Errorf("by %s: %+v", *f.Name, got)
		}
	}
	for _, c := range []struct {
		change         func(*shape.CreateRouteRequest)
		code, sentence string
	}{
		{func(in *shape.CreateRouteRequest) { in.GatewayId = &alien }, "InvalidParameterValue", "route table " + r + " and network gateway " + alien + " belong to different networks"},
		{func(in *shape.CreateRouteRequest) { in.NetworkInterfaceId = &managed }, "InvalidParameterValue", ""},
		{func(in *shape.CreateRouteRequest) { in.NetworkInterfaceId = new("x") }, "InvalidNetworkInterfaceID.Malformed", ""},
		{func(in *shape.CreateRouteRequest) { in.NatGatewayId = &g }, "NatGatewayMalformed", ""},
		{func(in *shape.CreateRouteRequest) { in.GatewayId = &i }, "InvalidGatewayID.NotFound", ""},
		{func(in *shape.CreateRouteRequest) { in.InstanceId = new("i-0abc") }, "InvalidInstanceID.NotFound", ""},
		{func(in *shape.CreateRouteRequest) { in.GatewayId, in.NetworkInterfaceId = &g, &i }, "InvalidParameterCombination", ""},
		{func(in *shape.CreateRouteRequest) { in.DestinationCidrBlock, in.GatewayId = new("10.0.1.0/24"), &g }, "InvalidParameterValue", "Route destination doesn't match any subnet CIDR blocks"},
		{func(in *shape.CreateRouteRequest) { in.DestinationCidrBlock, in.GatewayId = new("10.0.0.0/24"), &g }, "UnsupportedOperation", ""},
		{func(in *shape.CreateRouteRequest) { in.DestinationCidrBlock, in.GatewayId = new("x"), &g }, "InvalidParameterValue", ""},
		{func(in *shape.CreateRouteRequest) { in.DestinationPrefixListId, in.GatewayId = new("pl-63a5400a"), &g }, "InvalidParameterCombination", ""},
		{func(in *shape.CreateRouteRequest) {
			in.DestinationCidrBlock, in.DestinationPrefixListId, in.GatewayId = nil, new("pl-63a5400a"), &g
		}, "InvalidParameterValue", ""},
		{func(in *shape.CreateRouteRequest) {
			in.DestinationCidrBlock, in.DestinationPrefixListId, in.GatewayId = nil, new("pl-0abc"), &g
		}, "InvalidPrefixListID.NotFound", ""},
		{func(in *shape.CreateRouteRequest) {
			in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.GatewayId = nil, new("::/0"), &g
		}, "UnsupportedOperation", "IPv6 routes are not supported."},
	} {
		in := to("1.0.0.0/8")
		c.change(in)
		refused[shape.CreateRouteResult](h, "CreateRoute", in, c.code, c.sentence)
	}

	// A target that goes leaves a black hole; the route can be led elsewhere.
	must[struct{}](h, "DetachInternetGateway", &shape.DetachInternetGatewayRequest{InternetGatewayId: &g, VpcId: &v})
	must[struct{}](h, "DeleteNetworkInterface", &shape.DeleteNetworkInterfaceRequest{NetworkInterfaceId: &i})
	if a, b := h.state(r, "0.0.0.0/0"), h.state(r, "192.168.0.0/16"); a != "blackhole" || b != "blackhole" {
		t.Errorf("without their targets the routes are %s and %s", a, b)
	}
	j := *h.eni(a).NetworkInterfaceId
	must[struct{}](h, "ReplaceRoute", &shape.ReplaceRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("0.0.0.0/0"), NetworkInterfaceId: &j})
	if got := h.state(r, "0.0.0.0/0"); got != "active" {
		t.Errorf("led elsewhere it is %s", got)
	}
	refused[struct{}](h, "ReplaceRoute", &shape.ReplaceRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("1.0.0.0/8"), NetworkInterfaceId: &j},
		"InvalidParameterValue", "There is no route defined for '1.0.0.0/8' in the route table. Use CreateRoute instead.")
	refused[struct{}](h, "ReplaceRoute", &shape.ReplaceRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("10.0.0.0/16"), NetworkInterfaceId: &j}, "InvalidParameterValue", "")
	gone := &shape.DeleteRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("0.0.0.0/0")}
	must[struct{}](h, "DeleteRoute", gone)
	refused[struct{}](h, "DeleteRoute", gone, "InvalidRoute.NotFound", "no route with destination-cidr-block 0.0.0.0/0 in route table "+r)
	if got := h.routesOf(r); len(got) != 1 {
		t.Errorf("the fabric was told %v", got)
	}
}

func TestRouteQuota(t *testing.T) {
	h := start(t, filepath.Join(t.TempDir(), "db"), Quotas{RoutesPerTable: 1})
	v := h.vpc("10.0.0.0/16")
	g, r := h.igw(v), h.table(v)
	in := &shape.CreateRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("1.0.0.0/8"), GatewayId: &g}
	must[shape.CreateRouteResult](h, "CreateRoute", in)
	in.DestinationCidrBlock = new("2.0.0.0/8")
	refused[shape.CreateRouteResult](h, "CreateRoute", in, "RouteLimitExceeded", "")
	list := *must[shape.CreateManagedPrefixListResult](h, "CreateManagedPrefixList", &shape.CreateManagedPrefixListRequest{
		PrefixListName: new("two"), MaxEntries: new(int32(2)), AddressFamily: new("IPv4")}).PrefixList.PrefixListId
	must[struct{}](h, "DeleteRoute", &shape.DeleteRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("1.0.0.0/8")})
	in.DestinationCidrBlock, in.DestinationPrefixListId = nil, &list // counts for two
	refused[shape.CreateRouteResult](h, "CreateRoute", in, "RouteLimitExceeded", "")
}
