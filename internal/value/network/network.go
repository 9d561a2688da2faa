// Package network is the whole wanted state of the fabric as one plain value: what the kernel should
// look like, said in AWS's nouns and without a trace of how.
//
// service/ec2 makes one from its records, machine/fabric makes the kernel equal to it. Ids are AWS
// ids. The value is never changed after it was handed over.
package network

import "net/netip"

// Network is everything that should exist. Order means nothing.
type Network struct {
	VPCs []VPC
	// Interfaces are the ENIs of all VPCs, those of interface endpoints included.
	Interfaces []Interface
	Endpoints  []Endpoint
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
	// Resolve says whether the resolver answers (enableDnsSupport).
	Resolve bool
	// Names are private names that hide public ones inside this VPC only. A Name whose text begins
	// with "*." covers every name below it that has no record of its own.
	Names []Name
}

// Subnet is a range of a VPC with one route table.
type Subnet struct {
	ID, Table string
	CIDR      netip.Prefix
}

// RouteTable routes what leaves a subnet for elsewhere; the VPC's own CIDRs always win.
type RouteTable struct {
	ID     string
	Routes []Route
}

// Route leads to a target; longest prefix wins. The only target kind so far is a gateway endpoint.
// A route without a target is a blackhole: packets vanish, as AWS's do.
type Route struct {
	Destinations []netip.Prefix
	Endpoint     string // a gateway endpoint's id
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
	Group    string
	Prefixes []netip.Prefix // a prefix list's entries
}

// Interface is an ENI with one address.
type Interface struct {
	ID, VPC, Subnet string
	Address         netip.Addr
	MAC             string
	Groups          []string
	// Endpoint is set when the interface belongs to an interface endpoint: it has no namespace, the
	// fabric answers on its address itself. Otherwise the interface has a namespace of its own, in
	// which it is eth0.
	Endpoint string
}

// Endpoint is a VPC endpoint. Every TCP connection to port 443 of one of its interfaces, or for a
// gateway endpoint to one of its prefixes along a route to it, is accepted by the fabric's Listener.
type Endpoint struct {
	ID, VPC string
	Service string // com.amazonaws.us-east-1.sagemaker.api
	Gateway bool
	// Prefixes are the service's public ranges; gateway endpoints only.
	Prefixes []netip.Prefix
}

// Internet is the segment outside every VPC: the public doors, their names, and hosts that stand there.
type Internet struct {
	// Doors are the public addresses on which the fabric's Listener accepts port 443.
	Doors []netip.Addr
	// Names are public: every resolver answers them unless a VPC's own Names hide them.
	Names []Name
	// Hosts are namespaces that stand on the internet, each with an address of its own.
	Hosts []Host
}

// Host is a namespace on the internet.
type Host struct {
	ID      string
	Address netip.Addr
}

// Name is a DNS name, lower case and without a final dot, with its addresses.
type Name struct {
	Text      string
	Addresses []netip.Addr
	TTL       uint32 // seconds; 0 means 60
}
