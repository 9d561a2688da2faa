package ec2

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/machine/store"
	"cloister/internal/value/catalogue"
	"cloister/internal/value/network"
)

// InternetHost is the id of the host that stands on the internet, outside every VPC.
const InternetHost = "internet"

var internetAddress = netip.MustParseAddr("198.51.100.10")

// records is everything the network is made of, of all accounts.
type records struct {
	vpcs        []*vpc
	subnets     []*subnet
	routeTables []*routeTable
	groups      []*group
	endpoints   []*endpoint
	enis        []*eni
	isolated    []*isolated
	peers       []*peerNetwork
	homes       []*home
	flowLogs    []*flowLog
	acls        []*acl
	dhcps       []*dhcp
	lists       []*managedList
	services    []*endpointService
	ways
}

func read(tx *store.Tx) (*records, error) {
	var r records
	var errs [15]error
	r.vpcs, errs[0] = vpcs.all(tx, "")
	r.subnets, errs[1] = subnets.all(tx, "")
	r.routeTables, errs[2] = routeTables.all(tx, "")
	r.groups, errs[3] = groups.all(tx, "")
	r.endpoints, errs[4] = endpoints.all(tx, "")
	r.enis, errs[5] = enis.kept(tx, "")
	r.isolated, errs[6] = isolatedTable.Kept(tx, "")
	r.flowLogs, errs[7] = flowLogs.all(tx, "")
	r.ways, errs[8] = readWays(tx)
	r.acls, errs[9] = acls.all(tx, "")
	r.dhcps, errs[10] = dhcps.all(tx, "")
	r.lists, errs[11] = managedLists.all(tx, "")
	r.services, errs[12] = endpointServices.all(tx, "")
	r.peers, errs[13] = peersTable.Kept(tx, "")
	r.homes, errs[14] = homes.Kept(tx, "")
	return &r, errors.Join(errs[:]...)
}

// plan says what the fabric should be for these records. Endpoints that are being deleted are not
// part of it, and neither are their interfaces and routes. The first region has what is of no region, too.
func plan(region string, first bool, r *records) *network.Network {
	p := planner{region: region, first: first, records: r, live: map[string]*endpoint{}, addresses: map[string][]*eni{}, zones: map[string]string{}}
	for _, e := range r.endpoints {
		if e.carried() {
			p.live[e.ID] = e
		}
	}
	for _, s := range r.subnets {
		p.zones[s.ID] = s.Zone
	}
	n := &network.Network{Internet: p.internet()}
	for _, i := range r.enis {
		if i.Endpoint != "" && p.live[i.Endpoint] == nil || i.NAT != "" && p.nat(i.NAT) == nil {
			continue
		}
		p.addresses[i.Endpoint] = append(p.addresses[i.Endpoint], i)
		n.Interfaces = append(n.Interfaces, network.Interface{
			ID: i.ID, VPC: i.VPC, Subnet: i.Subnet, Address: i.Address, MAC: i.MAC, Groups: i.Groups, Endpoint: i.Endpoint,
			NAT: i.NAT != "", Forwards: i.Forwards, Metadata: i.Metadata,
		})
	}
	for _, e := range r.endpoints {
		if p.live[e.ID] == nil {
			continue
		}
		n.Endpoints = append(n.Endpoints, network.Endpoint{
			ID: e.ID, VPC: e.VPC, Service: e.Service, Gateway: e.Gateway, Prefixes: p.prefixes(e), Balancer: p.balancer(e),
		})
		n.Internet.Names = append(n.Internet.Names, p.ownNames(e)...)
	}
	watched := planFlowLogs(r, r.flowLogs)
	for _, v := range r.vpcs {
		out := p.vpc(v)
		out.LogFlows = watched[v.ID]
		n.VPCs = append(n.VPCs, out)
	}
	p.planWays(n)
	for _, i := range r.isolated {
		n.Isolated = append(n.Isolated, i.ID)
	}
	for _, g := range p.peers {
		g.plan(n)
	}
	return n
}

type planner struct {
	region string
	first  bool
	*records
	live      map[string]*endpoint
	addresses map[string][]*eni // by endpoint; those of no endpoint under ""
	zones     map[string]string // of subnets
}

// balancer is what is behind an endpoint of a customer's service; one that is gone carries nothing.
func (p *planner) balancer(e *endpoint) string {
	if e.Provider == "" {
		return ""
	}
	for _, v := range p.services {
		if v.ID == e.Provider && len(v.Balancers) > 0 {
			return v.Balancers[0]
		}
	}
	return e.Provider
}

// prefixes are the public ranges a gateway endpoint leads to.
func (p *planner) prefixes(e *endpoint) []netip.Prefix {
	if row, ok := catalogue.ByEndpoint(p.region, e.Service); ok && e.Gateway {
		return row.Ranges(p.region)
	}
	return nil
}

