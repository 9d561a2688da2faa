package ec2

import (
	"net/netip"
	"slices"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/machine/tunnel"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

// TunnelPort is the port that WireGuard usually has.
const TunnelPort = 51820

// vpnGateway is a virtual private gateway: the WireGuard device of the VPC it is attached to.
type vpnGateway struct {
	head
	VPC     string // empty: detached
	ASN     int64
	Port    int         // the UDP port of the host that is its own
	Key     network.Key // private
	Deleted time.Time
}

// customerGateway is what a customer said of a device of theirs.
type customerGateway struct {
	head
	Address netip.Addr
	ASN     string
	Device  string
	Deleted time.Time
}

// vpnConnection is a tunnel between the two: a peer of the gateway's device.
type vpnConnection struct {
	head
	Customer, Gateway string
	Key               network.Key // the customer's private key, which is handed over as AWS hands over its pre-shared keys
	Shared            network.Key
	Networks          []netip.Prefix // the static routes
	Deleted           time.Time
}

var (
	vpnGateways = newKind[vpnGateway]("vpn-gateway", "vgw-", "InvalidVpnGatewayID", "The vpnGateway ID '%s' does not exist")

	customerGateways = newKind[customerGateway]("customer-gateway", "cgw-", "InvalidCustomerGatewayID", "The customerGateway ID '%s' does not exist")

	vpnConnections = newKind[vpnConnection]("vpn-connection", "vpn-", "InvalidVpnConnectionID", "The vpnConnection ID '%s' does not exist")
)

var (
	vpnDetached          = fault.Kind{Code: "InvalidVpnGatewayAttachment.NotFound", Status: 400}
	customerGatewayLimit = fault.Kind{Code: "CustomerGatewayLimitExceeded", Status: 400}
	incorrectState       = fault.Kind{Code: "IncorrectState", Status: 400}
	vpnAttachmentLimit   = fault.Kind{Code: "VpnGatewayAttachmentLimitExceeded", Status: 400}
	vpnConnectionLimit   = fault.Kind{Code: "VpnConnectionLimitExceeded", Status: 400}
	vpnGatewayLimit      = fault.Kind{Code: "VpnGatewayLimitExceeded", Status: 400}
)

// lasting is a record that can still be seen for a while when it is deleted.
type lasting interface{ gone() time.Time }

func (g *vpnGateway) gone() time.Time      { return g.Deleted }
func (g *customerGateway) gone() time.Time { return g.Deleted }
func (c *vpnConnection) gone() time.Time   { return c.Deleted }

// stateOf is available or deleted.
func stateOf(v lasting) string {
	if v.gone().IsZero() {
		return available
	}
	return deleted
}

// live gives an account's record that is not deleted.
func live[T any, P interface {
	*T
	common() *head
	lasting
}](tx *store.Tx, k kind[T, P], account, id string) (P, error) {
	v, err := k.get(tx, account, id)
	if err == nil && !v.gone().IsZero() {
		return nil, k.missing(id)
	}
	return v, err
}

// alive gives an account's records that are not deleted and pass a test; all accounts' for the empty one.
func alive[T any, P interface {
	*T
	common() *head
	lasting
}](tx *store.Tx, k kind[T, P], account string, test func(P) bool) ([]P, error) {
	return k.where(tx, account, func(v P) bool { return v.gone().IsZero() && test(v) })
}

// shown gives the page of those that can be seen.
func shown[T any, P interface {
	*T
	common() *head
	lasting
}](tx *store.Tx, k kind[T, P], account string, q query, f fields[P]) (found[P], error) {
	all, err := k.where(tx, account, func(v P) bool { return visible(v, tx.Now) })
	if err == nil && len(q.ids) > 0 {
		all, err = k.chosen(all, q.ids)
	}
	if err != nil {
		return found[P]{}, err
	}
	return sift(all, func(v P) string { return v.common().ID }, func(v P) map[string]string { return v.common().Tags }, q, f)
}

func visible(v lasting, now time.Time) bool { return v.gone().IsZero() || now.Sub(v.gone()) < remains }

// sweep removes the records that nobody can see any more.
func sweep[T any, P interface {
	*T
	common() *head
	lasting
}](tx *store.Tx, k kind[T, P], account string) error {
	all, err := k.where(tx, account, func(v P) bool { return !visible(v, tx.Now) })
	for _, v := range all {
		if err := k.remove(tx, v); err != nil {
			return err
		}
	}
	return err
}

// vpnGatewayOf gives the VPN gateway that is attached to a VPC; nil for none.
func vpnGatewayOf(tx *store.Tx, v *vpc) (*vpnGateway, error) {
	list, err := alive(tx, vpnGateways, v.Account, func(g *vpnGateway) bool { return g.VPC == v.ID })
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// connectionsOf gives the tunnels of a gateway.
func connectionsOf(tx *store.Tx, account, gateway string) ([]*vpnConnection, error) {
	return alive(tx, vpnConnections, account, func(c *vpnConnection) bool { return c.Gateway == gateway })
}

// freePort gives the first port that no gateway has, of whatever account.
func (s *Service) freePort(tx *store.Tx) (int, error) {
	var all []*vpnGateway
	for _, in := range s.everywhere(tx) {
		here, err := alive(in, vpnGateways, "", func(*vpnGateway) bool { return true })
		if err != nil {
			return 0, err
		}
		all = append(all, here...)
	}
	for port := s.TunnelPort; port < 1<<16; port++ {
		if !slices.ContainsFunc(all, func(g *vpnGateway) bool { return g.Port == port }) {
			return port, nil
		}
	}
	return 0, vpnGatewayLimit.New("There are no more ports for VPN gateways on this host.")
}

var toVPN = routeTarget{
	prefix: "vgw-",
	fits: func(tx *store.Tx, t *routeTable, id string) error {
		g, err := live(tx, vpnGateways, t.Account, id)
		if err == nil && g.VPC != t.VPC {
			return elsewhere(t, "network gateway", id)
		}
		return err
	},
	leads: func(tx *store.Tx, t *routeTable, id string) (bool, error) {
		g, err := vpnGateways.table.Get(tx, store.Key(t.Account, id))
		return g != nil && g.VPC == t.VPC, err
	},
	plan: func(_ *planner, id string) network.Target { return network.Target{Kind: network.ToVPN, ID: id} },
	show: func(r *shape.Route, id *string) { r.GatewayId = id },
}

// propagated are the routes that a table has of its VPN gateway: the networks behind the gateway's
// tunnels, but for those to which a route of the customer's own leads.
func (p *planner) propagated(t *routeTable) (out []network.Route) {
	for _, g := range p.propagating(t) {
		for _, to := range networksOf(p.tunnelsOf(g)) {
			if t.routeTo(&route{CIDR: to}) < 0 {
				out = append(out, network.Route{Destinations: []netip.Prefix{to}, Target: network.Target{Kind: network.ToVPN, ID: g.ID}})
			}
		}
	}
	return out
}

// propagating are the gateways of which a table has routes.
func (w *ways) propagating(t *routeTable) []*vpnGateway {
	return slices.DeleteFunc(slices.Clone(w.vpnGateways), func(g *vpnGateway) bool {
		return g.Account != t.Account || g.VPC != t.VPC || !slices.Contains(t.Propagating, g.ID)
	})
}

// readVPN gives the VPN gateways and connections of an account; of all for the empty one.
func readVPN(tx *store.Tx, account string) (w *ways, err error) {
	w = &ways{}
	if w.vpnGateways, err = alive(tx, vpnGateways, account, func(*vpnGateway) bool { return true }); err != nil {
		return nil, err
	}
	w.vpnConnections, err = alive(tx, vpnConnections, account, func(*vpnConnection) bool { return true })
	return w, err
}

func (w *ways) tunnelsOf(g *vpnGateway) (out []*vpnConnection) {
	for _, c := range w.vpnConnections {
		if c.Gateway == g.ID {
			out = append(out, c)
		}
	}
	return out
}

// networksOf are the networks of tunnels, each once.
func networksOf(list []*vpnConnection) (out []netip.Prefix) {
	for _, c := range list {
		for _, n := range c.Networks {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}

// planVPN gives a VPC its VPN gateway, with a tunnel for each connection.
func (p *planner) planVPN(v *network.VPC) {
	for _, g := range p.vpnGateways {
		if g.VPC != v.ID {
			continue
		}
		v.VPN = &network.VPN{ID: g.ID, Port: g.Port, Key: g.Key}
		for _, c := range p.tunnelsOf(g) {
			v.VPN.Tunnels = append(v.VPN.Tunnels, network.Tunnel{ID: c.ID, PublicKey: tunnel.Public(c.Key), Shared: c.Shared, Networks: widest(c.Networks)})
		}
	}
}

// widest are the networks that no other of them contains.
func widest(list []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(list), func(p netip.Prefix) bool {
		return slices.ContainsFunc(list, func(o netip.Prefix) bool { return o != p && o.Bits() < p.Bits() && o.Contains(p.Addr()) })
	})
}
