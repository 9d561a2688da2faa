package sagemaker

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "DescribeEndpoint", func(c *api.Call, in *sagemaker.DescribeEndpointInput) []api.Check {
	return may(c, "DescribeEndpoint", "endpoint", text(in.EndpointName))
}, (*Service).describeEndpoint)

func (s *Service) describeEndpoint(ctx context.Context, c *api.Call, in *sagemaker.DescribeEndpointInput) (*sagemaker.DescribeEndpointOutput, error) {
	var out *sagemaker.DescribeEndpointOutput
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := endpoints.Get(tx, store.Key(c.Account(), lower(text(in.EndpointName))))
		if err != nil {
			return err
		}
		if e == nil {
			return noEndpoint(resource(c, "endpoint", text(in.EndpointName)))
		}
		all, err := instances.All(tx, store.Prefix(e.Account, lower(e.Name)))
		if err != nil {
			return err
		}
		out = e.describe(all)
		return nil
	})
	return out, err
}

func (e *endpoint) describe(all []*instance) *sagemaker.DescribeEndpointOutput {
	out := &sagemaker.DescribeEndpointOutput{
		EndpointName: &e.Name, EndpointArn: &e.ARN, EndpointConfigName: &e.Shown, EndpointStatus: &e.Status,
		CreationTime: stamp(e.Created), LastModifiedTime: stamp(e.Modified),
	}
	if e.FailureReason != "" {
		out.FailureReason = &e.FailureReason
	}
	if e.Serving == nil {
		return out
	}
	for _, v := range e.Serving.Variants {
		sum := sagemaker.ProductionVariantSummary{
			VariantName: &v.Name, CurrentWeight: new(float32(v.Weight)), DesiredWeight: new(float32(v.Weight)), DesiredInstanceCount: new(int32(v.Count)),
		}
		ready := int32(0)
		for _, i := range all {
			if i.Generation != e.Serving.Generation || i.Variant != v.Name {
				continue
			}
			if i.Ready {
				ready++
			}
			if i.Digest != "" && sum.DeployedImages == nil {
				name, _, _ := strings.Cut(v.Image, "@")
				if slash := strings.LastIndexByte(name, '/'); strings.LastIndexByte(name, ':') > slash {
					name = name[:strings.LastIndexByte(name, ':')]
				}
				sum.DeployedImages = []sagemaker.DeployedImage{{SpecifiedImage: &v.Image, ResolvedImage: new(name + "@" + i.Digest), ResolutionTime: at(i.Resolved)}}
			}
		}
		sum.CurrentInstanceCount = &ready
		out.ProductionVariants = append(out.ProductionVariants, sum)
	}
	return out
}
