package organizations

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/organizations"
)

var (
	_ = api.Define(operations, "CreatePolicy", func(c *api.Call, in *shape.CreatePolicyRequest) []api.Check {
		return withTags(typed(onAll[shape.CreatePolicyRequest]("CreatePolicy")(c, in), *in.Type), in.Tags)
	}, (*Service).createPolicy)
	_ = api.Define(operations, "UpdatePolicy", func(c *api.Call, in *shape.UpdatePolicyRequest) []api.Check {
		return on(c, "UpdatePolicy", *in.PolicyId)
	}, (*Service).updatePolicy)
	_ = api.Define(operations, "DeletePolicy", func(c *api.Call, in *shape.DeletePolicyRequest) []api.Check {
		return on(c, "DeletePolicy", *in.PolicyId)
	}, (*Service).deletePolicy)
	_ = api.Define(operations, "DescribePolicy", func(c *api.Call, in *shape.DescribePolicyRequest) []api.Check {
		return on(c, "DescribePolicy", *in.PolicyId)
	}, (*Service).describePolicy)
	_ = api.Define(operations, "ListPolicies", func(c *api.Call, in *shape.ListPoliciesRequest) []api.Check {
		return typed(onAll[shape.ListPoliciesRequest]("ListPolicies")(c, in), *in.Filter)
	}, (*Service).listPolicies)
)

// typed brings the key of a policy's type.
func typed(checks []api.Check, kind string) []api.Check {
	for i := range checks {
		checks[i].Keys = append(checks[i].Keys, api.K("organizations:PolicyType", kind))
	}
	return checks
}

// here tells whether there are policies of a type.
func here(kind string) error {
	if kind != scp && kind != rcp {
		return because(invalid, "INVALID_ENUM_POLICY_TYPE", "Policies of type %s are not supported by Cloister.", kind)
	}
	return nil
}

// acceptable tells whether a document may be a policy of a type; the sentence says where it may not.
func acceptable(kind, document string) error {
	if utf8.RuneCountInString(document) > documentSize {
		return because(constraint, "POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the maximum policy size.")
	}
	as := map[string]policy.Kind{scp: policy.SCP, rcp: policy.RCP}[kind]
	doc, err := policy.Parse(document)
	if err == nil {
		err = doc.Check(as)
	}
	if err == nil {
		return reached(kind, doc)
	}
	var syntax *policy.SyntaxError
	if errors.As(err, &syntax) {
		return malformed.New("%s Syntax error at position (%d,%d)", sentence, syntax.Line, syntax.Column)
	}
	if policy.Refusal(as, err) == sentence {
		return malformed.New("%s", policy.Told(as, err))
	}
	return malformed.New("%s %s", sentence, policy.Told(as, err))
}

const sentence = "The provided policy document does not meet the requirements of the specified policy type."

// reached refuses a resource control policy about services whose resources none reaches.
func reached(kind string, doc *policy.Document) error {
	if kind != rcp {
		return nil
	}
	for _, name := range doc.Services() {
		if !policy.Controlled(name + ":*") {
			return malformed.New("%s Resource control policies do not apply to actions of %q.", sentence, name)
		}
	}
	return nil
}

// named tells whether a policy's name is free; the policy that has it itself does not count.
func (t *tree) named(kind, name, itself string) error {
	for _, p := range t.list(kind) {
		if strings.EqualFold(p.Name, name) && p.ID != itself {
			return duplicatePolicy.New("A policy with the same name already exists.")
		}
	}
	return nil
}

func (t *tree) control(id string) (*control, error) {
	if p := t.controls[id]; p != nil {
		return p, nil
	}
	return nil, noPolicy.New("You specified a policy that doesn't exist.")
}

// ours finds a policy that a customer may change.
func (t *tree) ours(id string) (*control, error) {
	p, err := t.control(id)
	if err == nil && p.AWS {
		err = because(invalid, "IMMUTABLE_POLICY", "You specified a policy that is managed by AWS and can't be modified.")
	}
	return p, err
}

