package compat

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	shownRow  = regexp.MustCompile("(?m)^\\| (.+) \\| (`.+`) \\|$")
	namedTest = regexp.MustCompile("`([^`]+)`")
	testFunc  = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// TestContractDocument: what docs/contract.md says is shown by TestContract is one of its rows, all of those are there, and
// the other tests that it names exist.
func TestContractDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, rows := allTests(t), map[string]bool{}
	for _, l := range limits() {
		rows["TestContract/limits "+l.says] = false
	}
	for _, part := range contractParts {
		for _, r := range part.rows {
			rows["TestContract/"+part.name+" "+r.says] = false
		}
	}
	for _, row := range shownRow.FindAllStringSubmatch(string(text), -1) {
		for _, name := range namedTest.FindAllStringSubmatch(row[2], -1) {
			if own := name[1] + " " + row[1]; strings.HasPrefix(own, "TestContract/") {
				if shown, there := rows[own]; shown || !there {
					t.Errorf("%q is no row, or stands twice", own)
				}
				rows[own] = true
			} else if !tests[name[1]] {
				t.Errorf("there is no test %s", name[1])
			}
		}
	}
	for own, shown := range rows {
		if !shown {
			t.Errorf("%q is not in the document", own)
		}
	}
}

// allTests are the repository's, each by its package's directory and its name.
func allTests(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, f := range testFunc.FindAllStringSubmatch(string(text), -1) {
			dir, _ := filepath.Abs(filepath.Dir(path))
			found[filepath.Base(dir)+"."+f[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
