package reach

import (
	"net/netip"
	"slices"

	"cloister/internal/value/network"
)

// Index answers questions about one Network from memory: whose connection is this, what does that
// name mean here, does a packet get there. It is what every implementation shares, and is never
// changed after NewIndex.
type Index struct {
	vpcs       map[string]*vpcIndex
	interfaces map[string]*network.Interface
	endpoints  map[string]*network.Endpoint
	peerings   map[string]*network.Peering
	balancers  map[string]*network.Balancer
	tunnels    map[string]tunnel
	hosts      map[string]netip.Addr
	isolated   map[string]bool
	doors      map[netip.Addr]bool
	public     names
	uplink     bool
	// standing are the ids of hosts by address, elastic the interfaces by their public address, and
	// fronts the balancers by their interfaces' ids.
	standing map[netip.Addr]string
	elastic  map[netip.Addr]*network.Interface
	fronts   map[string]*network.Balancer
}

// tunnel is a VPN connection with the VPC it leads to.
type tunnel struct {
	*network.Tunnel
	vpc *vpcIndex
}

type vpcIndex struct {
	*network.VPC
	byAddress map[netip.Addr]*network.Interface
	subnets   map[string]*network.Subnet
	tables    map[string]*network.RouteTable
	groups    map[string]*network.Group
	acls      map[string]*network.ACL
	gateways  map[netip.Addr]bool
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
		peerings:   make(map[string]*network.Peering, len(want.Peerings)),
		balancers:  make(map[string]*network.Balancer, len(want.Balancers)),
		tunnels:    map[string]tunnel{},
		hosts:      make(map[string]netip.Addr, len(want.Internet.Hosts)),
		isolated:   make(map[string]bool, len(want.Isolated)),
		doors:      make(map[netip.Addr]bool, len(want.Internet.Doors)),
		public:     newNames(want.Internet.Names),
		uplink:     want.Internet.Uplink,
		standing:   make(map[netip.Addr]string, len(want.Internet.Hosts)),
		elastic:    map[netip.Addr]*network.Interface{},
		fronts:     map[string]*network.Balancer{},
	}
	return x, x.read(want)
}

// namespace says whether an id already has a namespace.
func (x *Index) namespace(id string) bool {
	_, host := x.hosts[id]
	return id == "" || host || x.isolated[id] || x.interfaces[id] != nil
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

// ContainerMetadata and InstanceMetadata are where a workload asks for its credentials, in the way of
// containers and in that of instances.
var (
	ContainerMetadata = netip.AddrFrom4([4]byte{169, 254, 170, 2})
	InstanceMetadata  = netip.AddrFrom4([4]byte{169, 254, 169, 254})
)

// metadataPort is the only one that is open there.
const metadataPort = 80

func metadata(a netip.Addr) bool { return a == ContainerMetadata || a == InstanceMetadata }

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

// Sends says whether an id is somebody's who can begin a connection: a namespace or a VPN tunnel.
func (x *Index) Sends(id string) bool {
	_, tunnel := x.tunnels[id]
	return tunnel || x.Kind(id) != KindNone
}

// Owner is the interface that has an address in a VPC; empty when none has.
func (x *Index) Owner(vpc string, a netip.Addr) string {
	if v := x.vpcs[vpc]; v != nil && v.byAddress[a] != nil {
		return v.byAddress[a].ID
	}
	return ""
}

// VPC is the VPC that an interface is in; empty for everything else, which is on the internet or nowhere.
func (x *Index) VPC(id string) string {
	if i := x.interfaces[id]; i != nil {
		return i.VPC
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

// Plumbing says whether an address is the VPC's own furniture, of which flow logs say nothing: its
// resolver, its routers, and what is link-local.
func (x *Index) Plumbing(vpc string, a netip.Addr) bool {
	v := x.vpcs[vpc]
	return v == nil || a.IsLinkLocalUnicast() || a.IsLoopback() || a == v.resolver() || v.gateways[a]
}
