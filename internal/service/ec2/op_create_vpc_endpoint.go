package ec2

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/catalogue"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateVpcEndpoint", createVpcEndpointChecks, (*Service).createVpcEndpoint)

func createVpcEndpointChecks(c *api.Call, in *shape.CreateVpcEndpointRequest) []api.Check {
	const action = "CreateVpcEndpoint"
	out := []api.Check{check(c, action, "vpc", str(in.VpcId))}
	out = append(out, creates(c, action, "vpc-endpoint", in.TagSpecifications,
		serviceKeys(str(in.ServiceName))...)...)
	out = append(out, each(c, action, "subnet", in.SubnetIds)...)
	out = append(out, each(c, action, "security-group", in.SecurityGroupIds)...)
	return append(out, each(c, action, "route-table", in.RouteTableIds)...)
}

// serviceKeys tell of a service. Of a customer's the owner is not known from the request, so that
// conditions on it do not hold.
func serviceKeys(name string) []api.Key {
	keys := []api.Key{api.K("ec2:VpceServiceName", name)}
	if strings.HasPrefix(name, suppliedPrefix) {
		return keys
	}
	return append(keys, api.K("ec2:VpceServiceOwner", "amazon"))
}

func (s *Service) createVpcEndpoint(ctx context.Context, c *api.Call, in *shape.CreateVpcEndpointRequest) (*shape.CreateVpcEndpointResult, error) {
	err := begin(in, "VpcEndpointType", "VpcId", "ServiceName", "PolicyDocument", "RouteTableIds", "SubnetIds", "SecurityGroupIds",
		"IpAddressType", "DnsOptions", "ClientToken", "PrivateDnsEnabled", "TagSpecifications", "SubnetConfigurations", "ServiceRegion")
	if err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "vpc-endpoint")
	if err != nil {
		return nil, err
	}
	service, err := s.offered(ctx, c, in)
	if err != nil {
		return nil, err
	}
	var e *endpoint
	out := &shape.CreateVpcEndpointResult{ClientToken: in.ClientToken}
	err = s.change(ctx, func(tx *store.Tx) (err error) {
		if e, err = again(tx, endpoints, c.Account(), "CreateVpcEndpoint", in.ClientToken, in); err != nil {
			return err
		}
		if e == nil {
			if e, err = s.newEndpoint(tx, c, in, service, tags); err != nil {
				return err
			}
			if err := remember(tx, c.Account(), "CreateVpcEndpoint", in.ClientToken, in, e.ID); err != nil {
				return err
			}
		}
		out.VpcEndpoint, err = s.showEndpoint(tx, e)
		return err
	})
	if err != nil || !e.Gateway {
		return out, err
	}
	// A gateway endpoint has nothing to wait for: when its routes are in force the answer says so.
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		now, err := endpoints.table.Get(tx, store.Key(e.Account, e.ID))
		if err == nil && now != nil {
			out.VpcEndpoint.State = &now.State
		}
		return err
	})
}

func (s *Service) showEndpoint(tx *store.Tx, e *endpoint) (*shape.VpcEndpoint, error) {
	view, err := s.endpointView(tx, e.Account)
	if err != nil {
		return nil, err
	}
	return new(view.aws(e)), nil
}

// offered checks what a request says without asking the records: the service, and whether the
// request is one for the type of endpoint.
func (s *Service) offered(ctx context.Context, c *api.Call, in *shape.CreateVpcEndpointRequest) (*catalogue.Service, error) {
	kind := str(in.VpcEndpointType)
	if kind == "" {
		kind = "Gateway"
	}
	if kind == "Resource" || kind == "ServiceNetwork" {
		return nil, unsupportedOperation.New("VPC endpoints of the type %s are not supported.", kind)
	}
	if err := need("serviceName", str(in.ServiceName)); err != nil {
		return nil, err
	}
	if r := str(in.ServiceRegion); r != "" && r != s.Region {
		return nil, unsupportedOperation.New("Services of the region %s are not supported.", r)
	}
	service, ok := catalogue.ByEndpoint(s.Region, *in.ServiceName)
	if !ok {
		var err error
		if service, err = s.supplied(ctx, c, *in.ServiceName); err != nil {
			return nil, err
		}
	}
	if !(kind == "Gateway" && service.Gateway || kind == "Interface" && service.Interface) {
		return service, invalidParameter.New("Endpoint type (%s) does not match available service types ([%s]).", kind, serviceType(service))
	}
	if err := onlyIPv4(kind == "Gateway", in.IpAddressType, in.DnsOptions); err != nil {
		return service, err
	}
	if in.PolicyDocument != nil && *in.PolicyDocument != "" {
		if service.NoPolicy {
			return service, noPolicy(service.EndpointName(s.Region))
		}
		if _, err := s.checkPolicy(*in.PolicyDocument); err != nil {
			return service, err
		}
	}
	return service, forKind(kind == "Gateway", in.RouteTableIds, slices.Concat(in.SubnetIds, configured(in.SubnetConfigurations)), in.SecurityGroupIds, yes(in.PrivateDnsEnabled))
}

