package linux

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// A connection that conntrack knows keeps the translation it began with and passes all groups. So one
// whose ground is gone must be forgotten: an elastic address that stands for somebody else now, a
// neighbour beyond a peering who left an address to another, a route that leads through the internet
// gateway, which translates, or no longer does.

// tuples are the addresses of a connection as its first packet came and as its answer comes.
type tuples struct {
	source, target           netip.Addr
	replySource, replyTarget netip.Addr
}

// endConnections removes the connections of which wrong is true; a nil wrong is true of none.
func endConnections(namespace int, wrong func(*tuples) bool) error {
	if wrong == nil {
		return nil
	}
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: namespace})
	if err != nil {
		return fmt.Errorf("open conntrack: %w", err)
	}
	defer c.Close()
	head := []byte{unix.AF_INET, unix.NFNETLINK_V0, 0, 0}
	list, err := c.Execute(netlink.Message{Header: netlink.Header{Type: unix.NFNL_SUBSYS_CTNETLINK<<8 | ctGet, Flags: netlink.Request | netlink.Dump}, Data: head})
	if err != nil {
		return fmt.Errorf("list connections: %w", err)
	}
	for _, m := range list {
		if len(m.Data) < len(head) {
			continue
		}
		var t tuples
		var original []byte
		eachAttribute(m.Data[len(head):], func(kind uint16, value []byte) {
			switch kind {
			case ctaTupleOrig:
				original = value
				t.source, t.target = tupleAddresses(value)
			case ctaTupleReply:
				t.replySource, t.replyTarget = tupleAddresses(value)
			}
		})
		if !t.source.IsValid() || !wrong(&t) {
			continue
		}
		e := netlink.NewAttributeEncoder()
		e.Bytes(ctaTupleOrig|unix.NLA_F_NESTED, original)
		body, err := e.Encode()
		if err != nil {
			return err
		}
		// It may have ended meanwhile.
		_, err = c.Execute(netlink.Message{Header: netlink.Header{Type: unix.NFNL_SUBSYS_CTNETLINK<<8 | ctDelete, Flags: netlink.Request | netlink.Acknowledge},
			Data: append(slices.Clone(head), body...)})
		if err := unlessGone(err); err != nil {
			return fmt.Errorf("forget a connection of %s: %w", t.source, err)
		}
	}
	return nil
}

func tupleAddresses(tuple []byte) (source, target netip.Addr) {
	eachAttribute(tuple, func(kind uint16, value []byte) {
		if kind != ctaTupleIP {
			return
		}
		eachAttribute(value, func(kind uint16, value []byte) {
			if a, ok := netip.AddrFromSlice(value); ok && kind == ctaIPSource {
				source = a
			} else if ok && kind == ctaIPDestination {
				target = a
			}
		})
	})
	return source, target
}

