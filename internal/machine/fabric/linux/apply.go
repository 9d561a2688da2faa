package linux

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// parts is a Network seen from one VPC.
type parts struct {
	vpc        *network.VPC
	interfaces []*network.Interface
	endpoints  []*network.Endpoint
	peers      []*neighbour
	ports      map[string][]int // of endpoints with a balancer, and of balancers' interfaces, by their ids
}

// succession is want without the interfaces that take over an address from another one; nil when there
// are none. Put in force first, it ends everything of the old owner before the new one begins.
func succession(old *reach.Index, want *network.Network) *network.Network {
	if old == nil {
		return nil
	}
	heir := func(i network.Interface) bool {
		owner := old.Owner(i.VPC, i.Address)
		return owner != "" && owner != i.ID
	}
	if !slices.ContainsFunc(want.Interfaces, heir) {
		return nil
	}
	first := *want
	first.Interfaces = slices.DeleteFunc(slices.Clone(want.Interfaces), heir)
	return &first
}

// apply brings the routers in order one after the other. What goes is closed before what comes is
// announced: first connections and names, then the kernel, then new sockets and files.
func (f *Fabric) apply(ctx context.Context, want *network.Network, index *reach.Index) error {
	if err := f.readFiles(); err != nil {
		return err
	}
	f.index.Store(index)
	f.entrance.enforce(index)
	f.relays.enforce(want, index)
	f.recursor.use(want.Internet.Recursors)
	byVPC := split(want)
	links := wires(want)
	failed := errors.Join(f.openRouters(byVPC), f.join(links))
	f.openGateways(byVPC)
	f.keepWhereabouts()
	wanted, err := f.applyInternet(&want.Internet, elasticOf(want))
	failed = errors.Join(failed, err)
	for id, p := range byVPC {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.note(wanted)
		if err := f.applyVPC(p); err != nil {
			failed = errors.Join(failed, fmt.Errorf("vpc %s: %w", id, err)) // and the others go on
		}
	}
	for _, p := range byVPC {
		failed = errors.Join(failed, f.leave(p))
	}
	for _, id := range want.Isolated {
		file := fileName(kindIsolated, id)
		wanted[file] = true
		if !f.files[file] {
			failed = errors.Join(failed, f.isolate(file))
		}
	}
	failed = errors.Join(failed, f.relays.serve(f, want))
	f.part(links)
	f.closeGateways(byVPC)
	return errors.Join(failed, f.dropRest(byVPC, wanted))
}

// openRouters has a namespace for each VPC and for the internet, empty if need be.
func (f *Fabric) openRouters(vpcs map[string]*parts) (failed error) {
	open := func(vpc, file string) {
		if f.routers[vpc] != nil {
			return
		}
		r, err := f.openRouter(file, vpc)
		if err != nil {
			failed = errors.Join(failed, err)
			return
		}
		f.routers[vpc] = r
	}
	open("", fileName(kindInternet, "internet"))
	for id := range vpcs {
		open(id, fileName(kindVPC, id))
	}
	return failed
}

// elasticOf are the public addresses that lead somewhere.
func elasticOf(n *network.Network) (out []elastic) {
	gateways := map[string]string{}
	for _, v := range n.VPCs {
		gateways[v.ID] = v.InternetGateway
	}
	for _, i := range n.Interfaces {
		if g := gateways[i.VPC]; g != "" && i.Public.IsValid() && i.Own() {
			out = append(out, elastic{i.Public, g})
		}
	}
	return out
}

func (f *Fabric) isolate(file string) error {
	ns, _, err := f.ensure(file, prepareWorkload)
	if err != nil {
		return err
	}
	return ns.Close()
}

// note adds the files of a VPC's namespaces to those wanted.
func (p *parts) note(wanted map[string]bool) {
	wanted[fileName(kindVPC, p.vpc.ID)] = true
	for _, i := range p.interfaces {
		if i.Own() {
			wanted[fileName(kindInterface, i.ID)] = true
		}
	}
}

