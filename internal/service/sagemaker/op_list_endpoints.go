package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "ListEndpoints", func(*api.Call, *sagemaker.ListEndpointsInput) []api.Check {
	return mayList("ListEndpoints")
}, (*Service).listEndpoints)

func (s *Service) listEndpoints(ctx context.Context, c *api.Call, in *sagemaker.ListEndpointsInput) (*sagemaker.ListEndpointsOutput, error) {
	out := &sagemaker.ListEndpointsOutput{Endpoints: []sagemaker.EndpointSummary{}}
	q := &query{
		operation: "ListEndpoints", account: c.Account(), nameContains: text(in.NameContains), status: text(in.StatusEquals),
		createdAfter: in.CreationTimeAfter, createdBefore: in.CreationTimeBefore,
		modifiedAfter: in.LastModifiedTimeAfter, modifiedBefore: in.LastModifiedTimeBefore,
		sortBy: in.SortBy, sortOrder: in.SortOrder, nextToken: in.NextToken, maxResults: in.MaxResults,
	}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := endpoints.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		page, next, err := paged(q, all, func(e *endpoint) entry { return entry{e.Name, e.Status, e.Created, e.Modified} })
		out.NextToken = next
		for _, e := range page {
			out.Endpoints = append(out.Endpoints, sagemaker.EndpointSummary{
				EndpointName: &e.Name, EndpointArn: &e.ARN, CreationTime: stamp(e.Created), LastModifiedTime: stamp(e.Modified), EndpointStatus: &e.Status,
			})
		}
		return err
	})
}
