package ec2

import (
	"context"
	"net/netip"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "AllocateAddress", func(c *api.Call, in *shape.AllocateAddressRequest) []api.Check {
	return creates(c, "AllocateAddress", "elastic-ip", in.TagSpecifications)
}, (*Service).allocateAddress)

func (s *Service) allocateAddress(ctx context.Context, c *api.Call, in *shape.AllocateAddressRequest) (*shape.AllocateAddressResult, error) {
	if err := begin(in, "Domain", "PublicIpv4Pool", "NetworkBorderGroup", "TagSpecifications"); err != nil {
		return nil, err
	}
	for _, m := range []struct{ name, given, only string }{
		{"domain", str(in.Domain), "vpc"}, {"publicIpv4Pool", str(in.PublicIpv4Pool), "amazon"}, {"networkBorderGroup", str(in.NetworkBorderGroup), s.Region},
	} {
		if m.given != "" && m.given != m.only {
			return nil, invalidValue.New("Value (%s) for parameter %s is invalid.", m.given, m.name)
		}
	}
	tags, err := s.specified(in.TagSpecifications, "elastic-ip")
	if err != nil {
		return nil, err
	}
	out := &shape.AllocateAddressResult{Domain: new("vpc"), PublicIpv4Pool: new("amazon"), NetworkBorderGroup: &s.Region}
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		if n, err := elastics.table.Count(tx, store.Prefix(c.Account())); err != nil || n >= s.Quotas.Addresses {
			return either(err, addressLimit.New("The maximum number of addresses has been reached."))
		}
		a, err := s.publicAddress(tx)
		if err != nil {
			return err
		}
		e := &elastic{head: elastics.begin(tx, c.Account(), tags), Public: a}
		out.AllocationId, out.PublicIp = &e.ID, new(a.String())
		return elastics.put(tx, e)
	})
}

var _ = api.Define(operations, "ReleaseAddress", named("ReleaseAddress", "elastic-ip",
	func(in *shape.ReleaseAddressRequest) *string { return in.AllocationId }), (*Service).releaseAddress)

func (s *Service) releaseAddress(ctx context.Context, c *api.Call, in *shape.ReleaseAddressRequest) (*struct{}, error) {
	if err := begin(in, "AllocationId", "PublicIp", "NetworkBorderGroup"); err != nil {
		return nil, err
	}
	if str(in.PublicIp) != "" {
		return nil, invalidValue.New("You must specify an allocation id when releasing a VPC elastic IP address")
	}
	if g := str(in.NetworkBorderGroup); g != "" && g != s.Region {
		return nil, invalidValue.New("Value (%s) for parameter networkBorderGroup is invalid.", g)
	}
	if err := need("AllocationId", str(in.AllocationId)); err != nil {
		return nil, err
	}
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := elastics.get(tx, c.Account(), *in.AllocationId)
		if err != nil {
			return err
		}
		if e.Interface != "" {
			return addressInUse.New("Address %s is in use.", e.Public)
		}
		return elastics.remove(tx, e)
	})
}

var _ = api.Define(operations, "DescribeAddresses", describes[shape.DescribeAddressesRequest]("DescribeAddresses"), (*Service).describeAddresses)

func (s *Service) describeAddresses(ctx context.Context, c *api.Call, in *shape.DescribeAddressesRequest) (*shape.DescribeAddressesResult, error) {
	if err := begin(in, "PublicIps", "AllocationIds", "Filters"); err != nil {
		return nil, err
	}
	out := &shape.DescribeAddressesResult{Addresses: []shape.Address{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		of, err := enis.byID(tx, c.Account())
		if err != nil {
			return err
		}
		ids, err := allocations(tx, c.Account(), in.PublicIps)
		if err != nil {
			return err
		}
		page, err := find(tx, elastics, c.Account(), query{append(ids, in.AllocationIds...), in.Filters, nil, nil}, s.addressFields(of))
		for _, e := range page.items {
			out.Addresses = append(out.Addresses, s.awsAddress(e, of))
		}
		return err
	})
}

// allocations gives the ids of addresses.
func allocations(tx *store.Tx, account string, public []string) (ids []string, err error) {
	all, err := elastics.all(tx, account)
	if err != nil {
		return nil, err
	}
	for _, text := range public {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() {
			return nil, invalidValue.New("Invalid value '%s' for publicIp. Invalid IPv4 address.", text)
		}
		at := slices.IndexFunc(all, func(e *elastic) bool { return e.Public == a })
		if at < 0 {
			return nil, addressNotFound.New("Address '%s' not found.", text)
		}
		ids = append(ids, all[at].ID)
	}
	return ids, nil
}

var _ = api.Define(operations, "DescribeAddressesAttribute", describes[shape.DescribeAddressesAttributeRequest]("DescribeAddressesAttribute"),
	(*Service).describeAddressesAttribute)

// describeAddressesAttribute tells that no address has a reverse name: none can be given.
func (s *Service) describeAddressesAttribute(ctx context.Context, c *api.Call, in *shape.DescribeAddressesAttributeRequest) (*shape.DescribeAddressesAttributeResult, error) {
	if err := begin(in, "AllocationIds", "Attribute", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if a := str(in.Attribute); a != "" && a != "domain-name" {
		return nil, invalidValue.New("Value (%s) for parameter attribute is invalid.", a)
	}
	out := &shape.DescribeAddressesAttributeResult{Addresses: []shape.AddressAttribute{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		page, err := find(tx, elastics, c.Account(), query{in.AllocationIds, nil, in.MaxResults, in.NextToken}, nil)
		for _, e := range page.items {
			out.Addresses = append(out.Addresses, shape.AddressAttribute{AllocationId: &e.ID, PublicIp: new(e.Public.String())})
		}
		out.NextToken = page.next
		return err
	})
}
