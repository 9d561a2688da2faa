package network

import (
	"net/netip"
	"strings"
	"time"
)

// Observer hears what happened in the VPCs that are logged. Its methods must not block: what it cannot
// take it counts and drops.
type Observer interface {
	Flow(Flow)
	Query(Query)
}

// Flow is what passed on one connection (in the sense of conntrack: UDP and ICMP have them too) since it
// was last told of, or refused packets of one that never was.
type Flow struct {
	VPC      string
	Protocol int
	// Source and Target are those of the first packet as it entered the VPC; ports are 0 where the
	// protocol has none.
	Source, Target netip.AddrPort
	// Accepted is false for packets that a group or a network ACL refused; Refuser is then the interface
	// whose groups or whose subnet's ACL it was, where that is known.
	Accepted bool
	Refuser  string
	// Packets and Bytes that went forth and back.
	Packets, Bytes [2]uint64
	Start, End     time.Time
}

// Query is one question that a VPC's resolver answered.
type Query struct {
	VPC, Interface string // Interface is the asking one, where it is known
	Source         netip.AddrPort
	Name, Type     string // "a.example.", "A"
	Transport      string // "UDP" or "TCP"
	Code           string // "NOERROR"
	Answers        []Answer
	Time           time.Time
}

// Answer is a record of a Query's answer.
type Answer struct{ Data, Type string }

// Conf is the text of a resolv.conf; empty when there is no server.
func (r Resolver) Conf() string {
	var b strings.Builder
	for _, s := range r.Servers {
		b.WriteString("nameserver " + s.String() + "\n")
	}
	if b.Len() > 0 && r.Domain != "" {
		b.WriteString("search " + r.Domain + "\n")
	}
	return b.String()
}
