package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "ListNotebookInstances", func(*api.Call, *sagemaker.ListNotebookInstancesInput) []api.Check {
	return mayList("ListNotebookInstances")
}, (*Service).listNotebookInstances)

// listNotebookInstances tells the truth: nothing here makes a notebook instance, so there are none,
// whatever is asked for. It is there because people try an endpoint with it (seed 000).
func (s *Service) listNotebookInstances(_ context.Context, c *api.Call, in *sagemaker.ListNotebookInstancesInput) (*sagemaker.ListNotebookInstancesOutput, error) {
	q := &query{operation: "ListNotebookInstances", account: c.Account(), nextToken: in.NextToken, maxResults: in.MaxResults, sortBy: orText(in.SortBy, "Name"), sortOrder: in.SortOrder}
	_, _, err := paged(q, []*struct{}{}, func(*struct{}) entry { return entry{} })
	return &sagemaker.ListNotebookInstancesOutput{NotebookInstances: []sagemaker.NotebookInstanceSummary{}}, err
}
