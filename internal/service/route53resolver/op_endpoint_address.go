package route53resolver

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/route53resolver"
)

var (
	_ = api.Define(operations, "AssociateResolverEndpointIpAddress", func(c *api.Call, in *shape.AssociateResolverEndpointIpAddressRequest) []api.Check {
		return append(on(c, "AssociateResolverEndpointIpAddress", kindEndpoint, *in.ResolverEndpointId), makesInterfaces(c, []string{text(in.IpAddress.SubnetId)}, nil)...)
	}, (*Service).associateAddress)
	_ = api.Define(operations, "DisassociateResolverEndpointIpAddress", func(c *api.Call, in *shape.DisassociateResolverEndpointIpAddressRequest) []api.Check {
		return append(on(c, "DisassociateResolverEndpointIpAddress", kindEndpoint, *in.ResolverEndpointId), api.Check{Action: "ec2:DeleteNetworkInterface", Resource: c.ARN("ec2", "network-interface/*")})
	}, (*Service).disassociateAddress)
	_ = api.Define(operations, "ListResolverEndpointIpAddresses", func(c *api.Call, in *shape.ListResolverEndpointIpAddressesRequest) []api.Check {
		return on(c, "ListResolverEndpointIpAddresses", kindEndpoint, *in.ResolverEndpointId)
	}, (*Service).listAddresses)
)

// begin takes an endpoint that is at rest for a change of its addresses.
func (s *Service) begin(ctx context.Context, account, id string, change func(*store.Tx, *endpoint) error) (e *endpoint, err error) {
	return e, s.DB.Update(ctx, func(tx *store.Tx) error {
		if e, err = findEndpoint(tx, account, id); err != nil {
			return err
		}
		if e.Status != operational {
			return invalidRequest.New("Resolver endpoint \"%s\" is in status %s and cannot be changed.", e.ID, e.Status)
		}
		if err := change(tx, e); err != nil {
			return err
		}
		e.Status = updating
		return putEndpoint(tx, e)
	})
}

func (s *Service) associateAddress(ctx context.Context, c *api.Call, in *shape.AssociateResolverEndpointIpAddressRequest) (*shape.AssociateResolverEndpointIpAddressResponse, error) {
	if in.IpAddress.SubnetId == nil || in.IpAddress.IpId != nil {
		return nil, invalidParameter.New("IpAddress needs a SubnetId, and no IpId.").With("FieldName", "IpAddress")
	}
	vpc, err := s.vpcOf(ctx, c.Account(), []string{*in.IpAddress.SubnetId})
	if err != nil {
		return nil, err
	}
	var fresh *address
	e, err := s.begin(ctx, c.Account(), *in.ResolverEndpointId, func(tx *store.Tx, e *endpoint) (err error) {
		if fresh, err = wanted(tx, in.IpAddress.SubnetId, in.IpAddress.Ip, in.IpAddress.Ipv6); err != nil {
			return err
		}
		if vpc != e.VPC {
			return invalidRequest.New("All IP addresses must be in the same VPC.")
		}
		for _, a := range e.Addresses {
			if fresh.IP != "" && a.IP == fresh.IP {
				return exists.New("The IP address '%s' is already one of resolver endpoint '%s'.", a.IP, e.ID)
			}
		}
		e.Addresses = append(e.Addresses, fresh)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.attach(ctx, e); err != nil {
		e.Addresses = slices.DeleteFunc(e.Addresses, func(a *address) bool { return a == fresh })
		calm := context.WithoutCancel(ctx)
		if undo := s.detach(calm, e, []*address{fresh}); undo != nil {
			s.Log.Warn("an address of a resolver endpoint is left half made until the next start", "endpoint", e.ID, "error", undo)
			return nil, err
		}
		return nil, either(s.operate(calm, e), err)
	}
	return &shape.AssociateResolverEndpointIpAddressResponse{ResolverEndpoint: s.endpointShape(e)}, s.operate(ctx, e)
}

func (s *Service) disassociateAddress(ctx context.Context, c *api.Call, in *shape.DisassociateResolverEndpointIpAddressRequest) (*shape.DisassociateResolverEndpointIpAddressResponse, error) {
	var gone *address
	e, err := s.begin(ctx, c.Account(), *in.ResolverEndpointId, func(_ *store.Tx, e *endpoint) error {
		at := slices.IndexFunc(e.Addresses, func(a *address) bool {
			if in.IpAddress.IpId != nil {
				return a.ID == *in.IpAddress.IpId
			}
			return a.Subnet == text(in.IpAddress.SubnetId) && a.IP == text(in.IpAddress.Ip)
		})
		if at < 0 {
			return notFound.New("The IP address is none of resolver endpoint '%s'.", e.ID)
		}
		if len(e.Addresses) <= 2 {
			return invalidRequest.New("A resolver endpoint needs at least 2 IP addresses.")
		}
		gone = e.Addresses[at]
		gone.Interface = "" // so that a next process would end what a stop leaves undone
		return nil
	})
	if err != nil {
		return nil, err
	}
	e.Addresses = slices.DeleteFunc(e.Addresses, func(a *address) bool { return a == gone })
	if err := s.detach(ctx, e, []*address{gone}); err != nil {
		return nil, err
	}
	return &shape.DisassociateResolverEndpointIpAddressResponse{ResolverEndpoint: s.endpointShape(e)}, s.operate(ctx, e)
}

func (s *Service) listAddresses(ctx context.Context, c *api.Call, in *shape.ListResolverEndpointIpAddressesRequest) (*shape.ListResolverEndpointIpAddressesResponse, error) {
	out := &shape.ListResolverEndpointIpAddressesResponse{IpAddresses: []shape.IpAddressResponse{}, MaxResults: in.MaxResults}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := findEndpoint(tx, c.Account(), *in.ResolverEndpointId)
		if err != nil {
			return err
		}
		slices.SortFunc(e.Addresses, func(a, b *address) int {
			if a.ID < b.ID {
				return -1
			}
			return 1
		})
		var list []*address
		list, out.NextToken = page(e.Addresses, func(a *address) string { return a.ID }, in.MaxResults, in.NextToken)
		for _, a := range list {
			out.IpAddresses = append(out.IpAddresses, a.aws())
		}
		return nil
	})
}
