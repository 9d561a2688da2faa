package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files in the tree are those that the generator makes.
func TestTreeIsGenerated(t *testing.T) {
	botocore, err := findBotocore()
	if err != nil {
		t.Skip(err)
	}
	if !strings.Contains(readOr(filepath.Join(botocore, "..", "__init__.py")), "'1.43.11'") {
		t.Skip("the models in the tree are of botocore 1.43.11, another is installed")
	}
	to := t.TempDir()
	if err := run("../shapes.txt", botocore, "../models", to); err != nil {
		t.Fatal(err)
	}
	tree := "../../internal/value"
	made := 0
	err = filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		made++
		name, _ := filepath.Rel(to, path)
		want, _ := os.ReadFile(path)
		if got, err := os.ReadFile(filepath.Join(tree, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator makes (%v): go -C tools run ./shapes", name, err)
		}
		return nil
	})
	if err != nil || made < 50 {
		t.Error(made, err)
	}
	kept := 0
	_ = filepath.WalkDir(filepath.Join(tree, "shape"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			kept++
		}
		return nil
	})
	models, _ := filepath.Glob(filepath.Join(tree, "model", "data", "*.json.gz"))
	if kept+len(models) != made {
		t.Errorf("the tree has %d files, the generator makes %d", kept+len(models), made)
	}
}

func readOr(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

func TestPlanIsChecked(t *testing.T) {
	for text, want := range map[string]string{
		"service a":                 "too few words",
		"drop a B":                  "no service a",
		"service a b\nforget a B":   "unknown instruction",
		"service a b loud=yes":      "unknown setting",
		"service a b\nonly a (":     "error parsing regexp",
		"service a b\nroot a Shape": "unknown instruction",
	} {
		path := filepath.Join(t.TempDir(), "plan")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readPlan(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWants(t *testing.T) {
	s := &service{}
	for verb, words := range map[string][]string{"only": {"(Create|Delete)Vpcs?", "Describe.*"}, "drop": {"DescribeHosts"}} {
		if err := s.instruct(verb, words); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{"CreateVpc": true, "CreateVpcEndpoint": false, "DescribeVpcs": true, "DescribeHosts": false, "RunInstances": false} {
		if s.wants(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestFileNames(t *testing.T) {
	for in, want := range map[string]string{"AcceptVpcEndpoint": "accept_vpc_endpoint_shape.go", "S3Uri": "s3_uri_shape.go", "ListSSHPublicKeys": "list_ssh_public_keys_shape.go"} {
		if got := fileName(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}
