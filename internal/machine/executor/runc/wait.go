package runc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/machine/executor"
)

// Wait blocks until the shim is gone and gives what it wrote last.
func (e *Executor) Wait(ctx context.Context, id string) (executor.Exit, error) {
	if !validID.MatchString(id) {
		return executor.Exit{}, fmt.Errorf("wait for container %q: %w", id, executor.ErrUnknown)
	}
	if err := e.gone(ctx, id); err != nil {
		return executor.Exit{}, fmt.Errorf("wait for container %s: %w", id, err)
	}
	exit, err := e.settle(ctx, id)
	if err != nil {
		return exit, fmt.Errorf("wait for container %s: %w", id, err)
	}
	return exit, nil
}

// gone waits until nobody holds the container: the kernel ends the FIFO then.
func (e *Executor) gone(ctx context.Context, id string) error {
	fifo, err := os.OpenFile(filepath.Join(e.directory(id), aliveFile), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return executor.ErrUnknown
	}
	if err != nil {
		return err
	}
	defer fifo.Close()
	stop := context.AfterFunc(ctx, func() { fifo.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := fifo.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	return nil
}

// settle gives how a container ended that nobody holds any more. If its shim was killed the
// container may still run, with nobody to hear it: it is ended and that is recorded.
func (e *Executor) settle(ctx context.Context, id string) (executor.Exit, error) {
	defer e.lock(id)()
	return e.settleLocked(ctx, id)
}

func (e *Executor) settleLocked(ctx context.Context, id string) (executor.Exit, error) {
	dir := e.directory(id)
	data, err := os.ReadFile(filepath.Join(dir, exitFile))
	if err == nil {
		var exit executor.Exit
		return exit, json.Unmarshal(data, &exit)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return executor.Exit{}, err
	}
	info, err := os.Stat(filepath.Join(dir, shimFile))
	if err != nil {
		return executor.Exit{}, executor.ErrUnknown
	}
	if err := destroy(ctx, e.binary, e.state(), id, e.cgroup(id)); err != nil {
		return executor.Exit{}, err
	}
	e.config.Logger.Warn("a container was ended because its shim was killed", "container", id)
	exit := executor.Exit{
		Code: 137, Started: info.ModTime(), Ended: time.Now(),
		Error: "the process that held the container was killed, so the container was too",
	}
	return exit, writeExit(dir, exit)
}

// Stop sends SIGTERM, waits for grace, and then does what Remove does but for the removing.
func (e *Executor) Stop(ctx context.Context, id string, grace time.Duration) error {
	if !validID.MatchString(id) {
		return nil
	}
	dir := e.directory(id)
	if !alive(dir) {
		if _, err := e.settle(ctx, id); err != nil && !errors.Is(err, executor.ErrUnknown) {
			return fmt.Errorf("stop container %s: %w", id, err)
		}
		return nil
	}
	soft, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if grace > 0 {
		e.signal(soft, id, "TERM")
		if err := e.gone(soft, id); err == nil || errors.Is(err, executor.ErrUnknown) {
			return nil
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("stop container %s: %w", id, err)
	}
	if err := e.kill(ctx, id); err != nil {
		return fmt.Errorf("stop container %s: %w", id, err)
	}
	_, err := e.settle(ctx, id)
	if err != nil && !errors.Is(err, executor.ErrUnknown) {
		return fmt.Errorf("stop container %s: %w", id, err)
	}
	return nil
}

// signal sends a signal to the container's first process, also when runc is only now making it.
func (e *Executor) signal(ctx context.Context, id, name string) {
	for alive(e.directory(id)) {
		err := e.runc(ctx, "kill", id, name)
		if err == nil || ctx.Err() != nil {
			return
		}
		sleep(ctx, 5*time.Millisecond)
	}
}

// kill ends a container, and its shim if that does not see the end within ten seconds.
func (e *Executor) kill(ctx context.Context, id string) error {
	soft, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	e.signal(soft, id, "KILL")
	err := e.gone(soft, id)
	if err == nil || errors.Is(err, executor.ErrUnknown) || ctx.Err() != nil {
		return err
	}
	e.config.Logger.Warn("a shim did not see its container end and is killed", "container", id)
	if err := e.killShim(id); err != nil {
		return err
	}
	return e.gone(ctx, id)
}

// killShim kills the shim by its process id, after asking whether that still is the shim: its
// command line ends in the container's directory.
func (e *Executor) killShim(id string) error {
	data, err := os.ReadFile(filepath.Join(e.directory(id), shimFile))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(string(data))
	if err != nil {
		return err
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.HasSuffix(string(line), "\x00"+e.directory(id)+"\x00") {
		return nil
	}
	return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
}

// Usage reads the container's cgroup.
func (e *Executor) Usage(id string) (executor.Usage, bool) {
	if e.config.Rootless || !validID.MatchString(id) {
		return executor.Usage{}, false
	}
	return usage(e.cgroup(id))
}

// Remove kills what still runs and removes every trace.
func (e *Executor) Remove(ctx context.Context, id string) error {
	if !validID.MatchString(id) {
		return nil
	}
	defer e.lock(id)()
	dir := e.directory(id)
	if !exists(dir) {
		return nil
	}
	if alive(dir) {
		if err := e.kill(ctx, id); err != nil && !errors.Is(err, executor.ErrUnknown) {
			return fmt.Errorf("remove container %s: %w", id, err)
		}
	}
	if err := destroy(ctx, e.binary, e.state(), id, e.cgroup(id)); err != nil {
		return fmt.Errorf("remove container %s: %w", id, err)
	}
	old := filepath.Join(e.config.Directory, ".old-"+id)
	if err := os.Rename(dir, old); err != nil {
		return fmt.Errorf("remove container %s: %w", id, err)
	}
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("remove container %s: %w", id, err)
	}
	return nil
}

// Logs gives the lines of the log and follows it for as long as the shim lives.
func (e *Executor) Logs(ctx context.Context, id string, since int64) iter.Seq2[executor.Line, error] {
	return func(yield func(executor.Line, error) bool) {
		if err := e.follow(ctx, id, since, func(line executor.Line) bool { return yield(line, nil) }); err != nil {
			yield(executor.Line{}, fmt.Errorf("log of container %s: %w", id, err))
		}
	}
}

func (e *Executor) follow(ctx context.Context, id string, since int64, give func(executor.Line) bool) error {
	dir := e.directory(id)
	if !validID.MatchString(id) || !exists(dir) {
		return executor.ErrUnknown
	}
	fifo, err := os.OpenFile(filepath.Join(dir, aliveFile), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer fifo.Close()
	file, err := os.OpenFile(filepath.Join(dir, logFile), os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := newLineReader(file)
	pause, ended := 5*time.Millisecond, false
	for {
		line, ok, err := lines.read(since)
		switch {
		case err != nil:
			return err
		case ok:
			pause = 5 * time.Millisecond
			if !give(line) {
				return nil
			}
			continue
		case ended:
			return nil
		}
		if ctx.Err() != nil {
			return nil
		}
		// The end of the FIFO wakes us at once; new lines are looked for ever less often.
		fifo.SetReadDeadline(time.Now().Add(pause))
		_, err = fifo.Read(make([]byte, 1))
		ended = errors.Is(err, io.EOF)
		pause = min(2*pause, 200*time.Millisecond)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
