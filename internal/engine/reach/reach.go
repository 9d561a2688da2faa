// Package reach is the law of who reaches whom in a network.Network, written from AWS's rules: where
// a packet goes, who answers a name, and as whom a connection is known when it arrives.
//
// It promises that its answer is the fabric's: every fabric is tested against it, on networks made by
// chance. It is pure, and must not know how any kernel does it.
package reach

import (
	"net/netip"

	"cloister/internal/value/caller"
)

// Reach is where a connection ends, without how it got there.
type Reach struct {
	Kind ReachKind
	// Interface is the namespace that gets it: an interface's id or an internet host's.
	Interface string
	// Origin is how a connection to an endpoint or a door is known, for Accepted.
	Origin caller.Origin
}

// ReachKind is the kind of end a connection comes to.
type ReachKind int

const (
	Dropped   ReachKind = iota // nowhere, without an answer
	Delivered                  // at a namespace, the own one included
	Accepted                   // at the fabric's Listener
	Answered                   // at a resolver
	Balanced                   // at a balancer, which goes on to one of its targets
	Forwarded                  // at the namespace of an interface that forwards: it decides what becomes of it
	Tunnelled                  // at the other end of a VPN tunnel
	Uplinked                   // in the host's real network
)

func (k ReachKind) String() string {
	return [...]string{"dropped", "delivered", "accepted", "answered", "balanced", "forwarded", "tunnelled", "uplinked"}[k]
}

// Reach tells where a TCP connection from the namespace of id ends, as its caller sees it.
func (x *Index) Reach(id string, to netip.AddrPort) Reach {
	p := x.Walk(Probe{From: id, To: to})
	r := Reach{Kind: p.Kind, Origin: p.Origin}
	if p.Kind == Delivered || p.Kind == Forwarded {
		r.Interface = p.Interface
	}
	return r
}