// supplied gives a customer's service; who may not use it sees none.
func (s *Service) supplied(ctx context.Context, c *api.Call, name string) (row *catalogue.Service, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		v, err := serviceNamed(tx, s.Region, name)
		if err == nil && (v == nil || !v.permits(&c.Caller.Identity)) {
			err = noService(name)
		}
		if err == nil {
			row = v.row(s.Region)
		}
		return err
	})
	return row, err
}

func configured(list []shape.SubnetConfiguration) (out []string) {
	for _, c := range list {
		out = append(out, str(c.SubnetId))
	}
	return out
}

func noService(name string) error {
	return invalidServiceName.New("The Vpc Endpoint Service '%s' does not exist", name)
}

// noPolicy refuses a policy for the endpoints of a service that knows none.
func noPolicy(name string) error {
	return invalidParameter.New("Endpoint policies are not supported for the service %s.", name)
}

func serviceType(s *catalogue.Service) string {
	switch {
	case s.Gateway && s.Interface:
		return "Gateway, Interface"
	case s.Gateway:
		return "Gateway"
	}
	return "Interface"
}

// forKind refuses what belongs to the other type of endpoint.
func forKind(gateway bool, tables, subnets, groups []string, private bool) error {
	switch {
	case !gateway && len(tables) > 0:
		return invalidParameter.New("Route table IDs are only supported for Gateway type VPC Endpoint.")
	case gateway && len(subnets) > 0:
		return invalidParameter.New("Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints.")
	case gateway && len(groups) > 0:
		return invalidParameter.New("Security group IDs are only supported for Interface type VPC Endpoint.")
	case gateway && private:
		return invalidParameter.New("Private DNS is only supported for Interface type VPC Endpoint.")
	}
	return nil
}

func (s *Service) newEndpoint(tx *store.Tx, c *api.Call, in *shape.CreateVpcEndpointRequest, service *catalogue.Service, tags map[string]string) (*endpoint, error) {
	v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
	if err != nil {
		return nil, err
	}
	e := &endpoint{
		head: endpoints.begin(tx, c.Account(), tags), VPC: v.ID, Service: *in.ServiceName, Gateway: str(in.VpcEndpointType) != "Interface",
		State: pending, Policy: str(in.PolicyDocument),
	}
	if e.Policy != "" {
		if e.Principals, err = s.checkPolicy(e.Policy); err != nil {
			return nil, err
		}
	}
	e.setRecordType(in.DnsOptions)
	if err := s.roomFor(tx, e); err != nil {
		return nil, err
	}
	if err := s.supply(tx, e, service, in.SubnetIds); err != nil {
		return nil, err
	}
	if e.Gateway {
		e.Tables = distinct(in.RouteTableIds)
		err = routable(tx, v, e, e.Tables)
	} else {
		err = s.furnishInterface(tx, v, e, in, service)
	}
	if err != nil {
		return nil, err
	}
	if err := s.announce(tx, e); err != nil {
		return nil, err
	}
	return e, endpoints.put(tx, e)
}

func (s *Service) roomFor(tx *store.Tx, e *endpoint) error {
	n, err := countIn(tx, endpoints, e.Account, func(o *endpoint) bool { return o.Gateway == e.Gateway && (e.Gateway || o.VPC == e.VPC) })
	limit := s.Quotas.InterfaceEndpoints
	if e.Gateway {
		limit = s.Quotas.GatewayEndpoints
	}
	if err != nil || n >= limit {
		return either(err, endpointLimit.New("The maximum number of VPC endpoints has been reached."))
	}
	return nil
}

// furnishInterface gives an interface endpoint its groups, names and interfaces.
func (s *Service) furnishInterface(tx *store.Tx, v *vpc, e *endpoint, in *shape.CreateVpcEndpointRequest, service *catalogue.Service) (err error) {
	e.Suffix, e.Zone = pick(lowerAlphanumeric, 8), "Z"+pick(upperAlphanumeric, 20)
	e.Subnets = in.SubnetIds
	e.PrivateDNS = len(service.Private) > 0 && !service.PrivateOff
	if in.PrivateDnsEnabled != nil {
		e.PrivateDNS = *in.PrivateDnsEnabled
	}
	nets, err := subnetsOf(tx, v, e.Subnets)
	if err != nil {
		return err
	}
	if e.Groups, err = s.usable(tx, v, in.SecurityGroupIds, firstOf(e.Subnets)); err != nil {
		return err
	}
	if e.PrivateDNS {
		if err := s.private(tx, v, e); err != nil {
			return err
		}
	}
	pinned, err := pins(in.SubnetConfigurations, e.Subnets)
	if err != nil {
		return err
	}
	for _, n := range nets {
		if err := attach(tx, e, n, pinned); err != nil {
			return err
		}
	}
	return nil
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
