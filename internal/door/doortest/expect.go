package doortest

import (
	"testing"

	"cloister/internal/engine/sigv4"
)

// Good fails the test unless the call went well.
func (a *Answer) Good(t testing.TB) *Answer {
	t.Helper()
	if a.Status < 200 || a.Status > 299 {
		t.Fatalf("answered %d %s: %s\n%s", a.Status, a.Code, a.Text, a.Body)
	}
	return a
}

// Fault fails the test unless the call was answered by exactly this fault.
func (a *Answer) Fault(t testing.TB, status int, code, text string) *Answer {
	t.Helper()
	if a.Status != status || a.Code != code || a.Text != text {
		t.Errorf("answered %d %s: %q\n   want  %d %s: %q", a.Status, a.Code, a.Text, status, code, text)
	}
	return a
}

// User makes a user with one inline policy and gives a key of theirs; no policy when it is empty.
func (h *House) User(t testing.TB, name, policy string) sigv4.Credentials {
	t.Helper()
	root := h.As(t, h.Root)
	root.Query("iam", "CreateUser", "UserName", name).Good(t)
	if policy != "" {
		root.Query("iam", "PutUserPolicy", "UserName", name, "PolicyName", "inline", "PolicyDocument", policy).Good(t)
	}
	k := root.Query("iam", "CreateAccessKey", "UserName", name).Good(t)
	return sigv4.Credentials{AccessKey: k.XML("AccessKeyId"), Secret: k.XML("SecretAccessKey")}
}

// Role makes a role that the principals of the account may assume, with one inline policy.
func (h *House) Role(t testing.TB, name, policy string) (arn string) {
	t.Helper()
	root := h.As(t, h.Root)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + Account + `"},"Action":"sts:AssumeRole"}]}`
	arn = root.Query("iam", "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust).Good(t).XML("Arn")
	if policy != "" {
		root.Query("iam", "PutRolePolicy", "RoleName", name, "PolicyName", "inline", "PolicyDocument", policy).Good(t)
	}
	return arn
}

// Assume gives a session of a role; more are further parameters of AssumeRole.
func (c *Client) Assume(arn, session string, more ...string) sigv4.Credentials {
	c.TB.Helper()
	a := c.Query("sts", "AssumeRole", append([]string{"RoleArn", arn, "RoleSessionName", session}, more...)...).Good(c.TB)
	return sigv4.Credentials{AccessKey: a.XML("AccessKeyId"), Secret: a.XML("SecretAccessKey"), Token: a.XML("SessionToken")}
}

// Allow is a policy that allows an action on everything.
func Allow(actions ...string) string { return statement("Allow", "", actions) }

// Deny is Allow and a Deny of more actions.
func Deny(actions ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + inner("Allow", "", []string{"*"}) + `,` + inner("Deny", "", actions) + `]}`
}

// AllowIf is Allow under a condition, which is a JSON text.
func AllowIf(condition string, actions ...string) string {
	return statement("Allow", condition, actions)
}

func statement(effect, condition string, actions []string) string {
	return `{"Version":"2012-10-17","Statement":[` + inner(effect, condition, actions) + `]}`
}

func inner(effect, condition string, actions []string) string {
	s := `{"Effect":"` + effect + `","Resource":"*","Action":[`
	for i, a := range actions {
		if i > 0 {
			s += ","
		}
		s += `"` + a + `"`
	}
	s += "]"
	if condition != "" {
		s += `,"Condition":` + condition
	}
	return s + "}"
}
