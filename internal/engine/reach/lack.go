package reach

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/value/network"
)

// Lack is what was missing where a packet ended: with it, that packet would have gone further there.
type Lack struct {
	Kind LackKind
	// At is where: an interface for a rule, a network ACL for an entry, a route table for a route and for a
	// target that is gone, an interface for a public address, a VPC for an owner.
	At     string
	Subnet string // whose ACL or route table it is
	// Groups are those of the interface that lacks a rule.
	Groups []string
	// Egress is for what leaves, Back for an answer, which only an ACL can refuse.
	Egress, Back bool
	// Protocol, Port and Peer are the packet's; Shared is a group that the peer is in, too.
	Protocol int
	Port     uint16
	Peer     netip.Addr
	Shared   string
	// Target is where the route leads that leads nowhere.
	Target string
}

// LackKind is the kind of thing that was missing.
type LackKind int

const (
	LackRule   LackKind = iota // of a security group
	LackEntry                  // of a network ACL
	LackRoute                  // of a route table
	LackTarget                 // of a route
	LackPublic                 // address of an interface
	LackOwner                  // of the address that was dialled
)

func (k LackKind) String() string {
	return [...]string{"rule", "entry", "route", "target", "public address", "owner"}[k]
}

// misses notes what ends the packet.
func (w *walker) misses(k LackKind, at, subnet string, p *packet) *Lack {
	w.lack = &Lack{Kind: k, At: at, Subnet: subnet, Back: w.back, Protocol: p.protocol, Port: p.target.Port(), Peer: p.target.Addr()}
	return w.lack
}

// missesRule notes that none of an interface's groups has a rule for a packet with a peer.
func (w *walker) missesRule(i *network.Interface, p *packet, peer netip.Addr, who *network.Interface, egress bool) {
	l := w.misses(LackRule, i.ID, i.Subnet, p)
	l.Groups, l.Egress, l.Peer = i.Groups, egress, peer
	if who == nil || who.VPC != i.VPC {
		return
	}
	for _, g := range i.Groups {
		if slices.Contains(who.Groups, g) {
			l.Shared = g
		}
	}
}

// Name says which packets, as people call them: "TCP to port 443".
func (l *Lack) Name() string {
	switch l.Protocol {
	case TCP:
		return fmt.Sprintf("TCP to port %d", l.Port)
	case UDP:
		return fmt.Sprintf("UDP to port %d", l.Port)
	case ICMP:
		return "ICMP echo"
	}
	return fmt.Sprintf("protocol %d", l.Protocol)
}

// Why says what is missing.
func (l *Lack) Why() string {
	way, from := "inbound", "from"
	if l.Egress {
		way, from = "outbound", "to"
	}
	switch l.Kind {
	case LackRule:
		if len(l.Groups) == 0 {
			return l.At + " is in no security group, and so nothing passes"
		}
		return fmt.Sprintf("no %s rule of %s lets %s pass %s %s", way, strings.Join(l.Groups, " or "), l.Name(), from, l.Peer)
	case LackEntry:
		what := l.Name()
		if l.Back {
			what = "the answer, " + what + ","
		}
		return fmt.Sprintf("no %s entry of %s, the network ACL of %s, lets %s pass %s %s", way, l.At, l.Subnet, what, from, l.Peer)
	case LackRoute:
		return fmt.Sprintf("%s, the route table of %s, has no route to %s", l.At, l.Subnet, l.Peer)
	case LackTarget:
		return fmt.Sprintf("the route of %s, the route table of %s, to %s leads to %s, which is not there", l.At, l.Subnet, l.Peer, l.Target)
	case LackPublic:
		return fmt.Sprintf("%s has no public address, and its route leads to an internet gateway", l.At)
	}
	return fmt.Sprintf("nobody in %s has the address %s", l.At, l.Peer)
}

// Remedy says what would let the packet pass there; empty where only the customer can know.
func (l *Lack) Remedy() string {
	way, from := "inbound", "from"
	if l.Egress {
		way, from = "outbound", "to"
	}
	switch l.Kind {
	case LackRule:
		switch {
		case len(l.Groups) == 0:
			return "put " + l.At + " in a security group"
		case l.Shared != "":
			return fmt.Sprintf("add an %s rule to %s for %s %s itself (%s), of which %s is a member", way, l.Shared, l.Name(), from, l.Shared, l.Peer)
		}
		return fmt.Sprintf("add an %s rule to %s for %s %s %s/32", way, l.Groups[0], l.Name(), from, l.Peer)
	case LackEntry:
		return fmt.Sprintf("add an %s entry to %s that allows %s %s %s/32, before those that deny it", way, l.At, l.Name(), from, l.Peer)
	case LackRoute:
		return fmt.Sprintf("add a route to %s, or associate %s with a table that has one", l.At, l.Subnet)
	case LackTarget:
		return fmt.Sprintf("replace the route of %s that leads to %s", l.At, l.Target)
	case LackPublic:
		return fmt.Sprintf("lead %s to a NAT gateway, or give %s an elastic address", l.Subnet, l.At)
	}
	return ""
}
