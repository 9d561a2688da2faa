package compat

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// standing lists everything that a Cloister has on this host and in its network for jobs and endpoints: what is there
// before a job and after it is the same.
func (d *daemon) standing(t *testing.T) (out []string) {
	t.Helper()
	i, err := d.instance()
	if err != nil {
		t.Fatal(err)
	}
	note := func(kind, what string) { out = append(out, kind+" "+what) }
	for _, dir := range []string{"jobs", "containers"} {
		for _, e := range entries(filepath.Join(d.data, dir)) {
			note(dir, e)
		}
	}
	filepath.WalkDir(i.Run, func(path string, _ fs.DirEntry, err error) error { //nolint:errcheck // what is gone is not there
		if err == nil {
			note("kernel object", path)
		}
		return nil
	})
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if at := strings.Fields(line)[4]; strings.HasPrefix(at, i.Run) || strings.HasPrefix(at, d.data) {
			note("mount", at)
		}
	}
	filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error { //nolint:errcheck // groups come and go
		if err == nil && e.IsDir() && strings.Contains(path, "cloister-"+filepath.Base(i.Run)) {
			note("cgroup", path)
		}
		return nil
	})
	for pid, line := range processes() {
		if strings.Contains(line, d.data) || strings.Contains(line, "cloister-"+filepath.Base(i.Run)) {
			if !strings.Contains(line, " serve ") {
				note("process", pid+" "+line)
			}
		}
	}
	loops, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, l := range loops {
		if b, err := os.ReadFile(l); err == nil && strings.HasPrefix(string(b), d.data) {
			note("loop device", string(b))
		}
	}
	for _, id := range all(d.ec2(t, "DescribeNetworkInterfaces"), "networkInterfaceId") {
		note("interface", id)
	}
	for _, key := range all(d.s3(t, "?uploads="), "Key") {
		note("unfinished upload", key)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func entries(dir string) (names []string) {
	all, _ := os.ReadDir(dir)
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// restores waits until everything is as it was: what is in the kernel, and what its namespaces hold.
func (d *daemon) restores(t *testing.T, before []string, kernelBefore, run string) {
	t.Helper()
	var now []string
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		if now = d.standing(t); slices.Equal(now, before) {
			break
		}
		if time.Now().After(end) {
			for _, l := range now {
				if !slices.Contains(before, l) {
					t.Errorf("left: %s", l)
				}
			}
			for _, l := range before {
				if !slices.Contains(now, l) {
					t.Errorf("lost: %s", l)
				}
			}
			break
		}
	}
	if after := settledKernel(t, run); after != kernelBefore {
		t.Errorf("the network namespaces hold other things than before:\n%s", differing(kernelBefore, after))
	}
}
