package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryCLI asks the same of every AWS CLI that this machine has: Debian's 2.9 and newer ones.
func TestEveryCLI(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t, "sts")
	d.provide(t)
	clis := every("aws")
	if len(clis) == 0 {
		t.Skip("aws is not on this machine")
	}
	for _, cli := range clis {
		version := d.internet().must(t, cli, "--version")
		name, _, _ := strings.Cut(version, " ")
		t.Run(strings.ReplaceAll(name, "/", "-"), func(t *testing.T) {
			for where, p := range map[string]place{"internet": d.internet(), "subnet": v.inside()} {
				if got := p.must(t, cli, "sts", "get-caller-identity", "--query", "Arn", "--output", "text"); got != "arn:aws:iam::"+account+":root" {
					t.Errorf("%s: get-caller-identity says %s", where, got)
				}
				file := filepath.Join(t.TempDir(), "back.csv")
				p.must(t, cli, "s3", "cp", "--no-progress", "s3://"+bucket+"/train/digits.csv", file)
				want, err := os.ReadFile(digits(t))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
					t.Errorf("%s: %d bytes came back of %d: %v", where, len(got), len(want), err)
				}
			}
		})
	}
}

// every gives all programs of a name on the path, each once, without the clerk's.
func every(name string) (paths []string) {
	seen := map[string]bool{}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		real, err := filepath.EvalSymlinks(path)
		info, found := os.Stat(path)
		if err != nil || found != nil || dir == os.Getenv(clerkAt) || info.Mode()&0o111 == 0 || seen[real] {
			continue
		}
		seen[real] = true
		paths = append(paths, path)
	}
	return paths
}
