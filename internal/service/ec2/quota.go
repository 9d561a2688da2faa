package ec2

import "errors"

// Quotas are the most of each resource that an account may have; AWS lets customers raise them.
type Quotas struct {
	VPCs                int `yaml:"vpcs"` // per account
	SubnetsPerVPC       int `yaml:"subnets_per_vpc"`
	TablesPerVPC        int `yaml:"route_tables_per_vpc"`
	Groups              int `yaml:"security_groups"` // per account
	RulesPerDirection   int `yaml:"rules_per_security_group"`
	GroupsPerInterface  int `yaml:"security_groups_per_interface"`
	Interfaces          int `yaml:"network_interfaces"`          // per account
	InterfaceEndpoints  int `yaml:"interface_endpoints_per_vpc"` // per VPC
	GatewayEndpoints    int `yaml:"gateway_endpoints"`           // per account
	TagsPerResource     int `yaml:"-"`
	PolicyCharacters    int `yaml:"-"`
	InternetGateways    int `yaml:"internet_gateways"` // per account
	Addresses           int `yaml:"elastic_ips"`       // elastic ones, per account
	NATsPerZone         int `yaml:"nat_gateways_per_zone"`
	RoutesPerTable      int `yaml:"routes_per_route_table"`  // that are not propagated
	ActivePeerings      int `yaml:"active_peerings_per_vpc"` // per VPC
	PendingPeerings     int `yaml:"pending_peerings"`        // per account, those it asked for
	ACLsPerVPC          int `yaml:"network_acls_per_vpc"`
	EntriesPerDirection int `yaml:"rules_per_network_acl"` // of a network ACL
	PrefixLists         int `yaml:"prefix_lists"`          // per account
	VPNGateways         int `yaml:"vpn_gateways"`          // per account
	CustomerGateways    int `yaml:"customer_gateways"`     // per account
	VPNConnections      int `yaml:"vpn_connections"`       // per account
	TunnelsPerGateway   int `yaml:"vpn_connections_per_gateway"`
	NetworksPerTunnel   int `yaml:"routes_per_vpn_connection"` // static routes of a VPN connection
}

type quota struct {
	at  *int
	aws int // AWS's default
}

func (q *Quotas) each() []quota {
	return []quota{
		{&q.VPCs, 5}, {&q.SubnetsPerVPC, 200}, {&q.TablesPerVPC, 200}, {&q.Groups, 2500}, {&q.RulesPerDirection, 60},
		{&q.GroupsPerInterface, 5}, {&q.Interfaces, 5000}, {&q.InterfaceEndpoints, 50}, {&q.GatewayEndpoints, 20},
		{&q.TagsPerResource, 50}, {&q.PolicyCharacters, 20480},
		{&q.InternetGateways, 5}, {&q.Addresses, 5}, {&q.NATsPerZone, 5}, {&q.RoutesPerTable, 50}, {&q.ActivePeerings, 50}, {&q.PendingPeerings, 25},
		{&q.ACLsPerVPC, 200}, {&q.EntriesPerDirection, 20}, {&q.PrefixLists, 100},
		{&q.VPNGateways, 5}, {&q.CustomerGateways, 50}, {&q.VPNConnections, 50}, {&q.TunnelsPerGateway, 10}, {&q.NetworksPerTunnel, 100},
	}
}

// Validate refuses less than nothing.
func (q Quotas) Validate() error {
	for _, one := range q.each() {
		if *one.at < 0 {
			return errors.New("one is negative; leave out what is to be AWS's default")
		}
	}
	return nil
}

// filled gives each quota that was left out, or is 0, AWS's default.
func (q Quotas) filled() Quotas {
	for _, one := range q.each() {
		if *one.at == 0 {
			*one.at = one.aws
		}
	}
	return q
}
