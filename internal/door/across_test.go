package door_test

import (
	"strings"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
)

// Who is neither of the owner's account nor of its organisation learns no cause: not from the sentence, and not
// from the record of the call.
func TestNoCauseAcrossAccountsUnlessRelated(t *testing.T) {
	h := doortest.Open(t)
	id, secret, _, err := h.IAM.Root(t.Context(), doortest.Other)
	if err != nil {
		t.Fatal(err)
	}
	k := h.Root
	k.AccessKey, k.Secret = id, secret
	const role = "arn:aws:iam::444455556666:role/theirs"
	h.As(t, k).Query("iam", "CreateRole", "RoleName", "theirs", "AssumeRolePolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Sid":"Hush","Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]}`).Good(t)
	admin := h.As(t, h.User(t, "ann", doortest.Allow("*")))
	const short = "User: " + ann + " is not authorized to perform: sts:AssumeRole on resource: " + role
	assume := func() *doortest.Answer {
		return admin.Query("sts", "AssumeRole", "RoleArn", role, "RoleSessionName", "one")
	}
	a := assume().Fault(t, 403, "AccessDenied", short)
	e, answer := explained(h.As(t, h.Root), a.RequestID())
	if e == nil || len(e.Decisions) != 1 {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	if d := e.Decisions[0]; d.Effect != policy.Untold || d.Cause != "" || strings.Contains(string(answer.Body), "Hush") || strings.Contains(string(answer.Body), "explicit deny") {
		t.Errorf("the record tells %s", answer.Body)
	}
	nobody := h.As(t, h.User(t, "bob", ""))
	nobody.Query("sts", "AssumeRole", "RoleArn", role, "RoleSessionName", "one").Fault(t, 403, "AccessDenied", strings.Replace(short, "user/ann", "user/bob", 1))

	h.Directory.SetOrganization(&directory.Organization{ID: "o-one", Management: "999999999999", Parents: map[string][]string{
		doortest.Account: {"r-1", doortest.Account}, doortest.Other: {"r-1", doortest.Other}}})
	assume().Fault(t, 403, "AccessDenied", short+" with an explicit deny in the role trust policy")
	h.Directory.SetOrganization(&directory.Organization{ID: "o-two", Management: "999999999999", Parents: map[string][]string{doortest.Other: {"r-2", doortest.Other}}})
	assume().Fault(t, 403, "AccessDenied", short)
}
