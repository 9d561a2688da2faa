// Package executortest is the suite that every executor passes.
//
// It promises to find an executor that forgets an end, repeats or loses lines, or leaves something
// behind after Remove. It must not know how containers are made.
package executortest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloister/internal/machine/executor"
)

// Subject is one executor under test.
type Subject struct {
	Executor executor.Executor
	// Root is an image whose /guest calls Behave.
	Root string
	// Reopen gives a second executor over the same containers, as a next process would have; nil
	// where containers end with the process.
	Reopen func(t *testing.T) executor.Executor
}

// patience bounds what must end; nothing here depends on how soon it does.
const patience = 60 * time.Second

type suite struct {
	Subject
	t   *testing.T
	ctx context.Context
}

// Run runs the suite; factory gives an executor without containers.
func Run(t *testing.T, factory func(t *testing.T) Subject) {
	for name, test := range map[string]func(suite){
		"ExitCodes": exitCodes, "Environment": environment, "Mounts": mounts, "Repeated": repeated,
		"Unknown": unknownIDs, "Malformed": malformed, "StopPolite": stopPolite,
		"StopStubborn": stopStubborn, "StopEarly": stopEarly, "RemoveRunning": removeRunning,
		"WaitCancelled": waitCancelled, "List": list, "LogsSince": logsSince, "LogsFollow": logsFollow,
		"LogsGiantLine": logsGiantLine, "LogsUnended": logsUnended, "LogsCancelled": logsCancelled,
		"Concurrent": concurrent, "SameIDAtOnce": sameIDAtOnce, "Reopen": reopen,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			s := suite{Subject: factory(t), t: t, ctx: ctx}
			t.Cleanup(cancel)
			t.Cleanup(s.empty)
			test(s)
		})
	}
}

// empty removes what the test left, also when it failed.
func (s suite) empty() {
	all, err := s.Executor.List(s.ctx)
	if err != nil {
		s.t.Errorf("list: %v", err)
	}
	for _, status := range all {
		if err := s.Executor.Remove(s.ctx, status.ID); err != nil {
			s.t.Errorf("remove %s: %v", status.ID, err)
		}
	}
}

func (s suite) spec(id string, behaviour ...string) executor.Spec {
	return executor.Spec{ID: id, Root: s.Root, Args: append([]string{"/guest"}, behaviour...), Hostname: "algo-1"}
}

func (s suite) start(id string, behaviour ...string) {
	s.t.Helper()
	if err := s.Executor.Start(s.ctx, s.spec(id, behaviour...)); err != nil {
		s.t.Fatalf("start: %v", err)
	}
}

func (s suite) wait(id string) executor.Exit {
	s.t.Helper()
	exit, err := s.Executor.Wait(s.ctx, id)
	if err != nil {
		s.t.Fatalf("wait: %v", err)
	}
	return exit
}

func (s suite) ends(id string, code int) executor.Exit {
	s.t.Helper()
	exit := s.wait(id)
	if exit.Code != code || exit.OutOfMemory || exit.Error != "" {
		s.t.Errorf("container %s ended with %+v; want code %d", id, exit, code)
	}
	return exit
}

func (s suite) lines(id string, since int64) []string {
	s.t.Helper()
	var all []string
	for line, err := range s.Executor.Logs(s.ctx, id, since) {
		if err != nil {
			s.t.Fatalf("logs: %v", err)
		}
		if want := since + int64(len(all)); line.Sequence != want {
			s.t.Fatalf("line %q has sequence %d, want %d", line.Text, line.Sequence, want)
		}
		if line.Time.IsZero() {
			s.t.Errorf("line %q has no time", line.Text)
		}
		all = append(all, line.Text)
	}
	return all
}

func (s suite) prints(id string, want ...string) {
	s.t.Helper()
	if got := s.lines(id, 0); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		s.t.Errorf("container %s printed %q, want %q", id, got, want)
	}
}

// ready waits for the first line.
func (s suite) ready(id string) {
	s.t.Helper()
	for _, err := range s.Executor.Logs(s.ctx, id, 0) {
		if err != nil {
			s.t.Fatalf("logs: %v", err)
		}
		return
	}
	s.t.Fatalf("container %s ended without a word: %+v", id, s.wait(id))
}

