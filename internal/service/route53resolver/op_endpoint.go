package route53resolver

import (
	"context"
	"net/netip"
	"slices"
	"strconv"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/route53resolver"
)

const kindEndpoint = "resolver-endpoint"

var (
	_ = api.Define(operations, "CreateResolverEndpoint", createChecks, (*Service).createResolverEndpoint)
	_ = api.Define(operations, "GetResolverEndpoint", func(c *api.Call, in *shape.GetResolverEndpointRequest) []api.Check {
		return on(c, "GetResolverEndpoint", kindEndpoint, *in.ResolverEndpointId)
	}, (*Service).getResolverEndpoint)
	_ = api.Define(operations, "ListResolverEndpoints", func(c *api.Call, _ *shape.ListResolverEndpointsRequest) []api.Check {
		return on(c, "ListResolverEndpoints", kindEndpoint, "*")
	}, (*Service).listResolverEndpoints)
	_ = api.Define(operations, "UpdateResolverEndpoint", func(c *api.Call, in *shape.UpdateResolverEndpointRequest) []api.Check {
		return on(c, "UpdateResolverEndpoint", kindEndpoint, *in.ResolverEndpointId)
	}, (*Service).updateResolverEndpoint)
	_ = api.Define(operations, "DeleteResolverEndpoint", func(c *api.Call, in *shape.DeleteResolverEndpointRequest) []api.Check {
		return append(on(c, "DeleteResolverEndpoint", kindEndpoint, *in.ResolverEndpointId), api.Check{Action: "ec2:DeleteNetworkInterface", Resource: c.ARN("ec2", "network-interface/*")})
	}, (*Service).deleteResolverEndpoint)
)

// makesInterfaces is what whoever has an interface made must be allowed, as AWS asks it of the caller.
func makesInterfaces(c *api.Call, subnets, groups []string) (out []api.Check) {
	ask := func(resource string) {
		out = append(out, api.Check{Action: "ec2:CreateNetworkInterface", Resource: c.ARN("ec2", resource)})
	}
	ask("network-interface/*")
	for _, id := range subnets {
		ask("subnet/" + id)
	}
	for _, id := range groups {
		ask("security-group/" + id)
	}
	return out
}

func createChecks(c *api.Call, in *shape.CreateResolverEndpointRequest) []api.Check {
	checks := on(c, "CreateResolverEndpoint", kindEndpoint, "*")
	var keys []api.Key
	for _, t := range in.Tags {
		keys = append(keys, api.K("aws:RequestTag/"+text(t.Key), text(t.Value)))
	}
	checks[0].Keys = keys
	return append(checks, makesInterfaces(c, subnetsOf(in.IpAddresses), in.SecurityGroupIds)...)
}

func subnetsOf(list []shape.IpAddressRequest) (out []string) {
	for _, a := range list {
		out = append(out, text(a.SubnetId))
	}
	return out
}

// answerable refuses what a resolver here would not do.
func answerable(in *shape.CreateResolverEndpointRequest) error {
	if *in.Direction != "INBOUND" {
		return invalidRequest.New("Direction %s is not supported by Cloister: resolver endpoints are INBOUND. Names outside are asked for at the resolvers that the configuration names.", *in.Direction)
	}
	for member, set := range map[string]bool{
		"OutpostArn": in.OutpostArn != nil, "PreferredInstanceType": in.PreferredInstanceType != nil, "RniEnhancedMetricsEnabled": yes(in.RniEnhancedMetricsEnabled),
		"TargetNameServerMetricsEnabled": yes(in.TargetNameServerMetricsEnabled), "Dns64Enabled": yes(in.Dns64Enabled), "Ipv6InternetAccessEnabled": yes(in.Ipv6InternetAccessEnabled),
	} {
		if set {
			return invalidRequest.New("%s is not supported by Cloister.", member)
		}
	}
	return plainEndpoint(in.ResolverEndpointType, in.Protocols)
}

func plainEndpoint(kind *string, protocols []string) error {
	if kind != nil && *kind != "IPV4" {
		return invalidRequest.New("ResolverEndpointType %s is not supported by Cloister: IPV4 is.", *kind)
	}
	if len(protocols) > 0 && !slices.Equal(protocols, []string{"Do53"}) {
		return invalidRequest.New("Protocols other than Do53 are not supported by Cloister.")
	}
	return nil
}

func yes(p *bool) bool { return p != nil && *p }

// wanted reads an address that is asked for.
func wanted(tx *store.Tx, subnet, ip, ip6 *string) (*address, error) {
	a := &address{ID: newID("rni-"), Subnet: text(subnet), IP: text(ip), Created: tx.Now, Modified: tx.Now}
	if ip6 != nil {
		return nil, invalidRequest.New("Ipv6 is not supported by Cloister: addresses are IPv4.")
	}
	if at, err := netip.ParseAddr(a.IP); a.IP != "" && (err != nil || !at.Is4()) {
		return nil, invalidParameter.New("The IP address '%s' is invalid.", a.IP).With("FieldName", "Ip")
	}
	return a, nil
}

