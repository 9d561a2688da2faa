package linux

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"cloister/internal/machine/fabric"
	"cloister/internal/machine/tunnel"
	"cloister/internal/value/network"
)

// A VPN gateway is a WireGuard device in its VPC's router. Unlike all else it ends with the process that
// opened it, and its routes with it; the next process opens it again, and what conntrack knows of its
// connections has stayed.
//
// What keeps a gateway from being opened (rootless there are no such devices; a port may be taken) is its
// own trouble: its routes are blackholes, its state says why, and the VPC works without it. It is tried
// again at each Apply.

// gateway is the device of a VPC's VPN gateway.
type gateway struct {
	id        string
	port      int
	key       network.Key
	tunnel    *tunnel.Tunnel         // nil: not open
	customers map[string]network.Key // public keys by tunnels' ids
	err       error                  // why it is not open, or not as it should be
	seen      map[string]turn        // by tunnel
}

// turn is when a tunnel became up, or down.
type turn struct {
	up bool
	at time.Time
}

// keepalive is how often an idle customer hears from the gateway, within the time for which routers and
// firewalls between the two remember them.
const keepalive = 25 * time.Second

// openGateways opens the gateways of VPCs; those that are no more are closed by closeGateways, when
// nothing leads to them.
func (f *Fabric) openGateways(vpcs map[string]*parts) {
	for vpc, p := range vpcs {
		r := f.routers[vpc]
		if p.vpc.VPN == nil || r == nil {
			continue
		}
		old := f.gateways[vpc]
		var trouble error
		if old != nil && !old.is(p.vpc.VPN) {
			trouble = old.err
			f.closeGateway(vpc)
			old = nil
		}
		if old == nil {
			f.gateways[vpc] = f.openGateway(r, p.vpc.VPN, trouble)
		} else {
			old.err = old.admit(p.vpc.VPN.Tunnels, nil)
		}
		if f.gateways[vpc].tunnel != nil {
			r.wire(vpnLink, vpnLink)
		}
	}
}

// is says whether a gateway is open and what it should be.
func (g *gateway) is(v *network.VPN) bool {
	if g.tunnel == nil || g.id != v.ID || g.port != v.Port || g.key != v.Key {
		return false
	}
	select {
	case <-g.tunnel.Done():
		return false
	default:
		return true
	}
}

func (f *Fabric) openGateway(r *router, v *network.VPN, before error) *gateway {
	g := &gateway{id: v.ID, port: v.Port, key: v.Key, seen: map[string]turn{}}
	if g.err = f.open(g, r, v); g.err != nil && (before == nil || before.Error() != g.err.Error()) {
		f.log.Warn("a VPN gateway is not as it should be", "vpc", r.vpc, "gateway", v.ID, "error", g.err)
	}
	return g
}

func (f *Fabric) open(g *gateway, r *router, v *network.VPN) (err error) {
	if f.noTunnels != "" {
		return errors.New(f.noTunnels)
	}
	g.tunnel, err = tunnel.Open(tunnel.Config{
		Name: vpnLink, Key: v.Key, Listen: netip.AddrPortFrom(f.tunnels, uint16(v.Port)),
		Inside: func(do func() error) error { return within(int(r.file.Fd()), do) },
	})
	if err != nil {
		return err
	}
	r.last = nil // its routes are to be made anew
	return g.admit(v.Tunnels, f.whereabouts.of(v.ID))
}

// admit makes the customers those that are wanted; at says where they were last, if that is known.
func (g *gateway) admit(tunnels []network.Tunnel, at map[string]netip.AddrPort) error {
	var peers []tunnel.Peer
	g.customers = map[string]network.Key{}
	for _, t := range tunnels {
		g.customers[t.ID] = t.PublicKey
		peers = append(peers, tunnel.Peer{PublicKey: t.PublicKey, Shared: t.Shared, Networks: t.Networks, Endpoint: at[t.ID], Keepalive: keepalive})
	}
	return g.tunnel.SetPeers(peers)
}

// closeGateways closes those that are wanted no more; with nil, all.
func (f *Fabric) closeGateways(vpcs map[string]*parts) {
	for vpc := range f.gateways {
		if p := vpcs[vpc]; p == nil || p.vpc.VPN == nil {
			f.closeGateway(vpc)
		}
	}
}

// closeGateway closes a gateway; the kernel drops what leads to it, and so must whoever remembers that.
func (f *Fabric) closeGateway(vpc string) {
	g := f.gateways[vpc]
	delete(f.gateways, vpc)
	f.whereabouts.closed[g.id] = f.whereabouts.update(g)
	if g.tunnel == nil {
		return
	}
	g.tunnel.Close()
	r := f.routers[vpc]
	if r == nil {
		return
	}
	r.last = nil
	delete(r.wires, wireKey(vpnLink))
	if r.have != nil {
		for at, to := range r.have.routes {
			if to.dev == vpnLink {
				delete(r.have.routes, at)
			}
		}
	}
}

var errNoGateway = errors.New("there is no such gateway")

// Tunnels tells of the tunnels of a VPN gateway.
func (f *Fabric) Tunnels(id string) (map[string]fabric.Tunnel, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range f.gateways {
		if g.id == id {
			return g.states()
		}
	}
	return nil, fmt.Errorf("VPN gateway %s: %w", id, errNoGateway)
}

func (g *gateway) states() (map[string]fabric.Tunnel, error) {
	if g.tunnel == nil || g.err != nil {
		return nil, g.err
	}
	states, err := g.tunnel.States()
	if err != nil {
		return nil, err
	}
	out := map[string]fabric.Tunnel{}
	for id, key := range g.customers {
		s := states[key]
		up := s.Up(time.Now())
		if up != g.seen[id].up {
			g.seen[id] = turn{up, turned(s.Handshake, up)}
		}
		out[id] = fabric.Tunnel{Handshake: s.Handshake, Up: up, Since: g.seen[id].at, Peer: s.Endpoint, Sent: s.Sent, Received: s.Received}
	}
	return out, nil
}

// turned is when a tunnel of which the last handshake is known became up, or down.
func turned(handshake time.Time, up bool) time.Time {
	if up {
		return handshake
	}
	return handshake.Add(tunnel.Fresh)
}
