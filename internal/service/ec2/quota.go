package ec2

// Quotas are the most of each resource that an account may have; AWS lets customers raise them.
type Quotas struct {
	VPCs                int // per account
	SubnetsPerVPC       int
	TablesPerVPC        int
	Groups              int // per account
	RulesPerDirection   int
	GroupsPerInterface  int
	Interfaces          int // per account
	InterfaceEndpoints  int // per VPC
	GatewayEndpoints    int // per account
	TagsPerResource     int
	PolicyCharacters    int
	InternetGateways    int // per account
	Addresses           int // elastic ones, per account
	NATsPerZone         int
	RoutesPerTable      int // that are not propagated
	ActivePeerings      int // per VPC
	PendingPeerings     int // per account, those it asked for
	ACLsPerVPC          int
	EntriesPerDirection int // of a network ACL
	PrefixLists         int // per account
	VPNGateways         int // per account
	CustomerGateways    int // per account
	VPNConnections      int // per account
	TunnelsPerGateway   int
	NetworksPerTunnel   int // static routes of a VPN connection
}

// filled gives each quota that was left out AWS's default.
func (q Quotas) filled() Quotas {
	for _, d := range []struct {
		at  *int
		aws int
	}{
		{&q.VPCs, 5}, {&q.SubnetsPerVPC, 200}, {&q.TablesPerVPC, 200}, {&q.Groups, 2500}, {&q.RulesPerDirection, 60},
		{&q.GroupsPerInterface, 5}, {&q.Interfaces, 5000}, {&q.InterfaceEndpoints, 50}, {&q.GatewayEndpoints, 20},
		{&q.TagsPerResource, 50}, {&q.PolicyCharacters, 20480},
		{&q.InternetGateways, 5}, {&q.Addresses, 5}, {&q.NATsPerZone, 5}, {&q.RoutesPerTable, 50}, {&q.ActivePeerings, 50}, {&q.PendingPeerings, 25},
		{&q.ACLsPerVPC, 200}, {&q.EntriesPerDirection, 20}, {&q.PrefixLists, 100},
		{&q.VPNGateways, 5}, {&q.CustomerGateways, 50}, {&q.VPNConnections, 50}, {&q.TunnelsPerGateway, 10}, {&q.NetworksPerTunnel, 100},
	} {
		if *d.at == 0 {
			*d.at = d.aws
		}
	}
	return q
}
