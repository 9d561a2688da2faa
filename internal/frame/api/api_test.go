package api_test

import (
	"context"
	"strings"
	"testing"

	"cloister/internal/frame/api"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/sts"
)

type identity = shape.GetCallerIdentityResponse

func known[In any](*api.Call, *In) []api.Check { return api.KnownCaller }

func nothing[In, Out any](string, context.Context, *api.Call, *In) (*Out, error) {
	return new(Out), nil
}

func TestBindComparesWithTheModel(t *testing.T) {
	good := api.NewSet[string]("sts")
	api.Define(good, "GetCallerIdentity", known[shape.GetCallerIdentityRequest],
		func(name string, _ context.Context, c *api.Call, _ *shape.GetCallerIdentityRequest) (*identity, error) {
			if c.Account() == "" {
				return nil, fault.Kind{Code: "X", Status: 400}.New("nobody")
			}
			return &identity{UserId: &name}, nil
		})
	s, err := good.Bind("ann")
	if err != nil || len(s.Operations) != 1 || s.Model.ID != "sts" {
		t.Fatal(s, err)
	}
	op := s.Operations["GetCallerIdentity"]
	call := &api.Call{Caller: caller.Caller{Identity: caller.Identity{Account: "1"}}}
	if out, err := op.Run(t.Context(), call, op.New()); err != nil || *out.(*identity).UserId != "ann" {
		t.Errorf("%v, %v", out, err)
	}
	if out, err := op.Run(t.Context(), new(api.Call), op.New()); out != nil || !fault.Is(err, "X") {
		t.Errorf("a fault comes with %v, %v", out, err)
	}

	bad := api.NewSet[string]("sts")
	api.Define(bad, "Conjure", known[struct{}], nothing[struct{}, struct{}])
	api.Define(bad, "GetCallerIdentity", known[shape.AssumeRoleRequest], nothing[shape.AssumeRoleRequest, identity])
	api.Define(bad, "AssumeRole", known[shape.AssumeRoleRequest], nothing[shape.AssumeRoleRequest, struct{}])
	_, err = bad.Bind("")
	for _, want := range []string{
		"sts.Conjure is not in the model",
		"sts.GetCallerIdentity: type sts.AssumeRoleRequest where the model has GetCallerIdentityRequest",
		"sts.AssumeRole: type struct {} where the model has AssumeRoleResponse",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if got := strings.Join(bad.Names(), " "); got != "AssumeRole Conjure GetCallerIdentity" {
		t.Errorf("names %s", got)
	}
	if _, err := api.NewSet[string]("none").Bind(""); err == nil {
		t.Error("a service without a model was bound")
	}
}

func TestAnOperationIsDefinedOnce(t *testing.T) {
	set := api.NewSet[string]("sts")
	define := func() { api.Define(set, "Conjure", known[struct{}], nothing[struct{}, struct{}]) }
	define()
	defer func() {
		if recover() == nil {
			t.Error("defined twice")
		}
	}()
	define()
}

// answers is a Client that answers with whatever it is.
type answers struct{ out any }

func (a answers) Call(context.Context, caller.Caller, string, string, any) (any, error) {
	return a.out, nil
}

func TestCallAsGivesTheTypeThatIsAskedFor(t *testing.T) {
	if out, err := api.CallAs[identity](t.Context(), answers{&identity{Arn: new("a")}}, caller.Caller{}, "sts", "GetCallerIdentity", nil); err != nil || *out.Arn != "a" {
		t.Errorf("%v, %v", out, err)
	}
	if out, err := api.CallAs[identity](t.Context(), answers{new(string)}, caller.Caller{}, "sts", "GetCallerIdentity", nil); err == nil {
		t.Errorf("a text passed for %v", out)
	}
}