// outdated finds the connections that a change of routes leads through the internet gateway, or away
// from it: their translation was decided elsewhere.
func (r *router) outdated(ways *ways, want *target) func(*tuples) bool {
	link := r.wires[wireKey(want.gateway)]
	if link == "" {
		return nil
	}
	moved := map[int][]netip.Prefix{}
	for at, to := range ways.routes {
		old, there := r.have.routes[at]
		if there && old != to && (old.dev == link) != (to.dev == link) {
			moved[at.table] = append(moved[at.table], at.to)
		}
	}
	if len(moved) == 0 {
		return nil
	}
	contains := func(list []netip.Prefix, a netip.Addr) bool {
		return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	inside := func(a netip.Addr) bool {
		for at := range ways.routes {
			if at.table == unix.RT_TABLE_MAIN && at.to.Contains(a) {
				return true
			}
		}
		return false
	}
	return func(c *tuples) bool {
		for rule := range ways.rules {
			if rule.from.IsValid() && rule.from.Contains(c.source) && contains(moved[rule.table], c.target) {
				return !inside(c.target)
			}
		}
		return false
	}
}

// goneElastic are the public addresses that no longer stand for what they stood for.
func goneElastic(have, want *ruleset) []netip.Addr {
	var gone []netip.Addr
	now := want.sets[setElasticIn].elements
	for public, private := range have.sets[setElasticIn].elements {
		if now[public] != private {
			a, _ := netip.AddrFromSlice([]byte(public))
			gone = append(gone, a)
		}
	}
	return gone
}

// goneAddresses are the router's own addresses (endpoints') that are no more.
func goneAddresses(have, want *ways) []netip.Addr {
	var gone []netip.Addr
	for a := range have.addresses {
		if !want.addresses[a] {
			gone = append(gone, a)
		}
	}
	return gone
}

// movedAddresses are those that are now behind another link, or behind none.
func movedAddresses(have, want *ways) (moved []netip.Addr) {
	for at, to := range have.routes {
		if at.table == unix.RT_TABLE_MAIN && to.dev != "" && want.routes[at] != to {
			moved = append(moved, at.to.Addr())
		}
	}
	return moved
}

// owned says whether somebody has an address, or it is of no VPC that p knows.
func (p *parts) owned() func(netip.Addr) bool {
	type place struct {
		cidrs []netip.Prefix
		have  map[netip.Addr]bool
	}
	places := []place{{p.vpc.CIDRs, map[netip.Addr]bool{reach.VPCResolver(p.vpc): true}}}
	for _, i := range p.interfaces {
		places[0].have[i.Address] = true
	}
	for _, o := range p.peers {
		at := place{o.vpc.CIDRs, map[netip.Addr]bool{}}
		for _, i := range o.interfaces {
			at.have[i.Address] = true
		}
		places = append(places, at)
	}
	return func(a netip.Addr) bool {
		return !slices.ContainsFunc(places, func(at place) bool {
			return !at.have[a] && slices.ContainsFunc(at.cidrs, func(c netip.Prefix) bool { return c.Contains(a) })
		})
	}
}

// foreign says of what a process before this one left whether it is of somebody who is gone, or shows
// an elastic address that is not so.
func (p *parts) foreign() func(*tuples) bool {
	owned := p.owned()
	shown, hidden := map[netip.Addr]netip.Addr{}, map[netip.Addr]netip.Addr{}
	for _, i := range p.interfaces {
		if i.Public.IsValid() && i.Own() && p.vpc.InternetGateway != "" {
			shown[i.Address], hidden[i.Public] = i.Public, i.Address
		}
	}
	return func(c *tuples) bool {
		if c.target != c.replySource && hidden[c.target] != c.replySource || c.source != c.replyTarget && shown[c.source] != c.replyTarget {
			return true
		}
		return !owned(c.source) || !owned(c.replySource)
	}
}

// strangersGone forgets what those did here who were beyond a peering and are gone from there.
func (r *router) strangersGone(p *parts) error {
	now := map[string]netip.Addr{}
	for _, o := range p.peers {
		for _, i := range o.interfaces {
			now[o.id+" "+i.ID] = i.Address
		}
	}
	var gone []netip.Addr
	for who, a := range r.beyond {
		if now[who] != a {
			gone = append(gone, a)
		}
	}
	r.beyond = now
	if len(gone) == 0 {
		return nil
	}
	if err := hangUp(int(r.file.Fd()), gone); err != nil {
		return err
	}
	return forget(int(r.file.Fd()), gone)
}

// leave has all who knew a VPC's addresses forget those that an earlier process had given to somebody.
func (f *Fabric) leave(p *parts) (failed error) {
	r := f.routers[p.vpc.ID]
	if r == nil || len(r.left) == 0 {
		return nil
	}
	for _, o := range p.peers {
		if peer := f.routers[o.vpc.ID]; peer != nil {
			failed = errors.Join(failed, hangUp(int(peer.file.Fd()), r.left), forget(int(peer.file.Fd()), r.left))
		}
	}
	for _, at := range r.ports {
		if at.translates {
			failed = errors.Join(failed, f.forgetTranslated(at, r.left))
		}
	}
	if failed == nil {
		r.left = nil
	}
	return failed
}

// forgetTranslated forgets what addresses did through a NAT gateway.
func (f *Fabric) forgetTranslated(p *port, addresses []netip.Addr) error {
	ns, err := openNamespace(f.path(p.file))
	if err != nil {
		return err
	}
	defer ns.Close()
	return forget(int(ns.Fd()), addresses)
}

// audit ends what gateways' namespaces know of those who are gone.
func (f *Fabric) audit(interfaces []*network.Interface, owned func(netip.Addr) bool) error {
	for _, i := range interfaces {
		if !i.NAT {
			continue
		}
		ns, err := openNamespace(f.path(fileName(kindInterface, i.ID)))
		if err != nil {
			return err
		}
		err = endConnections(int(ns.Fd()), func(c *tuples) bool { return !owned(c.source) })
		ns.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
