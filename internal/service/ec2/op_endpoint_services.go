package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateVpcEndpointServiceConfiguration", func(c *api.Call, in *shape.CreateVpcEndpointServiceConfigurationRequest) []api.Check {
	return creates(c, "CreateVpcEndpointServiceConfiguration", "vpc-endpoint-service", in.TagSpecifications)
}, (*Service).createVpcEndpointServiceConfiguration)

func (s *Service) createVpcEndpointServiceConfiguration(ctx context.Context, c *api.Call, in *shape.CreateVpcEndpointServiceConfigurationRequest) (*shape.CreateVpcEndpointServiceConfigurationResult, error) {
	if err := begin(in, "AcceptanceRequired", "PrivateDnsName", "NetworkLoadBalancerArns", "SupportedIpAddressTypes", "SupportedRegions", "ClientToken", "TagSpecifications"); err != nil {
		return nil, err
	}
	if len(in.NetworkLoadBalancerArns) == 0 {
		return nil, invalidParameter.New("exactly one of network_load_balancer_arn or gateway_load_balancer_arn is a required member")
	}
	if err := s.onlyHere(in.SupportedIpAddressTypes, in.SupportedRegions); err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "vpc-endpoint-service")
	if err != nil {
		return nil, err
	}
	out := &shape.CreateVpcEndpointServiceConfigurationResult{ClientToken: in.ClientToken}
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		v, err := again(tx, endpointServices, c.Account(), "CreateVpcEndpointServiceConfiguration", in.ClientToken, in)
		if err != nil {
			return err
		}
		if v == nil {
			v = &endpointService{head: endpointServices.begin(tx, c.Account(), tags), Acceptance: in.AcceptanceRequired == nil || *in.AcceptanceRequired, Balancers: distinct(in.NetworkLoadBalancerArns)}
			if err := s.fronted(tx, v); err != nil {
				return err
			}
			if n := str(in.PrivateDnsName); n != "" {
				if err := v.claim(n); err != nil {
					return err
				}
			}
			if err := endpointServices.put(tx, v); err != nil {
				return err
			}
			if err := remember(tx, c.Account(), "CreateVpcEndpointServiceConfiguration", in.ClientToken, in, v.ID); err != nil {
				return err
			}
		}
		shown, err := s.awsService(tx, v)
		out.ServiceConfiguration = &shown
		return err
	})
}

func (s *Service) onlyHere(families, regions []string) error {
	for _, f := range families {
		if f != "ipv4" {
			return unsupportedOperation.New("The IP address type %s is not supported.", f)
		}
	}
	for _, r := range regions {
		if r != s.Region {
			return unsupportedOperation.New("Services of the region %s are not supported.", r)
		}
	}
	return nil
}

var _ = api.Define(operations, "DescribeVpcEndpointServiceConfigurations",
	describes[shape.DescribeVpcEndpointServiceConfigurationsRequest]("DescribeVpcEndpointServiceConfigurations"), (*Service).describeVpcEndpointServiceConfigurations)

func (s *Service) describeVpcEndpointServiceConfigurations(ctx context.Context, c *api.Call, in *shape.DescribeVpcEndpointServiceConfigurationsRequest) (*shape.DescribeVpcEndpointServiceConfigurationsResult, error) {
	if err := begin(in, "ServiceIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeVpcEndpointServiceConfigurationsResult{ServiceConfigurations: []shape.ServiceConfiguration{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		page, err := find(tx, endpointServices, c.Account(), query{in.ServiceIds, in.Filters, in.MaxResults, in.NextToken}, fields[*endpointService]{
			"service-id":                 one(func(v *endpointService) string { return v.ID }),
			"service-name":               one(func(v *endpointService) string { return v.name(s.Region) }),
			"service-state":              one(func(*endpointService) string { return "Available" }),
			"supported-ip-address-types": one(func(*endpointService) string { return "ipv4" }),
		})
		if err != nil {
			return err
		}
		for _, v := range page.items {
			shown, err := s.awsService(tx, v)
			if err != nil {
				return err
			}
			out.ServiceConfigurations = append(out.ServiceConfigurations, shown)
		}
		out.NextToken = page.next
		return nil
	})
}