func exitCodes(s suite) {
	for _, code := range []int{0, 1, 77, 255} {
		id := fmt.Sprintf("exit-%d", code)
		before := time.Now()
		s.start(id, "exit", fmt.Sprint(code))
		exit := s.ends(id, code)
		if exit.Started.Before(before.Add(-time.Second)) || exit.Ended.Before(exit.Started) {
			s.t.Errorf("started %v, ended %v; the test began %v", exit.Started, exit.Ended, before)
		}
	}
	spec := s.spec("no-such-program")
	spec.Args = []string{"/no/such/program"}
	if err := s.Executor.Start(s.ctx, spec); err != nil {
		s.t.Fatalf("start: %v", err)
	}
	if exit := s.wait(spec.ID); exit.Code != 125 || !strings.Contains(exit.Error, "/no/such/program") {
		s.t.Errorf("a program that is not there ended with %+v", exit)
	}
}

func environment(s suite) {
	spec := s.spec("env", "env", "TRAINING_JOB_NAME", "EMPTY", "ABSENT")
	spec.Env = []string{"TRAINING_JOB_NAME=a b=c", "EMPTY="}
	if err := s.Executor.Start(s.ctx, spec); err != nil {
		s.t.Fatal(err)
	}
	s.ends("env", 0)
	s.prints("env", "a b=c", "", "(unset)")
	spec = s.spec("where", "where")
	spec.Directory = "/opt/program"
	if err := s.Executor.Start(s.ctx, spec); err != nil {
		s.t.Fatal(err)
	}
	s.ends("where", 0)
	s.prints("where", "/opt/program")
}

func mounts(s suite) {
	dir := s.t.TempDir()
	inner := s.t.TempDir()
	os.WriteFile(filepath.Join(dir, "file"), []byte("outer\n"), 0o644)
	os.Mkdir(filepath.Join(dir, "config"), 0o755)
	os.WriteFile(filepath.Join(inner, "file"), []byte("inner\n"), 0o644)
	for id, want := range map[string]string{"/opt/ml/file": "outer", "/opt/ml/config/file": "inner"} {
		name := strings.ReplaceAll(strings.Trim(id, "/"), "/", "-")
		spec := s.spec(name, "cat", id)
		// The child comes first: order must not matter.
		spec.Mounts = []executor.Mount{
			{Source: inner, Target: "/opt/ml/config", ReadOnly: true}, {Source: dir, Target: "/opt/ml"},
		}
		if err := s.Executor.Start(s.ctx, spec); err != nil {
			s.t.Fatal(err)
		}
		s.prints(name, want)
	}
}

func repeated(s suite) {
	s.start("twice", "say", "first")
	s.ends("twice", 0)
	s.start("twice", "say", "second")
	s.ends("twice", 0)
	s.prints("twice", "first")
	for range 2 {
		if err := s.Executor.Stop(s.ctx, "twice", time.Second); err != nil {
			s.t.Errorf("stop one that has ended: %v", err)
		}
	}
	s.ends("twice", 0)
	for range 2 {
		if err := s.Executor.Remove(s.ctx, "twice"); err != nil {
			s.t.Errorf("remove: %v", err)
		}
	}
	s.start("twice", "say", "third")
	s.ends("twice", 0)
	s.prints("twice", "third")
}

func unknownIDs(s suite) {
	for _, id := range []string{"nobody", "", "../x", "UPPER", strings.Repeat("a", 64)} {
		if _, err := s.Executor.Wait(s.ctx, id); !errors.Is(err, executor.ErrUnknown) {
			s.t.Errorf("wait for %q: %v", id, err)
		}
		if err := s.Executor.Stop(s.ctx, id, 0); err != nil {
			s.t.Errorf("stop %q: %v", id, err)
		}
		if err := s.Executor.Remove(s.ctx, id); err != nil {
			s.t.Errorf("remove %q: %v", id, err)
		}
		var got []error
		for _, err := range s.Executor.Logs(s.ctx, id, 0) {
			got = append(got, err)
		}
		if len(got) != 1 || !errors.Is(got[0], executor.ErrUnknown) {
			s.t.Errorf("logs of %q: %v", id, got)
		}
	}
}

