package algorithm

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// newProbe gives a probe with these hyperparameters, and its log.
func newProbe(t *testing.T, hyperparameters string) (program, *bytes.Buffer) {
	t.Helper()
	out := new(bytes.Buffer)
	p := program{root: t.TempDir(), out: out, env: func(string) string { return "" }, now: time.Now}
	for _, d := range []string{"input/config", "model"} {
		if err := os.MkdirAll(filepath.Join(p.root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.root, "input/config/hyperparameters.json"), []byte(hyperparameters), 0o644); err != nil {
		t.Fatal(err)
	}
	return p, out
}

func TestProbeTellsWhatItReached(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := l.Addr().String()
	p, out := newProbe(t, "{}")
	p.reach(t.Context(), []string{open})
	l.Close()
	p.reach(t.Context(), []string{open})
	if got := out.String(); !strings.Contains(got, open+": reached "+open) || !strings.Contains(got, open+": dial tcp") {
		t.Errorf("log:\n%s", got)
	}
}

func TestProbeLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out := newProbe(t, `{"seconds": "3"}`)
		began := time.Now()
		if code := p.run(t.Context(), []string{"probe", "train"}); code != 0 {
			t.Fatalf("exit %d:\n%s", code, out)
		}
		if n := strings.Count(out.String(), "] beat "); n != 30 || time.Since(began) != 3*time.Second {
			t.Errorf("%d beats in %v", n, time.Since(began))
		}
	})
}

func TestProbeRefusesHalfASecond(t *testing.T) {
	p, out := newProbe(t, `{"seconds": "0.5"}`)
	if code := p.run(t.Context(), []string{"probe", "train"}); code != 1 || !strings.Contains(out.String(), "Customer Error") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestProbeLooks(t *testing.T) {
	p, out := newProbe(t, `{"look": "2", "fill": "100"}`)
	if err := os.WriteFile(filepath.Join(p.root, "input/config/inputdataconfig.json"), []byte(`{"x": {"TrainingInputMode": "Pipe"}, "train": {"TrainingInputMode": "File"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"x_0": "", "x_1": "a", "train/sub/b": "bb"} {
		at := filepath.Join(p.root, "input/data", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if code := p.run(t.Context(), []string{"probe", "train"}); code != 0 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	for _, want := range []string{"saw x_0: 0 bytes, SHA-256 e3b0c442", "saw x_1: 1 bytes, SHA-256 ca978112", "saw train/sub/b: 2 bytes, SHA-256 3b64db95"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, out)
		}
	}
	if info, err := os.Stat(filepath.Join(p.root, "model/weights")); err != nil || info.Size() != 100 {
		t.Errorf("%v %v", info, err)
	}
}
