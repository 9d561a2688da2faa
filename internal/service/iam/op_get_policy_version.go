package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetPolicyVersion", onPolicy("GetPolicyVersion", true, func(in *shape.GetPolicyVersionRequest) string { return *in.PolicyArn }), (*Service).getPolicyVersion)

// getPolicyVersion gives the document of a version. Of AWS's policies only the text in force is known.
func (s *Service) getPolicyVersion(ctx context.Context, c *api.Call, in *shape.GetPolicyVersionRequest) (*shape.GetPolicyVersionResponse, error) {
	out := new(shape.GetPolicyVersionResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := own(tx, c, *in.PolicyArn)
		if err != nil {
			return err
		}
		v := p.find(*in.VersionId)
		if v == nil || v.Document == "" {
			return missingVersion(p, *in.VersionId)
		}
		out.PolicyVersion = p.versionShape(v)
		out.PolicyVersion.Document = new(encoded(v.Document))
		return nil
	})
	return out, err
}

func missingVersion(p *managedPolicy, id string) error {
	return noSuchEntity.New("Policy %s version %s does not exist or is not attachable.", p.ARN, id)
}