func malformed(s suite) {
	for name, spoil := range map[string]func(*executor.Spec){
		"empty id":          func(p *executor.Spec) { p.ID = "" },
		"id with slash":     func(p *executor.Spec) { p.ID = "../etc" },
		"long id":           func(p *executor.Spec) { p.ID = strings.Repeat("a", 64) },
		"no command":        func(p *executor.Spec) { p.Args = nil },
		"no root":           func(p *executor.Spec) { p.Root = "/no/such/root" },
		"relative mount":    func(p *executor.Spec) { p.Mounts = []executor.Mount{{Source: "a", Target: "/a"}} },
		"mount over root":   func(p *executor.Spec) { p.Mounts = []executor.Mount{{Source: "/tmp", Target: "/."}} },
		"relative path":     func(p *executor.Spec) { p.Directory = "opt" },
		"zero byte in args": func(p *executor.Spec) { p.Args = append(p.Args, "a\x00b") },
		"zero byte in path": func(p *executor.Spec) { p.Directory = "/a\x00b" },
		"a long variable":   func(p *executor.Spec) { p.Env = append(p.Env, "A="+strings.Repeat("x", 128<<10)) },
		"many variables":    func(p *executor.Spec) { p.Env = slices.Repeat([]string{"A=" + strings.Repeat("x", 1000)}, 2500) },
	} {
		spec := s.spec("malformed", "exit", "0")
		spoil(&spec)
		if err := s.Executor.Start(s.ctx, spec); err == nil {
			s.t.Errorf("%s: started", name)
		} else if own := !slices.Contains([]string{"empty id", "id with slash", "long id", "no root", "relative mount", "mount over root"}, name); own != errors.Is(err, executor.ErrMalformed) {
			s.t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := s.Executor.List(s.ctx); err != nil || len(all) != 0 {
		s.t.Errorf("refused containers are listed: %v %v", all, err)
	}
}

func stopPolite(s suite) {
	s.start("polite", "polite")
	s.ready("polite")
	if err := s.Executor.Stop(s.ctx, "polite", patience); err != nil {
		s.t.Fatal(err)
	}
	s.ends("polite", 7)
	s.prints("polite", "ready", "bye")
}

func stopStubborn(s suite) {
	for _, grace := range []time.Duration{0, 50 * time.Millisecond} {
		id := fmt.Sprintf("stubborn-%d", grace.Milliseconds())
		s.start(id, "stubborn")
		s.ready(id)
		if err := s.Executor.Stop(s.ctx, id, grace); err != nil {
			s.t.Fatal(err)
		}
		s.ends(id, 137)
	}
}

// stopEarly stops before the program had time to say anything.
func stopEarly(s suite) {
	s.start("early", "stubborn")
	if err := s.Executor.Stop(s.ctx, "early", time.Millisecond); err != nil {
		s.t.Fatal(err)
	}
	if exit := s.wait("early"); exit.Code == 0 {
		s.t.Errorf("ended with %+v", exit)
	}
}

func removeRunning(s suite) {
	s.start("running", "stubborn")
	waited := make(chan error, 1)
	go func() {
		_, err := s.Executor.Wait(s.ctx, "running")
		waited <- err
	}()
	s.ready("running")
	if err := s.Executor.Remove(s.ctx, "running"); err != nil {
		s.t.Fatal(err)
	}
	if err := <-waited; err != nil && !errors.Is(err, executor.ErrUnknown) {
		s.t.Errorf("wait through a removal: %v", err)
	}
	if all, err := s.Executor.List(s.ctx); err != nil || len(all) != 0 {
		s.t.Errorf("after remove: %v %v", all, err)
	}
}

func waitCancelled(s suite) {
	s.start("long", "stubborn")
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, err := s.Executor.Wait(ctx, "long"); !errors.Is(err, context.Canceled) {
		s.t.Errorf("wait with a context that is done: %v", err)
	}
}

func list(s suite) {
	s.start("done", "exit", "3")
	s.ends("done", 3)
	s.start("busy", "stubborn")
	all, err := s.Executor.List(s.ctx)
	if err != nil || len(all) != 2 {
		s.t.Fatalf("list gives %v, %v", all, err)
	}
	for _, status := range all {
		switch {
		case status.ID == "done" && !status.Running && status.Exit.Code == 3:
		case status.ID == "busy" && status.Running:
		default:
			s.t.Errorf("list gives %+v", status)
		}
	}
	if roots, err := s.Executor.Roots(); err != nil || len(roots) != 1 || !roots[s.Root] {
		s.t.Errorf("roots are %v, %v", roots, err)
	}
}
