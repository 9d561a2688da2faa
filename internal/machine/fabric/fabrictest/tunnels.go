package fabrictest

import (
	"context"
	"net"
	"net/netip"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// Customers is a fabric at whose VPN tunnels' other ends a test can be.
type Customers interface {
	// DialFrom connects from an address behind a tunnel.
	DialFrom(ctx context.Context, tunnel string, source netip.Addr, to netip.AddrPort) (net.Conn, error)
	// ListenBehind opens a server at an address behind a tunnel.
	ListenBehind(tunnel string, at netip.AddrPort) (net.Listener, error)
}

// tunnels are those whose other ends can be played, each with the one address at which there is somebody.
func (w *world) tunnels(n *network.Network) map[string]netip.Addr {
	list := map[string]netip.Addr{}
	if _, can := w.Fabric.(Customers); !can {
		return list
	}
	for _, v := range n.VPCs {
		if v.VPN == nil {
			continue
		}
		for _, t := range v.VPN.Tunnels {
			a := t.Networks[0].Addr().As4()
			a[3] = 9
			list[t.ID] = netip.AddrFrom4(a)
		}
	}
	return list
}

// serveBehind is serve at the other end of a tunnel.
func (w *world) serveBehind(tunnel, at string) net.Listener {
	l, err := w.Fabric.(Customers).ListenBehind(tunnel, netip.MustParseAddrPort(at))
	if err != nil {
		w.t.Fatalf("serve %s behind %s: %v", at, tunnel, err)
	}
	w.greet(tunnel, l)
	return l
}

// dialTo makes the socket of a probe by TCP or UDP.
func (m *matrix) dialTo(ctx context.Context, p reach.Probe) (net.Conn, error) {
	switch {
	case p.Source.IsValid():
		return m.Fabric.(Customers).DialFrom(ctx, p.From, p.Source, p.To)
	case p.Protocol == reach.UDP:
		return m.Fabric.(Datagrams).DialUDP(p.From, p.Source, p.To)
	}
	return m.Dial(ctx, p.From, p.To)
}