// resolvers are the addresses at which the VPC's resolver is asked: its own two, and those of inbound
// resolver endpoints.
func (p *parts) resolvers() []netip.Addr {
	list := resolverAddresses(p.vpc)
	for _, i := range p.interfaces {
		if i.Resolver {
			list = append(list, i.Address)
		}
	}
	return list
}

// equal says whether two are made of equal values, in the same order.
func (p *parts) equal(other *parts) bool {
	return other != nil && equalVPC(p.vpc, other.vpc) &&
		slices.EqualFunc(p.interfaces, other.interfaces, func(a, b *network.Interface) bool {
			return a.ID == b.ID && a.Address == b.Address && a.Subnet == b.Subnet && a.MAC == b.MAC &&
				a.Endpoint == b.Endpoint && a.Resolver == b.Resolver && a.Public == b.Public && a.NAT == b.NAT && a.Open == b.Open && a.Forwards == b.Forwards && a.Metadata == b.Metadata &&
				slices.Equal(a.Groups, b.Groups)
		}) &&
		slices.EqualFunc(p.endpoints, other.endpoints, func(a, b *network.Endpoint) bool {
			return a.ID == b.ID && a.Gateway == b.Gateway && slices.Equal(a.Prefixes, b.Prefixes)
		}) && slices.EqualFunc(p.peers, other.peers, (*neighbour).equal) && reflect.DeepEqual(p.ports, other.ports)
}

func split(want *network.Network) map[string]*parts {
	by := make(map[string]*parts, len(want.VPCs))
	for i := range want.VPCs {
		by[want.VPCs[i].ID] = &parts{vpc: &want.VPCs[i]}
	}
	for i := range want.Interfaces {
		p := by[want.Interfaces[i].VPC]
		p.interfaces = append(p.interfaces, &want.Interfaces[i])
	}
	for i := range want.Endpoints {
		p := by[want.Endpoints[i].VPC]
		p.endpoints = append(p.endpoints, &want.Endpoints[i])
	}
	for _, o := range want.Peerings {
		a, b := by[o.VPCs[0]], by[o.VPCs[1]]
		if a != nil && b != nil {
			a.peers, b.peers = append(a.peers, &neighbour{o.ID, b.vpc, b.interfaces}), append(b.peers, &neighbour{o.ID, a.vpc, a.interfaces})
		}
	}
	for i := range want.Endpoints {
		e := &want.Endpoints[i]
		if e.Balancer == "" {
			continue
		}
		by[e.VPC].balance(e.ID, nil) // of a balancer that is gone no port is open
		for _, b := range want.Balancers {
			if e.Balancer == b.ID {
				by[e.VPC].balance(e.ID, b.Listeners)
			}
		}
	}
	for _, b := range want.Balancers {
		for _, id := range b.Interfaces {
			by[b.VPC].balance(id, b.Listeners)
		}
	}
	return by
}

// balance notes the ports of an endpoint with a balancer behind it, or of a balancer's interface.
func (p *parts) balance(id string, listeners []network.Listener) {
	if p.ports == nil {
		p.ports = map[string][]int{}
	}
	p.ports[id] = []int{}
	for _, l := range listeners {
		p.ports[id] = append(p.ports[id], l.Port)
	}
}

// applyVPC does nothing for a VPC that is as it was.
func (f *Fabric) applyVPC(p *parts) error {
	if r := f.routers[p.vpc.ID]; r != nil {
		if r.have != nil && p.equal(r.last) {
			return nil
		}
		r.last = nil
	}
	t := &target{
		ways:  func(links map[string]string) *ways { return vpcWays(p, links) },
		rules: func(links map[string]string) *ruleset { return vpcRuleset(p, links) },

		gateway: p.vpc.InternetGateway,
	}
	adopted := f.routers[p.vpc.ID] != nil && f.routers[p.vpc.ID].have == nil
	if adopted && (len(p.peers) > 0 || p.vpc.InternetGateway != "") {
		t.foreign = p.foreign()
	}
	subnets := make(map[string]*network.Subnet, len(p.vpc.Subnets))
	for i := range p.vpc.Subnets {
		subnets[p.vpc.Subnets[i].ID] = &p.vpc.Subnets[i]
	}
	for _, i := range p.interfaces {
		if !i.Own() {
			continue
		}
		mac, err := hardwareAddress(i.MAC, i.ID)
		if err != nil {
			return err
		}
		s := subnets[i.Subnet]
		t.ports = append(t.ports, &port{id: i.ID, file: fileName(kindInterface, i.ID),
			address: i.Address, mac: mac, subnet: s.CIDR, gateway: reach.Gateway(s), mtu: mtuInside, translates: i.NAT})
	}
	if err := f.applyRouter(p.vpc.ID, t, p.resolvers()); err != nil {
		return err
	}
	if err := f.follow(f.routers[p.vpc.ID], p.vpc.LogFlows); err != nil {
		return err
	}
	r := f.routers[p.vpc.ID]
	if err := r.inform(f.entrance, p.informs()); err != nil {
		return err
	}
	if err := r.strangersGone(p); err != nil {
		return err
	}
	if adopted {
		if err := f.audit(p.interfaces, p.owned()); err != nil {
			return err
		}
	}
	r.last = p
	return nil
}

