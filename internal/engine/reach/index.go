package reach

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// Index answers questions about one Network from memory: whose connection is this, what does that
// name mean here, does a packet get there. It is what every implementation shares, and is never
// changed after NewIndex.
type Index struct {
	vpcs       map[string]*vpcIndex
	interfaces map[string]*network.Interface
	endpoints  map[string]*network.Endpoint
	hosts      map[string]netip.Addr
	isolated   map[string]bool
	doors      map[netip.Addr]bool
	public     names
}

type vpcIndex struct {
	*network.VPC
	byAddress map[netip.Addr]*network.Interface
	subnets   map[string]*network.Subnet
	tables    map[string]*network.RouteTable
	groups    map[string]*network.Group
	private   names
	zones     map[string]*zone
	hosts     map[netip.Addr]string // the names of addresses
}

// NewIndex reads a Network and refuses one that contradicts itself.
func NewIndex(want *network.Network) (*Index, error) {
	x := &Index{
		vpcs:       make(map[string]*vpcIndex, len(want.VPCs)),
		interfaces: make(map[string]*network.Interface, len(want.Interfaces)),
		endpoints:  make(map[string]*network.Endpoint, len(want.Endpoints)),
		hosts:      make(map[string]netip.Addr, len(want.Internet.Hosts)),
		isolated:   make(map[string]bool, len(want.Isolated)),
		doors:      make(map[netip.Addr]bool, len(want.Internet.Doors)),
		public:     newNames(want.Internet.Names),
	}
	for i := range want.VPCs {
		if err := x.addVPC(&want.VPCs[i]); err != nil {
			return nil, err
		}
	}
	for i := range want.Endpoints {
		if err := x.addEndpoint(&want.Endpoints[i]); err != nil {
			return nil, err
		}
	}
	for i := range want.Interfaces {
		if err := x.addInterface(&want.Interfaces[i]); err != nil {
			return nil, err
		}
	}
	for _, id := range want.Isolated {
		if x.namespace(id) {
			return nil, fmt.Errorf("isolated %s: the id is taken", id)
		}
		x.isolated[id] = true
	}
	return x, x.addInternet(&want.Internet)
}

// namespace says whether an id already has a namespace.
func (x *Index) namespace(id string) bool {
	_, host := x.hosts[id]
	return id == "" || host || x.isolated[id] || x.interfaces[id] != nil
}

func (x *Index) addVPC(v *network.VPC) error {
	if v.ID == "" || x.vpcs[v.ID] != nil {
		return fmt.Errorf("vpc %q: empty or repeated id", v.ID)
	}
	if len(v.CIDRs) == 0 {
		return fmt.Errorf("vpc %s: no address range", v.ID)
	}
	at := &vpcIndex{
		VPC:       v,
		byAddress: map[netip.Addr]*network.Interface{},
		subnets:   make(map[string]*network.Subnet, len(v.Subnets)),
		tables:    make(map[string]*network.RouteTable, len(v.Tables)),
		groups:    make(map[string]*network.Group, len(v.Groups)),
		private:   newNames(v.Names),
		zones:     newZones(v.Zones),
		hosts:     hostNames(v.Names),
	}
	for _, cidr := range v.CIDRs {
		if !plain(cidr) || cidr.Bits() > 28 {
			return fmt.Errorf("vpc %s: %s is no IPv4 range", v.ID, cidr)
		}
	}
	for i := range v.Tables {
		at.tables[v.Tables[i].ID] = &v.Tables[i]
	}
	for i := range v.Groups {
		at.groups[v.Groups[i].ID] = &v.Groups[i]
	}
	for i := range v.Subnets {
		s := &v.Subnets[i]
		if at.subnets[s.ID] != nil || !plain(s.CIDR) || !at.holds(s.CIDR.Addr()) {
			return fmt.Errorf("subnet %s: repeated, or %s is not in %s", s.ID, s.CIDR, v.ID)
		}
		at.subnets[s.ID] = s
	}
	x.vpcs[v.ID] = at
	return nil
}

func (x *Index) addEndpoint(e *network.Endpoint) error {
	if e.ID == "" || x.endpoints[e.ID] != nil || x.vpcs[e.VPC] == nil {
		return fmt.Errorf("endpoint %q: empty or repeated id, or no vpc %q", e.ID, e.VPC)
	}
	x.endpoints[e.ID] = e
	return nil
}

func (x *Index) addInterface(i *network.Interface) error {
	v := x.vpcs[i.VPC]
	if v == nil || x.namespace(i.ID) {
		return fmt.Errorf("interface %q: empty or repeated id, or no vpc %q", i.ID, i.VPC)
	}
	s := v.subnets[i.Subnet]
	if s == nil || !s.CIDR.Contains(i.Address) || i.Address == v.resolver() || i.Address == Gateway(s) {
		return fmt.Errorf("interface %s: %s is no address for subnet %q", i.ID, i.Address, i.Subnet)
	}
	if other := v.byAddress[i.Address]; other != nil {
		return fmt.Errorf("interface %s: %s is the address of %s", i.ID, i.Address, other.ID)
	}
	if e := x.endpoints[i.Endpoint]; i.Endpoint != "" && (e == nil || e.VPC != i.VPC || e.Gateway) {
		return fmt.Errorf("interface %s: no interface endpoint %s in %s", i.ID, i.Endpoint, i.VPC)
	}
	x.interfaces[i.ID], v.byAddress[i.Address] = i, i
	return nil
}

