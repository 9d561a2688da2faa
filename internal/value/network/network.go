// Package network is the whole wanted state of the fabric as one plain value: what the kernel should
// look like, said in AWS's nouns and without a trace of how.
//
// The services make one from their records, engine/reach walks it, machine/fabric makes the kernel
// equal to it. Ids are AWS ids. The value is never changed after it was handed over.
package network

import "net/netip"

// Network is everything that should exist. Order means nothing but where it is said.
type Network struct {
	VPCs []VPC
	// Interfaces are the ENIs of all VPCs, those of interface endpoints included.
	Interfaces []Interface
	Endpoints  []Endpoint
	Peerings   []Peering
	Balancers  []Balancer
	// Isolated are namespaces with a loopback device and nothing else, by id.
	Isolated []string
	Internet Internet
}

// VPC is one address space with its own resolver.
type VPC struct {
	ID      string
	CIDRs   []netip.Prefix // the first is the primary: base+2 of it is the resolver
	Subnets []Subnet
	Tables  []RouteTable
	Groups  []Group
	ACLs    []ACL
	// InternetGateway is the id of the attached one, empty for none.
	InternetGateway string
	// VPN is the attached VPN gateway, nil for none.
	VPN *VPN
	// Resolve says whether the resolver answers (enableDnsSupport).
	Resolve bool
	// Names are private names that hide public ones inside this VPC only. A Name whose text begins
	// with "*." covers every name below it that has no record of its own.
	Names []Name
	// Zones are private hosted zones. A name at or below an apex is answered from the zone with the
	// longest such apex and from nowhere else, but Names come before Zones.
	Zones []Zone
	// Servers are the DNS servers that the DHCP options name; empty means the VPC's own resolver.
	Servers []netip.Addr
	// Domain is the search domain that the DHCP options name; empty for none.
	Domain string
	// LogFlows and LogQueries say whether the Observer hears of connections and of questions.
	LogFlows, LogQueries bool
}

// Subnet is a range of a VPC with one route table and one network ACL (empty: everything passes).
type Subnet struct {
	ID, Table, ACL string
	CIDR           netip.Prefix
	Zone           string // the availability zone, which only a Balancer asks for
}

// RouteTable routes what leaves a subnet for elsewhere; the VPC's own CIDRs always win.
type RouteTable struct {
	ID     string
	Routes []Route
}

// Route leads to a target; the longest prefix wins, and of equal ones the first that leads somewhere.
type Route struct {
	Destinations []netip.Prefix
	Target       Target
}

// Target is where a route leads. A target that does not exist (any more) is a blackhole: packets
// vanish, as AWS's do.
type Target struct {
	Kind TargetKind
	// ID is of the endpoint, internet gateway, peering, VPN gateway or interface.
	ID string
}

// TargetKind is what a route can lead to.
type TargetKind int

const (
	Blackhole         TargetKind = iota
	ToEndpoint                   // a gateway endpoint
	ToInternetGateway            // the one attached to the VPC
	ToPeering
	ToVPN       // the VPN gateway attached to the VPC
	ToInterface // an interface of the VPC that forwards: a NAT gateway's, or one without source/destination check
)

// ACL is a network ACL: stateless, its entries in order (the first that matches decides), and what no
// entry matches is refused. It sees what passes between its subnets and elsewhere, not what stays
// within one subnet, and never what goes to and from the VPC's resolver.
type ACL struct {
	ID              string
	Ingress, Egress []ACLEntry // in the order of their numbers
}

// ACLEntry allows or refuses packets whose other end is in CIDR.
type ACLEntry struct {
	Allow    bool
	Protocol int // IANA number; -1 is every protocol
	// From and To are destination ports for TCP and UDP, type and code for ICMP (-1 all).
	From, To int
	CIDR     netip.Prefix
}

// Group is a security group; stateful, allow rules only.
type Group struct {
	ID              string
	Ingress, Egress []Rule
}

// Rule allows traffic with one peer, which is exactly one of CIDR, Group and Prefixes.
type Rule struct {
	Protocol int // IANA number; -1 is every protocol
	// From and To are ports for TCP and UDP, type and code for ICMP (-1 all); unused for -1.
	From, To int
	CIDR     netip.Prefix
	// Group is a group of the same VPC, or of one that is peered with it.
	Group    string
	Prefixes []netip.Prefix // a prefix list's entries
}

