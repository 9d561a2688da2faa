package ecr

import (
	"context"
	"encoding/json"
	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ecr"
)

var (
	_ = api.Define(operations, "SetRepositoryPolicy", func(c *api.Call, in *shape.SetRepositoryPolicyRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "SetRepositoryPolicy")
	}, (*Service).setRepositoryPolicy)
	_ = api.Define(operations, "GetRepositoryPolicy", func(c *api.Call, in *shape.GetRepositoryPolicyRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "GetRepositoryPolicy")
	}, (*Service).getRepositoryPolicy)
	_ = api.Define(operations, "DeleteRepositoryPolicy", func(c *api.Call, in *shape.DeleteRepositoryPolicyRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "DeleteRepositoryPolicy")
	}, (*Service).deleteRepositoryPolicy)
)

// setRepositoryPolicy puts a policy in force.
func (s *Service) setRepositoryPolicy(ctx context.Context, c *api.Call, in *shape.SetRepositoryPolicyRequest) (*shape.SetRepositoryPolicyResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	ids, err := s.checkPolicy(*in.PolicyText)
	if err != nil {
		return nil, err
	}
	out := &shape.SetRepositoryPolicyResponse{RegistryId: &p.account, RepositoryName: &p.name, PolicyText: in.PolicyText}
	return out, s.change(ctx, p, func(_ *store.Tx, r *repository) error {
		r.Policy, r.Principals = *in.PolicyText, ids
		if in.Force == nil || !*in.Force {
			return s.locksOut(c, r)
		}
		return nil
	})
}

// locksOut refuses a policy that would keep its author from setting another.
func (s *Service) locksOut(c *api.Call, r *repository) error {
	x, err := s.resource(r)
	if err != nil {
		return err
	}
	got := policy.Decide(&policy.Stack{Resource: []policy.Attached{*x.Policy}}, &policy.Request{
		Principal: policy.PrincipalOf(c.Caller.Identity), Action: "ecr:SetRepositoryPolicy", Resource: x.ARN, ResourceAccount: r.Account,
		Context: &policy.Context{Time: c.Time},
	})
	if got.Effect == policy.ExplicitDeny {
		return invalid.New("The policy would prevent you from setting another repository policy in the future. Use force to set it anyway.")
	}
	return nil
}

func badPolicy() error { return parameter("PolicyText", "Invalid repository policy provided") }

// checkPolicy refuses what may not be a repository's policy, and gives the unique ids of the users and roles that it
// names. Statements are about the repository and say no resource.
func (s *Service) checkPolicy(document string) (map[string]string, error) {
	d, err := policy.Parse(document)
	if err != nil {
		return nil, badPolicy()
	}
	whole, ok := withResources(document)
	if !ok {
		return nil, badPolicy()
	}
	if checked, err := policy.Parse(whole); err != nil || checked.Check(policy.Resource) != nil {
		return nil, badPolicy()
	}
	ids := map[string]string{}
	for _, p := range d.Principals() {
		if p.Group != "AWS" || !strings.Contains(p.Text, ":user/") && !strings.Contains(p.Text, ":role/") {
			continue
		}
		known := s.Directory.Principal(p.Text)
		if known == nil {
			return nil, badPolicy()
		}
		ids[p.Text] = known.ID
	}
	return ids, nil
}

// withResources gives every statement the resource that ECR's leave out, so that the rules of other resource-based
// policies can be asked. Statements about other services or with resources are not allowed.
func withResources(document string) (string, bool) {
	var d map[string]any
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		return "", false
	}
	list, many := d["Statement"].([]any)
	if !many {
		list = []any{d["Statement"]}
	}
	for _, one := range list {
		st, ok := one.(map[string]any)
		if !ok || st["Resource"] != nil || st["NotResource"] != nil || !ofECR(st["Action"]) || !ofECR(st["NotAction"]) {
			return "", false
		}
		st["Resource"] = "*"
	}
	d["Statement"] = list
	text, err := json.Marshal(d)
	return string(text), err == nil
}

func ofECR(actions any) bool {
	list, many := actions.([]any)
	if !many {
		list = []any{actions}
	}
	for _, a := range list {
		name, ok := a.(string)
		if vendor, _, _ := strings.Cut(name, ":"); a != nil && (!ok || name != "*" && !strings.EqualFold(vendor, "ecr")) {
			return false
		}
	}
	return true
}

func missingPolicy(p place) error {
	return policyNotFound.New("Repository policy does not exist for the repository with name '%s' in the registry with id '%s'", p.name, p.account)
}

func (s *Service) getRepositoryPolicy(ctx context.Context, c *api.Call, in *shape.GetRepositoryPolicyRequest) (*shape.GetRepositoryPolicyResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	out := &shape.GetRepositoryPolicyResponse{RegistryId: &p.account, RepositoryName: &p.name}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		r, err := find(tx, p)
		if err != nil {
			return err
		}
		if r.Policy == "" {
			return missingPolicy(p)
		}
		out.PolicyText, err = s.readable(r)
		return err
	})
}

// readable is a policy with the names that its principals have now.
func (s *Service) readable(r *repository) (*string, error) {
	d, err := policy.Parse(r.Policy)
	if err != nil {
		return nil, err
	}
	return new(d.Renamed(func(arn string) string {
		if id, saved := r.Principals[arn]; saved {
			return s.Directory.Named(arn, id)
		}
		return arn
	})), nil
}

func (s *Service) deleteRepositoryPolicy(ctx context.Context, c *api.Call, in *shape.DeleteRepositoryPolicyRequest) (*shape.DeleteRepositoryPolicyResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	out := &shape.DeleteRepositoryPolicyResponse{RegistryId: &p.account, RepositoryName: &p.name}
	return out, s.change(ctx, p, func(_ *store.Tx, r *repository) (err error) {
		if r.Policy == "" {
			return missingPolicy(p)
		}
		out.PolicyText, err = s.readable(r)
		r.Policy, r.Principals = "", nil
		return err
	})
}