func (x *Index) addInternet(n *network.Internet) error {
	for _, door := range n.Doors {
		if !door.Is4() || door == PublicResolver {
			return fmt.Errorf("door %s: no IPv4 address of its own", door)
		}
		x.doors[door] = true
	}
	taken := map[netip.Addr]bool{PublicResolver: true}
	for _, h := range n.Hosts {
		if x.namespace(h.ID) {
			return fmt.Errorf("host %q: empty or repeated id", h.ID)
		}
		if !h.Address.Is4() || taken[h.Address] || x.doors[h.Address] {
			return fmt.Errorf("host %s: %s is no IPv4 address of its own", h.ID, h.Address)
		}
		x.hosts[h.ID], taken[h.Address] = h.Address, true
	}
	return nil
}

// plain says whether a prefix is IPv4 with no bits beyond its length.
func plain(p netip.Prefix) bool {
	return p.IsValid() && p.Addr().Is4() && p.Masked() == p
}

func (v *vpcIndex) holds(a netip.Addr) bool {
	return slices.ContainsFunc(v.CIDRs, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (v *vpcIndex) resolver() netip.Addr { return VPCResolver(v.VPC) }

// LinkLocalResolver is the second address of every VPC's resolver, PublicResolver the address of
// the internet's, from the range that RFC 5737 keeps for documents.
var (
	LinkLocalResolver = netip.AddrFrom4([4]byte{169, 254, 169, 253})
	PublicResolver    = netip.AddrFrom4([4]byte{192, 0, 2, 53})
)

// Gateway is the address of a subnet's router, the first of its range.
func Gateway(s *network.Subnet) netip.Addr { return s.CIDR.Masked().Addr().Next() }

// VPCResolver is base+2 of the primary range.
func VPCResolver(v *network.VPC) netip.Addr {
	return v.CIDRs[0].Masked().Addr().Next().Next()
}

// Resolver gives what the resolv.conf of a namespace says.
func (x *Index) Resolver(id string) network.Resolver {
	if i := x.interfaces[id]; i != nil {
		v := x.vpcs[i.VPC]
		if len(v.Servers) > 0 {
			return network.Resolver{Servers: v.Servers, Domain: v.Domain}
		}
		return network.Resolver{Servers: []netip.Addr{v.resolver()}, Domain: v.Domain}
	}
	if _, ok := x.hosts[id]; ok {
		return network.Resolver{Servers: []netip.Addr{PublicResolver}}
	}
	return network.Resolver{}
}

// Origin tells the path of a connection that arrived in a VPC (or, for the empty id, on the
// internet). It is not ok when the target is no endpoint there and no door, or when the source is no
// interface of that VPC: one that was just removed, as nobody else can send there.
func (x *Index) Origin(vpc string, source netip.Addr, target netip.AddrPort) (caller.Origin, bool) {
	o := caller.Origin{Source: source, Target: target}
	if vpc == "" {
		return o, x.doors[target.Addr()]
	}
	v := x.vpcs[vpc]
	if v == nil {
		return o, false
	}
	o.Place, o.VPC = caller.Endpoint, vpc
	from := v.byAddress[source]
	if from == nil {
		return o, false
	}
	o.Interface, o.Subnet = from.ID, from.Subnet
	var e *network.Endpoint
	if to := v.byAddress[target.Addr()]; to != nil {
		e, o.EndpointInterface = x.endpoints[to.Endpoint], to.ID
	} else if !v.holds(target.Addr()) {
		e = x.gateway(v, from.Subnet, target.Addr())
	}
	if e == nil {
		return o, false
	}
	o.EndpointID, o.Service = e.ID, e.Service
	return o, true
}

// Stands says whether the path that an Origin tells exists still: its endpoint, the interface
// that took the connection and the interface that made it.
func (x *Index) Stands(o *caller.Origin) bool {
	if o.Place == caller.Internet {
		return x.doors[o.Target.Addr()]
	}
	now, ok := x.Origin(o.VPC, o.Source, o.Target)
	return ok && now == *o
}

// gateway gives the gateway endpoint to which the subnet's table leads an address, if any.
func (x *Index) gateway(v *vpcIndex, subnet string, to netip.Addr) *network.Endpoint {
	s := v.subnets[subnet]
	if s == nil {
		return nil
	}
	table := v.tables[s.Table]
	if table == nil {
		return nil
	}
	best, found := -1, ""
	for _, r := range table.Routes {
		for _, p := range r.Destinations {
			if p.Contains(to) && better(p.Bits(), r.Target.ID, best, found) {
				best, found = p.Bits(), r.Target.ID
			}
		}
	}
	if e := x.endpoints[found]; e != nil && e.Gateway && e.VPC == v.ID {
		return e
	}
	return nil
}

// better orders routes to one address: the longer prefix, then a target before none, then the id.
func better(bits int, endpoint string, best int, found string) bool {
	if bits != best {
		return bits > best
	}
	if (endpoint == "") != (found == "") {
		return endpoint != ""
	}
	return strings.Compare(endpoint, found) < 0
}

// Kind is the kind of namespace that an id has.
type Kind int

const (
	KindNone Kind = iota
	KindInterface
	KindIsolated
	KindHost
)

// Kind tells what namespace an id has; an endpoint's interface has none, and neither has a resolver's.
func (x *Index) Kind(id string) Kind {
	if i := x.interfaces[id]; i != nil && i.Own() {
		return KindInterface
	}
	if _, ok := x.hosts[id]; ok {
		return KindHost
	}
	if x.isolated[id] {
		return KindIsolated
	}
	return KindNone
}

// Owner is the interface that has an address in a VPC; empty when none has.
func (x *Index) Owner(vpc string, a netip.Addr) string {
	if v := x.vpcs[vpc]; v != nil && v.byAddress[a] != nil {
		return v.byAddress[a].ID
	}
	return ""
}

// Address is the address of a namespace; invalid for an isolated one.
func (x *Index) Address(id string) netip.Addr {
	if i := x.interfaces[id]; i != nil {
		return i.Address
	}
	return x.hosts[id]
}
