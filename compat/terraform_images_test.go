package compat

import "testing"

// TestTerraformImages applies a repository with its policy, lifecycle and tags, changes it, and destroys it; nothing
// drifts and nothing is left.
func TestTerraformImages(t *testing.T) {
	t.Parallel()
	terraform := needProgram(t, "terraform")
	d := own(t)
	dir := t.TempDir()
	initialise(t, terraform, dir, "images")
	at := d.internet()
	run := func(args ...string) string {
		t.Helper()
		return at.must(t, append([]string{terraform, "-chdir=" + dir}, args...)...)
	}
	for _, mutability := range []string{"MUTABLE", "IMMUTABLE"} {
		run("apply", "-auto-approve", "-no-color", "-input=false", "-var", "mutability="+mutability)
		if out, err := at.try(terraform, "-chdir="+dir, "plan", "-detailed-exitcode", "-no-color", "-input=false", "-var", "mutability="+mutability); err != nil {
			t.Fatalf("the second plan is not empty: %v\n%s", err, out)
		}
		if got := at.aws(t, "ecr", "describe-repositories", "--query", "repositories[].[repositoryName,imageTagMutability]"); got != "team/app\t"+mutability {
			t.Errorf("there is %s", got)
		}
	}
	if url, endpoint := run("output", "-raw", "url"), run("output", "-raw", "endpoint"); url != registry+"/team/app" || endpoint != "https://"+registry {
		t.Errorf("the outputs are %s and %s", url, endpoint)
	}
	run("destroy", "-auto-approve", "-no-color", "-input=false")
	if left := at.aws(t, "ecr", "describe-repositories", "--query", "repositories[]"); left != "" {
		t.Errorf("after destroy there are %s", left)
	}
}
