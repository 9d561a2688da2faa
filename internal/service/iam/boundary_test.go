package iam_test

import (
	"testing"

	"cloister/internal/door/doortest"
)

func TestABoundaryIsTheMost(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	most := root.Query("iam", "CreatePolicy", "PolicyName", "most", "PolicyDocument", doortest.Allow("iam:ListRoles", "sts:*")).Good(t).XML("Arn")
	k := h.User(t, "ann", doortest.Allow("iam:*", "sts:*"))
	ann := h.As(t, k)
	may := func(action string, want bool) {
		t.Helper()
		if got := ann.Query("iam", action).Status == 200; got != want {
			t.Errorf("%s: %v, want %v", action, got, want)
		}
	}
	may("ListUsers", true)
	root.Query("iam", "PutUserPermissionsBoundary", "UserName", "ann", "PermissionsBoundary", prefix+"policy/none").
		Fault(t, 404, "NoSuchEntity", "Scope ARN: "+prefix+"policy/none does not exist or is not attachable.")
	may("ListUsers", true)
	for range 2 {
		root.Query("iam", "PutUserPermissionsBoundary", "UserName", "ann", "PermissionsBoundary", most).Good(t)
	}
	ann.Query("iam", "ListUsers").Fault(t, 403, "AccessDenied",
		"User: "+prefix+"user/ann is not authorized to perform: iam:ListUsers on resource: "+prefix+"user/ because no permissions boundary allows the iam:ListUsers action")
	may("ListRoles", true)
	h.Restart()
	root, ann = h.As(t, h.Root), h.As(t, k)
	may("ListUsers", false)
	if a := root.Query("iam", "GetUser", "UserName", "ann").Good(t); a.XML("PermissionsBoundaryArn") != most || a.XML("PermissionsBoundaryType") != "Policy" {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "GetPolicy", "PolicyArn", most).Good(t); a.XML("PermissionsBoundaryUsageCount") != "1" || a.XML("AttachmentCount") != "0" {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "ListEntitiesForPolicy", "PolicyArn", most, "PolicyUsageFilter", "PermissionsBoundary").Good(t); a.XML("UserName") != "ann" {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "ListPolicies", "PolicyUsageFilter", "PermissionsBoundary").Good(t); a.XML("PolicyName") != "most" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "DeletePolicy", "PolicyArn", most).Fault(t, 409, "DeleteConflict", "Cannot delete a policy attached to entities.")
	root.Query("iam", "DeleteUserPermissionsBoundary", "UserName", "ann").Good(t)
	may("ListUsers", true)

	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}`
	root.Query("iam", "CreateRole", "RoleName", "worker", "AssumeRolePolicyDocument", trust, "PermissionsBoundary", most).Good(t)
	root.Query("iam", "AttachRolePolicy", "RoleName", "worker", "PolicyArn", admin).Good(t)
	session := h.As(t, ann.Assume(prefix+"role/worker", "one"))
	session.Query("iam", "ListRoles").Good(t)
	if a := session.Query("iam", "ListUsers"); a.Code != "AccessDenied" {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "GetRole", "RoleName", "worker").Good(t); a.XML("PermissionsBoundaryArn") != most {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "DeleteRolePermissionsBoundary", "RoleName", "worker").Good(t)
	session.Query("iam", "ListUsers").Good(t)
	root.Query("iam", "PutRolePermissionsBoundary", "RoleName", "none", "PermissionsBoundary", most).Fault(t, 404, "NoSuchEntity", "The role with name none cannot be found.")
}

// Who may make users only inside a boundary can give policies only to those that have it.
func TestConditionsOnBoundaries(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	most := root.Query("iam", "CreatePolicy", "PolicyName", "most", "PolicyDocument", doortest.Allow("s3:*")).Good(t).XML("Arn")
	root.Query("iam", "CreateUser", "UserName", "free").Good(t)
	ann := h.As(t, h.User(t, "ann", doortest.AllowIf(`{"StringEquals":{"iam:PermissionsBoundary":"`+most+`"}}`,
		"iam:CreateUser", "iam:CreateRole", "iam:AttachUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPermissionsBoundary", "iam:PutUserPermissionsBoundary", "iam:CreateAccessKey")))
	for _, x := range []struct {
		want   bool
		op     string
		params []string
	}{
		{true, "CreateUser", []string{"UserName", "bob", "PermissionsBoundary", most}},
		{false, "CreateUser", []string{"UserName", "eve", "PermissionsBoundary", admin}},
		{false, "CreateUser", []string{"UserName", "eve"}},
		{true, "CreateRole", []string{"RoleName", "r", "AssumeRolePolicyDocument", trust, "PermissionsBoundary", most}},
		{true, "AttachUserPolicy", []string{"UserName", "bob", "PolicyArn", admin}},
		{false, "AttachUserPolicy", []string{"UserName", "free", "PolicyArn", admin}},
		{true, "PutUserPolicy", []string{"UserName", "BOB", "PolicyName", "p", "PolicyDocument", doortest.Allow("*")}},
		{false, "PutUserPolicy", []string{"UserName", "free", "PolicyName", "p", "PolicyDocument", doortest.Allow("*")}},
		{false, "CreateAccessKey", []string{"UserName", "bob"}}, // has no such key
		{false, "PutUserPermissionsBoundary", []string{"UserName", "bob", "PermissionsBoundary", admin}},
		{true, "PutUserPermissionsBoundary", []string{"UserName", "free", "PermissionsBoundary", most}},
		{true, "DeleteUserPermissionsBoundary", []string{"UserName", "free"}},
		{false, "DeleteUserPermissionsBoundary", []string{"UserName", "free"}},
	} {
		if a := ann.Query("iam", x.op, x.params...); (a.Status == 200) != x.want || a.Status != 200 && a.Code != "AccessDenied" {
			t.Errorf("%s %v: %d %s", x.op, x.params, a.Status, a.Text)
		}
	}
}