// hostGateway is what a host on the internet has for a router: any address, as there is no ARP.
var hostGateway = netip.AddrFrom4([4]byte{169, 254, 1, 1})

// applyInternet gives the files of the internet's namespaces.
func (f *Fabric) applyInternet(n *network.Internet, public []elastic) (map[string]bool, error) {
	file := fileName(kindInternet, "internet")
	files := map[string]bool{file: true}
	t := &target{
		ways:  func(links map[string]string) *ways { return internetWays(n, public, links) },
		rules: func(links map[string]string) *ruleset { return internetRuleset(n, public, links) },
	}
	for _, h := range n.Hosts {
		mac, _ := hardwareAddress("", h.ID)
		p := &port{id: h.ID, file: fileName(kindHost, h.ID), address: h.Address, mac: mac,
			subnet: netip.PrefixFrom(h.Address, 32), gateway: hostGateway, mtu: mtuInternet}
		t.ports = append(t.ports, p)
		files[p.file] = true
	}
	if err := f.applyRouter("", t, []netip.Addr{reach.PublicResolver}); err != nil {
		return files, fmt.Errorf("internet: %w", err)
	}
	if err := f.uplink.serve(int(f.routers[""].file.Fd()), n.Uplink); err != nil {
		return files, err
	}
	return files, nil
}

// applyRouter makes a router equal to its target, and then opens its sockets.
func (f *Fabric) applyRouter(vpc string, t *target, resolvers []netip.Addr) (err error) {
	r := f.routers[vpc]
	if r == nil {
		return errors.New("no namespace for its router") // which openRouters has told
	}
	if err := f.converge(r, t); err != nil {
		return err
	}
	if r.listeners == nil {
		if r.listeners, err = f.entrance.listen(int(r.file.Fd()), vpc, "0.0.0.0:443"); err != nil {
			return err
		}
	}
	if r.resolver == nil {
		r.resolver = f.resolve(vpc)
	}
	return r.resolver.serve(int(r.file.Fd()), resolvers)
}

// readFiles lists the namespaces that an earlier process left.
func (f *Fabric) readFiles() error {
	if f.files != nil {
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(f.directory, "netns"))
	if err != nil {
		return err
	}
	files := map[string]bool{}
	for _, e := range entries {
		if kindOf(e.Name()) == "" {
			continue
		}
		ns, err := openNamespace(f.path(e.Name()))
		if err != nil { // only a file: its namespace was never made, or ended with its mount namespace
			if err := removeNamespace(f.path(e.Name())); err != nil {
				return err
			}
			continue
		}
		ns.Close()
		files[e.Name()] = true
	}
	f.files = files
	return nil
}

// dropRest ends the routers and namespaces that are wanted no more.
func (f *Fabric) dropRest(vpcs map[string]*parts, wanted map[string]bool) error {
	for id, r := range f.routers {
		if _, stays := vpcs[id]; !stays && id != "" {
			r.close()
			delete(f.routers, id)
		}
	}
	for file := range f.files {
		if wanted[file] {
			continue
		}
		if err := removeNamespace(f.path(file)); err != nil {
			return err
		}
		delete(f.files, file)
	}
	return nil
}
