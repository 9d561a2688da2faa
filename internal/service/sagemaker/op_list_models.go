package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "ListModels", func(*api.Call, *sagemaker.ListModelsInput) []api.Check {
	return mayList("ListModels")
}, (*Service).listModels)

func (s *Service) listModels(ctx context.Context, c *api.Call, in *sagemaker.ListModelsInput) (*sagemaker.ListModelsOutput, error) {
	out := &sagemaker.ListModelsOutput{Models: []sagemaker.ModelSummary{}}
	q := &query{
		operation: "ListModels", account: c.Account(), nameContains: text(in.NameContains), createdAfter: in.CreationTimeAfter,
		createdBefore: in.CreationTimeBefore, sortBy: in.SortBy, sortOrder: in.SortOrder, nextToken: in.NextToken, maxResults: in.MaxResults,
	}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := models.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		page, next, err := paged(q, all, func(m *model) entry { return entry{name: text(m.Request.ModelName), created: m.Created} })
		out.NextToken = next
		for _, m := range page {
			out.Models = append(out.Models, sagemaker.ModelSummary{ModelName: m.Request.ModelName, ModelArn: &m.ARN, CreationTime: stamp(m.Created)})
		}
		return err
	})
}
