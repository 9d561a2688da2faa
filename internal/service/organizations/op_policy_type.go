package organizations

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/organizations"
)

var (
	_ = api.Define(operations, "EnablePolicyType", func(c *api.Call, in *shape.EnablePolicyTypeRequest) []api.Check {
		return typed(on(c, "EnablePolicyType", *in.RootId), *in.PolicyType)
	}, (*Service).enablePolicyType)
	_ = api.Define(operations, "DisablePolicyType", func(c *api.Call, in *shape.DisablePolicyTypeRequest) []api.Check {
		return typed(on(c, "DisablePolicyType", *in.RootId), *in.PolicyType)
	}, (*Service).disablePolicyType)
)

// switched changes which types are enabled.
func (s *Service) switched(ctx context.Context, c *api.Call, root, kind string, f func(*tree) error) (out *shape.Root, err error) {
	if err := here(kind); err != nil {
		return nil, err
	}
	return out, s.change(ctx, c.Account(), func(t *tree) error {
		if root != t.Root {
			return noRoot.New("You specified a root that doesn't exist.")
		}
		if err := f(t); err != nil {
			return err
		}
		out = t.root()
		return t.putOrganization()
	})
}

// enablePolicyType puts everything under AWS's own policy of the type, which changes nothing yet.
func (s *Service) enablePolicyType(ctx context.Context, c *api.Call, in *shape.EnablePolicyTypeRequest) (*shape.EnablePolicyTypeResponse, error) {
	out := new(shape.EnablePolicyTypeResponse)
	var err error
	out.Root, err = s.switched(ctx, c, *in.RootId, *in.PolicyType, func(t *tree) error {
		if t.enabled(*in.PolicyType) {
			return typeEnabled.New("The specified policy type is already enabled.")
		}
		t.Types = append(t.Types, *in.PolicyType)
		p := t.controls[full[*in.PolicyType].ID]
		p.Targets = t.places()
		return t.putControl(p)
	})
	return out, err
}

// disablePolicyType detaches all policies of the type: enabling it again does not bring them back.
func (s *Service) disablePolicyType(ctx context.Context, c *api.Call, in *shape.DisablePolicyTypeRequest) (*shape.DisablePolicyTypeResponse, error) {
	out := new(shape.DisablePolicyTypeResponse)
	var err error
	out.Root, err = s.switched(ctx, c, *in.RootId, *in.PolicyType, func(t *tree) error {
		if !t.enabled(*in.PolicyType) {
			return typeNotEnabled.New("This operation can be performed only for enabled policy types.")
		}
		t.Types = slices.DeleteFunc(t.Types, func(k string) bool { return k == *in.PolicyType })
		for _, p := range t.list(*in.PolicyType) {
			p.Targets = nil
			if err := t.putControl(p); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}
