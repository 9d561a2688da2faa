package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "DescribeModel", func(c *api.Call, in *sagemaker.DescribeModelInput) []api.Check {
	return may(c, "DescribeModel", "model", text(in.ModelName))
}, (*Service).describeModel)

func (s *Service) describeModel(ctx context.Context, c *api.Call, in *sagemaker.DescribeModelInput) (*sagemaker.DescribeModelOutput, error) {
	var m *model
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		m, err = models.Get(tx, store.Key(c.Account(), lower(text(in.ModelName))))
		return err
	})
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, noModel(resource(c, "model", text(in.ModelName)))
	}
	r := &m.Request
	return &sagemaker.DescribeModelOutput{
		ModelName: r.ModelName, ModelArn: &m.ARN, PrimaryContainer: r.PrimaryContainer, Containers: r.Containers,
		ExecutionRoleArn: r.ExecutionRoleArn, VpcConfig: r.VpcConfig, EnableNetworkIsolation: r.EnableNetworkIsolation,
		CreationTime: stamp(m.Created),
	}, nil
}
