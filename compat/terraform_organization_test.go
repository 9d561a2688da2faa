package compat

import (
	"testing"
)

// TestTerraformOrganization applies an organisation, changes it and destroys it: nothing drifts, nothing is left.
func TestTerraformOrganization(t *testing.T) {
	t.Parallel()
	terraform := needProgram(t, "terraform")
	d := own(t)
	dir := t.TempDir()
	initialise(t, terraform, dir, "organization")
	at := d.internet()
	run := func(args ...string) string {
		t.Helper()
		return at.must(t, append([]string{terraform, "-chdir=" + dir}, args...)...)
	}
	for _, name := range []string{"teams", "crews"} {
		run("apply", "-auto-approve", "-no-color", "-input=false", "-var", "name="+name)
		if out, err := at.try(terraform, "-chdir="+dir, "plan", "-detailed-exitcode", "-no-color", "-input=false", "-var", "name="+name); err != nil {
			t.Fatalf("%s: the second plan is not empty: %v\n%s", name, err, out)
		}
		if got := at.aws(t, "organizations", "describe-organizational-unit", "--organizational-unit-id", run("output", "-raw", "unit"), "--query", "OrganizationalUnit.Name"); got != name {
			t.Errorf("the unit is %s, wanted %s", got, name)
		}
	}
	run("destroy", "-auto-approve", "-no-color", "-input=false", "-var", "name=crews")
	if out, err := at.try("aws", "organizations", "describe-organization"); err == nil {
		t.Errorf("after destroy there is %s", out)
	}
}
