package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"cloister/internal/machine/fabric/linux"
)

// insideCommand joins a network namespace, shows the program the resolver of that place, and becomes
// the program.
type insideCommand struct {
	// Directory is that of kernel objects as this process sees it, Place an interface's or host's id.
	Directory string   `name:"run" required:""`
	Place     string   `required:""`
	Resolver  string   `required:""`
	Command   []string `arg:"" passthrough:""`
}

// Run does not return when all goes well. It stays on one thread: namespaces belong to threads, and
// the thread that calls exec is the one that lives on.
func (e *insideCommand) Run() error {
	runtime.LockOSThread()
	command := e.Command
	if command[0] == "--" {
		command = command[1:]
	}
	at := linux.NamespacePath(e.Directory, e.Place)
	if at == "" {
		return fmt.Errorf("no such place: %s (is the server running?)", e.Place)
	}
	ns, err := os.Open(at)
	if err != nil {
		return fmt.Errorf("enter %s: %w", e.Place, err)
	}
	// Own mounts, so that /etc/resolv.conf and /sys can be this place's for the program alone.
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("own mount namespace: %w (exec needs root, or a rootless server of the same user)", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("own mounts: %w", err)
	}
	if err := showResolver(e.Resolver); err != nil {
		return err
	}
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter %s: %w", e.Place, err)
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, command, os.Environ())
}

// showResolver lays a resolv.conf of this place over the host's.
func showResolver(conf string) error {
	f, err := os.CreateTemp("", "resolv")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := fmt.Fprintf(f, "%soptions timeout:2 attempts:2\n", conf); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err != nil {
		return fmt.Errorf("/etc/resolv.conf: %w", err)
	}
	if err := unix.Mount(f.Name(), target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("lay resolv.conf over %s: %w", target, err)
	}
	return nil
}
