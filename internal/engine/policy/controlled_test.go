package policy

import "testing"

// facts 3.1: resource control policies reach the services that support them.
func TestControlled(t *testing.T) {
	for action, want := range map[string]bool{
		"s3:GetObject": true, "STS:AssumeRole": true, "logs:PutLogEvents": true, "sagemaker:CreateModel": false, "ec2:RunInstances": false,
		"iam:PassRole": false, "kms:Decrypt": true, "kms:RetireGrant": false, "*": false,
	} {
		if Controlled(action) != want {
			t.Errorf("%s: %v", action, !want)
		}
	}
}

// facts 3.3: what is answered whatever the policies say.
func TestSettled(t *testing.T) {
	const managed, reserved = "arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/r"
	denied := Result{Effect: ExplicitDeny, Kind: Identity}
	allowed := Result{Effect: Allowed, Kind: Identity}
	for _, c := range []struct {
		kind             PrincipalKind
		action, resource string
		decided, want    Result
	}{
		{User, "sts:GetCallerIdentity", "*", denied, Result{Effect: Allowed}},
		{Anonymous, "sts:GetCallerIdentity", "*", denied, denied},
		{User, "iam:DeletePolicy", managed, allowed, Result{}},
		{RootUser, "IAM:tagpolicy", managed, allowed, Result{}},
		{User, "iam:DeletePolicy", managed, denied, denied},
		{User, "iam:GetPolicy", managed, allowed, allowed},
		{User, "iam:ListPolicyVersions", managed, allowed, allowed},
		{User, "iam:DeletePolicy", "arn:aws:iam::123456789012:policy/mine", allowed, allowed},
		{User, "iam:PutRolePolicy", reserved, allowed, Result{}},
		{User, "sts:AssumeRole", reserved, allowed, allowed},
		{User, "iam:CreateUser", "*", allowed, allowed},
	} {
		r := &Request{Principal: Principal{Kind: c.kind, ARN: "arn:aws:iam::123456789012:user/ann"}, Action: c.action, Resource: c.resource}
		if got := Settled(r, c.decided); got != c.want {
			t.Errorf("%s on %s, %v: %v", c.action, c.resource, c.decided.Effect, got)
		}
	}
	want := "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:DeletePolicy on resource: " + managed
	if got := Sentence(&Request{Principal: Principal{Kind: User, ARN: "arn:aws:iam::123456789012:user/ann"}, Action: "iam:DeletePolicy", Resource: managed}, Result{}); got != want {
		t.Error(got)
	}
}
