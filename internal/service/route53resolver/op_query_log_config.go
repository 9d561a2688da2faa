package route53resolver

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/logs"
	shape "cloister/internal/value/shape/route53resolver"
)

const kindConfig = "resolver-query-log-config"

var (
	_ = api.Define(operations, "CreateResolverQueryLogConfig", func(c *api.Call, in *shape.CreateResolverQueryLogConfigRequest) []api.Check {
		return on(c, "CreateResolverQueryLogConfig", kindConfig, "*")
	}, (*Service).createConfig)
	_ = api.Define(operations, "GetResolverQueryLogConfig", func(c *api.Call, in *shape.GetResolverQueryLogConfigRequest) []api.Check {
		return on(c, "GetResolverQueryLogConfig", kindConfig, *in.ResolverQueryLogConfigId)
	}, (*Service).getConfig)
	_ = api.Define(operations, "ListResolverQueryLogConfigs", func(c *api.Call, _ *shape.ListResolverQueryLogConfigsRequest) []api.Check {
		return on(c, "ListResolverQueryLogConfigs", kindConfig, "*")
	}, (*Service).listConfigs)
	_ = api.Define(operations, "DeleteResolverQueryLogConfig", func(c *api.Call, in *shape.DeleteResolverQueryLogConfigRequest) []api.Check {
		return on(c, "DeleteResolverQueryLogConfig", kindConfig, *in.ResolverQueryLogConfigId)
	}, (*Service).deleteConfig)
)

// destination says why a destination will not do. Only log groups of the account are taken.
func (s *Service) destination(ctx context.Context, account, of string) error {
	name, ok := group(of)
	if !ok {
		return invalidRequest.New("The destination %s is not supported by Cloister: a CloudWatch Logs log group is.", of)
	}
	if a, err := arn.Parse(of); err != nil || a.Account != account || a.Region != s.Region {
		return invalidParameter.New("The destination %s is not in this account and region.", of).With("FieldName", "DestinationArn")
	}
	out, err := api.CallAs[logs.DescribeLogGroupsResponse](ctx, s.Client, self(account), "logs", "DescribeLogGroups", &logs.DescribeLogGroupsRequest{LogGroupNamePrefix: &name})
	if _, refused := fault.As(err); err != nil && !refused {
		return err
	}
	if out != nil {
		for _, g := range out.LogGroups {
			if text(g.LogGroupName) == name {
				return nil
			}
		}
	}
	return invalidParameter.New("The log group %s does not exist.", name).With("FieldName", "DestinationArn")
}

func (s *Service) createConfig(ctx context.Context, c *api.Call, in *shape.CreateResolverQueryLogConfigRequest) (*shape.CreateResolverQueryLogConfigResponse, error) {
	if err := s.destination(ctx, c.Account(), *in.DestinationArn); err != nil {
		return nil, err
	}
	out := new(shape.CreateResolverQueryLogConfigResponse)
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := configs.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		for _, q := range all {
			if q.Token != *in.CreatorRequestId {
				continue
			}
			if q.Name != *in.Name || q.Destination != *in.DestinationArn {
				return exists.New("A query logging configuration with creator request id '%s' already exists.", q.Token)
			}
			out.ResolverQueryLogConfig, err = s.configShape(tx, q)
			return err
		}
		if len(all) >= mostConfigs {
			return limitExceeded.New("The maximum number of query logging configurations (%d) has been reached.", mostConfigs)
		}
		q := &config{ID: newID("rqlc-"), Account: c.Account(), Name: *in.Name, Token: *in.CreatorRequestId, Destination: *in.DestinationArn, Tags: readTags(in.Tags), Created: tx.Now}
		if out.ResolverQueryLogConfig, err = s.configShape(tx, q); err != nil {
			return err
		}
		return configs.Put(tx, store.Key(q.Account, q.ID), q)
	})
}

func (s *Service) getConfig(ctx context.Context, c *api.Call, in *shape.GetResolverQueryLogConfigRequest) (*shape.GetResolverQueryLogConfigResponse, error) {
	out := new(shape.GetResolverQueryLogConfigResponse)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		q, err := findConfig(tx, c.Account(), *in.ResolverQueryLogConfigId)
		if err != nil {
			return err
		}
		out.ResolverQueryLogConfig, err = s.configShape(tx, q)
		return err
	})
}

func (s *Service) listConfigs(ctx context.Context, c *api.Call, in *shape.ListResolverQueryLogConfigsRequest) (*shape.ListResolverQueryLogConfigsResponse, error) {
	if in.SortBy != nil || in.SortOrder != nil {
		return nil, invalidRequest.New("SortBy and SortOrder are not supported by Cloister.")
	}
	out := &shape.ListResolverQueryLogConfigsResponse{ResolverQueryLogConfigs: []shape.ResolverQueryLogConfig{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := configs.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		out.TotalCount = new(int32(len(all)))
		kept := all[:0]
		for _, q := range all {
			ok, err := matches(in.Filters, map[string]string{"id": q.ID, "name": q.Name, "destinationarn": q.Destination, "creatorrequestid": q.Token,
				"arn": s.arn(kindConfig, q.Account, q.ID), "ownerid": q.Account, "status": "CREATED", "sharestatus": "NOT_SHARED", "destination": "CloudWatchLogs"})
			if err != nil {
				return err
			}
			if ok {
				kept = append(kept, q)
			}
		}
		out.TotalFilteredCount = new(int32(len(kept)))
		kept, out.NextToken = page(kept, func(q *config) string { return q.ID }, in.MaxResults, in.NextToken)
		for _, q := range kept {
			shown, err := s.configShape(tx, q)
			if err != nil {
				return err
			}
			out.ResolverQueryLogConfigs = append(out.ResolverQueryLogConfigs, *shown)
		}
		return nil
	})
}

func (s *Service) deleteConfig(ctx context.Context, c *api.Call, in *shape.DeleteResolverQueryLogConfigRequest) (*shape.DeleteResolverQueryLogConfigResponse, error) {
	out := new(shape.DeleteResolverQueryLogConfigResponse)
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		q, err := findConfig(tx, c.Account(), *in.ResolverQueryLogConfigId)
		if err != nil {
			return err
		}
		if out.ResolverQueryLogConfig, err = s.configShape(tx, q); err != nil {
			return err
		}
		if *out.ResolverQueryLogConfig.AssociationCount > 0 {
			return invalidRequest.New("The query logging configuration %s is associated with VPCs: disassociate them first.", q.ID)
		}
		out.ResolverQueryLogConfig.Status = new("DELETING")
		return configs.Delete(tx, store.Key(q.Account, q.ID))
	})
}
