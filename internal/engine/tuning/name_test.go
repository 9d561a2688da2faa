package tuning

import (
	"regexp"
	"strings"
	"testing"
)

func TestNamesOfTrials(t *testing.T) {
	job := strings.Repeat("j", 32) // the longest
	seen := map[string]bool{}
	for index := range MaxRandomTrials {
		name := Name(job, index, 1)
		if !regexp.MustCompile(`^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$`).MatchString(name) || name != Name(job, index, 1) {
			t.Fatalf("%q is no name of a training job, or another the second time", name)
		}
		seen[name] = true
	}
	if len(seen) != MaxRandomTrials || Name(job, 0, 1) == Name(job, 0, 2) {
		t.Errorf("%d names of %d", len(seen), MaxRandomTrials)
	}
	if name := Name("pytorch-tuning", 2, 1); !strings.HasPrefix(name, "pytorch-tuning-003-") {
		t.Error(name)
	}
}