// changeService changes an endpoint service, and with it where its endpoints lead.
func (s *Service) changeService(ctx context.Context, account, id string, f func(*store.Tx, *endpointService) error) error {
	return s.change(ctx, func(tx *store.Tx) error {
		v, err := endpointServices.get(tx, account, id)
		if err != nil {
			return err
		}
		if err := f(tx, v); err != nil {
			return err
		}
		return endpointServices.put(tx, v)
	})
}

var _ = api.Define(operations, "ModifyVpcEndpointServiceConfiguration", named("ModifyVpcEndpointServiceConfiguration", "vpc-endpoint-service",
	func(in *shape.ModifyVpcEndpointServiceConfigurationRequest) *string { return in.ServiceId }), (*Service).modifyVpcEndpointServiceConfiguration)

func (s *Service) modifyVpcEndpointServiceConfiguration(ctx context.Context, c *api.Call, in *shape.ModifyVpcEndpointServiceConfigurationRequest) (*shape.ModifyVpcEndpointServiceConfigurationResult, error) {
	err := begin(in, "ServiceId", "PrivateDnsName", "RemovePrivateDnsName", "AcceptanceRequired", "AddNetworkLoadBalancerArns", "RemoveNetworkLoadBalancerArns",
		"AddSupportedIpAddressTypes", "AddSupportedRegions")
	if err != nil {
		return nil, err
	}
	if err := s.onlyHere(in.AddSupportedIpAddressTypes, in.AddSupportedRegions); err != nil {
		return nil, err
	}
	if str(in.PrivateDnsName) != "" && yes(in.RemovePrivateDnsName) {
		return nil, invalidCombination.New("The parameter PrivateDnsName may not be used in combination with RemovePrivateDnsName")
	}
	return &shape.ModifyVpcEndpointServiceConfigurationResult{Return: new(true)}, s.changeService(ctx, c.Account(), str(in.ServiceId), func(tx *store.Tx, v *endpointService) error {
		if in.AcceptanceRequired != nil {
			v.Acceptance = *in.AcceptanceRequired
		}
		if err := s.behind(tx, v, in.AddNetworkLoadBalancerArns, in.RemoveNetworkLoadBalancerArns); err != nil {
			return err
		}
		if yes(in.RemovePrivateDnsName) {
			if err := v.unconnected(tx); err != nil {
				return err
			}
			v.PrivateName, v.Record, v.Proof, v.NameState = "", "", "", ""
		}
		if n := str(in.PrivateDnsName); n != "" && n != v.PrivateName {
			return v.claim(n)
		}
		return nil
	})
}

// behind changes the load balancers of a service. One that endpoints are connected to stays.
func (s *Service) behind(tx *store.Tx, v *endpointService, add, remove []string) error {
	if len(add)+len(remove) == 0 {
		return nil
	}
	left := distinct(append(without(v.Balancers, remove), add...))
	if len(left) == 0 {
		return invalidParameter.New("An endpoint service must have at least one load balancer.")
	}
	for _, arn := range remove {
		if !slices.Contains(v.Balancers, arn) {
			return invalidParameter.New("The load balancer %s is not associated with the endpoint service %s.", arn, v.ID)
		}
		if err := v.unconnected(tx); err != nil {
			return err
		}
	}
	v.Balancers = left
	return s.fronted(tx, v)
}

var _ = api.Define(operations, "DeleteVpcEndpointServiceConfigurations", func(c *api.Call, in *shape.DeleteVpcEndpointServiceConfigurationsRequest) []api.Check {
	if len(in.ServiceIds) == 0 {
		return []api.Check{check(c, "DeleteVpcEndpointServiceConfigurations", "vpc-endpoint-service", "")}
	}
	return each(c, "DeleteVpcEndpointServiceConfigurations", "vpc-endpoint-service", in.ServiceIds)
}, (*Service).deleteVpcEndpointServiceConfigurations)

