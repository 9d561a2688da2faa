package runc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"cloister/internal/machine/executor"
)

// Start runs a container. What it leaves behind at any moment tells a next process what to do:
// until the directory has its name nothing happened; until shim.pid is there nothing ran and the
// container may be started again; from then on the shim, alive or not, answers for it.
func (e *Executor) Start(ctx context.Context, spec executor.Spec) error {
	if err := check(spec); err != nil {
		return fmt.Errorf("start container %q: %w", spec.ID, err)
	}
	defer e.lock(spec.ID)()
	dir := e.directory(spec.ID)
	if exists(dir) {
		if alive(dir) || begun(dir) {
			return nil
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	hold, err := e.prepare(dir, spec)
	if err != nil {
		return fmt.Errorf("start container %s: %w", spec.ID, err)
	}
	defer hold.Close()
	if err := e.launch(ctx, dir, hold); err != nil {
		return fmt.Errorf("start container %s: %w", spec.ID, err)
	}
	return nil
}

func check(spec executor.Spec) error {
	if !validID.MatchString(spec.ID) {
		return errors.New("id is not [a-z0-9-]{1,63}")
	}
	if err := spec.Process(); err != nil {
		return err
	}
	if info, err := os.Stat(spec.Root); err != nil || !info.IsDir() || !filepath.IsAbs(spec.Root) {
		return fmt.Errorf("image root %q is not a directory", spec.Root)
	}
	for _, m := range spec.Mounts {
		if !filepath.IsAbs(m.Source) || !path.IsAbs(m.Target) || path.Clean(m.Target) == "/" {
			return fmt.Errorf("mount of %q at %q: both must be absolute and the target not the root", m.Source, m.Target)
		}
	}
	return nil
}

// prepare makes the container's directory and gives the writing end of its alive FIFO, open without
// a gap from before the directory has its name until the shim is gone.
func (e *Executor) prepare(dir string, spec executor.Spec) (*os.File, error) {
	work, err := os.MkdirTemp(e.config.Directory, ".new-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	fifo := filepath.Join(work, aliveFile)
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		return nil, err
	}
	hold, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := e.writeBundle(work, dir, spec); err != nil {
		hold.Close()
		return nil, err
	}
	if err := os.Rename(work, dir); err != nil {
		hold.Close()
		return nil, err
	}
	return hold, nil
}

// launch starts the shim in a session and a mount namespace of its own and waits until it says that
// the container runs, or has written why not.
func (e *Executor) launch(ctx context.Context, dir string, hold *os.File) error {
	ready, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	defer tell.Close()
	complaints, err := os.OpenFile(filepath.Join(dir, shimErrors), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer complaints.Close()
	cmd := exec.Command(e.config.Shim[0], append(e.config.Shim[1:len(e.config.Shim):len(e.config.Shim)], dir)...)
	cmd.Dir = dir
	cmd.Env = []string{defaultPath, "GOMAXPROCS=2"}
	cmd.Stdout, cmd.Stderr = complaints, complaints
	cmd.ExtraFiles = []*os.File{hold, tell}
	pidfd := -1
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Cloneflags: unix.CLONE_NEWNS, PidFD: &pidfd}
	if err := cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return fmt.Errorf("shim: %w", err)
	}
	// The shim is to outlive us, but while we live somebody must take its exit status.
	go reap(cmd, pidfd)
	tell.Close()
	stop := context.AfterFunc(ctx, func() { ready.Close() })
	defer stop()
	if _, err := io.Copy(io.Discard, ready); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if !begun(dir) {
		said, _ := os.ReadFile(filepath.Join(dir, shimErrors))
		os.RemoveAll(dir)
		return fmt.Errorf("%s %s did not take it on: %s", filepath.Base(e.config.Shim[0]),
			strings.Join(e.config.Shim[1:], " "), strings.TrimSpace(string(said)))
	}
	return nil
}

// reap takes a child's exit status when it has ended. Until then no thread waits in the kernel for it, where it can be told
// by its descriptor.
func reap(cmd *exec.Cmd, pidfd int) {
	if pidfd >= 0 && unix.SetNonblock(pidfd, true) == nil {
		f := os.NewFile(uintptr(pidfd), "shim")
		if c, err := f.SyscallConn(); err == nil {
			c.Read(func(fd uintptr) bool { //nolint:errcheck // what it cannot tell, Wait does
				n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
				return n > 0 || err != nil && err != unix.EINTR
			})
		}
		f.Close()
	}
	cmd.Wait() //nolint:errcheck // the shim has said how it ended
}
