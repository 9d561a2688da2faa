package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// doorVariable tells the second process of a rootless server which descriptor is the public door's
// listener: it was opened outside, where the host's clients are.
const doorVariable = "CLOISTER_DOOR_FD"

// inUserNamespace tells whether root here is an ordinary user outside.
func inUserNamespace() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !strings.Contains(string(b), "4294967295")
}

// serveRootless starts the server as root of user, network, mount and PID namespaces of its own. When
// either process dies, the kernel ends the other and everything in the namespaces.
func serveRootless(f place, conf config) error {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", conf.Listen)
	if err != nil {
		return fmt.Errorf("the public door: %w (choose another address with --listen)", err)
	}
	door, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	l.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), doorVariable+"=3", "CLOISTER_DATA="+f.data)
	cmd.ExtraFiles = []*os.File{door}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	// The death signal follows the thread that forks, so that thread must not end before we do.
	runtime.LockOSThread()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("namespaces of an ordinary user: %w (are unprivileged user namespaces allowed on this host?)", err)
	}
	go func() {
		for s := range signals {
			cmd.Process.Signal(s) //nolint:errcheck // it may have ended already
		}
	}()
	return cmd.Wait()
}

// settle makes the new namespaces a place to live in: own mounts, a /run that is writable and dies
// with us, a /proc of our PIDs. It gives the PID by which the host knows this process.
func settle() (pid int, err error) {
	link, err := os.Readlink("/proc/self") // still the host's /proc
	if err != nil {
		return 0, err
	}
	if pid, err = strconv.Atoi(link); err != nil {
		return 0, err
	}
	return pid, errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"),
		unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""),
	)
}

// inherited is the public door's listener when it was opened by a process before this one.
func inherited() (net.Listener, bool) {
	fd, err := strconv.Atoi(os.Getenv(doorVariable))
	if err != nil {
		return nil, false
	}
	file := os.NewFile(uintptr(fd), "door")
	defer file.Close()
	l, err := net.FileListener(file)
	return l, err == nil
}