// createResolverEndpoint makes an endpoint with all its interfaces, and answers when it answers.
func (s *Service) createResolverEndpoint(ctx context.Context, c *api.Call, in *shape.CreateResolverEndpointRequest) (*shape.CreateResolverEndpointResponse, error) {
	if err := answerable(in); err != nil {
		return nil, err
	}
	if len(in.SecurityGroupIds) == 0 {
		return nil, invalidParameter.New("At least one security group is required.").With("FieldName", "SecurityGroupIds")
	}
	vpc, err := s.vpcOf(ctx, c.Account(), subnetsOf(in.IpAddresses))
	if err != nil {
		return nil, err
	}
	e := &endpoint{ID: newID("rslvr-in-"), Account: c.Account(), Name: text(in.Name), Token: *in.CreatorRequestId, VPC: vpc,
		Groups: in.SecurityGroupIds, Status: creating, Tags: readTags(in.Tags)}
	var old *endpoint
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := endpoints.All(tx, store.Prefix(e.Account))
		if err != nil {
			return err
		}
		for _, o := range all {
			if o.Token == e.Token {
				if old = o; o.Name != e.Name || !slices.Equal(o.Groups, e.Groups) || len(o.Addresses) != len(in.IpAddresses) || o.VPC != e.VPC {
					return exists.New("Resolver endpoint with creator request id '%s' already exists.", e.Token)
				}
				return nil
			}
		}
		if len(all) >= mostEndpoints {
			return limitExceeded.New("The maximum number of resolver endpoints (%d) has been reached.", mostEndpoints)
		}
		for _, want := range in.IpAddresses {
			a, err := wanted(tx, want.SubnetId, want.Ip, want.Ipv6)
			if err != nil {
				return err
			}
			e.Addresses = append(e.Addresses, a)
		}
		e.Created = tx.Now
		return putEndpoint(tx, e)
	})
	if err != nil {
		return nil, err
	}
	if old != nil {
		return &shape.CreateResolverEndpointResponse{ResolverEndpoint: s.endpointShape(old)}, nil
	}
	err = s.attach(ctx, e)
	if err == nil {
		err = s.operate(ctx, e)
	}
	if err != nil {
		if undo := s.remove(context.WithoutCancel(ctx), e); undo != nil {
			s.Log.Warn("a resolver endpoint is left half made until the next start", "endpoint", e.ID, "error", undo)
		}
		return nil, err
	}
	return &shape.CreateResolverEndpointResponse{ResolverEndpoint: s.endpointShape(e)}, nil
}

func (s *Service) getResolverEndpoint(ctx context.Context, c *api.Call, in *shape.GetResolverEndpointRequest) (*shape.GetResolverEndpointResponse, error) {
	out := new(shape.GetResolverEndpointResponse)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := findEndpoint(tx, c.Account(), *in.ResolverEndpointId)
		if err == nil {
			out.ResolverEndpoint = s.endpointShape(e)
		}
		return err
	})
}

func (s *Service) listResolverEndpoints(ctx context.Context, c *api.Call, in *shape.ListResolverEndpointsRequest) (*shape.ListResolverEndpointsResponse, error) {
	out := &shape.ListResolverEndpointsResponse{ResolverEndpoints: []shape.ResolverEndpoint{}, MaxResults: in.MaxResults}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := endpoints.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		kept := all[:0]
		for _, e := range all {
			ok, err := matches(in.Filters, map[string]string{"creatorrequestid": e.Token, "direction": "INBOUND", "hostvpcid": e.VPC, "name": e.Name, "status": e.Status,
				"ipaddresscount": strconv.Itoa(len(e.Addresses))})
			if err != nil {
				return err
			}
			if ok {
				kept = append(kept, e)
			}
		}
		kept, out.NextToken = page(kept, func(e *endpoint) string { return e.ID }, in.MaxResults, in.NextToken)
		for _, e := range kept {
			out.ResolverEndpoints = append(out.ResolverEndpoints, *s.endpointShape(e))
		}
		return nil
	})
}

// updateResolverEndpoint changes an endpoint's name.
func (s *Service) updateResolverEndpoint(ctx context.Context, c *api.Call, in *shape.UpdateResolverEndpointRequest) (*shape.UpdateResolverEndpointResponse, error) {
	if err := plainEndpoint(in.ResolverEndpointType, in.Protocols); err != nil {
		return nil, err
	}
	if len(in.UpdateIpAddresses) > 0 || yes(in.RniEnhancedMetricsEnabled) || yes(in.TargetNameServerMetricsEnabled) || yes(in.Dns64Enabled) || yes(in.Ipv6InternetAccessEnabled) {
		return nil, invalidRequest.New("Of a resolver endpoint, Cloister can update the name only.")
	}
	out := new(shape.UpdateResolverEndpointResponse)
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := findEndpoint(tx, c.Account(), *in.ResolverEndpointId)
		if err != nil {
			return err
		}
		if in.Name != nil {
			e.Name = *in.Name
		}
		out.ResolverEndpoint = s.endpointShape(e)
		return putEndpoint(tx, e)
	})
}

func (s *Service) deleteResolverEndpoint(ctx context.Context, c *api.Call, in *shape.DeleteResolverEndpointRequest) (*shape.DeleteResolverEndpointResponse, error) {
	var e *endpoint
	err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if e, err = findEndpoint(tx, c.Account(), *in.ResolverEndpointId); err != nil {
			return err
		}
		if e.Status == creating || e.Status == updating {
			return invalidRequest.New("Resolver endpoint \"%s\" is in status %s and cannot be deleted.", e.ID, e.Status)
		}
		e.Status = deleting
		return putEndpoint(tx, e)
	})
	if err != nil {
		return nil, err
	}
	return &shape.DeleteResolverEndpointResponse{ResolverEndpoint: s.endpointShape(e)}, s.remove(ctx, e)
}