func (s *Service) deleteVpcEndpointServiceConfigurations(ctx context.Context, c *api.Call, in *shape.DeleteVpcEndpointServiceConfigurationsRequest) (*shape.DeleteVpcEndpointServiceConfigurationsResult, error) {
	if err := begin(in, "ServiceIds"); err != nil {
		return nil, err
	}
	out := new(shape.DeleteVpcEndpointServiceConfigurationsResult)
	return out, s.change(ctx, func(tx *store.Tx) (err error) {
		out.Unsuccessful, err = itemwise(in.ServiceIds, func(id string) error {
			v, err := endpointServices.get(tx, c.Account(), id)
			if err != nil {
				return err
			}
			if err := v.unconnected(tx); err != nil {
				return err
			}
			return endpointServices.remove(tx, v)
		})
		return err
	})
}

// itemwise does something to each of several resources and gives what did not go, which is no fault of the whole.
func itemwise(ids []string, f func(id string) error) ([]shape.UnsuccessfulItem, error) {
	out := []shape.UnsuccessfulItem{}
	for _, id := range distinct(ids) {
		err := f(id)
		if f, ok := fault.As(err); ok {
			out = append(out, unsuccessful(id, f.Code, f.Message))
		} else if err != nil {
			return nil, err
		}
	}
	return out, nil
}

var _ = api.Define(operations, "StartVpcEndpointServicePrivateDnsVerification", named("StartVpcEndpointServicePrivateDnsVerification", "vpc-endpoint-service",
	func(in *shape.StartVpcEndpointServicePrivateDnsVerificationRequest) *string { return in.ServiceId }), (*Service).startVpcEndpointServicePrivateDnsVerification)

// startVpcEndpointServicePrivateDnsVerification looks the proof up at once.
func (s *Service) startVpcEndpointServicePrivateDnsVerification(ctx context.Context, c *api.Call, in *shape.StartVpcEndpointServicePrivateDnsVerificationRequest) (*shape.StartVpcEndpointServicePrivateDnsVerificationResult, error) {
	if err := begin(in, "ServiceId"); err != nil {
		return nil, err
	}
	var v *endpointService
	if err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		v, err = endpointServices.get(tx, c.Account(), str(in.ServiceId))
		return err
	}); err != nil {
		return nil, err
	}
	if v.PrivateName == "" {
		return nil, invalidParameter.New("The endpoint service %s has no private DNS name.", v.ID)
	}
	proven, err := s.proven(ctx, v)
	if err != nil {
		return nil, err
	}
	return &shape.StartVpcEndpointServicePrivateDnsVerificationResult{ReturnValue: new(true)}, s.changeService(ctx, c.Account(), v.ID, func(_ *store.Tx, now *endpointService) error {
		if now.Proof != v.Proof { // another name was given meanwhile
			return nil
		}
		if now.NameState = nameFailed; proven {
			now.NameState = nameVerified
		}
		return nil
	})
}

var _ = api.Define(operations, "ModifyVpcEndpointServicePayerResponsibility", named("ModifyVpcEndpointServicePayerResponsibility", "vpc-endpoint-service",
	func(in *shape.ModifyVpcEndpointServicePayerResponsibilityRequest) *string { return in.ServiceId }), (*Service).modifyVpcEndpointServicePayerResponsibility)

// modifyVpcEndpointServicePayerResponsibility is recorded only: nobody pays.
func (s *Service) modifyVpcEndpointServicePayerResponsibility(ctx context.Context, c *api.Call, in *shape.ModifyVpcEndpointServicePayerResponsibilityRequest) (*shape.ModifyVpcEndpointServicePayerResponsibilityResult, error) {
	if err := begin(in, "ServiceId", "PayerResponsibility"); err != nil {
		return nil, err
	}
	if p := str(in.PayerResponsibility); p != "ServiceOwner" {
		return nil, invalidParameter.New("Value (%s) for parameter PayerResponsibility is invalid.", p)
	}
	return &shape.ModifyVpcEndpointServicePayerResponsibilityResult{ReturnValue: new(true)}, s.changeService(ctx, c.Account(), str(in.ServiceId), func(_ *store.Tx, v *endpointService) error {
		v.PayerOwner = true
		return nil
	})
}
