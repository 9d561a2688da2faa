package decide

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCorpora asks the questions of testdata, one file for each group of rules: every line is a question as
// docs/decide.md has it, with the answer that the rule gives and the source of the rule.
func TestCorpora(t *testing.T) {
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(files) < 10 {
		t.Fatalf("there are %d files, %v", len(files), err)
	}
	ids := map[string]bool{}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		outcomes := map[string]int{}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			var c struct{ ID, Source, Want string }
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if c.Source == "" || c.ID == "" || ids[c.ID] {
				t.Errorf("%s: a case without a source, or with another's id: %q", file, c.ID)
			}
			ids[c.ID] = true
			outcomes[c.Want]++
			if a := ask(t, lines.Text())[0]; a.Result != c.Want {
				t.Errorf("%s, %s: %s %s, wanted %s", c.ID, c.Source, a.Result, a.Error, c.Want)
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		if outcomes["Allowed"] == 0 || outcomes["ImplicitDeny"]+outcomes["ExplicitDeny"]+outcomes["invalid"] == 0 {
			t.Errorf("%s proves one side only: %v", strings.TrimSuffix(filepath.Base(file), ".jsonl"), outcomes)
		}
	}
	t.Logf("%d cases", len(ids))
}
