package sagemaker

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/shape/sagemaker"
)

// hoarder leaves things wherever it can, also such as resist, and tells everything that is there when it begins.
func hoarder(_ context.Context, p memory.Process) int {
	ml := p.Path("/opt/ml")
	err := filepath.WalkDir(ml, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(ml, path)
			fmt.Fprintln(p.Output, "found", name)
		}
		return err
	})
	if err != nil {
		fmt.Fprintln(p.Output, err)
	}
	for _, e := range p.Env {
		if strings.HasPrefix(e, variable) {
			fmt.Fprintln(p.Output, e)
		}
	}
	for _, dir := range []string{"", "input", "input/config", "input/data", "input/data/train", "model", "output", "output/data", "code", "checkpoints", "sagemaker/warmpoolcache"} {
		at := filepath.Join(ml, dir)
		os.MkdirAll(at, 0o777)
		os.WriteFile(filepath.Join(at, ".hoard"), []byte("mine"), 0o600)
		os.Symlink("/etc/passwd", filepath.Join(at, "link"))
		os.MkdirAll(filepath.Join(at, "locked/deep"), 0o777)
		os.WriteFile(filepath.Join(at, "locked/deep/hoard"), []byte("mine"), 0o000)
		os.Chmod(filepath.Join(at, "locked"), 0o000)
	}
	os.WriteFile(filepath.Join(ml, "input/config/hyperparameters.json"), []byte(`{"k":"666"}`), 0o644)
	os.WriteFile(p.Path("/opt/ml/checkpoints/state"), []byte("mine"), 0o644)
	return 0
}

// TestTheNextJobFindsNothing of the former one's: no files, no credentials, no log.
func TestTheNextJobFindsNothing(t *testing.T) {
	w := newWorld(t, map[string]memory.Program{"program": hoarder})
	w.s3.put("data/digits/part/a.csv", []byte("1,2,3\n"))
	w.config = func(c *Config) { c.Quotas = map[string]int{poolQuota: 1} }
	s := w.service()
	w.run(s)
	var eni string
	var found [2][]string
	for i, name := range []string{"first", "second"} {
		r := warmRequest(name)
		r.ResourceConfig.InstanceCount = new(int32(1))
		if i == 0 {
			r.CheckpointConfig = &sagemaker.CheckpointConfig{S3Uri: new("s3://out/ckpt")}
		}
		w.begin(s, r)
		w.pool(s, name, "Available")
		w.mu.Lock()
		eni = w.informed[len(w.informed)-1]
		for key, lines := range w.lines {
			if strings.Contains(key, " "+name+"/") {
				found[i] = append(found[i], lines...)
			}
		}
		w.mu.Unlock()
		// Nobody has credentials at an interface that waits, and no file lies on the disk.
		if _, ok, err := s.Held(t.Context(), eni); ok || err != nil {
			t.Errorf("credentials are held for %s: %v", eni, err)
		}
		if left, err := os.ReadDir(filepath.Join(w.dir, "jobs")); err != nil || len(left) > 0 {
			t.Errorf("%v is left (%v)", left, err)
		}
		if all, err := w.exec.List(t.Context()); err != nil || len(all) > 0 {
			t.Errorf("%v runs (%v)", all, err)
		}
	}
	w.pool(s, "first", "Reused")
	if len(found[0]) == 0 || len(found[0]) != len(found[1]) {
		t.Fatalf("the first found %q\nthe second %q", found[0], found[1])
	}
	for i := range found[0] {
		own := strings.HasPrefix(found[0][i], variable)
		if same := found[0][i] == found[1][i]; same == own {
			t.Errorf("the first found %q, the second %q", found[0][i], found[1][i])
		}
	}
	if !slices.Contains(found[1], "found input/config/hyperparameters.json") || w.s3.get("out/ckpt/state") == nil {
		t.Errorf("%q", found[1])
	}
}

// TestAWarmPoolSurvivesEveryCrash stops the process at each outward call of a job whose cluster is kept, of one that has
// it from another, and of its end, in turn.
func TestAWarmPoolSurvivesEveryCrash(t *testing.T) {
	for name, c := range map[string]struct {
		phase, calls int
		isolated     bool
	}{"first": {0, 10, true}, "next": {1, 8, false}, "next apart": {1, 8, true}, "end": {2, 2, false}, "end apart": {2, 2, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n, more := 1, true; more && !t.Failed(); n++ {
				t.Run(fmt.Sprint(n), func(t *testing.T) { more = crashPool(t, c.phase, n, c.isolated) })
				if n > 200 {
					t.Fatal("the job never gets through")
				}
				if !more && n < c.calls {
					t.Errorf("only %d calls were interrupted", n-1)
				}
			}
		})
	}
}

// crashPool crashes at the nth call of a phase: of a first job, of the next one, or of the pool's end.
func crashPool(t *testing.T, phase, n int, isolated bool) (crashed bool) {
	w, s := warmWorld(t, 2)
	step := func(now bool, done func() bool) {
		if now {
			crashed = w.crashAt(s, n, done)
			s = w.service()
		}
		stop := w.run(s)
		w.until("done", done)
		stop()
		s = w.service()
	}
	waits := func(name string) func() bool {
		return func() bool { return poolStatus(w.describe(s, name)) == "Available" }
	}
	w.begin(s, poolRequest("one", isolated))
	step(phase == 0, waits("one"))
	last := "one"
	if phase == 1 {
		before := w.network()
		last = "two"
		w.begin(s, poolRequest("two", isolated))
		step(true, waits("two"))
		if w.network() != before || poolStatus(w.describe(s, "one")) != "Reused" {
			t.Errorf("before %q, now %q", before, w.network())
		}
	}
	if err := keepFor(s, w, last, 0); err != nil {
		t.Error(err)
	}
	step(phase == 2, func() bool { return w.network() == "" })
	w.run(s)
	w.until("deletable", func() bool {
		_, err := s.deleteTrainingJob(t.Context(), w.call(), &sagemaker.DeleteTrainingJobRequest{TrainingJobName: &last})
		return err == nil
	})
	if w.s3.get("out/models/"+last+"/output/model.tar.gz") == nil {
		t.Errorf("no model of %s", last)
	}
	w.empty()
	return crashed
}

// poolRequest asks for one host in a VPC, or for two apart.
func poolRequest(name string, isolated bool) *sagemaker.CreateTrainingJobRequest {
	r := warmRequest(name)
	if r.EnableNetworkIsolation = &isolated; !isolated {
		r.ResourceConfig.InstanceCount = new(int32(1))
	}
	return r
}