// Interface is an ENI with one address.
type Interface struct {
	ID, VPC, Subnet string
	Address         netip.Addr
	MAC             string
	Groups          []string
	// Public is the elastic address that stands for Address beyond the internet gateway, if any.
	Public netip.Addr
	// Endpoint is set when the interface belongs to an interface endpoint: it has no namespace, the
	// fabric answers on its address itself.
	Endpoint string
	// Resolver is set when the interface belongs to an inbound resolver endpoint: it has no namespace,
	// the VPC's resolver answers on port 53 of its address, as its groups allow.
	Resolver bool
	// NAT is set for the interface of a NAT gateway: the fabric itself forwards in its namespace and
	// puts Address in the place of every source. It has no groups; nobody reaches it unasked.
	NAT bool
	// Open is set for an interface to which no groups apply: a network load balancer's.
	Open bool
	// Forwards is set when its source/destination check is off: it may send with any source and is
	// given packets that routes lead to it.
	Forwards bool
	// Metadata is set for an interface whose workload is told its credentials: TCP connections from its own
	// address to port 80 of 169.254.170.2 and 169.254.169.254 arrive at the fabric, past groups and network
	// ACLs. Nobody else reaches these addresses, and they are routed nowhere.
	Metadata bool
}

// Own says whether the interface has a namespace of its own, in which it is eth0.
func (i *Interface) Own() bool { return i.Endpoint == "" && !i.Resolver }

// Endpoint is a VPC endpoint. Every TCP connection to port 443 of one of its interfaces, or for a
// gateway endpoint to one of its prefixes along a route to it, is accepted by the fabric's Listener.
// With a Balancer, the connections to its listeners' ports are handed on to that instead.
type Endpoint struct {
	ID, VPC string
	Service string // com.amazonaws.us-east-1.sagemaker.api
	Gateway bool
	// Prefixes are the service's public ranges; gateway endpoints only.
	Prefixes []netip.Prefix
	// Balancer is the network load balancer behind a customer's endpoint service; empty otherwise.
	Balancer string
}

// Balancer is a network load balancer: what arrives at a listener's port of one of its interfaces, or
// through an endpoint of a service in front of it, goes on to one of the listener's targets that
// accepts, from the address of one of its interfaces.
type Balancer struct {
	ID, VPC    string
	Interfaces []string // ids; they are Open and have namespaces
	Listeners  []Listener
	// Zonal keeps a connection in the zone that it arrived in, at an interface of the balancer or of an
	// endpoint: it goes on from an interface there, to a target in a subnet there, or nowhere.
	Zonal bool
}

// Listener is a TCP port of a Balancer.
type Listener struct {
	Port    int
	Targets []netip.AddrPort // addresses in the Balancer's VPC
}

// Peering joins two VPCs whose ranges do not overlap. Routes on both sides lead through it; it carries
// nothing that is not between an interface of the one and an interface of the other.
type Peering struct {
	ID   string
	VPCs [2]string
}

// VPN is a VPN gateway: a WireGuard device of this VPC, whose peers are customers' networks.
type VPN struct {
	ID string
	// Port is the UDP port of the host's own network on which tunnels arrive.
	Port    int
	Key     Key // the gateway's private key
	Tunnels []Tunnel
}

// Tunnel is one VPN connection.
type Tunnel struct {
	ID        string
	PublicKey Key // of the customer's side
	Shared    Key // a pre-shared key; zero for none
	// Networks are the ranges behind the customer's side: what may come from there and what goes there
	// when a route leads to the gateway.
	Networks []netip.Prefix
}

// Key is a WireGuard key. It never prints itself.
type Key [32]byte

// String hides the key.
func (Key) String() string { return "***" }

// GoString hides the key.
func (Key) GoString() string { return "***" }

// Internet is the segment outside every VPC: the public doors, their names, and hosts that stand there.
type Internet struct {
	// Doors are the public addresses on which the fabric's Listener accepts port 443.
	Doors []netip.Addr
	// Names are public: every resolver answers them unless a VPC's own Names or Zones hide them.
	Names []Name
	// Hosts are namespaces that stand on the internet, each with an address of its own.
	Hosts []Host
	// Uplink says whether TCP connections to addresses that nobody here has go on to the host's real
	// network, on behalf of the caller.
	Uplink bool
	// Recursors are asked for names that nobody here knows; empty: such names do not exist.
	Recursors []netip.AddrPort
}

// Host is a namespace on the internet.
type Host struct {
	ID      string
	Address netip.Addr
}

// Zone is a private hosted zone.
type Zone struct {
	Apex  string
	Names []Name
}

// Name is a DNS name, lower case and without a final dot, with what it stands for: addresses and
// texts, or another name.
type Name struct {
	Text      string
	Addresses []netip.Addr
	TXT       []string // each a whole TXT record
	CNAME     string   // excludes the others
	TTL       uint32   // seconds; 0 means 60
}

// Resolver is what a namespace's resolv.conf says.
type Resolver struct {
	Servers []netip.Addr
	Domain  string
}
