package compat

import (
	"strings"
	"testing"
)

// TestTerraformIAM applies a configuration with every kind of IAM's entities, changes it and destroys it; nothing
// drifts and nothing is left.
func TestTerraformIAM(t *testing.T) {
	t.Parallel()
	terraform := needProgram(t, "terraform")
	d := own(t)
	dir := t.TempDir()
	initialise(t, terraform, dir, "iam")
	at := d.internet()
	left := func() string {
		t.Helper()
		var all []string
		for what, query := range map[string]string{
			"list-users": "Users[].UserName", "list-groups": "Groups[].GroupName", "list-roles": "Roles[].RoleName", "list-instance-profiles": "InstanceProfiles[].InstanceProfileName",
			"list-account-aliases": "AccountAliases", "list-open-id-connect-providers": "OpenIDConnectProviderList[].Arn",
		} {
			all = append(all, at.aws(t, "iam", what, "--query", "("+query+")[?contains(@, 'tf-') || contains(@, '_tf') || contains(@, 'example')]", "--output", "text"))
		}
		return strings.TrimSpace(strings.Join(all, " "))
	}
	for _, changed := range []string{"changed=false", "changed=true"} {
		at.must(t, terraform, "-chdir="+dir, "apply", "-auto-approve", "-no-color", "-input=false", "-var", changed)
		if out, err := at.try(terraform, "-chdir="+dir, "plan", "-detailed-exitcode", "-no-color", "-input=false", "-var", changed); err != nil {
			t.Fatalf("%s: the second plan is not empty: %v\n%s", changed, err, out)
		}
	}
	if got := at.aws(t, "iam", "get-group", "--group-name", "tf-crew", "--query", "Users[].UserName", "--output", "text"); got != "tf-anna" {
		t.Errorf("in the group are %s", got)
	}
	if left() == "" {
		t.Error("nothing was made")
	}
	at.must(t, terraform, "-chdir="+dir, "destroy", "-auto-approve", "-no-color", "-input=false", "-var", "changed=true")
	if got := left(); got != "" {
		t.Errorf("after destroy there is %s", got)
	}
}