func (t *tree) summary(p *control) *shape.PolicySummary {
	return &shape.PolicySummary{Id: &p.ID, Arn: new(t.controlARN(p)), Name: &p.Name, Description: &p.Description, Type: &p.Kind, AwsManaged: &p.AWS}
}

func (t *tree) policy(p *control) *shape.Policy {
	return &shape.Policy{PolicySummary: t.summary(p), Content: &p.Document}
}

func (s *Service) createPolicy(ctx context.Context, c *api.Call, in *shape.CreatePolicyRequest) (*shape.CreatePolicyResponse, error) {
	if err := errors.Join(here(*in.Type), distinct(in.Tags)); err != nil {
		return nil, err
	}
	out := new(shape.CreatePolicyResponse)
	return out, s.change(ctx, c.Account(), func(t *tree) error {
		if err := acceptable(*in.Type, *in.Content); err != nil {
			return err
		}
		if err := t.named(*in.Type, *in.Name, ""); err != nil {
			return err
		}
		if len(t.controls) >= mostPolicies+len(full) {
			return because(constraint, "POLICY_NUMBER_LIMIT_EXCEEDED", "You have exceeded the maximum number of policies.")
		}
		p := &control{Organization: t.ID, ID: newID("p-", 8), Kind: *in.Type, Name: *in.Name, Description: *in.Description, Document: *in.Content, Tags: in.Tags}
		out.Policy = t.policy(p)
		return t.putControl(p)
	})
}

func (s *Service) updatePolicy(ctx context.Context, c *api.Call, in *shape.UpdatePolicyRequest) (*shape.UpdatePolicyResponse, error) {
	out := new(shape.UpdatePolicyResponse)
	return out, s.change(ctx, c.Account(), func(t *tree) error {
		p, err := t.ours(*in.PolicyId)
		if err != nil {
			return err
		}
		if in.Content != nil {
			if err := acceptable(p.Kind, *in.Content); err != nil {
				return err
			}
			p.Document = *in.Content
		}
		if in.Name != nil {
			if err := t.named(p.Kind, *in.Name, p.ID); err != nil {
				return err
			}
			p.Name = *in.Name
		}
		if in.Description != nil {
			p.Description = *in.Description
		}
		out.Policy = t.policy(p)
		return t.putControl(p)
	})
}

func (s *Service) deletePolicy(ctx context.Context, c *api.Call, in *shape.DeletePolicyRequest) (*struct{}, error) {
	return new(struct{}), s.change(ctx, c.Account(), func(t *tree) error {
		p, err := t.ours(*in.PolicyId)
		if err != nil {
			return err
		}
		if len(p.Targets) > 0 {
			return policyInUse.New("The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts before performing this operation.")
		}
		s.forget(t.tx, t.controlARN(p))
		t.tx.After(func() { s.parsed.drop(t.ID + "/" + p.ID) })
		return t.dropControl(p)
	})
}

func (s *Service) describePolicy(ctx context.Context, c *api.Call, in *shape.DescribePolicyRequest) (*shape.DescribePolicyResponse, error) {
	out := new(shape.DescribePolicyResponse)
	return out, s.look(ctx, c.Account(), func(t *tree) error {
		p, err := t.control(*in.PolicyId)
		if err == nil {
			out.Policy = t.policy(p)
		}
		return err
	})
}

// listPolicies is empty for types that there are not.
func (s *Service) listPolicies(ctx context.Context, c *api.Call, in *shape.ListPoliciesRequest) (*shape.ListPoliciesResponse, error) {
	out := new(shape.ListPoliciesResponse)
	return out, s.look(ctx, c.Account(), func(t *tree) (err error) {
		out.Policies, out.NextToken, err = t.summaries(t.list(*in.Filter), in.MaxResults, in.NextToken)
		return err
	})
}

func (t *tree) summaries(all []*control, most *int32, token *string) ([]shape.PolicySummary, *string, error) {
	out := []shape.PolicySummary{}
	list, next, err := page(all, func(p *control) string { return p.ID }, most, token)
	for _, p := range list {
		out = append(out, *t.summary(p))
	}
	return out, next, err
}
