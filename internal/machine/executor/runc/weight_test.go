package runc

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"cloister/internal/machine/executor"
)

// weighed reads the weight of a cgroup, in what one process of the host has.
func weighed(t *testing.T, path string) float64 {
	t.Helper()
	name, one := filepath.Join(cgroupRoot, "cpu", path, "cpu.shares"), oneShare
	if unified() {
		name, one = filepath.Join(cgroupRoot, path, "cpu.weight"), oneWeight
	}
	n, err := numberIn(name)
	if err != nil {
		t.Fatal(err)
	}
	return float64(n) / float64(one)
}

// divided is limited, on a machine that divides its processors.
func divided(t *testing.T) *Executor {
	t.Helper()
	e := limited(t)
	_, err := os.Stat(filepath.Join(cgroupRoot, "cpu", "cgroup.procs"))
	if unified() {
		offered, _ := os.ReadFile(filepath.Join(cgroupRoot, "cgroup.controllers"))
		if !slices.Contains(strings.Fields(string(offered)), "cpu") {
			err = os.ErrNotExist
		}
	}
	if err != nil {
		t.Skip("no cgroup controller `cpu` on this machine: its processors cannot be divided")
	}
	return e
}

// TestWeights reads from the kernel what containers weigh: each in proportion to what it asked for, and all together as many
// processes of the host as there are processors, also where the cgroup above them had another weight.
func TestWeights(t *testing.T) {
	e := divided(t)
	above := filepath.Join(cgroupRoot, "cpu", e.config.CgroupParent)
	if unified() {
		above = filepath.Join(cgroupRoot, e.config.CgroupParent)
	}
	if err := os.Mkdir(above, 0o755); err != nil {
		t.Fatal(err)
	}
	weights := map[float64]float64{}
	for _, asked := range []float64{2, 16, 192, 0.5, 0, 1, 256, 1000} {
		id := strings.ReplaceAll(fmt.Sprint("weight-", asked), ".", "-")
		spec := executor.Spec{ID: id, Root: image, Args: []string{"/guest", "stubborn"}, Limits: executor.Limits{CPUs: 1, Weight: asked}}
		if err := e.Start(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		e.runs(t, id)
		weights[asked] = weighed(t, e.cgroup(id))
	}
	// The scale of version 2 is coarse for the light.
	for asked, want := range map[float64]float64{16: 8, 192: 96, 0.5: 0.25, 0: 0.5, 1: 0.5, 256: 128, 1000: 128} {
		if got := weights[asked] / weights[2]; got < want*0.95 || got > want*1.05 {
			t.Errorf("one of weight %v is %v of one of weight 2, not %v", asked, got, want)
		}
	}
	if got := weighed(t, e.config.CgroupParent); got != float64(min(runtime.NumCPU(), map[bool]int{true: mostWeight / oneWeight, false: mostShares / oneShare}[unified()])) {
		t.Errorf("all together weigh as %v processes of the host; there are %d processors", got, runtime.NumCPU())
	}
}

// runs fails unless the container has said that it is there.
func (e *Executor) runs(t *testing.T, id string) {
	t.Helper()
	for _, err := range e.Logs(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	exit, err := e.Wait(t.Context(), id)
	t.Fatalf("%s ended with %+v, %v", id, exit, err)
}

// TestWithoutController asks for a weight where none can be had: in trees that have no such controller, or none at all.
func TestWithoutController(t *testing.T) {
	for name, weigh := range map[string]func(root, parent string, processes int) error{"version 1": weighVersion1, "version 2": weighVersion2} {
		root := t.TempDir()
		for range 3 {
			if err := weigh(root, "parent", 2); err == nil {
				t.Errorf("%s: weighed with nothing", name)
			}
			for _, file := range []string{"cgroup.procs", "cgroup.subtree_control"} {
				if err := os.WriteFile(filepath.Join(root, file), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, file := range []string{"cpu.shares", "cpu.weight"} {
			if err := os.WriteFile(filepath.Join(root, "parent", file), []byte("another"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for processes, want := range map[int]string{2: "2048 200", 1: "1024 100", 1000: "262144 10000"} {
			if err := weigh(root, "parent", processes); err != nil {
				t.Error(err)
			}
			v1, _ := os.ReadFile(filepath.Join(root, "parent", "cpu.shares"))
			v2, _ := os.ReadFile(filepath.Join(root, "parent", "cpu.weight"))
			first, second, _ := strings.Cut(want, " ")
			if name == "version 1" && string(v1) != first || name == "version 2" && string(v2) != second {
				t.Errorf("%s: %d processes are %s and %s", name, processes, v1, v2)
			}
		}
	}
}

// TestOnlyLimited has a container that may have a part of one processor, and one that may have all.
func TestOnlyLimited(t *testing.T) {
	e := divided(t)
	for limit, want := range map[float64]string{0.5: "50000 100000", 0: "none"} {
		id := strings.ReplaceAll(fmt.Sprint("limit-", limit), ".", "-")
		spec := executor.Spec{ID: id, Root: image, Args: []string{"/guest", "stubborn"}, Limits: executor.Limits{CPUs: limit, Weight: 4}}
		if err := e.Start(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		e.runs(t, id)
		if got := quota(t, e.cgroup(id)); got != want {
			t.Errorf("with a limit of %v it has %q, not %q", limit, got, want)
		}
	}
}

func quota(t *testing.T, path string) string {
	t.Helper()
	files := []string{filepath.Join(cgroupRoot, "cpu", path, "cpu.cfs_quota_us"), filepath.Join(cgroupRoot, "cpu", path, "cpu.cfs_period_us")}
	if unified() {
		files = []string{filepath.Join(cgroupRoot, path, "cpu.max")}
	}
	var all []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Fields(string(data))...)
	}
	if all[0] == "-1" || all[0] == "max" {
		return "none"
	}
	return strings.Join(all, " ")
}
