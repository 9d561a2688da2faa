package sts_test

import (
	"fmt"
	"strings"
	"testing"

	"cloister/internal/door/doortest"
)

// made makes a role with a trust policy of its own and one inline policy.
func made(t *testing.T, h *doortest.House, name, trust, policy string) string {
	t.Helper()
	root := h.As(t, h.Root)
	arn := root.Query("iam", "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust).Good(t).XML("Arn")
	if policy != "" {
		root.Query("iam", "PutRolePolicy", "RoleName", name, "PolicyName", "p", "PolicyDocument", policy).Good(t)
	}
	return arn
}

// open is a trust policy for the account, with actions and perhaps a condition.
func open(condition string, actions ...string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["` + strings.Join(actions, `","`) + `"]` + condition + `}]}`
}

func assume(arn string, more ...string) []string {
	return append([]string{"RoleArn", arn, "RoleSessionName", "one"}, more...)
}

func TestTagsNeedBothPoliciesAndReachDecisions(t *testing.T) {
	h := doortest.Open(t)
	tagged := made(t, h, "tagged", open(`{"StringEquals":{"aws:RequestTag/team":"red"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"],"sts:TransitiveTagKeys":["team"]}}`, "sts:AssumeRole", "sts:TagSession"),
		doortest.AllowIf(`{"StringEquals":{"aws:PrincipalTag/team":"red"}}`, "iam:ListUsers"))
	red := []string{"Tags.member.1.Key", "team", "Tags.member.1.Value", "red"}
	ann := h.As(t, h.User(t, "ann", doortest.Allow("sts:AssumeRole", "sts:TagSession")))
	bob := h.As(t, h.User(t, "bob", doortest.Allow("sts:AssumeRole")))
	const no = "arn:aws:iam::111122223333:user/%s is not authorized to perform: %s on resource: arn:aws:iam::111122223333:role/tagged because no %s allows the %[2]s action"
	a := ann.Query("sts", "AssumeRole", assume(tagged, append(red, "TransitiveTagKeys.member.1", "team")...)...).Good(t)
	if a.XML("PackedPolicySize") != "1" {
		t.Errorf("%s", a.Body)
	}
	h.As(t, ann.Assume(tagged, "two", red...)).Query("iam", "ListUsers").Good(t)
	bob.Query("sts", "AssumeRole", assume(tagged, red...)...).Fault(t, 403, "AccessDenied", "User: "+fmt.Sprintf(no, "bob", "sts:TagSession", "identity-based policy"))
	for name, more := range map[string][]string{
		"none": nil, "another value": {"Tags.member.1.Key", "team", "Tags.member.1.Value", "blue"},
		"another key": append([]string{"Tags.member.2.Key", "cost", "Tags.member.2.Value", "1"}, red...),
	} {
		t.Run(name, func(t *testing.T) {
			ann.Query("sts", "AssumeRole", assume(tagged, more...)...).Fault(t, 403, "AccessDenied", "User: "+fmt.Sprintf(no, "ann", "sts:AssumeRole", "role trust policy"))
		})
	}
	long := make([]string, 0, 200)
	for i := range 50 {
		long = append(long, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprintf("k%d", i), fmt.Sprintf("Tags.member.%d.Value", i+1), strings.Repeat("v", 100))
	}
	free := made(t, h, "free", open("", "sts:*"), "")
	ann.Query("sts", "AssumeRole", assume(free, long...)...).Fault(t, 400, "PackedPolicyTooLarge", "Packed size of session tags consumes 126% of allotted space.")
}

func TestWhatIsTransitiveGoesDownTheChain(t *testing.T) {
	h := doortest.Open(t)
	all := doortest.Allow("sts:*")
	first := made(t, h, "first", open("", "sts:*"), all)
	second := made(t, h, "second", open("", "sts:*"), doortest.AllowIf(`{"StringEquals":{"aws:PrincipalTag/team":"red"},"Null":{"aws:PrincipalTag/cost":"true"}}`, "*"))
	narrow := made(t, h, "narrow", open("", "sts:AssumeRole"), all)
	ann := h.As(t, h.User(t, "ann", all))
	one := h.As(t, ann.Assume(first, "one", "Tags.member.1.Key", "team", "Tags.member.1.Value", "red", "Tags.member.2.Key", "cost", "Tags.member.2.Value", "7", "TransitiveTagKeys.member.1", "Team"))
	const conflict = "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
	one.Query("sts", "AssumeRole", assume(second, "Tags.member.1.Key", "TEAM", "Tags.member.1.Value", "blue")...).Fault(t, 400, "InvalidParameterValue", conflict)
	const who = "User: arn:aws:sts::111122223333:assumed-role/first/one is not authorized to perform: "
	one.Query("sts", "AssumeRole", assume(narrow)...).
		Fault(t, 403, "AccessDenied", who+"sts:TagSession on resource: "+narrow+" because no role trust policy allows the sts:TagSession action")
	two := h.As(t, one.Assume(second, "two"))
	two.Query("iam", "ListUsers").Good(t)
	three := h.As(t, two.Assume(second, "three")) // and on
	three.Query("iam", "ListUsers").Good(t)
}

