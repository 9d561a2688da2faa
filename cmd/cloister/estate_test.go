package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"cloister/internal/service/ec2"
	"cloister/internal/value/catalogue"
	"cloister/internal/value/network"
)

// estate is a customer's network made by chance, twice: as records of a Cloister, by its API, and as the
// value that these should come to, which is made here and not by the services.
type estate struct {
	*rand.Rand
	*running
	t         testing.TB
	http      *http.Client
	n         network.Network // without names and zones, which names makes
	dns       map[string]*[2]bool
	endpoints []*ownEndpoint
	zones     []*ownZone
	users     []*user
	peering   string
	made      int // endpoints so far
	bucket    string
	bucketLaw law
	acls      map[string][]string  // ids by VPC, the default one's first
	elastics  map[string][2]string // elastic addresses' ids and those of their associations, by interface
	nats      map[string]string    // gateways' interfaces by their ids
	said      []string             // what was asked of the API, for who reads a failure
}

type ownEndpoint struct {
	id, vpc    string
	number     int
	row        *catalogue.Service
	gateway    bool
	private    bool
	regional   string // its own name
	interfaces []string
	law        law
}

// api calls an operation of a query protocol as the account's root, by the public door.
func (e *estate) api(service, action string, pairs ...string) answer {
	e.t.Helper()
	form := url.Values{"Action": {action}, "Version": {map[string]string{"ec2": "2016-11-15", "iam": "2010-05-08", "sts": "2011-06-15"}[service]}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return e.send(service, http.MethodPost, "/", form.Encode(), action+" "+strings.Join(pairs, " "))
}

func (e *estate) send(service, method, path, body, said string) answer {
	e.t.Helper()
	r, err := http.NewRequest(method, "https://"+e.door+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	row, _ := catalogue.ByID(service)
	r.Host = catalogue.In(e.conf.Region, row.Hosts[0])
	if strings.HasPrefix(body, "Action=") || strings.Contains(body, "&") && path == "/" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	sign(r, body, e.root, service)
	w, err := e.http.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil || w.StatusCode > 299 {
		e.t.Fatalf("%s: %d %s %v\n%s", said, w.StatusCode, b, err, strings.Join(e.said, "\n"))
	}
	e.said = append(e.said, said)
	return answer(b)
}

// answer is an answer in XML.
type answer []byte

// all gives the texts of all elements with a name, one the first of them.
func (a answer) all(name string) (list []string) {
	for d := xml.NewDecoder(bytes.NewReader(a)); ; {
		token, err := d.Token()
		if err != nil {
			return list
		}
		if start, is := token.(xml.StartElement); is && start.Name.Local == name {
			var text string
			if d.DecodeElement(&text, &start) == nil {
				list = append(list, text)
			}
		}
	}
}

func (a answer) one(name string) string { return append(a.all(name), "")[0] }

func (e *estate) often() bool { return e.IntN(5) > 0 }
func (e *estate) half() bool  { return e.IntN(2) == 0 }

func (e *estate) vpc(id string) *network.VPC {
	return &e.n.VPCs[slices.IndexFunc(e.n.VPCs, func(v network.VPC) bool { return v.ID == id })]
}

func (e *estate) iface(id string) *network.Interface {
	return &e.n.Interfaces[slices.IndexFunc(e.n.Interfaces, func(i network.Interface) bool { return i.ID == id })]
}

// build makes everything: one or two VPCs, then what may lead from one to the other.
func (e *estate) build() {
	e.buildVPC("10.0")
	if e.often() {
		e.buildVPC(one(e.Rand, "10.1", "10.1", "10.1", "10.0")) // two of one range do not meet
	}
	if len(e.n.VPCs) == 2 && e.n.VPCs[0].CIDRs[0] != e.n.VPCs[1].CIDRs[0] && e.often() {
		e.peer()
	}
	for i := range e.n.VPCs {
		v := &e.n.VPCs[i]
		for k := range v.Groups {
			e.setRules(v, &v.Groups[k])
		}
		e.furnish(v)
	}
	for i := range e.n.VPCs {
		e.route(&e.n.VPCs[i])
	}
	e.buildZones()
	e.people()
	e.addBucket()
	for _, p := range e.endpoints {
		e.setEndpointLaw(p)
	}
}

func (e *estate) buildVPC(base string) {
	cidr := func(rest string) string { return base + rest }
	id := e.api("ec2", "CreateVpc", "CidrBlock", cidr(".0.0/16")).one("vpcId")
	v := network.VPC{ID: id, CIDRs: []netip.Prefix{netip.MustParsePrefix(cidr(".0.0/16"))}}
	e.dns[id] = &[2]bool{true, false}
	if e.often() {
		v.InternetGateway = e.api("ec2", "CreateInternetGateway").one("internetGatewayId")
		e.api("ec2", "AttachInternetGateway", "InternetGatewayId", v.InternetGateway, "VpcId", id)
	}
	for k, zone := range []string{"a", "b"} {
		s := network.Subnet{CIDR: netip.MustParsePrefix(cidr(fmt.Sprintf(".%d.0/24", k+1)))}
		s.ID = e.api("ec2", "CreateSubnet", "VpcId", id, "CidrBlock", s.CIDR.String(), "AvailabilityZone", e.conf.Region+zone).one("subnetId")
		s.Table = e.api("ec2", "CreateRouteTable", "VpcId", id).one("routeTableId")
		e.api("ec2", "AssociateRouteTable", "RouteTableId", s.Table, "SubnetId", s.ID)
		v.Subnets, v.Tables = append(v.Subnets, s), append(v.Tables, network.RouteTable{ID: s.Table})
	}
	for _, name := range []string{"hosts", "ends", "more"} {
		g := e.api("ec2", "CreateSecurityGroup", "VpcId", id, "GroupName", name, "GroupDescription", name).one("groupId")
		v.Groups = append(v.Groups, network.Group{ID: g, Egress: []network.Rule{everything}})
	}
	e.acls[id] = e.api("ec2", "DescribeNetworkAcls", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", id).all("networkAclId")[:1]
	e.n.VPCs = append(e.n.VPCs, v)
	if e.often() {
		e.setDNS(id, true, true)
	}
}

func (e *estate) peer() {
	a, b := &e.n.VPCs[0], &e.n.VPCs[1]
	e.peering = e.api("ec2", "CreateVpcPeeringConnection", "VpcId", a.ID, "PeerVpcId", b.ID).one("vpcPeeringConnectionId")
	e.api("ec2", "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", e.peering)
	e.n.Peerings = []network.Peering{{ID: e.peering, VPCs: [2]string{a.ID, b.ID}}}
}

// furnish puts hosts and endpoints into a VPC, and makes it a network ACL.
func (e *estate) furnish(v *network.VPC) {
	for k := range 3 {
		s := v.Subnets[[]int{0, 1, e.IntN(2)}[k]]
		i := network.Interface{VPC: v.ID, Subnet: s.ID, Address: at(s.CIDR, 10+k), Groups: []string{v.Groups[0].ID}}
		if k == 2 {
			i.Groups = append(i.Groups, v.Groups[2].ID)
		}
		pairs := []string{"SubnetId", s.ID, "PrivateIpAddress", i.Address.String()}
		for n, g := range i.Groups {
			pairs = append(pairs, fmt.Sprintf("SecurityGroupId.%d", n+1), g)
		}
		i.ID = e.api("ec2", "CreateNetworkInterface", pairs...).one("networkInterfaceId")
		e.n.Interfaces = append(e.n.Interfaces, i)
		if v.InternetGateway != "" && (k == 0 || e.IntN(3) == 0) {
			e.setElastic(i.ID)
		}
	}
	if v.InternetGateway != "" && e.often() {
		e.translator(v)
	}
	for _, name := range []string{"sagemaker", "ec2", "logs"} {
		if e.often() {
			e.endpoint(v, name, false)
		}
	}
	if e.often() {
		e.endpoint(v, "s3", true)
	}
	if e.IntN(3) == 0 {
		e.endpoint(v, "s3", false)
	}
	e.addACL(v)
	for k := range v.Subnets {
		if e.IntN(3) == 0 {
			e.setACL(v, &v.Subnets[k])
		}
	}
}

// at is an address of a range by its last byte.
func at(p netip.Prefix, last int) netip.Addr {
	a := p.Addr().As4()
	a[3] = byte(last)
	return netip.AddrFrom4(a)
}

// translator is a NAT gateway in the first subnet.
func (e *estate) translator(v *network.VPC) {
	made := e.api("ec2", "AllocateAddress", "Domain", "vpc")
	gateway := e.api("ec2", "CreateNatGateway", "SubnetId", v.Subnets[0].ID, "AllocationId", made.one("allocationId"), "PrivateIpAddress", at(v.Subnets[0].CIDR, 5).String()).one("natGatewayId")
	id := e.api("ec2", "DescribeNatGateways", "NatGatewayId.1", gateway).one("networkInterfaceId")
	e.nats[id] = gateway
	e.n.Interfaces = append(e.n.Interfaces, network.Interface{ID: id, VPC: v.ID, Subnet: v.Subnets[0].ID, Address: at(v.Subnets[0].CIDR, 5),
		NAT: true, Public: netip.MustParseAddr(made.one("publicIp"))})
}

// endpoint makes one, with the default policy; interface endpoints stand in one or both subnets.
func (e *estate) endpoint(v *network.VPC, service string, gateway bool) {
	row, _ := catalogue.ByID(service)
	p := &ownEndpoint{vpc: v.ID, row: row, gateway: gateway, number: e.made, law: open}
	e.made++
	pairs := []string{"VpcId", v.ID, "ServiceName", row.EndpointName(e.conf.Region)}
	subnets := e.Perm(2)[:1+e.IntN(2)]
	for n, k := range subnets {
		if gateway {
			pairs = append(pairs, fmt.Sprintf("RouteTableId.%d", n+1), v.Tables[k].ID)
			continue
		}
		s := &v.Subnets[k]
		pairs = append(pairs, fmt.Sprintf("SubnetId.%d", n+1), s.ID, fmt.Sprintf("SubnetConfiguration.%d.SubnetId", n+1), s.ID,
			fmt.Sprintf("SubnetConfiguration.%d.Ipv4", n+1), p.address(s).String())
	}
	if gateway {
		pairs = append(pairs, "VpcEndpointType", "Gateway")
	} else {
		p.private = e.both(v.ID) && service != "s3" && e.often() && e.free(v.ID, catalogue.In(e.conf.Region, row.Hosts[0]))
		pairs = append(pairs, "VpcEndpointType", "Interface", "SecurityGroupId.1", v.Groups[1].ID, "PrivateDnsEnabled", fmt.Sprint(p.private))
	}
	p.id = e.api("ec2", "CreateVpcEndpoint", pairs...).one("vpcEndpointId")
	made := network.Endpoint{ID: p.id, VPC: v.ID, Service: row.EndpointName(e.conf.Region), Gateway: gateway}
	if gateway {
		made.Prefixes = row.Prefixes
	}
	e.n.Endpoints, e.endpoints = append(e.n.Endpoints, made), append(e.endpoints, p)
	for _, k := range subnets {
		if gateway {
			v.Tables[k].Routes = append(v.Tables[k].Routes, network.Route{Destinations: row.Prefixes, Target: network.Target{Kind: network.ToEndpoint, ID: p.id}})
		} else {
			e.stand(p, &v.Subnets[k], []string{v.Groups[1].ID})
		}
	}
	if !gateway {
		p.regional = e.api("ec2", "DescribeVpcEndpoints", "VpcEndpointId.1", p.id).one("dnsName")
	}
}

// stand notes the interface that an endpoint has in a subnet.
func (e *estate) stand(p *ownEndpoint, s *network.Subnet, groups []string) {
	i := network.Interface{VPC: p.vpc, Subnet: s.ID, Address: p.address(s), Groups: groups, Endpoint: p.id}
	i.ID = e.api("ec2", "DescribeNetworkInterfaces", "Filter.1.Name", "addresses.private-ip-address", "Filter.1.Value.1", i.Address.String(),
		"Filter.2.Name", "vpc-id", "Filter.2.Value.1", p.vpc).one("networkInterfaceId")
	e.n.Interfaces, p.interfaces = append(e.n.Interfaces, i), append(p.interfaces, i.ID)
}

// names are an endpoint's own: one for the region, and one for each zone that it is in.
func (e *estate) names(p *ownEndpoint) []network.Name {
	if p.gateway {
		return nil
	}
	list := []network.Name{{Text: p.regional}}
	for _, id := range p.interfaces {
		i := e.iface(id)
		v := e.vpc(p.vpc)
		zone := e.conf.Region + string(rune('a'+slices.IndexFunc(v.Subnets, func(s network.Subnet) bool { return s.ID == i.Subnet })))
		list[0].Addresses = append(list[0].Addresses, i.Address)
		list = append(list, network.Name{Text: p.zonal(zone), Addresses: []netip.Addr{i.Address}})
	}
	return list
}

// network is the whole value, with the names that follow from the rest.
func (e *estate) network() *network.Network {
	n := e.n
	n.VPCs = slices.Clone(n.VPCs)
	n.Internet.Hosts = []network.Host{{ID: ec2.InternetHost, Address: netip.MustParseAddr("198.51.100.10")}}
	for _, row := range catalogue.Services {
		n.Internet.Doors = append(n.Internet.Doors, row.Door)
		for _, host := range row.Hosts {
			n.Internet.Names = append(n.Internet.Names, network.Name{Text: catalogue.In(e.conf.Region, host), Addresses: []netip.Addr{row.Door}})
		}
	}
	own := map[string][]netip.Addr{}
	for _, p := range e.endpoints {
		if names := e.names(p); len(names) > 0 {
			n.Internet.Names = append(n.Internet.Names, names...)
			own[p.id] = names[0].Addresses
		}
	}
	for i := range n.VPCs {
		v := &n.VPCs[i]
		if v.Resolve = e.dns[v.ID][0]; !e.both(v.ID) {
			continue
		}
		for _, p := range e.endpoints {
			if p.vpc == v.ID && p.private {
				v.Names = append(v.Names, network.Name{Text: catalogue.In(e.conf.Region, p.row.Private[0]), Addresses: own[p.id]})
			}
		}
		for _, z := range e.zones {
			if slices.Contains(z.vpcs, v.ID) {
				zone := network.Zone{Apex: z.apex, Names: slices.Clone(z.names)}
				for name, id := range z.aliases {
					zone.Names = append(zone.Names, network.Name{Text: name, Addresses: own[id]})
				}
				v.Zones = append(v.Zones, zone)
			}
		}
	}
	return &n
}

// both says whether a VPC has both DNS attributes, which private names of all kinds need.
func (e *estate) both(vpc string) bool { return e.dns[vpc][0] && e.dns[vpc][1] }
