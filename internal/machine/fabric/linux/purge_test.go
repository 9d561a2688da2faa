package linux

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloister/internal/value/network"
)

func TestPurgeLeavesNothing(t *testing.T) {
	f := start(t)
	apply(t, f, pairNetwork())
	other := start(t)
	apply(t, other, pairNetwork())
	before := dump(t, other.directory)
	if err := Purge(f.directory); err == nil {
		t.Error("a running instance was purged")
	}
	if err := f.Apply(context.Background(), pairNetwork()); err != nil {
		t.Errorf("the refused purge broke something: %v", err)
	}
	f.Close()
	if err := Purge(f.directory); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(f.directory); err != nil || len(entries) != 0 {
		t.Errorf("left in the directory: %v %v", entries, err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), f.directory) {
		t.Error("something is still bound")
	}
	if after := dump(t, other.directory); after != before {
		t.Errorf("another instance was touched:\n%s", difference(before, after))
	}
	if err := Purge(f.directory); err != nil {
		t.Errorf("purging again: %v", err)
	}
	if err := Purge(filepath.Join(f.directory, "never")); err != nil {
		t.Errorf("purging nothing: %v", err)
	}
}

func TestPurgeCutsOffWhoIsStillInside(t *testing.T) {
	f := start(t)
	apply(t, f, pairNetwork())
	sleeper := exec.Command("sleep", "100")
	inNamespace(t, f.directory, "cl.eni.eni-2", sleeper.Start)
	defer func() { sleeper.Process.Kill(); sleeper.Wait() }()
	f.Close()
	var held *HeldError
	if err := Purge(f.directory); !errors.As(err, &held) || len(held.PIDs) != 1 || held.PIDs[0] != sleeper.Process.Pid {
		t.Fatalf("purge says %v; the process is %d", err, sleeper.Process.Pid)
	}
	links, err := exec.Command("cat", "/proc/"+strconv.Itoa(sleeper.Process.Pid)+"/net/dev").Output()
	if err != nil || strings.Contains(string(links), "eth0") {
		t.Errorf("the process still has its link: %s %v", links, err)
	}
}

func TestRemovedInterfaceIsCutOffThoughSomeoneIsInside(t *testing.T) {
	f := start(t)
	apply(t, f, pairNetwork())
	sleeper := exec.Command("sleep", "100")
	inNamespace(t, f.directory, "cl.eni.eni-2", sleeper.Start)
	defer func() { sleeper.Process.Kill(); sleeper.Wait() }()
	n := pairNetwork()
	n.Interfaces = append(n.Interfaces[:1:1], n.Interfaces[2:]...)
	apply(t, f, n)
	same(t, f, n, "removing an interface with a process inside")
	links, err := os.ReadFile("/proc/" + strconv.Itoa(sleeper.Process.Pid) + "/net/dev")
	if err != nil || strings.Contains(string(links), "eth0") {
		t.Errorf("the process still has its link: %s %v", links, err)
	}
	apply(t, f, pairNetwork()) // and its id can be had again
	same(t, f, pairNetwork(), "making it again")
}

func TestADirectoryHasOneOwner(t *testing.T) {
	f := start(t)
	if _, err := Open(Config{Directory: f.directory}); err == nil {
		t.Fatal("two processes own one directory")
	}
	f.Close()
	again, err := Open(Config{Directory: f.directory})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestHalfMadeThingsAreRemoved(t *testing.T) {
	f := start(t)
	for _, name := range []string{"cl.eni.eni-1", "cl.vpc.vpc-1", "cl.eni.eni-old"} {
		if err := os.WriteFile(f.path(name), nil, 0o600); err != nil { // as a crash before the bind leaves it
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(f.path("notes.txt"), []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	apply(t, f, pairNetwork())
	if _, err := os.Stat(f.path("cl.eni.eni-old")); err == nil {
		t.Error("a half-made namespace is left")
	}
	if _, err := os.Stat(f.path("notes.txt")); err != nil {
		t.Error("a file that is not ours was removed")
	}
	if err := os.Remove(f.path("notes.txt")); err != nil {
		t.Fatal(err)
	}
	same(t, f, pairNetwork(), "half-made files")
}

func TestDialEndsWithItsContext(t *testing.T) {
	f := start(t)
	apply(t, f, pairNetwork())
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := connectContext(ctx, f, "eni-1", "10.0.1.99:80")
	if !errors.Is(err, context.Canceled) && !strings.Contains(err.Error(), "cancel") {
		t.Errorf("a cancelled dial says %v", err)
	}
	apply(t, f, &network.Network{})
	if _, err := connectContext(context.Background(), f, "eni-1", "10.0.1.6:80"); err == nil {
		t.Error("a removed interface can dial")
	}
}
