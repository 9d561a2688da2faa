package ec2

import (
	"net/netip"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

// route is one that a customer made: its destination is CIDR or PrefixList, its target an id.
type route struct {
	CIDR       netip.Prefix
	PrefixList string
	Target     string
}

var routeLimit = fault.Kind{Code: "RouteLimitExceeded", Status: 400}

// destination is how AWS names where the route leads to.
func (r *route) destination() string {
	if r.PrefixList != "" {
		return r.PrefixList
	}
	return r.CIDR.String()
}

// routeTarget is a kind of resource that routes can lead to.
type routeTarget struct {
	prefix string
	// fits says why a route of a table cannot lead to one of them.
	fits func(tx *store.Tx, t *routeTable, id string) error
	// leads tells whether packets get anywhere by it now; if not the route is a blackhole.
	leads func(tx *store.Tx, t *routeTable, id string) (bool, error)
	// plan is what the fabric is told.
	plan func(p *planner, id string) network.Target
	// show puts the id where AWS has it.
	show func(r *shape.Route, id *string)
}

// routeTargets are all kinds of targets; gateway endpoints come and go with their own routes.
var routeTargets = []routeTarget{toInternetGateway, toNAT, toPeering, toInterface, toVPN}

// targetOf gives the kind that an id is of; nil for none.
func targetOf(id string) *routeTarget {
	for i := range routeTargets {
		if wellFormed(routeTargets[i].prefix, id) {
			return &routeTargets[i]
		}
	}
	return nil
}

// elsewhere is the fault of a target that is in another VPC than the table.
func elsewhere(t *routeTable, what, id string) error {
	return invalidValue.New("route table %s and %s %s belong to different networks", t.ID, what, id)
}

var toInternetGateway = routeTarget{
	prefix: "igw-",
	fits: func(tx *store.Tx, t *routeTable, id string) error {
		g, err := internetGateways.get(tx, t.Account, id)
		if err == nil && g.VPC != t.VPC {
			return elsewhere(t, "network gateway", id)
		}
		return err
	},
	leads: func(tx *store.Tx, t *routeTable, id string) (bool, error) {
		g, err := internetGateways.table.Get(tx, store.Key(t.Account, id))
		return g != nil && g.VPC == t.VPC, err
	},
	plan: func(_ *planner, id string) network.Target {
		return network.Target{Kind: network.ToInternetGateway, ID: id}
	},
	show: func(r *shape.Route, id *string) { r.GatewayId = id },
}

var toNAT = routeTarget{
	prefix: "nat-",
	fits: func(tx *store.Tx, t *routeTable, id string) error {
		n, err := natGateways.get(tx, t.Account, id)
		if err != nil {
			return err
		}
		if !n.works() {
			return natGateways.missing(id)
		}
		if n.VPC != t.VPC {
			return elsewhere(t, "NAT gateway", id)
		}
		return nil
	},
	leads: func(tx *store.Tx, t *routeTable, id string) (bool, error) {
		n, err := natGateways.table.Get(tx, store.Key(t.Account, id))
		return n != nil && n.works(), err
	},
	plan: func(p *planner, id string) network.Target {
		if n := p.nat(id); n != nil {
			return network.Target{Kind: network.ToInterface, ID: n.Interface}
		}
		return network.Target{Kind: network.Blackhole, ID: id}
	},
	show: func(r *shape.Route, id *string) { r.NatGatewayId = id },
}

var toPeering = routeTarget{
	prefix: "pcx-",
	fits: func(tx *store.Tx, t *routeTable, id string) error {
		c, err := peeringOf(tx, t.Account, id)
		if err != nil {
			return err
		}
		if code, _ := c.status(tx.Now); code != peeringActive && code != peeringPending && code != peeringProvisioning {
			return peerings.missing(id)
		}
		if !c.touches(t.VPC) {
			return elsewhere(t, "VPC peering connection", id)
		}
		return nil
	},
	leads: func(tx *store.Tx, t *routeTable, id string) (bool, error) {
		list, err := peeringsOf(tx, t.Account)
		for _, c := range list {
			if c.ID == id {
				return c.joins() && c.touches(t.VPC), err
			}
		}
		return false, err
	},
	plan: func(_ *planner, id string) network.Target { return network.Target{Kind: network.ToPeering, ID: id} },
	show: func(r *shape.Route, id *string) { r.VpcPeeringConnectionId = id },
}

var toInterface = routeTarget{
	prefix: "eni-",
	fits: func(tx *store.Tx, t *routeTable, id string) error {
		i, err := enis.get(tx, t.Account, id)
		if err != nil {
			return err
		}
		if i.managed() {
			return invalidValue.New("Routes to the network interface %s are not allowed: it belongs to a service.", id)
		}
		if i.VPC != t.VPC {
			return elsewhere(t, "interface", id)
		}
		return nil
	},
	leads: func(tx *store.Tx, t *routeTable, id string) (bool, error) {
		i, err := enis.table.Get(tx, store.Key(t.Account, id))
		return i != nil, err
	},
	plan: func(_ *planner, id string) network.Target { return network.Target{Kind: network.ToInterface, ID: id} },
	show: func(r *shape.Route, id *string) { r.NetworkInterfaceId = id },
}

// ownRoutes are those that customers made.
func (p *planner) ownRoutes(t *routeTable) (out []network.Route) {
	for _, r := range t.Routes {
		n := network.Route{Destinations: []netip.Prefix{r.CIDR}}
		if r.PrefixList != "" {
			n.Destinations = p.listed(r.PrefixList)
		}
		if kind := targetOf(r.Target); kind != nil {
			n.Target = kind.plan(p, r.Target)
		}
		out = append(out, n)
	}
	return out
}
