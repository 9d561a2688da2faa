package ec2

import (
	"strconv"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"

	"cloister/internal/value/arn"
)

func (s *Service) awsSubnet(n *subnet, free int) shape.Subnet {
	return shape.Subnet{
		SubnetId: &n.ID, SubnetArn: new(arn.Format("ec2", s.Region, n.Account, "subnet/"+n.ID)), VpcId: &n.VPC, OwnerId: &n.Account,
		State: new(available), CidrBlock: new(n.CIDR.String()), AvailabilityZone: &n.Zone, AvailabilityZoneId: new(zoneID(s.Region, n.Zone)),
		AvailableIpAddressCount: new(int32(free)), DefaultForAz: &n.Default, MapPublicIpOnLaunch: &n.MapPublicIP,
		MapCustomerOwnedIpOnLaunch: new(false), AssignIpv6AddressOnCreation: new(false), EnableDns64: new(false), Ipv6Native: new(false),
		Ipv6CidrBlockAssociationSet: []shape.SubnetIpv6CidrBlockAssociation{},
		PrivateDnsNameOptionsOnLaunch: &shape.PrivateDnsNameOptionsOnLaunch{
			HostnameType: new("ip-name"), EnableResourceNameDnsARecord: new(false), EnableResourceNameDnsAAAARecord: new(false),
		},
		Tags: awsTags(n.Tags),
	}
}

// freeAddresses tells for each subnet of an account how many interfaces it could still take.
func freeAddresses(tx *store.Tx, account string) (func(*subnet) int, error) {
	list, err := enis.kept(tx, account)
	used := map[string]int{}
	for _, i := range list {
		used[i.Subnet]++
	}
	return func(n *subnet) int { return capacity(n.CIDR) - used[n.ID] }, err
}

func (s *Service) subnetFields(free func(*subnet) int) fields[*subnet] {
	no := one(func(*subnet) string { return "false" })
	return fields[*subnet]{
		"subnet-id":                       one(func(n *subnet) string { return n.ID }),
		"subnet-arn":                      one(func(n *subnet) string { return arn.Format("ec2", s.Region, n.Account, "subnet/"+n.ID) }),
		"vpc-id":                          one(func(n *subnet) string { return n.VPC }),
		"owner-id":                        one(func(n *subnet) string { return n.Account }),
		"state":                           one(func(*subnet) string { return available }),
		"cidr":                            one(func(n *subnet) string { return n.CIDR.String() }),
		"cidr-block":                      one(func(n *subnet) string { return n.CIDR.String() }),
		"cidrBlock":                       one(func(n *subnet) string { return n.CIDR.String() }),
		"availability-zone":               one(func(n *subnet) string { return n.Zone }),
		"availabilityZone":                one(func(n *subnet) string { return n.Zone }),
		"availability-zone-id":            one(func(n *subnet) string { return zoneID(s.Region, n.Zone) }),
		"availabilityZoneId":              one(func(n *subnet) string { return zoneID(s.Region, n.Zone) }),
		"available-ip-address-count":      one(func(n *subnet) string { return text(free(n)) }),
		"default-for-az":                  one(func(n *subnet) string { return strconv.FormatBool(n.Default) }),
		"defaultForAz":                    one(func(n *subnet) string { return strconv.FormatBool(n.Default) }),
		"ipv6-native":                     no,
		"enable-dns64":                    no,
		"enable-lni-at-device-index":      never[*subnet],
		"customer-owned-ipv4-pool":        never[*subnet],
		"outpost-arn":                     never[*subnet],
		"map-customer-owned-ip-on-launch": no,
		"ipv6-cidr-block-association.association-id":                              never[*subnet],
		"ipv6-cidr-block-association.ipv6-cidr-block":                             never[*subnet],
		"ipv6-cidr-block-association.state":                                       never[*subnet],
		"private-dns-name-options-on-launch.hostname-type":                        one(func(*subnet) string { return "ip-name" }),
		"private-dns-name-options-on-launch.enable-resource-name-dns-a-record":    no,
		"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": no,
		"map-public-ip-on-launch":                                                 one(func(n *subnet) string { return strconv.FormatBool(n.MapPublicIP) }),
	}
}
