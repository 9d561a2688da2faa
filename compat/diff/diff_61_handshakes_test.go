package diff

import "testing"

// TestDiff61Handshakes: a policy names a handshake by its ID alone; the type of a policy is a key of the question about it, not of that about its target.
func TestDiff61Handshakes(t *testing.T) {
	o := organization(t)
	arn := "arn:aws:organizations::" + account + ":handshake/"
	for resource, words := range map[string]string{arn + o["Id"].(string) + "/*": "not authorized", arn + "h-*": "doesn't exist"} {
		code := map[string]string{"not authorized": "AccessDeniedException", "doesn't exist": "HandshakeNotFoundException"}[words]
		name := map[string]string{"not authorized": "diff-61-long", "doesn't exist": "diff-61-short"}[words]
		user(t, name, policy("Allow", "organizations:*", resource)).json(t, "organizations", "DescribeHandshake", object{"HandshakeId": "h-0123456789"}).fault(t, 400, code, words)
	}
	attach := func(name, operator, code string) {
		document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"organizations:AttachPolicy","Resource":"*","Condition":{"` + operator + `":{"organizations:PolicyType":"SERVICE_CONTROL_POLICY"}}}]}`
		id := root.json(t, "organizations", "ListRoots", object{}).object(t)["Roots"].([]any)[0].(object)["Id"]
		user(t, name, document).json(t, "organizations", "AttachPolicy", object{"PolicyId": "p-FullAWSAccess", "TargetId": id}).fault(t, 400, code, "")
	}
	attach("diff-61-plain", "StringEquals", "AccessDeniedException")
	attach("diff-61-exists", "StringEqualsIfExists", "PolicyTypeNotEnabledException")
}