// internet is the segment outside every VPC: each service's door under each of its names.
func (p *planner) internet() network.Internet {
	var i network.Internet
	if p.first {
		i.Hosts = []network.Host{{ID: InternetHost, Address: internetAddress}}
	}
	for _, s := range catalogue.Services {
		door := s.Address(p.region)
		i.Doors = append(i.Doors, door)
		for _, h := range s.Hosts {
			if p.first || catalogue.Regional(h) {
				i.Names = append(i.Names, network.Name{Text: catalogue.In(p.region, h), Addresses: []netip.Addr{door}})
			}
		}
	}
	return i
}

// ownNames are the names an interface endpoint has of itself, which are public.
func (p *planner) ownNames(e *endpoint) (out []network.Name) {
	all := p.addresses[e.ID]
	if e.Gateway || len(all) == 0 {
		return nil
	}
	regional, zonal := endpointNames(p.region, e)
	out = append(out, network.Name{Text: regional, Addresses: addressesOf(all)})
	for _, i := range all {
		out = append(out, network.Name{Text: zonal(p.zones[i.Subnet]), Addresses: []netip.Addr{i.Address}})
	}
	return out
}

func addressesOf(list []*eni) (out []netip.Addr) {
	for _, i := range list {
		out = append(out, i.Address)
	}
	return out
}

func (p *planner) vpc(v *vpc) network.VPC {
	out := network.VPC{ID: v.ID, CIDRs: v.cidrs(), Resolve: v.DNSSupport, Names: p.names(v)}
	tables := map[string]string{}
	for _, t := range p.routeTables {
		if t.VPC != v.ID {
			continue
		}
		for _, a := range t.Associations {
			tables[a.Subnet] = t.ID
		}
		out.Tables = append(out.Tables, network.RouteTable{ID: t.ID, Routes: p.routes(t)})
	}
	for _, d := range p.dhcps {
		if d.ID == v.DHCPOptionsID && d.Account == v.Account {
			out.Servers, out.Domain = d.servers(), d.domain()
		}
	}
	judging := map[string]string{}
	for _, a := range p.acls {
		if a.VPC == v.ID && !a.open() {
			judging[a.ID] = a.ID
			out.ACLs = append(out.ACLs, a.plan())
		}
	}
	for _, s := range p.subnets {
		if s.VPC != v.ID {
			continue
		}
		table := tables[s.ID]
		if table == "" {
			table = v.Table
		}
		out.Subnets = append(out.Subnets, network.Subnet{ID: s.ID, Table: table, ACL: judging[aclOf(s, v)], CIDR: s.CIDR, Zone: s.Zone})
	}
	for _, g := range p.groups {
		if g.VPC == v.ID {
			out.Groups = append(out.Groups, p.group(g))
		}
	}
	return out
}

func (p *planner) routes(t *routeTable) []network.Route {
	out := p.ownRoutes(t)
	for _, e := range p.endpoints {
		if p.live[e.ID] != nil && slices.Contains(e.Tables, t.ID) {
			out = append(out, network.Route{Destinations: p.prefixes(e), Target: network.Target{Kind: network.ToEndpoint, ID: e.ID}})
		}
	}
	return append(out, p.propagated(t)...)
}

// listed are the ranges of a prefix list.
func (p *planner) listed(id string) []netip.Prefix {
	if row, ok := catalogue.ByPrefixList(p.region, id); ok {
		return row.Ranges(p.region)
	}
	for _, l := range p.lists {
		if l.ID == id {
			return l.prefixes()
		}
	}
	return nil
}

func (p *planner) group(g *group) network.Group {
	out := network.Group{ID: g.ID}
	for _, r := range g.Rules {
		n := network.Rule{Protocol: r.Protocol, From: r.From, To: r.To, CIDR: r.CIDR, Group: r.Group}
		n.Prefixes = p.listed(r.PrefixList)
		if r.Egress {
			out.Egress = append(out.Egress, n)
		} else {
			out.Ingress = append(out.Ingress, n)
		}
	}
	return out
}

// names are those that mean something else, or something at all, inside this VPC only: the services'
// own names where an endpoint has taken them over, and the interfaces' names. Both need both of the
// VPC's DNS attributes.
func (p *planner) names(v *vpc) (out []network.Name) {
	if !v.DNSSupport || !v.DNSHostnames {
		return nil
	}
	for _, e := range p.endpoints {
		if e.VPC != v.ID || !e.PrivateDNS || p.live[e.ID] == nil || len(p.addresses[e.ID]) == 0 {
			continue
		}
		for _, text := range privateNames(p.region, e) {
			out = append(out, network.Name{Text: text, Addresses: addressesOf(p.addresses[e.ID])})
		}
	}
	for _, list := range p.addresses {
		for _, i := range list {
			if i.VPC == v.ID {
				out = append(out, network.Name{Text: privateName(p.region, i.Address), Addresses: []netip.Addr{i.Address}})
			}
		}
	}
	slices.SortFunc(out, func(a, b network.Name) int { return strings.Compare(a.Text, b.Text) })
	return out
}

// privateName is the name of a private address inside its VPC.
func privateName(region string, a netip.Addr) string {
	return fmt.Sprintf("ip-%s.%s", strings.ReplaceAll(a.String(), ".", "-"), domainOf(region))
}
