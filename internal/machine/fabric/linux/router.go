package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// router is a namespace that forwards: a VPC, or the internet. It remembers what it made of the
// kernel; after an error, and in a fresh process, it reads that back first.
type router struct {
	vpc      string // empty for the internet
	file     *os.File
	netlink  *netlink.Handle
	loopback int
	rules    table
	have     *ways            // nil: unknown
	last     *parts           // what it was made of, when that succeeded
	ports    map[string]*port // by id
	links    map[string]string
	wires    map[string]string // nil: unknown
	// beyond are the addresses of peered VPCs' interfaces; nil: unknown.
	beyond map[string]netip.Addr
	// left are addresses of links that an earlier process had made, and of which its peers are to be told.
	left      []netip.Addr
	listeners *listeners
	metadata  []*listeners // where credentials are asked for; none where nobody may
	resolver  *resolver
	watch     *watch
	target    *target // what it was last made equal to
	flows     *flows  // nil while they are not logged
}

// target is what a router should be.
type target struct {
	// ways and rules are compiled when the names of the links are known.
	ways  func(links map[string]string) *ways
	ports []*port
	rules func(links map[string]string) *ruleset
	// gateway is the internet gateway's place among the wires; empty for none.
	gateway string
	// foreign says of a connection that an earlier process left whether it is of no use now.
	foreign func(c *tuples) bool
}

func (f *Fabric) openRouter(name, vpc string) (*router, error) {
	file, _, err := f.ensure(name, prepareRouter)
	if err != nil {
		return nil, err
	}
	r := &router{vpc: vpc, file: file, rules: table{namespace: int(file.Fd())}}
	if r.netlink, err = netlink.NewHandleAt(netns.NsHandle(file.Fd()), unix.NETLINK_ROUTE); err != nil {
		file.Close()
		return nil, fmt.Errorf("open namespace %s: %w", vpc, err)
	}
	lo, err := r.netlink.LinkByName("lo")
	if err != nil {
		r.close()
		return nil, fmt.Errorf("find lo of %s: %w", vpc, err)
	}
	r.loopback = lo.Attrs().Index
	if err := f.watchRouter(r); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// close gives back every socket that would keep the namespace alive.
func (r *router) close() {
	r.watch.close()
	r.resolver.close()
	r.flows.close()
	r.listeners.close()
	for _, l := range r.metadata {
		l.close()
	}
	r.rules.close()
	if r.netlink != nil {
		r.netlink.Close()
	}
	r.file.Close()
}

// converge makes the namespace equal to want. Nothing is open before its rules are in force, and
// nothing that goes is reachable by the time that what comes is.
func (f *Fabric) converge(r *router, want *target) (err error) {
	defer func() {
		if err != nil {
			r.forgetState()
		}
	}()
	adopted := r.have == nil
	if adopted {
		if err := r.adopt(f, want); err != nil {
			return err
		}
	}
	gone, fresh := r.compare(want.ports)
	if err := r.detach(f, gone); err != nil {
		return err
	}
	for _, p := range fresh {
		if err := f.attach(r, p); err != nil {
			return err
		}
	}
	links := r.allLinks()
	ways, rules := want.ways(links), want.rules(links)
	if err := r.have.add(r.netlink, r.loopback, ways); err != nil {
		return err
	}
	if err := r.rules.load(); err != nil {
		return err
	}
	closed, elastic := append(goneAddresses(r.have, ways), movedAddresses(r.have, ways)...), goneElastic(r.rules.have, rules)
	outdated := r.outdated(ways, want)
	if adopted {
		outdated = want.foreign
	}
	if err := r.rules.apply(rules); err != nil {
		return err
	}
	if err := r.have.remove(r.netlink, ways); err != nil {
		return err
	}
	r.have, r.target = ways, want
	namespace := int(r.file.Fd())
	return errors.Join(forget(namespace, closed), forgetShown(namespace, elastic), endConnections(namespace, outdated))
}

// allLinks are the links of interfaces by their ids, and the wires.
func (r *router) allLinks() map[string]string {
	all := maps.Clone(r.links)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, r.wires)
	return all
}

func (r *router) forgetState() {
	r.have, r.last, r.ports, r.links, r.wires, r.beyond = nil, nil, nil, nil, nil, nil
	r.rules.close()
}

// compare tells which ports go and which come; one that changed does both.
func (r *router) compare(want []*port) (gone, fresh []*port) {
	stays := make(map[string]bool, len(want))
	for _, p := range want {
		old := r.ports[p.id]
		if old != nil && old.equal(p) {
			stays[p.id] = true
			continue
		}
		fresh = append(fresh, p)
	}
	for id, p := range r.ports {
		if !stays[id] {
			gone = append(gone, p)
		}
	}
	return gone, fresh
}

// detach cuts ports off: first the ruleset forgets them, then conntrack, then the route. The links
// themselves take the kernel long and are left to the sweeper.
func (r *router) detach(f *Fabric, gone []*port) error {
	if len(gone) == 0 {
		return nil
	}
	if r.rules.have != nil {
		if err := r.rules.apply(r.rules.have.without(gone, r.links)); err != nil {
			return err
		}
	}
	var addresses []netip.Addr
	for _, p := range gone {
		addresses = append(addresses, p.address)
		if err := unroute(r.netlink, p.address); err != nil {
			return err
		}
	}
	if err := hangUp(int(r.file.Fd()), addresses); err != nil {
		return err
	}
	if err := forget(int(r.file.Fd()), addresses); err != nil {
		return err
	}
	for _, p := range r.ports {
		if !p.translates || slices.Contains(gone, p) {
			continue
		}
		if err := f.forgetTranslated(p, addresses); err != nil {
			return err
		}
	}
	for _, p := range gone {
		f.sweeper.add(r.file, r.links[p.id])
		delete(r.ports, p.id)
		delete(r.links, p.id)
	}
	return nil
}

