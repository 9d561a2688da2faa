package compat

import (
	"slices"
	"strings"
	"testing"
)

// TestTerraformAccount applies every kind of IAM's entities, a policy that has as many versions as there can be, an
// organisation and a repository of images, changes all of it and destroys it; nothing drifts and nothing is left.
// They share a Cloister and a state, as what such a run costs is Terraform and not the resources.
func TestTerraformAccount(t *testing.T) {
	t.Parallel()
	f := terraform(t)
	d := own(t)
	f.initialise(t, d, "account")
	at := d.internet()
	for _, c := range []struct{ changed, crew, action, version, unit, mutability string }{
		{"false", "tf-ann tf-bob", "sqs:SendMessage", "v1", "teams", "MUTABLE"}, {"true", "tf-anna", "sns:Publish", "v6", "crews", "IMMUTABLE"},
	} {
		f.apply(t, "changed="+c.changed)
		f.settled(t, "changed="+c.changed)
		group := map[string]string{"false": "tf-staff", "true": "tf-crew"}[c.changed]
		crew := strings.Fields(at.aws(t, "iam", "get-group", "--group-name", group, "--query", "Users[].UserName"))
		if slices.Sort(crew); strings.Join(crew, " ") != c.crew {
			t.Errorf("in the group are %s", crew)
		}
		if got := at.aws(t, "organizations", "describe-organizational-unit", "--organizational-unit-id", f.output(t, "unit"), "--query", "OrganizationalUnit.Name"); got != c.unit {
			t.Errorf("the unit is %s, wanted %s", got, c.unit)
		}
		if got := at.aws(t, "ecr", "describe-repositories", "--query", "repositories[].[repositoryName,imageTagMutability]"); got != "team/app\t"+c.mutability {
			t.Errorf("there is %s", got)
		}
		f.inForce(t, c.action, c.version)
	}
	if url, endpoint := f.output(t, "url"), f.output(t, "endpoint"); url != registry+"/team/app" || endpoint != "https://"+registry {
		t.Errorf("the outputs are %s and %s", url, endpoint)
	}
	if left := named(t, at); left == "" {
		t.Error("nothing was made")
	}
	f.destroy(t, "changed=true")
	if left := named(t, at); left != "" {
		t.Errorf("after destroy there is %s", left)
	}
	if got := at.aws(t, "iam", "list-policies", "--scope", "Local", "--query", "length(Policies)"); got != "0" {
		t.Errorf("after destroy there are %s policies", got)
	}
	if left := at.aws(t, "ecr", "describe-repositories", "--query", "repositories[]"); left != "" {
		t.Errorf("after destroy there are %s", left)
	}
	if out, err := at.try("aws", "organizations", "describe-organization"); err == nil {
		t.Errorf("after destroy there is %s", out)
	}
}

// inForce looks which version of the policy is in force and what the simulator makes of it; the first gets company
// then, until there are as many as there can be.
func (f *configuration) inForce(t *testing.T, action, version string) {
	t.Helper()
	at := f.internet()
	if got := f.output(t, "allowed"); got != "true" {
		t.Errorf("%s: allowed is %s", action, got)
	}
	arn := f.output(t, "policy")
	if got := at.aws(t, "iam", "get-policy", "--policy-arn", arn, "--query", "Policy.DefaultVersionId"); got != version {
		t.Errorf("%s: in force is %s", action, got)
	}
	if got := at.aws(t, "iam", "simulate-principal-policy", "--policy-source-arn", "arn:aws:iam::"+account+":role/worker", "--action-names", action,
		"--context-entries", "ContextKeyName=aws:CurrentTime,ContextKeyType=date,ContextKeyValues=2026-01-01T00:00:00Z",
		"--query", "EvaluationResults[0].[EvalDecision,MatchedStatements[0].SourcePolicyId]"); got != "allowed\town" {
		t.Errorf("%s: simulated %q", action, got)
	}
	if version == "v1" {
		for range 4 {
			at.aws(t, "iam", "create-policy-version", "--policy-arn", arn, "--policy-document", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`)
		}
	}
}

// named are IAM's entities that the configuration names.
func named(t *testing.T, at place) string {
	t.Helper()
	var all []string
	for what, query := range map[string]string{
		"list-users": "Users[].UserName", "list-groups": "Groups[].GroupName", "list-roles": "Roles[].RoleName", "list-instance-profiles": "InstanceProfiles[].InstanceProfileName",
		"list-account-aliases": "AccountAliases", "list-open-id-connect-providers": "OpenIDConnectProviderList[].Arn",
	} {
		all = append(all, at.aws(t, "iam", what, "--query", "("+query+")[?contains(@, 'tf-') || contains(@, '_tf') || contains(@, 'example')]"))
	}
	return strings.TrimSpace(strings.Join(all, " "))
}
