package ec2

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/catalogue"
	shape "cloister/internal/value/shape/ec2"
)

// endpointView is what showing endpoints needs besides their records.
type endpointView struct {
	region string
	groups map[string]string // names
	enis   map[string][]*eni // by endpoint
	zones  map[string]string // of subnets
	now    time.Time
	policy func(*endpoint) string
}

func (s *Service) endpointView(tx *store.Tx, account string) (*endpointView, error) {
	v := &endpointView{now: tx.Now, region: s.Region, policy: s.shownPolicy, enis: map[string][]*eni{}, zones: map[string]string{}}
	var err error
	if v.groups, err = groupNames(tx, account); err != nil {
		return nil, err
	}
	list, err := enis.kept(tx, account)
	if err != nil {
		return nil, err
	}
	for _, i := range list {
		v.enis[i.Endpoint] = append(v.enis[i.Endpoint], i)
	}
	nets, err := subnets.all(tx, account)
	for _, n := range nets {
		v.zones[n.ID] = n.Zone
	}
	return v, err
}

func (e *endpoint) kind() string {
	if e.Gateway {
		return "Gateway"
	}
	return "Interface"
}

func (v *endpointView) aws(e *endpoint) shape.VpcEndpoint {
	out := shape.VpcEndpoint{
		VpcEndpointId: &e.ID, VpcEndpointType: new(e.kind()), VpcId: &e.VPC, ServiceName: &e.Service, State: new(e.state(v.now)), OwnerId: &e.Account,
		PolicyDocument: new(v.policy(e)), RouteTableIds: filled(e.Tables), SubnetIds: filled(e.Subnets), IpAddressType: new("ipv4"),
		DnsOptions: &shape.DnsOptions{DnsRecordIpType: new(e.recordType())}, PrivateDnsEnabled: &e.PrivateDNS, RequesterManaged: new(false),
		CreationTimestamp: &e.Created, Tags: awsTags(e.Tags), ServiceRegion: &v.region, Groups: []shape.SecurityGroupIdentifier{},
		NetworkInterfaceIds: []string{},
	}
	for _, id := range e.Groups {
		out.Groups = append(out.Groups, shape.SecurityGroupIdentifier{GroupId: new(id), GroupName: new(v.groups[id])})
	}
	var zones []string
	for _, subnet := range e.Subnets { // in the order of the subnets
		for _, i := range v.enis[e.ID] {
			if i.Subnet == subnet {
				out.NetworkInterfaceIds = append(out.NetworkInterfaceIds, i.ID)
				zones = append(zones, v.zones[subnet])
			}
		}
	}
	out.DnsEntries = dnsEntries(v.region, e, zones)
	return out
}

