// Package cloister holds the tests that look at the whole tree: who may import whom.
package cloister

import (
	"os/exec"
	"strings"
	"testing"
)

// floors from low to high; a package imports lower floors only, and only values import each other.
var floors = []string{"internal/value", "internal/engine", "internal/machine", "internal/frame", "internal/service", "internal/door", "cmd"}

// exceptions are imports that the rule forbids and we want, each with its reason.
var exceptions = map[[2]string]string{
	{"internal/machine/fabric/linux", "internal/machine/tunnel"}: "the device of a VPN gateway lives and dies with its VPC's router; cloister connect is the other one that opens tunnels",
}

// family is the folder of a machine and its implementations, which may import their own root:
// machine/fabric/linux implements machine/fabric.
func family(path string) string {
	p, n := strings.Split(path, "/"), 3
	if len(p) > 1 && p[1] == "door" {
		n = 2 // the door is one room with its tests' tools beside it
	}
	return strings.Join(p[:min(n, len(p))], "/")
}

func floor(path string) int {
	for i, f := range floors {
		if path == f || strings.HasPrefix(path, f+"/") {
			return i
		}
	}
	return -1
}

func TestEveryPackageImportsLowerFloorsOnly(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	used := map[[2]string]bool{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(strings.ReplaceAll(line, "cloister/", ""))
		from := f[0]
		if floor(from) < 0 {
			continue
		}
		for _, to := range f[1:] {
			at := floor(to)
			if at < 0 || at < floor(from) || family(from) == family(to) {
				continue
			}
			if at == 0 && floor(from) == 0 {
				continue
			}
			if at == floor(from) && floors[at] == "cmd" {
				continue
			}
			edge := [2]string{from, to}
			if exceptions[edge] != "" {
				used[edge] = true
				continue
			}
			t.Errorf("%s imports %s: not a lower floor", from, to)
		}
	}
	for e, why := range exceptions {
		if !used[e] {
			t.Errorf("exception %v (%s) is not used any more", e, why)
		}
	}
}

func TestEveryPackageSaysItsPromise(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{.Doc}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		path, doc, _ := strings.Cut(strings.TrimSpace(line), " ")
		if doc == "" && !strings.Contains(path, "/shape/") && !strings.Contains(path, "/testdata/") && path != "cloister" {
			t.Errorf("%s has no package doc", path)
		}
	}
}
