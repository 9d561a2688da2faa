package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// configuration is one that Terraform applies to a Cloister.
type configuration struct {
	*daemon
	program, dir, settings string
}

// terraform skips a test on a machine without it.
func terraform(t *testing.T) *configuration {
	t.Helper()
	return &configuration{program: needProgram(t, "terraform"), dir: t.TempDir()}
}

// initialise copies a configuration and finds its provider: in a folder on this machine if there is one
// (CLOISTER_TERRAFORM_PLUGINS says where), else as Terraform does by itself. Without either the test is skipped.
//
// The provider is 700 MB, and every command would hash it to see that it is still the one of `init`, which says nothing
// of Cloister: one in the folder is named in Terraform's settings instead, as one under development is, which
// is not hashed. TestTerraform does without, as users do.
func (f *configuration) initialise(t *testing.T, d *daemon, name string) {
	t.Helper()
	f.copy(t, d, name)
	found, err := filepath.Glob(filepath.Join(mirror(), "registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*"))
	if err != nil || len(found) == 0 {
		f.fetch(t)
		return
	}
	f.settings = filepath.Join(f.dir, "settings")
	text := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"hashicorp/aws\" = %q\n  }\n  direct {}\n}\n", filepath.Dir(found[len(found)-1]))
	if err := os.WriteFile(f.settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f.run(t, "get", "-no-color")
}

// copy takes a configuration for this Cloister.
func (f *configuration) copy(t *testing.T, d *daemon, name string) {
	t.Helper()
	f.daemon = d
	if err := os.CopyFS(f.dir, os.DirFS(filepath.Join("terraform", name))); err != nil {
		t.Fatal(err)
	}
}

// fetch runs Terraform's own init, from the folder if there is one.
func (f *configuration) fetch(t *testing.T) {
	t.Helper()
	args := []string{"-chdir=" + f.dir, "init", "-no-color", "-input=false"}
	if _, err := os.Stat(mirror()); err == nil {
		args = append(args, "-plugin-dir="+mirror())
	}
	if out, err := exec.Command(f.program, args...).CombinedOutput(); err != nil {
		t.Skipf("Terraform's AWS provider is not on this machine and cannot be fetched: %v\n%s", err, out)
	}
}

func mirror() string {
	if at := os.Getenv("CLOISTER_TERRAFORM_PLUGINS"); at != "" {
		return at
	}
	return "/opt/tf-plugins"
}

// command is one of Terraform's. It and its provider live a few seconds: they spend memory rather than time on
// collecting garbage.
func (f *configuration) command(args ...string) []string {
	settings := []string{"env", "GOGC=off", "GOMEMLIMIT=600MiB", "CHECKPOINT_DISABLE=1"}
	if f.settings != "" {
		settings = append(settings, "TF_CLI_CONFIG_FILE="+f.settings)
	}
	return append(append(settings, f.program, "-chdir="+f.dir), args...)
}

func (f *configuration) run(t *testing.T, args ...string) string {
	t.Helper()
	return f.internet().must(t, f.command(args...)...)
}

// apply makes what the configuration says, with values of its variables.
func (f *configuration) apply(t *testing.T, variables ...string) {
	t.Helper()
	f.run(t, with([]string{"apply", "-auto-approve", "-no-color", "-input=false"}, variables)...)
}

// settled fails when a plan after that is not empty.
func (f *configuration) settled(t *testing.T, variables ...string) {
	t.Helper()
	if out, err := f.internet().try(f.command(with([]string{"plan", "-detailed-exitcode", "-no-color", "-input=false"}, variables)...)...); err != nil {
		t.Fatalf("%v: the second plan is not empty: %v\n%s", variables, err, out)
	}
}

// destroy takes all of it away. What there is was read by the plan before, and is not again.
func (f *configuration) destroy(t *testing.T, variables ...string) {
	t.Helper()
	f.run(t, with([]string{"destroy", "-refresh=false", "-auto-approve", "-no-color", "-input=false"}, variables)...)
}

func with(args, variables []string) []string {
	for _, v := range variables {
		args = append(args, "-var", v)
	}
	return args
}

// output is one of the configuration's, as its state has it.
func (f *configuration) output(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Outputs map[string]struct{ Value any }
	}
	if err := json.Unmarshal(b, &state); err != nil {
		t.Fatal(err)
	}
	of, ok := state.Outputs[name]
	if !ok {
		t.Fatalf("there is no output %s", name)
	}
	return strings.TrimSpace(fmt.Sprint(of.Value))
}
