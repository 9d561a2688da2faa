package ec2

import (
	"net/netip"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
)

// head is what every record begins with.
type head struct {
	ID, Account string
	Created     time.Time
	Tags        map[string]string `json:",omitempty"`
}

func (h *head) common() *head { return h }

type vpc struct {
	head
	CIDR          netip.Prefix
	Association   string // of the CIDR: vpc-cidr-assoc-…
	DNSSupport    bool
	DNSHostnames  bool
	UsageMetrics  bool
	Table         string            // the main route table
	Group         string            // the default security group
	ACL           string            // the default network ACL
	ACLTags       map[string]string `json:",omitempty"` // of older records, whose ACL had no record
	DHCPOptionsID string
	More          []block `json:",omitempty"` // ranges that were added
	Default       bool    `json:",omitempty"`
	Dedicated     bool    `json:",omitempty"` // the tenancy
}

type subnet struct {
	head
	VPC            string
	CIDR           netip.Prefix
	Zone           string
	MapPublicIP    bool   // recorded only: there are no instances
	ACL            string `json:",omitempty"` // empty: the VPC's default
	ACLAssociation string
	Default        bool `json:",omitempty"`
}

type association struct{ ID, Subnet string }

type routeTable struct {
	head
	VPC          string
	Main         string // the id of the main association; empty for other tables
	Associations []association
	Propagating  []string `json:",omitempty"` // VPN gateways whose networks it has routes to
	Routes       []route
}

type group struct {
	head
	VPC, Name, Description string
	Rules                  []rule
}

// rule allows traffic with one peer: CIDR, Group or PrefixList.
type rule struct {
	ID          string
	Egress      bool
	Protocol    int // -1 is every protocol
	From, To    int // ports, or ICMP type and code; -1 where there are none
	CIDR        netip.Prefix
	Group       string
	Peer        *groupPeer `json:",omitempty"` // of a Group that is in another VPC
	PrefixList  string
	Description string
	Tags        map[string]string `json:",omitempty"`
}

// States of an endpoint, in the spelling of the wire.
const (
	pending   = "pending"
	available = "available"
	deleting  = "deleting"
)

type endpoint struct {
	head
	VPC, Service string
	Gateway      bool
	State        string
	Policy       string // as it was given; empty is the default
	// Principals are the unique ids of the users and roles that Policy names, by their ARNs when it was given.
	Principals map[string]string `json:",omitempty"`
	Subnets    []string
	Tables     []string
	Groups     []string
	PrivateDNS bool
	Suffix     string // eight characters in its own DNS names
	Zone       string // the hidden hosted zone of its private names
	// Provider is the endpoint service of a customer's that it leads to, with the private name that it
	// had when the endpoint was made.
	Provider, PrivateName string `json:",omitempty"`
	// RecordType is the DNS record IP type of a gateway endpoint where it was said; empty is ipv4.
	RecordType string `json:",omitempty"`
}

type eni struct {
	head
	VPC, Subnet string
	Address     netip.Addr
	MAC         string
	Groups      []string
	Description string
	// Endpoint is the interface endpoint it belongs to.
	Endpoint string
	// NAT is the NAT gateway it belongs to.
	NAT string
	// Forwards is set when its source/destination check is off.
	Forwards bool
	// Metadata is set when what runs there is told credentials.
	Metadata bool `json:",omitempty"`
	// Managed is set when a service made it for its customer, who cannot delete it.
	Managed bool `json:",omitempty"`
	// Attachment is set while it is in use; Attached is since when.
	Attachment string
	Attached   time.Time
}

type isolated struct{ ID string }

var isolatedTable = store.NewTable[isolated]("ec2.isolated")

var vpcs = newKind[vpc]("vpc", "vpc-", "InvalidVpcID", "The vpc ID '%s' does not exist")

var subnets = newKind[subnet]("subnet", "subnet-", "InvalidSubnetID", "The subnet ID '%s' does not exist").
	malformedAs("InvalidSubnetId.Malformed",
		"Invalid Subnet Id: '%s' (expecting 'subnet-...; the Id may only contain lowercase alphanumeric characters and a single dash')")

var routeTables = newKind[routeTable]("route-table", "rtb-", "InvalidRouteTableID", "The routeTable ID '%s' does not exist")

var groups = newKind[group]("security-group", "sg-", "InvalidGroup", "The security group '%s' does not exist").
	malformedAs("InvalidGroupId.Malformed", `Invalid id: "%s" (expecting "sg-...")`)

var endpoints = newKind[endpoint]("vpc-endpoint", "vpce-", "InvalidVpcEndpointId", "The Vpc Endpoint Id '%s' does not exist")

var enis = newKind[eni]("network-interface", "eni-", "InvalidNetworkInterfaceID", "The networkInterface ID '%s' does not exist")

// Resources that live inside other records.
var (
	ruleMalformed        = fault.Kind{Code: "InvalidSecurityGroupRuleId.Malformed", Status: 400}
	ruleNotFound         = fault.Kind{Code: "InvalidSecurityGroupRuleId.NotFound", Status: 400}
	associationNotFound  = fault.Kind{Code: "InvalidAssociationID.NotFound", Status: 400}
	malformedAssociation = fault.Kind{Code: "InvalidAssociationID.Malformed", Status: 400}
)
