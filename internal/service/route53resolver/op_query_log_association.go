package route53resolver

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/route53resolver"
)

var (
	_ = api.Define(operations, "AssociateResolverQueryLogConfig", func(c *api.Call, in *shape.AssociateResolverQueryLogConfigRequest) []api.Check {
		return append(on(c, "AssociateResolverQueryLogConfig", kindConfig, *in.ResolverQueryLogConfigId), api.Check{Action: "ec2:DescribeVpcs", Resource: "*"})
	}, (*Service).associateConfig)
	_ = api.Define(operations, "DisassociateResolverQueryLogConfig", func(c *api.Call, in *shape.DisassociateResolverQueryLogConfigRequest) []api.Check {
		return append(on(c, "DisassociateResolverQueryLogConfig", kindConfig, *in.ResolverQueryLogConfigId), api.Check{Action: "ec2:DescribeVpcs", Resource: "*"})
	}, (*Service).disassociateConfig)
	_ = api.Define(operations, "GetResolverQueryLogConfigAssociation", func(c *api.Call, in *shape.GetResolverQueryLogConfigAssociationRequest) []api.Check {
		return on(c, "GetResolverQueryLogConfigAssociation", kindConfig, "*")
	}, (*Service).getAssociation)
	_ = api.Define(operations, "ListResolverQueryLogConfigAssociations", func(c *api.Call, _ *shape.ListResolverQueryLogConfigAssociationsRequest) []api.Check {
		return on(c, "ListResolverQueryLogConfigAssociations", kindConfig, "*")
	}, (*Service).listAssociations)
)

func (s *Service) associateConfig(ctx context.Context, c *api.Call, in *shape.AssociateResolverQueryLogConfigRequest) (*shape.AssociateResolverQueryLogConfigResponse, error) {
	out := new(shape.AssociateResolverQueryLogConfigResponse)
	return out, s.Network.Change(ctx, func(tx *store.Tx) error {
		q, err := findConfig(tx, c.Account(), *in.ResolverQueryLogConfigId)
		if err != nil {
			return err
		}
		if found, _, err := s.Network.VPC(tx, q.Account, *in.ResourceId); err != nil || !found {
			return either(err, invalidParameter.New("The VPC %s does not exist.", *in.ResourceId).With("FieldName", "ResourceId"))
		}
		all, err := associations.All(tx, store.Prefix(q.Account))
		if err != nil {
			return err
		}
		for _, a := range all {
			if a.Config == q.ID && a.VPC == *in.ResourceId {
				return exists.New("The VPC %s is already associated with the query logging configuration %s.", a.VPC, q.ID)
			}
		}
		a := &association{ID: newID("rqlca-"), Account: q.Account, Config: q.ID, VPC: *in.ResourceId, Created: tx.Now}
		out.ResolverQueryLogConfigAssociation = a.aws("ACTIVE")
		return associations.Put(tx, store.Key(a.Account, a.ID), a)
	})
}

func (s *Service) disassociateConfig(ctx context.Context, c *api.Call, in *shape.DisassociateResolverQueryLogConfigRequest) (*shape.DisassociateResolverQueryLogConfigResponse, error) {
	out := new(shape.DisassociateResolverQueryLogConfigResponse)
	return out, s.Network.Change(ctx, func(tx *store.Tx) error {
		q, err := findConfig(tx, c.Account(), *in.ResolverQueryLogConfigId)
		if err != nil {
			return err
		}
		all, err := associations.All(tx, store.Prefix(q.Account))
		if err != nil {
			return err
		}
		for _, a := range all {
			if a.Config == q.ID && a.VPC == *in.ResourceId {
				out.ResolverQueryLogConfigAssociation = a.aws("DELETING")
				return associations.Delete(tx, store.Key(a.Account, a.ID))
			}
		}
		return notFound.New("The VPC %s is not associated with the query logging configuration %s.", *in.ResourceId, q.ID)
	})
}

func (s *Service) getAssociation(ctx context.Context, c *api.Call, in *shape.GetResolverQueryLogConfigAssociationRequest) (*shape.GetResolverQueryLogConfigAssociationResponse, error) {
	out := new(shape.GetResolverQueryLogConfigAssociationResponse)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		a, err := associations.Get(tx, store.Key(c.Account(), *in.ResolverQueryLogConfigAssociationId))
		if err != nil || a == nil {
			return either(err, notFound.New("The query logging configuration association %s doesn't exist.", *in.ResolverQueryLogConfigAssociationId))
		}
		out.ResolverQueryLogConfigAssociation = a.aws(statusOf(a))
		return nil
	})
}

func statusOf(a *association) string {
	if a.Error != "" {
		return "ACTION_NEEDED"
	}
	return "ACTIVE"
}

func (s *Service) listAssociations(ctx context.Context, c *api.Call, in *shape.ListResolverQueryLogConfigAssociationsRequest) (*shape.ListResolverQueryLogConfigAssociationsResponse, error) {
	if in.SortBy != nil || in.SortOrder != nil {
		return nil, invalidRequest.New("SortBy and SortOrder are not supported by Cloister.")
	}
	out := &shape.ListResolverQueryLogConfigAssociationsResponse{ResolverQueryLogConfigAssociations: []shape.ResolverQueryLogConfigAssociation{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := associations.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		out.TotalCount = new(int32(len(all)))
		kept := all[:0]
		for _, a := range all {
			ok, err := matches(in.Filters, map[string]string{"id": a.ID, "resolverquerylogconfigid": a.Config, "resourceid": a.VPC, "status": statusOf(a)})
			if err != nil {
				return err
			}
			if ok {
				kept = append(kept, a)
			}
		}
		out.TotalFilteredCount = new(int32(len(kept)))
		kept, out.NextToken = page(kept, func(a *association) string { return a.ID }, in.MaxResults, in.NextToken)
		for _, a := range kept {
			out.ResolverQueryLogConfigAssociations = append(out.ResolverQueryLogConfigAssociations, *a.aws(statusOf(a)))
		}
		return nil
	})
}
