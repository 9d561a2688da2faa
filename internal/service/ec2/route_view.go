package ec2

import (
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

// routeView is what showing route tables needs besides their records.
type routeView struct {
	tx       *store.Tx
	vpcs     map[string]*vpc
	gateways func(table string) []*endpoint
	vpn      *ways              // of this account, its VPN gateways only
	leads    map[[2]string]bool // by VPC and target
	err      error
}

func newRouteView(tx *store.Tx, account string) (*routeView, error) {
	v := &routeView{tx: tx, leads: map[[2]string]bool{}}
	var err error
	if v.vpcs, err = vpcs.byID(tx, account); err != nil {
		return nil, err
	}
	if v.gateways, err = gatewayRoutes(tx, account); err != nil {
		return nil, err
	}
	v.vpn, err = readVPN(tx, account)
	return v, err
}

// state tells whether a target leads anywhere.
func (v *routeView) state(t *routeTable, kind *routeTarget, target string) string {
	key := [2]string{t.VPC, target}
	leads, known := v.leads[key]
	if !known && kind != nil {
		var err error
		if leads, err = kind.leads(v.tx, t, target); err != nil {
			v.err = err
		}
		v.leads[key] = leads
	}
	if leads {
		return "active"
	}
	return "blackhole"
}

// routes are a table's as AWS shows them: the local one, those of customers, those of gateway endpoints,
// and those that VPN gateways propagate.
func (v *routeView) routes(t *routeTable) []shape.Route {
	var out []shape.Route
	for _, p := range v.vpcs[t.VPC].cidrs() {
		out = append(out, shape.Route{DestinationCidrBlock: new(p.String()), GatewayId: new("local"), State: new("active"), Origin: new("CreateRouteTable")})
	}
	for i := range t.Routes {
		r := &t.Routes[i]
		kind := targetOf(r.Target)
		shown := shape.Route{State: new(v.state(t, kind, r.Target)), Origin: new("CreateRoute")}
		if r.PrefixList != "" {
			shown.DestinationPrefixListId = &r.PrefixList
		} else {
			shown.DestinationCidrBlock = new(r.CIDR.String())
		}
		if kind != nil {
			kind.show(&shown, &r.Target)
		}
		out = append(out, shown)
	}
	for _, e := range v.gateways(t.ID) {
		out = append(out, shape.Route{
			DestinationPrefixListId: new(e.prefixList()), GatewayId: &e.ID, State: new("active"), Origin: new("CreateRoute"),
		})
	}
	for _, g := range v.vpn.propagating(t) {
		for _, n := range networksOf(v.vpn.tunnelsOf(g)) {
			out = append(out, shape.Route{
				DestinationCidrBlock: new(n.String()), GatewayId: &g.ID, State: new("active"), Origin: new("EnableVgwRoutePropagation"),
			})
		}
	}
	return out
}

// over collects a member of a table's routes.
func (v *routeView) over(of func(*shape.Route) *string) func(*routeTable) []string {
	return func(t *routeTable) (out []string) {
		for _, r := range v.routes(t) {
			if s := of(&r); s != nil {
				out = append(out, *s)
			}
		}
		return out
	}
}

func (v *routeView) fields() fields[*routeTable] {
	f := tableFields()
	for name, of := range map[string]func(*shape.Route) *string{
		"destination-cidr-block":          func(r *shape.Route) *string { return r.DestinationCidrBlock },
		"destination-ipv6-cidr-block":     func(r *shape.Route) *string { return r.DestinationIpv6CidrBlock },
		"destination-prefix-list-id":      func(r *shape.Route) *string { return r.DestinationPrefixListId },
		"egress-only-internet-gateway-id": func(r *shape.Route) *string { return r.EgressOnlyInternetGatewayId },
		"gateway-id":                      func(r *shape.Route) *string { return r.GatewayId },
		"instance-id":                     func(r *shape.Route) *string { return r.InstanceId },
		"nat-gateway-id":                  func(r *shape.Route) *string { return r.NatGatewayId },
		"network-interface-id":            func(r *shape.Route) *string { return r.NetworkInterfaceId },
		"origin":                          func(r *shape.Route) *string { return r.Origin },
		"state":                           func(r *shape.Route) *string { return r.State },
		"transit-gateway-id":              func(r *shape.Route) *string { return r.TransitGatewayId },
		"vpc-peering-connection-id":       func(r *shape.Route) *string { return r.VpcPeeringConnectionId },
	} {
		f["route."+name] = v.over(of)
	}
	return f
}
