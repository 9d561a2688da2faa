// Package fabric makes the kernel equal to a network.Network and brings back the connections that
// reach its doors, each with the path it took.
//
// It promises: Apply converges from any state, its own after a kill -9 included; what is refused by
// a group or has no route gets no packet; the Origin of an accepted connection is true and no bytes
// of the client can alter it. It must not know AWS's API, policies, or who a caller is.
package fabric

import (
	"context"
	"net"
	"net/netip"
	"time"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// Fabric is the data plane. Its implementations are linux (namespaces, nftables) and memory (the
// same rules in Go, for tests without root); both pass fabrictest.Run.
type Fabric interface {
	// Apply makes the world equal to want and returns when it is in force: rules for the next
	// packet, names for the next question. Connections to endpoints that are gone are closed;
	// allowed established ones live on. It may be called again with the same value, and after an
	// error with any value. The caller must not change want afterwards.
	Apply(ctx context.Context, want *network.Network) error

	// Listener gives the one listener on which every connection to an endpoint (interface or
	// gateway, in any VPC) or to a public door arrives. Its connections are Conns. The same
	// listener is given at each call; it closes with Close.
	Listener() net.Listener

	// Metadata gives the one listener on which every question of a workload for its own credentials arrives:
	// connections of Interfaces with Metadata, and of nobody else, as Conns of Place Metadata. Like Listener.
	Metadata() net.Listener

	// Dial connects from inside a namespace: an interface's, an isolated one's or an internet host's
	// id. The address is literal; a loopback address is that namespace's own. Groups and routes of
	// the interface apply as to any packet of it.
	Dial(ctx context.Context, id string, to netip.AddrPort) (net.Conn, error)

	// Namespace gives the path of the network namespace of an interface, an isolated id or an
	// internet host, for a container to join; empty when there is none such.
	Namespace(id string) string

	// Resolver gives what the resolv.conf of the namespace of id says; nothing for an isolated one.
	Resolver(id string) network.Resolver

	// Observe names who hears of connections and questions in the VPCs that are logged. It comes
	// before the first Apply, once.
	Observe(o network.Observer)

	// Lookup answers as that resolver would, without a packet.
	Lookup(id, name string) []netip.Addr

	// Tunnels tells of the tunnels of a VPN gateway, by their ids. The error says why the gateway is not
	// there, when it should be: that is its own trouble, and no error of Apply.
	Tunnels(gateway string) (map[string]Tunnel, error)

	// Close stops listening and resolving. What the kernel holds stays: a next process adopts it.
	Close() error
}

// Tunnel is what is known of a VPN connection.
type Tunnel struct {
	Up             bool      // there is a session
	Since          time.Time // when that became so; zero: it never was otherwise
	Handshake      time.Time
	Peer           netip.AddrPort // where the customer's side is
	Sent, Received uint64         // bytes
}

// Conn is a connection that knows by which path it came.
type Conn interface {
	net.Conn
	Origin() caller.Origin
}
