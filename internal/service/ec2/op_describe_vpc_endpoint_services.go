package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/catalogue"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeVpcEndpointServices",
	describes[shape.DescribeVpcEndpointServicesRequest]("DescribeVpcEndpointServices"), (*Service).describeVpcEndpointServices)

func (s *Service) describeVpcEndpointServices(ctx context.Context, c *api.Call, in *shape.DescribeVpcEndpointServicesRequest) (*shape.DescribeVpcEndpointServicesResult, error) {
	if err := begin(in, "ServiceNames", "Filters", "MaxResults", "NextToken", "ServiceRegions"); err != nil {
		return nil, err
	}
	for _, r := range in.ServiceRegions {
		if r != s.Region {
			return nil, unsupportedOperation.New("Services of the region %s are not supported.", r)
		}
	}
	all := s.endpointServices()
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		own, err := s.suppliedTo(tx, c)
		all = append(all, own...)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, name := range in.ServiceNames {
		if !slices.ContainsFunc(all, func(d shape.ServiceDetail) bool { return *d.ServiceName == name }) {
			return nil, noService(name)
		}
	}
	if len(in.ServiceNames) > 0 {
		all = slices.DeleteFunc(all, func(d shape.ServiceDetail) bool { return !slices.Contains(in.ServiceNames, *d.ServiceName) })
	}
	name := func(d shape.ServiceDetail) string { return *d.ServiceName + " " + *d.ServiceType[0].ServiceType }
	page, err := sift(all, name, tagsOf,
		query{nil, in.Filters, in.MaxResults, in.NextToken}, fields[shape.ServiceDetail]{
			"service-name":               one(func(d shape.ServiceDetail) string { return *d.ServiceName }),
			"service-type":               one(func(d shape.ServiceDetail) string { return *d.ServiceType[0].ServiceType }),
			"service-region":             one(func(d shape.ServiceDetail) string { return *d.ServiceRegion }),
			"owner":                      one(func(d shape.ServiceDetail) string { return *d.Owner }),
			"supported-ip-address-types": one(func(shape.ServiceDetail) string { return "ipv4" }),
		})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeVpcEndpointServicesResult{ServiceDetails: page.items, ServiceNames: []string{}, NextToken: page.next}
	for _, d := range page.items {
		out.ServiceNames = append(out.ServiceNames, *d.ServiceName)
	}
	out.ServiceNames = distinct(out.ServiceNames)
	return out, nil
}

func tagsOf(d shape.ServiceDetail) map[string]string {
	out := map[string]string{}
	for _, t := range d.Tags {
		out[str(t.Key)] = str(t.Value)
	}
	return out
}

// endpointServices are the catalogue's services that offer endpoints; one that offers both types
// stands there twice.
func (s *Service) endpointServices() (out []shape.ServiceDetail) {
	for i := range catalogue.Services {
		c := &catalogue.Services[i]
		if !c.Offered(s.Region) {
			continue
		}
		if c.Gateway {
			out = append(out, s.serviceDetail(c, "Gateway", catalogue.In(s.Region, c.Hosts[0])))
		}
		if !c.Interface {
			continue
		}
		d := s.serviceDetail(c, "Interface", c.Base(s.Region))
		for _, n := range c.Private {
			d.PrivateDnsNames = append(d.PrivateDnsNames, shape.PrivateDnsDetails{PrivateDnsName: new(catalogue.In(s.Region, n))})
		}
		if len(d.PrivateDnsNames) > 0 {
			d.PrivateDnsName, d.PrivateDnsNameVerificationState = d.PrivateDnsNames[0].PrivateDnsName, new("verified")
		}
		out = append(out, d)
	}
	return out
}

func (s *Service) serviceDetail(c *catalogue.Service, kind, base string) shape.ServiceDetail {
	name := c.EndpointName(s.Region)
	d := shape.ServiceDetail{
		ServiceName: &name, ServiceId: new("vpce-svc-0" + digest(name + kind)[:16]), ServiceType: []shape.ServiceTypeDetail{{ServiceType: &kind}},
		ServiceRegion: &s.Region, Owner: new("amazon"), BaseEndpointDnsNames: []string{base}, VpcEndpointPolicySupported: new(!c.NoPolicy),
		AcceptanceRequired: new(false), ManagesVpcEndpoints: new(false), Tags: []shape.Tag{}, SupportedIpAddressTypes: []string{"ipv4"},
	}
	for _, z := range zones(s.Region) {
		d.AvailabilityZones = append(d.AvailabilityZones, z.Name)
		d.AvailabilityZoneIds = append(d.AvailabilityZoneIds, z.ID)
	}
	return d
}

// suppliedTo are the customers' endpoint services that a caller may use.
func (s *Service) suppliedTo(tx *store.Tx, c *api.Call) (out []shape.ServiceDetail, err error) {
	all, err := endpointServices.all(tx, "")
	for _, v := range all {
		if !v.permits(&c.Caller.Identity) {
			continue
		}
		d := s.serviceDetail(v.row(s.Region), "Interface", v.base(s.Region))
		d.ServiceId, d.Owner, d.AcceptanceRequired = &v.ID, &v.Account, &v.Acceptance
		d.AvailabilityZones, d.AvailabilityZoneIds = nil, nil
		zones, err := s.suppliedZones(tx, v)
		if err != nil {
			return nil, err
		}
		for _, z := range zones {
			d.AvailabilityZones, d.AvailabilityZoneIds = append(d.AvailabilityZones, z), append(d.AvailabilityZoneIds, zoneID(s.Region, z))
		}
		if v.PrivateName != "" {
			d.PrivateDnsName, d.PrivateDnsNameVerificationState = &v.PrivateName, &v.NameState
			d.PrivateDnsNames = []shape.PrivateDnsDetails{{PrivateDnsName: &v.PrivateName}}
		}
		if v.Account == c.Account() {
			d.Tags = awsTags(v.Tags)
		}
		out = append(out, d)
	}
	return out, err
}
