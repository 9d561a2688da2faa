package diff

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocument: every difference has one number and one test, here or by name, and no test is without one.
func TestDocument(t *testing.T) {
	b, err := os.ReadFile("../../docs/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\*\*(\d+)\. (?:.+\n)+`).FindAllStringSubmatch(string(b), -1) {
		number := fmt.Sprintf("%02s", m[1])
		if told[number] {
			t.Errorf("%s stands twice", number)
		}
		told[number] = true
		files, err := filepath.Glob("diff_" + number + "_*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		if elsewhere := strings.Contains(m[0], "`Test"); len(files) != 1 && !(len(files) == 0 && elsewhere) {
			t.Errorf("%s has tests %q", number, files)
		}
	}
	files, err := filepath.Glob("diff_*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if number := strings.Split(f, "_")[1]; !told[number] {
			t.Errorf("%s is told of nowhere", f)
		}
	}
}
