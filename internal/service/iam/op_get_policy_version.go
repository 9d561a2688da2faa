package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetPolicyVersion", on("GetPolicyVersion", func(c *api.Call, in *shape.GetPolicyVersionRequest) string { return *in.PolicyArn }), (*Service).getPolicyVersion)

// getPolicyVersion gives the document of a managed policy; there is one version, v1.
func (s *Service) getPolicyVersion(ctx context.Context, c *api.Call, in *shape.GetPolicyVersionRequest) (*shape.GetPolicyVersionResponse, error) {
	out := new(shape.GetPolicyVersionResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := own(tx, c, *in.PolicyArn)
		if err != nil {
			return err
		}
		if *in.VersionId != "v1" {
			return noSuchEntity.New("Policy %s version %s does not exist or is not attachable.", p.ARN, *in.VersionId)
		}
		out.PolicyVersion = p.version()
		out.PolicyVersion.Document = new(encoded(p.Document))
		return nil
	})
	return out, err
}
