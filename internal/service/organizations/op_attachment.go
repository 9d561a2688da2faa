package organizations

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/organizations"
)

var (
	_ = api.Define(operations, "AttachPolicy", func(c *api.Call, in *shape.AttachPolicyRequest) []api.Check {
		return on(c, "AttachPolicy", *in.PolicyId, *in.TargetId)
	}, (*Service).attachPolicy)
	_ = api.Define(operations, "DetachPolicy", func(c *api.Call, in *shape.DetachPolicyRequest) []api.Check {
		return on(c, "DetachPolicy", *in.PolicyId, *in.TargetId)
	}, (*Service).detachPolicy)
	_ = api.Define(operations, "ListPoliciesForTarget", func(c *api.Call, in *shape.ListPoliciesForTargetRequest) []api.Check {
		return typed(on(c, "ListPoliciesForTarget", *in.TargetId), *in.Filter)
	}, (*Service).listPoliciesForTarget)
	_ = api.Define(operations, "ListTargetsForPolicy", func(c *api.Call, in *shape.ListTargetsForPolicyRequest) []api.Check {
		return on(c, "ListTargetsForPolicy", *in.PolicyId)
	}, (*Service).listTargetsForPolicy)
)

// attachment finds a policy and a target that there are.
func (t *tree) attachment(policy, target string) (*control, error) {
	p, err := t.control(policy)
	if err != nil {
		return nil, err
	}
	if kind, _, _ := t.place(target); kind == "" {
		return nil, noTarget.New("You specified a target that doesn't exist.")
	}
	return p, nil
}

func (s *Service) attachPolicy(ctx context.Context, c *api.Call, in *shape.AttachPolicyRequest) (*struct{}, error) {
	return new(struct{}), s.change(ctx, c.Account(), func(t *tree) error {
		p, err := t.attachment(*in.PolicyId, *in.TargetId)
		switch {
		case err != nil:
			return err
		case !t.enabled(p.Kind):
			return typeNotEnabled.New("This operation can be performed only for enabled policy types.")
		case slices.Contains(p.Targets, *in.TargetId):
			return alreadyAttached.New("The selected policy is already attached to the specified target.")
		case len(t.controlsAt(p.Kind, *in.TargetId)) >= mostAttached:
			return because(constraint, "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "You have attached the maximum number of policies to the specified target.")
		}
		p.Targets = append(p.Targets, *in.TargetId)
		return t.putControl(p)
	})
}

// detachPolicy leaves at least one policy of a type everywhere, as a place without any allows nothing.
func (s *Service) detachPolicy(ctx context.Context, c *api.Call, in *shape.DetachPolicyRequest) (*struct{}, error) {
	return new(struct{}), s.change(ctx, c.Account(), func(t *tree) error {
		p, err := t.attachment(*in.PolicyId, *in.TargetId)
		switch {
		case err != nil:
			return err
		case !slices.Contains(p.Targets, *in.TargetId):
			return notAttached.New("The policy isn't attached to the specified target in the specified root.")
		case p.ID == full[rcp].ID:
			return because(invalid, "NON_DETACHABLE_POLICY", "You specified a policy that can't be detached.")
		case len(t.controlsAt(p.Kind, *in.TargetId)) == 1:
			return because(constraint, "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
				"You cannot remove the last policy attached to the specified target. You must have at least one attached at all times.")
		}
		p.Targets = slices.DeleteFunc(p.Targets, func(x string) bool { return x == *in.TargetId })
		return t.putControl(p)
	})
}

func (s *Service) listPoliciesForTarget(ctx context.Context, c *api.Call, in *shape.ListPoliciesForTargetRequest) (*shape.ListPoliciesForTargetResponse, error) {
	out := new(shape.ListPoliciesForTargetResponse)
	return out, s.look(ctx, c.Account(), func(t *tree) (err error) {
		if kind, _, _ := t.place(*in.TargetId); kind == "" {
			return noTarget.New("You specified a target that doesn't exist.")
		}
		out.Policies, out.NextToken, err = t.summaries(t.controlsAt(*in.Filter, *in.TargetId), in.MaxResults, in.NextToken)
		return err
	})
}

func (s *Service) listTargetsForPolicy(ctx context.Context, c *api.Call, in *shape.ListTargetsForPolicyRequest) (*shape.ListTargetsForPolicyResponse, error) {
	out := &shape.ListTargetsForPolicyResponse{Targets: []shape.PolicyTargetSummary{}}
	return out, s.look(ctx, c.Account(), func(t *tree) error {
		p, err := t.control(*in.PolicyId)
		if err != nil {
			return err
		}
		slices.Sort(p.Targets)
		list, next, err := page(p.Targets, func(id string) string { return id }, in.MaxResults, in.NextToken)
		for _, id := range list {
			kind, arn, name := t.place(id)
			out.Targets = append(out.Targets, shape.PolicyTargetSummary{TargetId: new(id), Arn: &arn, Name: &name, Type: &kind})
		}
		out.NextToken = next
		return err
	})
}
