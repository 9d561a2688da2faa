package runc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/machine/executor"
)

// order is what the shim is told.
type order struct {
	ID, Image, Network    string
	Binary, State, Cgroup string
	LogBytes              int64
}

// The files that the shim is given.
const (
	fdAlive = 3
	fdReady = 4
)

// shim holds one container: its mounts, its output and its end.
type shim struct {
	order
	dir   string
	ready *os.File
	log   *lineWriter
}

// ShimMain is the main function of the shim. Its one argument is the container's directory; it
// must be called before the program does anything else, for its threads and files are inherited.
func ShimMain(args []string) int {
	// runc is killed when the thread that started it ends: it must not.
	runtime.LockOSThread()
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "the shim is started by the executor, with the directory of a container")
		return 2
	}
	unix.CloseOnExec(fdAlive)
	unix.CloseOnExec(fdReady)
	// Whoever ends the daemon does not end the containers. Ignoring would be inherited by them.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
	s := &shim{dir: args[0], ready: os.NewFile(fdReady, "ready")}
	if err := s.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (s *shim) run() error {
	if err := s.begin(); err != nil {
		return err
	}
	exit := s.hold()
	// The state goes first: who reads that the container has ended finds nothing left of it.
	s.clean()
	return writeExit(s.dir, exit)
}

func (s *shim) begin() error {
	data, err := os.ReadFile(filepath.Join(s.dir, orderFile))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &s.order); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(s.dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	s.log = &lineWriter{file: file, limit: s.LogBytes, now: time.Now}
	return os.WriteFile(filepath.Join(s.dir, shimFile), strconv.AppendInt(nil, int64(os.Getpid()), 10), 0o600)
}

// hold runs the container to its end.
func (s *shim) hold() executor.Exit {
	started := time.Now()
	refused := func(err error) executor.Exit {
		s.ready.Close()
		return executor.Exit{Code: 125, Error: err.Error(), Started: started, Ended: time.Now()}
	}
	if err := s.mount(); err != nil {
		return refused(err)
	}
	// The orphans of runc become our children, so the container's first process does.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return refused(err)
	}
	output, err := s.create()
	if err != nil {
		return refused(err)
	}
	pid, err := s.pid()
	if err != nil {
		return refused(err)
	}
	started = time.Now()
	s.ready.Close()
	copied := make(chan error, 1)
	go func() { copied <- s.log.copy(output) }()
	exit := executor.Exit{Code: wait(pid), Started: started, Ended: time.Now()}
	exit.OutOfMemory = exit.Code != 0 && s.Cgroup != "" && memoryKills(s.Cgroup) > 0
	// Everything in the container is dead now. Only a writing end that was handed out of it, over a
	// socket in the network namespace it shares, could keep the pipe open.
	output.SetReadDeadline(time.Now().Add(2 * time.Second))
	if err := <-copied; err != nil {
		fmt.Fprintln(os.Stderr, "output:", err)
	}
	return exit
}

// create runs runc, which leaves the container behind, and gives its output.
func (s *shim) create() (*os.File, error) {
	output, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer write.Close()
	cmd := exec.Command(s.Binary, "--root", s.State, "--log", filepath.Join(s.dir, runcLog), "--log-format", "json",
		"run", "--detach", "--bundle", s.dir, "--pid-file", filepath.Join(s.dir, pidFile), s.ID)
	cmd.Dir = s.dir
	cmd.Stdout, cmd.Stderr = write, write
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Run(); err != nil {
		write.Close()
		output.SetReadDeadline(time.Now().Add(time.Second))
		text, _ := io.ReadAll(io.LimitReader(output, 4096))
		return nil, fmt.Errorf("runc: %w: %s", err, bytes.TrimSpace(text))
	}
	return output, nil
}

func (s *shim) pid() (int, error) {
	data, err := os.ReadFile(filepath.Join(s.dir, pidFile))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}

// wait gives the exit code of a child.
func wait(pid int) int {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(pid, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 125
		case status.Exited():
			return status.ExitStatus()
		case status.Signaled():
			return 128 + int(status.Signal())
		}
	}
}

// clean removes what runc keeps of a container that has ended, or could not begin.
func (s *shim) clean() {
	destroy(context.Background(), s.Binary, s.State, s.ID, s.Cgroup)
}

// destroy kills a container that may not exist and removes its state and cgroup.
func destroy(ctx context.Context, binary, state, id, cgroup string) error {
	var problems []error
	if exists(filepath.Join(state, id)) {
		out, err := exec.CommandContext(ctx, binary, "--root", state, "delete", "--force", id).CombinedOutput()
		if err != nil {
			problems = append(problems, fmt.Errorf("runc delete: %w: %s", err, bytes.TrimSpace(out)))
		}
	}
	problems = append(problems, removeCgroup(cgroup))
	if err := errors.Join(problems...); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(state, id))
}

// writeExit records the end, whole or not at all.
func writeExit(dir string, exit executor.Exit) error {
	part := filepath.Join(dir, exitFile+".part")
	if err := writeJSON(part, exit); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(dir, exitFile))
}
