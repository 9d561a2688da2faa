package compat

import "testing"

// TestTerraformPolicies changes a policy that has as many versions as there can be, attached beside AWS's own; after
// each change the simulator says what is in force, nothing drifts, and nothing is left.
func TestTerraformPolicies(t *testing.T) {
	t.Parallel()
	terraform := needProgram(t, "terraform")
	d := own(t)
	dir := t.TempDir()
	initialise(t, terraform, dir, "policies")
	at := d.internet()
	run := func(args ...string) string {
		t.Helper()
		return at.must(t, append([]string{terraform, "-chdir=" + dir}, args...)...)
	}
	for _, x := range []struct{ action, version string }{{"sqs:SendMessage", "v1"}, {"sns:Publish", "v6"}} {
		run("apply", "-auto-approve", "-no-color", "-input=false", "-var", "action="+x.action)
		if out, err := at.try(terraform, "-chdir="+dir, "plan", "-detailed-exitcode", "-no-color", "-input=false", "-var", "action="+x.action); err != nil {
			t.Fatalf("%s: the second plan is not empty: %v\n%s", x.action, err, out)
		}
		if got := run("output", "-raw", "allowed"); got != "true" {
			t.Errorf("%s: allowed is %s", x.action, got)
		}
		arn := run("output", "-raw", "policy")
		if got := at.aws(t, "iam", "get-policy", "--policy-arn", arn, "--query", "Policy.DefaultVersionId"); got != x.version {
			t.Errorf("%s: in force is %s", x.action, got)
		}
		if got := at.aws(t, "iam", "simulate-principal-policy", "--policy-source-arn", "arn:aws:iam::"+account+":role/worker", "--action-names", x.action,
			"--context-entries", "ContextKeyName=aws:CurrentTime,ContextKeyType=date,ContextKeyValues=2026-01-01T00:00:00Z",
			"--query", "EvaluationResults[0].[EvalDecision,MatchedStatements[0].SourcePolicyId]"); got != "allowed\town" {
			t.Errorf("%s: simulated %q", x.action, got)
		}
		if x.version == "v1" {
			for range 4 {
				at.aws(t, "iam", "create-policy-version", "--policy-arn", arn, "--policy-document", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`)
			}
		}
	}
	run("destroy", "-auto-approve", "-no-color", "-input=false", "-var", "action=sns:Publish")
	if got := at.aws(t, "iam", "list-policies", "--scope", "Local", "--query", "length(Policies)"); got != "0" {
		t.Errorf("after destroy there are %s policies", got)
	}
}