func TestASourceIdentityStays(t *testing.T) {
	h := doortest.Open(t)
	all := doortest.Allow("sts:*")
	first := made(t, h, "first", open(`{"StringEquals":{"sts:SourceIdentity":"ann"}}`, "sts:*"), all)
	second := made(t, h, "second", open("", "sts:AssumeRole", "sts:SetSourceIdentity"), doortest.AllowIf(`{"StringEquals":{"aws:SourceIdentity":"ann"}}`, "iam:ListUsers"))
	narrow := made(t, h, "narrow", open("", "sts:AssumeRole"), "")
	ann := h.As(t, h.User(t, "ann", all))
	const who = "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: sts:AssumeRole on resource: "
	for _, more := range [][]string{nil, {"SourceIdentity", "bob"}} {
		ann.Query("sts", "AssumeRole", assume(first, more...)...).Fault(t, 403, "AccessDenied", who+first+" because no role trust policy allows the sts:AssumeRole action")
	}
	a := ann.Query("sts", "AssumeRole", assume(first, "SourceIdentity", "ann")...).Good(t)
	if a.XML("SourceIdentity") != "ann" {
		t.Errorf("%s", a.Body)
	}
	one := h.As(t, ann.Assume(first, "one", "SourceIdentity", "ann"))
	one.Query("sts", "AssumeRole", assume(second, "SourceIdentity", "bob")...).Fault(t, 403, "AccessDenied", "The source identity of the calling session is ann and cannot be changed.")
	one.Query("sts", "AssumeRole", assume(narrow)...).Fault(t, 403, "AccessDenied",
		"User: arn:aws:sts::111122223333:assumed-role/first/one is not authorized to perform: sts:SetSourceIdentity on resource: "+narrow+" because no role trust policy allows the sts:SetSourceIdentity action")
	h.As(t, one.Assume(second, "two")).Query("iam", "ListUsers").Good(t)
	h.As(t, ann.Assume(second, "none")).Query("iam", "ListUsers").
		Fault(t, 403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/second/none is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111122223333:user/ because no identity-based policy allows the iam:ListUsers action")
}

func TestManagedSessionPoliciesAreAskedAtEachDecision(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	wide := made(t, h, "wide", open("", "sts:*"), doortest.Allow("*"))
	arn := root.Query("iam", "CreatePolicy", "PolicyName", "lists", "PolicyDocument", doortest.Allow("iam:ListUsers")).Good(t).XML("Arn")
	ann := h.As(t, h.User(t, "ann", doortest.Allow("sts:*")))
	session := h.As(t, ann.Assume(wide, "one", "PolicyArns.member.1.arn", arn))
	session.Query("iam", "ListUsers").Good(t)
	session.Query("iam", "ListRoles").Fault(t, 403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/wide/one is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::111122223333:role/ because no session policy allows the iam:ListRoles action")
	root.Query("iam", "DeletePolicy", "PolicyArn", arn).Good(t)
	session.Query("iam", "ListUsers").Fault(t, 403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/wide/one is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111122223333:user/ because no session policy allows the iam:ListUsers action")
	var many []string
	for i := range 11 {
		many = append(many, fmt.Sprintf("PolicyArns.member.%d.arn", i+1), "arn:aws:iam::aws:policy/AdministratorAccess")
	}
	if a := ann.Query("sts", "AssumeRole", assume(wide, many...)...); a.Code != "ValidationError" || !strings.Contains(a.Text, "less than or equal to 10") {
		t.Errorf("%d %s %s", a.Status, a.Code, a.Text)
	}
	h.As(t, ann.Assume(wide, "both", "PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AdministratorAccess", "Policy", doortest.Allow("iam:ListRoles"))).Query("iam", "ListUsers").Good(t)
}
