package ec2

import (
	"context"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

// dhcp is a set of DHCP options: what a namespace of its VPCs is told of the network.
type dhcp struct {
	head
	Values map[string][]string
}

var dhcps = newKind[dhcp]("dhcp-options", "dopt-", "InvalidDhcpOptionID", "The dhcpOption ID '%s' does not exist")

var dhcpConflict = fault.Kind{Code: "DependencyViolation", Status: 400}

const (
	amazonDNS = "AmazonProvidedDNS"
	noDHCP    = "default" // what a VPC shows that has no set
)

// dhcpOptions is the id of the set that an account has from the beginning.
func dhcpOptions(account string) string { return "dopt-0" + digest(account)[:16] }

// ownDHCP makes sure that an account has its first set.
func (s *Service) ownDHCP(tx *store.Tx, account string) error {
	id := dhcpOptions(account)
	there, err := dhcps.table.Get(tx, store.Key(account, id))
	if err != nil || there != nil {
		return err
	}
	d := &dhcp{head: dhcps.begin(tx, account, nil), Values: map[string][]string{
		"domain-name": {domainOf(s.Region)}, "domain-name-servers": {amazonDNS},
	}}
	d.ID = id
	return dhcps.put(tx, d)
}

// migrateDHCP gives accounts of an older data directory a record of the set their VPCs have.
func (s *Service) migrateDHCP(ctx context.Context) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := vpcs.all(tx, "")
		if err != nil {
			return err
		}
		for _, v := range all {
			if err := s.ownDHCP(tx, v.Account); err != nil {
				return err
			}
		}
		return nil
	})
}

// domainOf is the domain of private names.
func domainOf(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}

// servers are the DNS servers that a set names; none for the VPC's own resolver.
func (d *dhcp) servers() (out []netip.Addr) {
	for _, text := range d.Values["domain-name-servers"] {
		if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, a)
		}
	}
	return out
}

func (d *dhcp) domain() string {
	if names := d.Values["domain-name"]; len(names) > 0 {
		return names[0]
	}
	return ""
}

func (d *dhcp) aws() shape.DhcpOptions {
	out := shape.DhcpOptions{DhcpOptionsId: &d.ID, OwnerId: &d.Account, Tags: awsTags(d.Tags), DhcpConfigurations: []shape.DhcpConfiguration{}}
	for _, key := range slices.Sorted(maps.Keys(d.Values)) {
		c := shape.DhcpConfiguration{Key: new(key)}
		for _, v := range d.Values[key] {
			c.Values = append(c.Values, shape.AttributeValue{Value: new(v)})
		}
		out.DhcpConfigurations = append(out.DhcpConfigurations, c)
	}
	return out
}

var domainForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?$`)

// parseDHCP reads options. Servers for time and NetBIOS, and the IPv6 lease time, are kept and shown.
func parseDHCP(list []shape.NewDhcpConfiguration) (map[string][]string, error) {
	if len(list) == 0 {
		return nil, missingParameter.New("The request must contain the parameter dhcpConfiguration")
	}
	out := map[string][]string{}
	for _, c := range list {
		key := str(c.Key)
		if len(c.Values) == 0 || out[key] != nil {
			return nil, invalidValue.New("Value (%s) for parameter key is invalid. It must be there once, with values.", key)
		}
		values := listedValues(key, c.Values)
		for _, v := range values {
			if err := option(key, v, len(values)); err != nil {
				return nil, err
			}
		}
		out[key] = values
	}
	return out, nil
}

// listedValues takes servers apart that are one value with commas, which AWS takes too.
func listedValues(key string, values []string) (out []string) {
	if !strings.HasSuffix(key, "-servers") {
		return values
	}
	for _, v := range values {
		for _, one := range strings.Split(v, ",") {
			out = append(out, strings.TrimSpace(one))
		}
	}
	return out
}

// domains tells whether a text is a domain, or several with a space between them to search in turn.
func domains(text string) bool {
	list := strings.Split(text, " ")
	return len(text) <= 255 && len(list) <= 6 && !slices.ContainsFunc(list, func(one string) bool { return !domainForm.MatchString(one) })
}

func option(key, value string, count int) error {
	bad := invalidValue.New("Value (%s) for parameter value is invalid. It is no %s.", value, key)
	switch key {
	case "domain-name":
		if count > 1 || !domains(value) {
			return bad
		}
	case "domain-name-servers", "ntp-servers", "netbios-name-servers":
		a, err := netip.ParseAddr(value)
		if !(key == "domain-name-servers" && value == amazonDNS) && (err != nil || !a.Is4()) || count > 4 {
			return bad
		}
	case "netbios-node-type":
		if count > 1 || !slices.Contains([]string{"1", "2", "4", "8"}, value) {
			return bad
		}
	case "ipv6-address-preferred-lease-time":
		if count > 1 || value == "" {
			return bad
		}
	default:
		return invalidValue.New("Value (%s) for parameter key is invalid. Unknown DHCP option.", key)
	}
	return nil
}

var _ = api.Define(operations, "CreateDhcpOptions", func(c *api.Call, in *shape.CreateDhcpOptionsRequest) []api.Check {
	return creates(c, "CreateDhcpOptions", "dhcp-options", in.TagSpecifications)
}, (*Service).createDhcpOptions)

func (s *Service) createDhcpOptions(ctx context.Context, c *api.Call, in *shape.CreateDhcpOptionsRequest) (*shape.CreateDhcpOptionsResult, error) {
	if err := begin(in, "DhcpConfigurations", "TagSpecifications"); err != nil {
		return nil, err
	}
	values, err := parseDHCP(in.DhcpConfigurations)
	if err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "dhcp-options")
	if err != nil {
		return nil, err
	}
	out := new(shape.CreateDhcpOptionsResult)
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		d := &dhcp{head: dhcps.begin(tx, c.Account(), tags), Values: values}
		out.DhcpOptions = new(d.aws())
		return dhcps.put(tx, d)
	})
}

var _ = api.Define(operations, "DescribeDhcpOptions", describes[shape.DescribeDhcpOptionsRequest]("DescribeDhcpOptions"), (*Service).describeDhcpOptions)

func (s *Service) describeDhcpOptions(ctx context.Context, c *api.Call, in *shape.DescribeDhcpOptionsRequest) (*shape.DescribeDhcpOptionsResult, error) {
	if err := begin(in, "DhcpOptionsIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeDhcpOptionsResult{DhcpOptions: []shape.DhcpOptions{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		page, err := find(tx, dhcps, c.Account(), query{in.DhcpOptionsIds, in.Filters, in.MaxResults, in.NextToken}, fields[*dhcp]{
			"dhcp-options-id": one(func(d *dhcp) string { return d.ID }),
			"owner-id":        one(func(d *dhcp) string { return d.Account }),
			"key":             func(d *dhcp) []string { return slices.Sorted(maps.Keys(d.Values)) },
			"value":           func(d *dhcp) []string { return slices.Concat(slices.Collect(maps.Values(d.Values))...) },
		})
		for _, d := range page.items {
			out.DhcpOptions = append(out.DhcpOptions, d.aws())
		}
		out.NextToken = page.next
		return err
	})
}

var _ = api.Define(operations, "DeleteDhcpOptions", named("DeleteDhcpOptions", "dhcp-options",
	func(in *shape.DeleteDhcpOptionsRequest) *string { return in.DhcpOptionsId }), (*Service).deleteDhcpOptions)

func (s *Service) deleteDhcpOptions(ctx context.Context, c *api.Call, in *shape.DeleteDhcpOptionsRequest) (*struct{}, error) {
	if err := begin(in, "DhcpOptionsId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		d, err := dhcps.get(tx, c.Account(), str(in.DhcpOptionsId))
		if err != nil {
			return err
		}
		n, err := countIn(tx, vpcs, c.Account(), func(v *vpc) bool { return v.DHCPOptionsID == d.ID })
		if err != nil || n > 0 {
			return either(err, dhcpConflict.New("The dhcpOptions '%s' has dependencies and cannot be deleted.", d.ID))
		}
		return dhcps.remove(tx, d)
	})
}

var _ = api.Define(operations, "AssociateDhcpOptions", func(c *api.Call, in *shape.AssociateDhcpOptionsRequest) []api.Check {
	out := []api.Check{check(c, "AssociateDhcpOptions", "vpc", str(in.VpcId))}
	if id := str(in.DhcpOptionsId); id != noDHCP {
		out = append(out, check(c, "AssociateDhcpOptions", "dhcp-options", id))
	}
	return out
}, (*Service).associateDhcpOptions)

// associateDhcpOptions gives a VPC another set. Namespaces that are made from then on know of it.
func (s *Service) associateDhcpOptions(ctx context.Context, c *api.Call, in *shape.AssociateDhcpOptionsRequest) (*struct{}, error) {
	if err := begin(in, "DhcpOptionsId", "VpcId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		if v.DHCPOptionsID = str(in.DhcpOptionsId); v.DHCPOptionsID != noDHCP {
			if _, err := dhcps.get(tx, c.Account(), v.DHCPOptionsID); err != nil {
				return err
			}
		}
		return vpcs.put(tx, v)
	})
}