// filled gives an empty list for a nil one: AWS sends the empty element.
func filled(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (s *Service) endpointFields(now time.Time) fields[*endpoint] {
	return fields[*endpoint]{
		"vpc-endpoint-id":    one(func(e *endpoint) string { return e.ID }),
		"vpc-id":             one(func(e *endpoint) string { return e.VPC }),
		"vpc-endpoint-state": one(func(e *endpoint) string { return e.state(now) }),
		"vpc-endpoint-type":  one((*endpoint).kind),
		"service-name":       one(func(e *endpoint) string { return e.Service }),
		"service-region":     one(func(*endpoint) string { return s.Region }),
		"ip-address-type":    one(func(*endpoint) string { return "ipv4" }),
	}
}

// unique says why two subnets cannot be of one endpoint: each of its zones has one.
func unique(nets []*subnet) error {
	for i, n := range nets {
		if slices.ContainsFunc(nets[:i], func(o *subnet) bool { return o.Zone == n.Zone }) {
			return duplicateSubnets.New("Found another VPC endpoint subnet in the availability zone of %s. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service.", n.ID)
		}
	}
	return nil
}

// subnetsOf gives the records of subnets that must all be in one VPC.
func subnetsOf(tx *store.Tx, v *vpc, ids []string) (out []*subnet, err error) {
	for _, id := range ids {
		n, err := subnets.get(tx, v.Account, id)
		if err != nil {
			return nil, err
		}
		if n.VPC != v.ID {
			return nil, invalidParameter.New("The subnet %s does not belong to the VPC %s.", id, v.ID)
		}
		out = append(out, n)
	}
	return out, unique(out)
}

// prefixList is the id of the list of addresses that a gateway endpoint leads to.
func (e *endpoint) prefixList() string {
	part := strings.SplitN(e.Service, ".", 4) // com.amazonaws.<region>.s3
	if len(part) < 4 {
		return ""
	}
	row, ok := catalogue.ByEndpoint(part[2], e.Service)
	if !ok {
		return ""
	}
	return row.PrefixList(part[2])
}

// routable says why a gateway endpoint cannot have routes in these tables: they are elsewhere, or
// have a route to the service already.
func routable(tx *store.Tx, v *vpc, e *endpoint, ids []string) error {
	gateways, err := gatewayRoutes(tx, v.Account)
	if err != nil {
		return err
	}
	for _, id := range ids {
		t, err := routeTables.get(tx, v.Account, id)
		if err != nil {
			return err
		}
		if t.VPC != v.ID {
			return invalidParameter.New("Route table %s does not belong to the VPC %s.", id, v.ID)
		}
		for _, o := range gateways(id) {
			if o.ID != e.ID && o.Service == e.Service {
				return routeAlreadyExists.New("route table %s already has a route with destination-prefix-list-id %s", id, e.prefixList())
			}
		}
	}
	return nil
}

// private says why an endpoint cannot take over its service's names in a VPC.
func (s *Service) private(tx *store.Tx, v *vpc, e *endpoint) error {
	if !v.DNSSupport || !v.DNSHostnames {
		return invalidParameter.New("Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for %s", v.ID)
	}
	names := privateNames(s.Region, e)
	if len(names) == 0 {
		return invalidParameter.New("Private DNS can't be enabled because the service %s does not provide a private DNS name.", e.Service)
	}
	others, err := endpoints.where(tx, v.Account, func(o *endpoint) bool {
		return o.VPC == v.ID && o.PrivateDNS && o.ID != e.ID && o.State != deleting
	})
	if err != nil {
		return err
	}
	for _, o := range others {
		for _, n := range privateNames(s.Region, o) {
			if slices.Contains(names, n) {
				return conflictingDomain(n, v)
			}
		}
	}
	if s.Domains == nil {
		return nil
	}
	domains, err := s.Domains(tx, v.Account, v.ID)
	for _, n := range names {
		if slices.Contains(domains, strings.TrimPrefix(n, "*.")) {
			return conflictingDomain(n, v)
		}
	}
	return err
}

func conflictingDomain(name string, v *vpc) error {
	return invalidParameter.New("private-dns-enabled cannot be set because there is already a conflicting DNS domain for %s in the VPC %s", name, v.ID)
}

// attach gives an endpoint an interface in a subnet, at the address that was pinned there if any.
func attach(tx *store.Tx, e *endpoint, n *subnet, pinned map[string]string) error {
	want, err := parseAddress(pinned[n.ID])
	if err != nil {
		return err
	}
	a, err := allocate(tx, n, want)
	if err != nil {
		return err
	}
	return enis.put(tx, &eni{
		head: enis.begin(tx, e.Account, nil), VPC: e.VPC, Subnet: n.ID, Address: a, MAC: newMAC(), Groups: e.Groups,
		Description: "VPC Endpoint Interface " + e.ID, Endpoint: e.ID, Attachment: newID("ela-attach-"), Attached: tx.Now,
	})
}

// pins reads the addresses that were asked for, by subnet; each must be one of the subnets.
func pins(list []shape.SubnetConfiguration, allowed []string) (map[string]string, error) {
	out := map[string]string{}
	for _, c := range list {
		if str(c.Ipv6) != "" {
			return nil, unsupportedOperation.New("IPv6 addresses are not supported.")
		}
		if !slices.Contains(allowed, str(c.SubnetId)) {
			return nil, invalidParameter.New("The subnet %s of a subnet configuration is not a subnet of the VPC endpoint.", str(c.SubnetId))
		}
		if _, twice := out[str(c.SubnetId)]; twice {
			return nil, invalidParameter.New("The subnet %s has more than one subnet configuration.", str(c.SubnetId))
		}
		out[str(c.SubnetId)] = str(c.Ipv4)
	}
	return out, nil
}

// serviceDefined is the DNS record IP type that leaves to the service what its names mean. A gateway endpoint
// has no names, so that it may have this one too.
const serviceDefined = "service-defined"

// setRecordType keeps what the DNS options say of a gateway endpoint, to show it again.
func (e *endpoint) setRecordType(o *shape.DnsOptionsSpecification) {
	if e.Gateway && o != nil && str(o.DnsRecordIpType) != "" {
		e.RecordType = *o.DnsRecordIpType
	}
}

func (e *endpoint) recordType() string { return cmp.Or(e.RecordType, "ipv4") }

// onlyIPv4 refuses address families and DNS options that are not what every endpoint has.
func onlyIPv4(gateway bool, family *string, o *shape.DnsOptionsSpecification) error {
	if f := str(family); f != "" && f != "ipv4" {
		return unsupportedOperation.New("The IP address type %s is not supported.", f)
	}
	if o == nil {
		return nil
	}
	if t := str(o.DnsRecordIpType); t != "" && t != "ipv4" && !(gateway && t == serviceDefined) {
		return unsupportedOperation.New("The DNS record IP type %s is not supported.", t)
	}
	if yes(o.PrivateDnsOnlyForInboundResolverEndpoint) || str(o.PrivateDnsPreference) != "" || len(o.PrivateDnsSpecifiedDomains) > 0 {
		return unsupportedOperation.New("Of the DNS options only the DNS record IP type is supported.")
	}
	return nil
}