// without is the ruleset with every mention of some ports' addresses and links taken out.
func (r *ruleset) without(gone []*port, links map[string]string) *ruleset {
	less := &ruleset{chains: r.chains, sets: make(map[string]set_, len(r.sets))}
	for name, s := range r.sets {
		elements := make(map[string]string, len(s.elements))
		for k, v := range s.elements {
			elements[k] = v
		}
		for _, p := range gone {
			delete(elements, addressKey(p.address))
			delete(elements, boundKey(links[p.id], p.address))
			delete(elements, linkKey(links[p.id]))
		}
		less.sets[name] = set_{s.kind, elements}
	}
	return less
}

// attach gives a port its namespace and its link.
func (f *Fabric) attach(r *router, p *port) error {
	prepare := prepareWorkload
	if p.translates {
		prepare = prepareTranslator
	}
	ws, fresh, err := f.ensure(p.file, prepare)
	if err != nil {
		return err
	}
	defer ws.Close()
	if !fresh {
		if err := clearInside(ws); err != nil {
			return fmt.Errorf("clear namespace of %s: %w", p.id, err)
		}
	}
	if p.translates { // nothing may pass as it came
		if err := translate(ws, p.address); err != nil {
			return fmt.Errorf("nat gateway %s: %w", p.id, err)
		}
	}
	name := linkName(p.spec())
	if err := p.attach(r.netlink, ws, name); err != nil {
		f.sweeper.add(r.file, name)
		return err
	}
	r.ports[p.id], r.links[p.id] = p, name
	if !fresh {
		return nil
	}
	if err := r.watch.hear(false); err != nil {
		return fmt.Errorf("watch %s: %w", p.id, err)
	}
	p.made = time.Now() // what was heard by now we did ourselves
	return nil
}

// clearInside makes room for eth0 in a namespace that had one before.
func clearInside(ws *os.File) error {
	w, err := netlink.NewHandleAt(netns.NsHandle(ws.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer w.Close()
	old, err := w.LinkByName("eth0")
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.LinkDel(old); !errors.Is(err, unix.ENODEV) {
		return err
	}
	return nil // the sweeper was faster
}

// adopt reads back what an earlier process, or a failed change, left in the namespace. A link that is
// not for a wanted port as it is now, or whose namespace is gone, is swept; one that is gets set up again.
func (r *router) adopt(f *Fabric, want *target) error {
	have, err := readWays(r.netlink, r.loopback)
	if err != nil {
		return err
	}
	r.ports, r.links = map[string]*port{}, map[string]string{}
	found, err := readLinks(r.netlink)
	if err != nil {
		return err
	}
	for _, p := range want.ports {
		name, err := r.adoptPort(f, p, found)
		if errors.Is(err, fs.ErrNotExist) || errors.As(err, new(netlink.LinkNotFoundError)) {
			continue
		} else if err != nil {
			f.log.Info("a link is made anew", "interface", p.id, "reason", err.Error())
			continue
		}
		r.ports[p.id], r.links[p.id] = p, name
		delete(found, name)
	}
	r.have = have
	for _, name := range r.wires {
		delete(found, name)
	}
	return r.sweepStrangers(f, found, want)
}

// adoptPort finds the link that was made for p and whose other end is in its namespace now: of a
// namespace that was removed and made again, the old link may not have died yet.
func (r *router) adoptPort(f *Fabric, p *port, found map[string]int) (string, error) {
	prefix := linkPrefix(p.spec())
	ws, err := openNamespace(f.path(p.file))
	if err != nil {
		return "", err
	}
	defer ws.Close()
	w, err := netlink.NewHandleAt(netns.NsHandle(ws.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return "", err
	}
	defer w.Close()
	eth0, err := w.LinkByName("eth0")
	if err != nil {
		return "", err
	}
	for name, index := range found {
		if strings.HasPrefix(name, prefix) && index == eth0.Attrs().ParentIndex {
			if p.translates {
				if err := translate(ws, p.address); err != nil {
					return "", err
				}
			}
			return name, p.configure(r.netlink, ws, name)
		}
	}
	return "", errStrange
}

// sweepStrangers cuts off what is left in the namespace and is not wanted: links, and with them their
// routes; the ruleset is brought in order before the links are gone.
func (r *router) sweepStrangers(f *Fabric, found map[string]int, want *target) error {
	if len(found) == 0 {
		return nil
	}
	if err := r.rules.apply(want.rules(r.allLinks())); err != nil {
		return err
	}
	routes, err := whole(func() ([]netlink.Route, error) {
		return r.netlink.RouteListFiltered(unix.AF_INET, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	var addresses []netip.Addr
	for _, route := range routes {
		for _, index := range found {
			if route.LinkIndex == index {
				addresses = append(addresses, prefixOf(route.Dst).Addr())
				if err := unroute(r.netlink, prefixOf(route.Dst).Addr()); err != nil {
					return err
				}
			}
		}
	}
	for name := range found {
		f.sweeper.add(r.file, name)
	}
	r.left = append(r.left, addresses...)
	return forget(int(r.file.Fd()), addresses)
}
