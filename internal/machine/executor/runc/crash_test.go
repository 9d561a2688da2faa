package runc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloister/internal/machine/executor"
)

// running starts a container and gives the process ids of its shim and its program.
func running(t *testing.T, e *Executor, id string) (shim, program int) {
	t.Helper()
	if err := e.Start(t.Context(), executor.Spec{ID: id, Root: image, Args: []string{"/guest", "stubborn"}}); err != nil {
		t.Fatal(err)
	}
	for _, err := range e.Logs(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	return number(t, filepath.Join(e.directory(id), shimFile)), number(t, filepath.Join(e.directory(id), pidFile))
}

func number(t *testing.T, name string) int {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestShimKilled kills shims; whoever asks next must find the container ended and nothing of it left.
func TestShimKilled(t *testing.T) {
	e := open(t)
	for name, ask := range map[string]func(id string) error{
		"wait": func(id string) error { _, err := e.Wait(t.Context(), id); return err },
		"stop": func(id string) error { return e.Stop(t.Context(), id, time.Second) },
		"reopen": func(string) error {
			next, err := Open(e.config)
			if err != nil {
				return err
			}
			_, err = next.List(t.Context())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			shim, program := running(t, e, name)
			syscall.Kill(shim, syscall.SIGKILL)
			if err := e.gone(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			if err := ask(name); err != nil {
				t.Fatal(err)
			}
			exit, err := e.Wait(t.Context(), name)
			if err != nil || exit.Code != 137 || exit.Error == "" {
				t.Errorf("ended with %+v, %v", exit, err)
			}
			if alive := processLives(program); alive {
				t.Error("the program still runs")
			}
			if left := cgroupDirectories(e.cgroup(name)); !e.config.Rootless && len(left) > 0 {
				t.Errorf("cgroups left: %v", left)
			}
			if exists(filepath.Join(e.state(), name)) {
				t.Error("runc still knows the container")
			}
		})
	}
}

// processLives asks for a process that is not merely waiting to be collected.
func processLives(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := bytes.Cut(data, []byte(") "))
	return len(state) > 0 && state[0] != 'Z' && state[0] != 'X'
}

// TestShimHears wants a shim that a group or service manager asks to end to stay.
func TestShimHears(t *testing.T) {
	e := open(t)
	shim, program := running(t, e, "deaf")
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		syscall.Kill(shim, sig)
	}
	if exit, err := e.Wait(shortly(t), "deaf"); err == nil {
		t.Errorf("the shim obeyed: %+v", exit)
	}
	if !processLives(program) {
		t.Error("the program is gone")
	}
}

// TestHalfStarted leaves what a process leaves that dies before its shim has begun.
func TestHalfStarted(t *testing.T) {
	e := open(t)
	spec := executor.Spec{ID: "half", Root: image, Args: []string{"/guest", "exit", "4"}}
	hold, err := e.prepare(e.directory("half"), spec)
	if err != nil {
		t.Fatal(err)
	}
	hold.Close()
	if all, err := e.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("what never began is listed: %v %v", all, err)
	}
	if exit, _ := e.try(t, spec); exit.Code != 4 {
		t.Errorf("started again it ended with %+v", exit)
	}
	if hold, err = e.prepare(e.directory("half"), spec); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(e.config.Directory, ".new-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(e.config); err != nil || !exists(e.directory("half")) {
		t.Errorf("one that is being started was swept: %v", err)
	}
	hold.Close()
	if _, err := Open(e.config); err != nil || exists(e.directory("half")) || exists(filepath.Join(e.config.Directory, ".new-1")) {
		t.Errorf("opening did not sweep: %v", err)
	}
}

// TestShimRefuses starts with a shim that is not one.
func TestShimRefuses(t *testing.T) {
	e := open(t)
	e.config.Shim = []string{"/bin/false"}
	if err := e.Start(t.Context(), executor.Spec{ID: "none", Root: image, Args: []string{"/guest"}}); err == nil {
		t.Error("started without a shim")
	}
	if exists(e.directory("none")) {
		t.Error("left a directory")
	}
}

// TestNothingLeft counts what the kernel holds after a container was removed.
func TestNothingLeft(t *testing.T) {
	e := open(t)
	shim, program := running(t, e, "gone")
	if err := e.Remove(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(e.config.Directory)
	if err != nil || len(entries) != 1 {
		t.Errorf("directory holds %v, %v", entries, err)
	}
	if inner, err := os.ReadDir(e.state()); err != nil || len(inner) != 0 {
		t.Errorf("runc's state holds %v, %v", inner, err)
	}
	if processLives(shim) || processLives(program) {
		t.Error("a process lives on")
	}
	mountinfo, _ := os.ReadFile("/proc/self/mountinfo")
	if bytes.Contains(mountinfo, []byte(e.config.Directory)) {
		t.Error("a mount is left on the host")
	}
	if err := e.Purge(t.Context()); err != nil {
		t.Error(err)
	}
	if left := cgroupDirectories("/" + e.config.CgroupParent); len(left) > 0 {
		t.Errorf("cgroups left: %v", left)
	}
}

// shortly gives time for what must not happen.
func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// daemon starts a container and then waits to be killed.
func daemon(settings, root string) {
	var c Config
	err := json.Unmarshal([]byte(settings), &c)
	if c.Logger = nil; err == nil {
		var e *Executor
		if e, err = Open(c); err == nil {
			err = e.Start(context.Background(), executor.Spec{ID: "orphan", Root: root, Args: []string{"/guest", "polite"}})
		}
	}
	fmt.Println("started", err)
	select {}
}

// TestDaemonKilled kills the process group of the one that started a container.
func TestDaemonKilled(t *testing.T) {
	e := open(t)
	settings, err := json.Marshal(e.config)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "daemon", string(settings), image)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 200)
	n, err := out.Read(said)
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	cmd.Wait()
	if err != nil || string(said[:n]) != "started <nil>\n" {
		t.Fatalf("it said %q, %v", said[:n], err)
	}
	for line := range e.Logs(t.Context(), "orphan", 0) {
		if line.Text != "ready" {
			t.Errorf("it printed %q", line.Text)
		}
		break
	}
	if all, err := e.List(t.Context()); err != nil || len(all) != 1 || !all[0].Running {
		t.Fatalf("the next process finds %+v, %v", all, err)
	}
	if err := e.Stop(t.Context(), "orphan", time.Minute); err != nil {
		t.Fatal(err)
	}
	if exit, err := e.Wait(t.Context(), "orphan"); err != nil || exit.Code != 7 || exit.Error != "" {
		t.Errorf("ended with %+v, %v", exit, err)
	}
}

// TestThreads has many containers run: no thread waits for each, and none is left a zombie when they have ended.
func TestThreads(t *testing.T) {
	e := open(t)
	const many = 24
	threads := func() int { all, _ := os.ReadDir("/proc/self/task"); return len(all) }
	before := threads()
	shims := make([]int, many)
	for i := range many {
		id := fmt.Sprintf("thread-%d", i)
		if err := e.Start(t.Context(), executor.Spec{ID: id, Root: image, Args: []string{"/guest", "polite"}}); err != nil {
			t.Fatal(err)
		}
		shims[i], _ = running(t, e, id)
	}
	if n := threads() - before; n > many/2 {
		t.Errorf("%d containers run, and %d more threads", many, n)
	}
	for i, shim := range shims {
		if err := e.Remove(t.Context(), fmt.Sprintf("thread-%d", i)); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); exists(fmt.Sprintf("/proc/%d", shim)); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("shim %d was not reaped", shim)
			}
		}
	}
}
