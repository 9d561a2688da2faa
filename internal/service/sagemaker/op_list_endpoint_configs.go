package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "ListEndpointConfigs", func(*api.Call, *sagemaker.ListEndpointConfigsInput) []api.Check {
	return mayList("ListEndpointConfigs")
}, (*Service).listEndpointConfigs)

func (s *Service) listEndpointConfigs(ctx context.Context, c *api.Call, in *sagemaker.ListEndpointConfigsInput) (*sagemaker.ListEndpointConfigsOutput, error) {
	out := &sagemaker.ListEndpointConfigsOutput{EndpointConfigs: []sagemaker.EndpointConfigSummary{}}
	q := &query{
		operation: "ListEndpointConfigs", account: c.Account(), nameContains: text(in.NameContains), createdAfter: in.CreationTimeAfter,
		createdBefore: in.CreationTimeBefore, sortBy: in.SortBy, sortOrder: in.SortOrder, nextToken: in.NextToken, maxResults: in.MaxResults,
	}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := endpointConfigs.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		page, next, err := paged(q, all, func(e *endpointConfig) entry {
			return entry{name: text(e.Request.EndpointConfigName), created: e.Created}
		})
		out.NextToken = next
		for _, e := range page {
			out.EndpointConfigs = append(out.EndpointConfigs, sagemaker.EndpointConfigSummary{
				EndpointConfigName: e.Request.EndpointConfigName, EndpointConfigArn: &e.ARN, CreationTime: stamp(e.Created),
			})
		}
		return err
	})
}
