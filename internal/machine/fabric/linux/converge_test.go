package linux

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cloister/internal/machine/fabric/fabrictest"
	"cloister/internal/value/network"
)

// apply fails the test when a network cannot be applied.
func apply(t testing.TB, f *Fabric, n *network.Network) {
	t.Helper()
	if err := f.Apply(context.Background(), n); err != nil {
		t.Fatal(err)
	}
}

// settled is the dump when the sweeper has nothing left to do.
func settled(t testing.TB, f *Fabric) string {
	t.Helper()
	f.sweeper.finish()
	return dump(t, f.directory)
}

// same demands that an instance holds exactly what a fresh one made for n does.
func same(t testing.TB, f *Fabric, n *network.Network, after string) {
	t.Helper()
	fresh := startAt(t, beside())
	apply(t, fresh, n)
	want, got := dump(t, fresh.directory), settled(t, f)
	fresh.Close()
	Purge(fresh.directory)
	if want != got {
		t.Fatalf("after %s the kernel is not as a fresh process makes it:\n%s", after, difference(want, got))
	}
}

func difference(want, got string) string {
	count := map[string]int{}
	for line := range strings.Lines(want) {
		count[line]--
	}
	for line := range strings.Lines(got) {
		count[line]++
	}
	var text strings.Builder
	for line, n := range count {
		if n != 0 {
			fmt.Fprintf(&text, "%+d %s", n, line)
		}
	}
	return text.String()
}

func TestChangesEndInTheStateOfAFreshBuild(t *testing.T) {
	f := start(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 15 {
		n := fabrictest.Random(r)
		apply(t, f, n)
		same(t, f, n, fmt.Sprintf("change %d", i))
	}
}

func TestAFreshProcessFindsWhatItWouldMake(t *testing.T) {
	f := start(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	n := fabrictest.Random(r)
	for i := range 10 {
		apply(t, f, n)
		before := settled(t, f)
		f.Close()
		var err error
		if f, err = Open(Config{Directory: f.directory}); err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		apply(t, f, n)
		if after := settled(t, f); before != after {
			t.Fatalf("adoption changed something:\n%s", difference(before, after))
		}
		links := fmt.Sprint(f.linkNames())
		f.forgetAll()
		apply(t, f, n)
		if got := fmt.Sprint(f.linkNames()); got != links {
			t.Fatalf("adoption made links anew: %s, then %s", links, got)
		}
		n = fabrictest.Random(r)
		f.Close()
		if f, err = Open(Config{Directory: f.directory}); err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		apply(t, f, n)
		same(t, f, n, fmt.Sprintf("adoption %d for another network", i))
	}
}

func (f *Fabric) linkNames() map[string]string {
	all := map[string]string{}
	for _, r := range f.routers {
		for id, name := range r.links {
			all[id] = name
		}
	}
	return all
}

// forgetAll is what an error in every router does.
func (f *Fabric) forgetAll() {
	for _, r := range f.routers {
		r.forgetState()
	}
	f.files = nil
}

// childDirectory makes this test binary a fabric that changes without end, for its parent to kill.
const (
	childDirectory = "FABRIC_TEST_CHILD"
	childNetwork   = "FABRIC_TEST_NETWORK" // not empty: apply pairNetwork once and stay
)

func TestMain(m *testing.M) {
	if directory := os.Getenv(childDirectory); directory != "" {
		child(directory, os.Getenv(childNetwork))
	}
	os.Exit(m.Run())
}

func child(directory, network string) {
	f, err := Open(Config{Directory: directory})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if network != "" {
		fmt.Println(f.Apply(context.Background(), pairNetwork()))
		select {}
	}
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(time.Now().UnixNano())))
	for {
		if err := f.Apply(context.Background(), fabrictest.Random(r)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("applied")
	}
}

func TestKilledAnywhereTheNextProcessConverges(t *testing.T) {
	f := start(t)
	f.Close()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 12 {
		killChild(t, f.directory, time.Duration(5+r.IntN(120))*time.Millisecond)
		next, err := Open(Config{Directory: f.directory})
		if err != nil {
			t.Fatal(err)
		}
		defer next.Close()
		n := fabrictest.Random(r)
		apply(t, next, n)
		same(t, next, n, fmt.Sprintf("kill %d", i))
		next.Close()
	}
}

// killChild runs a changing fabric and kills it after a while.
func killChild(t *testing.T, directory string, after time.Duration) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDirectory+"="+directory)
	var said strings.Builder
	c.Stdout = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	c.Process.Kill()
	if c.Wait(); c.ProcessState.Exited() {
		t.Fatalf("the child ended by itself: %s", said.String())
	}
}
