package ec2

import (
	"strings"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

// requester is the account that AWS shows as the maker of the interfaces of endpoints.
const requester = "727180483921"

// eniView is what showing interfaces needs besides their records.
type eniView struct {
	region string
	groups map[string]string
	zones  map[string]string
	vpcs   map[string]*vpc
	public map[string]*elastic // by interface
}

func (s *Service) eniView(tx *store.Tx, account string) (*eniView, error) {
	v := &eniView{region: s.Region, zones: map[string]string{}, public: map[string]*elastic{}}
	addresses, err := elastics.all(tx, account)
	if err != nil {
		return nil, err
	}
	for _, e := range addresses {
		v.public[e.Interface] = e
	}
	if v.groups, err = groupNames(tx, account); err != nil {
		return nil, err
	}
	if v.vpcs, err = vpcs.byID(tx, account); err != nil {
		return nil, err
	}
	nets, err := subnets.all(tx, account)
	for _, n := range nets {
		v.zones[n.ID] = n.Zone
	}
	return v, err
}

func (i *eni) status() string {
	if i.Attachment != "" {
		return "in-use"
	}
	return "available"
}

func (i *eni) kind() string {
	switch {
	case i.Endpoint != "":
		return "vpc_endpoint"
	case i.NAT != "":
		return "nat_gateway"
	case i.Managed && strings.HasPrefix(i.Description, "ELB net/"):
		return "network_load_balancer"
	}
	return "interface"
}

// managed tells whether the interface belongs to a service, so that customers cannot change it.
func (i *eni) managed() bool { return i.Endpoint != "" || i.NAT != "" || i.Managed }

// named tells whether the VPC's resolver knows the interface by name.
func (v *eniView) named(i *eni) bool {
	of := v.vpcs[i.VPC]
	return of != nil && of.DNSSupport && of.DNSHostnames
}

func (v *eniView) aws(i *eni) shape.NetworkInterface {
	out := shape.NetworkInterface{
		NetworkInterfaceId: &i.ID, SubnetId: &i.Subnet, VpcId: &i.VPC, AvailabilityZone: new(v.zones[i.Subnet]),
		AvailabilityZoneId: new(zoneID(v.region, v.zones[i.Subnet])), Description: &i.Description, InterfaceType: new(i.kind()), OwnerId: &i.Account,
		RequesterManaged: new(i.managed()), Status: new(i.status()), MacAddress: &i.MAC, PrivateIpAddress: new(i.Address.String()),
		SourceDestCheck: new(!i.Forwards && i.NAT == ""), TagSet: awsTags(i.Tags), Groups: []shape.GroupIdentifier{},
		Ipv6Addresses: []shape.NetworkInterfaceIpv6Address{}, Operator: &shape.OperatorResponse{Managed: new(false)},
	}
	primary := shape.NetworkInterfacePrivateIpAddress{PrivateIpAddress: new(i.Address.String()), Primary: new(true)}
	if v.named(i) {
		out.PrivateDnsName = new(privateName(v.region, i.Address))
		primary.PrivateDnsName = out.PrivateDnsName
	}
	if e := v.public[i.ID]; e != nil {
		out.Association = v.association(i, e)
		primary.Association = out.Association
	}
	out.PrivateIpAddresses = []shape.NetworkInterfacePrivateIpAddress{primary}
	for _, id := range i.Groups {
		out.Groups = append(out.Groups, shape.GroupIdentifier{GroupId: new(id), GroupName: new(v.groups[id])})
	}
	if i.managed() {
		out.RequesterId = new(requester)
	}
	if i.Attachment != "" {
		out.Attachment = &shape.NetworkInterfaceAttachment{
			AttachmentId: &i.Attachment, AttachTime: &i.Attached, DeleteOnTermination: new(false), DeviceIndex: new(int32(1)),
			InstanceOwnerId: new("amazon-aws"), Status: new("attached"),
		}
	}
	return out
}

func (v *eniView) fields() fields[*eni] {
	attached := func(of func(*eni) string) func(*eni) []string {
		return func(i *eni) []string {
			if i.Attachment == "" {
				return nil
			}
			return []string{of(i)}
		}
	}
	address := one(func(i *eni) string { return i.Address.String() })
	name := func(i *eni) []string {
		if !v.named(i) {
			return nil
		}
		return []string{privateName(v.region, i.Address)}
	}
	return fields[*eni]{
		"network-interface-id":         one(func(i *eni) string { return i.ID }),
		"subnet-id":                    one(func(i *eni) string { return i.Subnet }),
		"vpc-id":                       one(func(i *eni) string { return i.VPC }),
		"availability-zone":            one(func(i *eni) string { return v.zones[i.Subnet] }),
		"availability-zone-id":         one(func(i *eni) string { return zoneID(v.region, v.zones[i.Subnet]) }),
		"ipv6-addresses.ipv6-address":  never[*eni],
		"operator.managed":             one(func(*eni) string { return "false" }),
		"operator.principal":           never[*eni],
		"description":                  one(func(i *eni) string { return i.Description }),
		"interface-type":               one((*eni).kind),
		"owner-id":                     one(func(i *eni) string { return i.Account }),
		"requester-managed":            one(func(i *eni) string { return text(i.managed()) }),
		"status":                       one((*eni).status),
		"mac-address":                  one(func(i *eni) string { return i.MAC }),
		"private-ip-address":           address,
		"addresses.private-ip-address": address,
		"addresses.primary":            one(func(*eni) string { return "true" }),
		"private-dns-name":             name,
		"source-dest-check":            one(func(i *eni) string { return text(!i.Forwards && i.NAT == "") }),
		"group-id":                     func(i *eni) []string { return i.Groups },
		"group-name": func(i *eni) (out []string) {
			for _, id := range i.Groups {
				out = append(out, v.groups[id])
			}
			return out
		},
		"requester-id": func(i *eni) []string {
			if !i.managed() {
				return nil
			}
			return []string{requester}
		},
		"association.association-id":      v.ofAddress(func(e *elastic) string { return e.Association }),
		"association.allocation-id":       v.ofAddress(func(e *elastic) string { return e.ID }),
		"association.ip-owner-id":         v.ofAddress(func(e *elastic) string { return e.Account }),
		"association.public-ip":           v.ofAddress(func(e *elastic) string { return e.Public.String() }),
		"addresses.association.public-ip": v.ofAddress(func(e *elastic) string { return e.Public.String() }),
		"addresses.association.owner-id":  v.ofAddress(func(e *elastic) string { return e.Account }),
		"association.public-dns-name": func(i *eni) []string {
			if e := v.public[i.ID]; e != nil && v.named(i) {
				return []string{publicName(v.region, e.Public)}
			}
			return nil
		},
		"attachment.attachment-id":         attached(func(i *eni) string { return i.Attachment }),
		"attachment.attach-time":           attached(func(i *eni) string { return i.Attached.UTC().Format("2006-01-02T15:04:05.000Z") }),
		"attachment.delete-on-termination": attached(func(*eni) string { return "false" }),
		"attachment.status":                attached(func(*eni) string { return "attached" }),
		"attachment.instance-owner-id":     attached(func(*eni) string { return "amazon-aws" }),
		"attachment.device-index":          attached(func(*eni) string { return "1" }),
		"attachment.instance-id":           never[*eni],
	}
}

// association shows the elastic address of an interface.
func (v *eniView) association(i *eni, e *elastic) *shape.NetworkInterfaceAssociation {
	out := &shape.NetworkInterfaceAssociation{
		AllocationId: &e.ID, AssociationId: &e.Association, IpOwnerId: &e.Account, PublicIp: new(e.Public.String()), PublicDnsName: new(""),
	}
	if v.named(i) {
		out.PublicDnsName = new(publicName(v.region, e.Public))
	}
	return out
}

// ofAddress is a field of interfaces that have an elastic address.
func (v *eniView) ofAddress(of func(*elastic) string) func(*eni) []string {
	return func(i *eni) []string {
		if e := v.public[i.ID]; e != nil {
			return []string{of(e)}
		}
		return nil
	}
}
