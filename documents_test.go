package cloister

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cloister/internal/value/managed"
)

// joined is where a sentence is broken into two literals.
var joined = regexp.MustCompile("[\"`]\\s*\\+\\s*[\"`]")

// TestTroubleshooting: every message of docs/troubleshooting.md that a server says stands in the product, or in the
// test that is named beside it, and every test that is named is there.
func TestTroubleshooting(t *testing.T) {
	var product, tests strings.Builder
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, ".py") || strings.Contains(name, "value/shape") {
			return err
		}
		b, err := os.ReadFile(name)
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "compat/") {
			tests.WriteString(name + "\n")
			tests.Write(b)
		} else {
			product.WriteString(joined.ReplaceAllString(strings.ReplaceAll(string(b), `\"`, `"`), ""))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`(Test[A-Za-z0-9]+|[a-z]+\\.py)`").FindAllStringSubmatch(string(b), -1) {
		if !strings.Contains(tests.String(), "func "+m[1]+"(") && !strings.Contains(tests.String(), "compat/boto3/"+m[1]+"\n") {
			t.Errorf("there is no test %s", m[1])
		}
	}
	served, _, _ := strings.Cut(string(b), "## From inside a subnet")
	rows := 0
	for _, m := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\|").FindAllStringSubmatch(served, -1) {
		rows++
		for _, message := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(m[1], -1) {
			for piece := range strings.SplitSeq(message[1], "…") {
				piece = strings.Trim(piece, " '\"")
				for _, begins := range []string{"ClientError: Data download failed:", "ClientError: Artifact upload failed:", "AlgorithmError: "} {
					piece = strings.TrimPrefix(piece, begins) // put before it elsewhere
				}
				if len(piece) > 12 && !strings.Contains(product.String(), piece) && !strings.Contains(tests.String(), piece) {
					t.Errorf("nobody says %q", piece)
				}
			}
		}
	}
	if rows < 30 {
		t.Errorf("%d messages were found", rows)
	}
}

// TestPoliciesThatDocumentsName: who is told to attach a policy of AWS's can do so.
func TestPoliciesThatDocumentsName(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	if err != nil || len(documents) == 0 {
		t.Fatal(err)
	}
	policies, err := managed.All()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, p := range policies {
		there[p.Name] = true
	}
	named := 0
	for _, name := range append(documents, "README.md") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`(Amazon[A-Z][A-Za-z0-9]+)`").FindAllStringSubmatch(string(b), -1) {
			if named++; !there[m[1]] {
				t.Errorf("%s names %s, which nobody can attach", name, m[1])
			}
		}
	}
	if named == 0 {
		t.Error("no policy is named")
	}
}
