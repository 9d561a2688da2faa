package main

import (
	"strings"
	"testing"

	"cloister/internal/frame/api"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/iam"
	"cloister/internal/value/shape/sagemaker"
)

// A role that trusts SageMaker only for certain resources of certain accounts, and a user who may pass it
// only to SageMaker and only for those, meet in CreateModel.
func TestPassingARole(t *testing.T) {
	h := newRunning(t)
	root := caller.Caller{Identity: caller.Identity{Kind: caller.Root, Account: h.conf.Account, ARN: "arn:aws:iam::" + h.conf.Account + ":root",
		PrincipalARN: "arn:aws:iam::" + h.conf.Account + ":root", ID: h.conf.Account}, Origin: caller.Origin{Place: caller.Inside}}
	do := func(as caller.Caller, service, name string, in any) any {
		t.Helper()
		out, err := h.house.door.Call(t.Context(), as, service, name, in)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	trust := func(condition string) *string {
		return new(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole","Condition":` + condition + `}]}`)
	}
	role := "arn:aws:iam::" + h.conf.Account + ":role/guarded"
	do(root, "iam", "CreateRole", &iam.CreateRoleRequest{RoleName: new("guarded"), AssumeRolePolicyDocument: trust(`{}`)})
	do(root, "iam", "CreateUser", &iam.CreateUserRequest{UserName: new("ann")})
	do(root, "iam", "PutUserPolicy", &iam.PutUserPolicyRequest{UserName: new("ann"), PolicyName: new("p"), PolicyDocument: new(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"sagemaker:*","Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"` + role + `","Condition":{"StringEquals":{"iam:PassedToService":"sagemaker.amazonaws.com"},
			"ArnLike":{"iam:AssociatedResourceArn":"arn:aws:sagemaker:*:*:model/mine-*"}}}]}`)})
	ann := caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: h.conf.Account, ARN: "arn:aws:iam::" + h.conf.Account + ":user/ann",
		PrincipalARN: "arn:aws:iam::" + h.conf.Account + ":user/ann", Name: "ann"}, Origin: caller.Origin{Place: caller.Inside}}
	create := func(name, role string) string {
		_, err := api.CallAs[sagemaker.CreateModelOutput](t.Context(), h.house.door, ann, "sagemaker", "CreateModel", &sagemaker.CreateModelInput{
			ModelName: &name, ExecutionRoleArn: &role, PrimaryContainer: &sagemaker.ContainerDefinition{Image: new("cloister/kmeans:1")}})
		if err == nil {
			return ""
		}
		f, ok := fault.As(err)
		if !ok {
			t.Fatal(err)
		}
		return f.Code + ": " + f.Message
	}
	for _, c := range []struct{ condition, name, want string }{
		{`{"ArnLike":{"aws:SourceArn":"arn:aws:sagemaker:us-east-1:` + h.conf.Account + `:model/mine-*"},"StringEquals":{"aws:SourceAccount":"` + h.conf.Account + `"}}`, "Mine-1", ""},
		{`{"ArnLike":{"aws:SourceArn":"arn:aws:sagemaker:us-east-1:` + h.conf.Account + `:training-job/*"}}`, "mine-2", "ValidationException: The execution role ARN"},
		{`{"StringEquals":{"aws:SourceAccount":"999999999999"}}`, "mine-3", "ValidationException: The execution role ARN"},
		{`{"StringEquals":{"aws:SourceAccount":"` + h.conf.Account + `"}}`, "others", "AccessDeniedException: User: arn:aws:iam::" + h.conf.Account +
			":user/ann is not authorized to perform: iam:PassRole on resource: " + role + " because no identity-based policy allows the iam:PassRole action"},
	} {
		do(root, "iam", "UpdateAssumeRolePolicy", &iam.UpdateAssumeRolePolicyRequest{RoleName: new("guarded"), PolicyDocument: trust(c.condition)})
		if got := create(c.name, role); c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s under %s: %q, want %q", c.name, c.condition, got, c.want)
		}
	}
	if got := create("mine-4", "arn:aws:iam::999999999999:role/guarded"); got != "ValidationException: RoleArn: Cross-account pass role is not allowed." {
		t.Errorf("a role of another account: %q", got)
	}
}
