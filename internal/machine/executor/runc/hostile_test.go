package runc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"cloister/internal/machine/executor"
)

// TestHostile lets a program that runs as root in its container try what no program may.
func TestHostile(t *testing.T) {
	e := open(t)
	readOnly := t.TempDir()
	for _, attack := range []string{
		"mount", "remount", "umount", "fsopen", "pivot", "chroot",
		"module", "filemodule", "device", "bpf", "keys", "perf", "userfault", "iouring", "syslog", "reboot", "clock", "hostname",
		"write /etc/passwd", "write /new", "write /guest", "write /opt/ml/input/new", "write /etc/resolv.conf",
		"write /etc/hosts", "write /etc/hostname", "write /dev/new", "write /sys/new",
		"write /proc/sys/kernel/hostname", "write /proc/sysrq-trigger", "write /proc/sys/kernel/core_pattern",
		"write /sys/fs/cgroup/cgroup.procs",
		"write /sys/fs/cgroup/memory/memory.limit_in_bytes", "write /sys/fs/cgroup/pids.max", "write /sys/fs/cgroup/memory/release_agent",
		"read /proc/kcore", "read /proc/keys", "read /proc/timer_list", "read /dev/mem", "read /dev/kmsg",
		"address", "link", "route", "nftables", "sysctl", "port",
		"socket vsock", "socket packet", "socket alg", "socket key", "socket rawip", "socket xdp",
		"setns", "unshare", "newuser", "newtime", "clone3", "ptrace", "memory", "limits", "user", "privileges", "descriptors", "terminals", fmt.Sprint("signals ", share(unix.RLIMIT_SIGPENDING)),
	} {
		t.Run(attack, func(t *testing.T) {
			id := slug(attack)
			exit, said := e.try(t, executor.Spec{
				ID: id, Args: append([]string{"/guest"}, strings.Fields(attack)...),
				Mounts: []executor.Mount{{Source: readOnly, Target: "/opt/ml/input", ReadOnly: true}},
			})
			if exit.Code != 0 || len(said) != 1 || !strings.HasPrefix(said[0], "refused: ") {
				t.Errorf("ended with %+v, printed %q", exit, said)
			}
		})
	}
	if entries, err := os.ReadDir(image); err != nil || len(entries) != 4 {
		t.Errorf("the shared image was written to: %v %v", entries, err)
	}
}

// TestAllowed is the other side of TestHostile: what its attacks do must work where it may, or a
// filter that refuses everything would pass.
func TestAllowed(t *testing.T) {
	e := open(t)
	model := t.TempDir()
	for _, deed := range []string{
		"write /tmp/file", "write /dev/shm/file", "write /opt/ml/model/file", "write /dev/null",
		"read /proc/self/status", "read /dev/urandom", "read /etc/resolv.conf",
	} {
		t.Run(deed, func(t *testing.T) {
			exit, said := e.try(t, executor.Spec{
				ID: slug(deed), Args: append([]string{"/guest"}, strings.Fields(deed)...), Resolver: "nameserver 10.0.0.2\n",
				Mounts: []executor.Mount{{Source: model, Target: "/opt/ml/model"}},
			})
			if exit.Code != 1 || !slices.Equal(said, []string{"it worked"}) {
				t.Errorf("ended with %+v, printed %q", exit, said)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(model, "file")); err != nil {
		t.Error(err)
	}
}

// TestUser runs as the image's user, for whom a set-user-id program does nothing.
func TestUser(t *testing.T) {
	e := open(t)
	if e.config.Rootless {
		t.Skip("a user namespace with one user has no other to run as")
	}
	exit, said := e.try(t, executor.Spec{ID: "user", UID: 1000, GID: 1000, Args: []string{"/guest", "setuid"}})
	if exit.Code != 0 || !slices.Contains(said, "refused: operation not permitted") {
		t.Errorf("ended with %+v, printed %q", exit, said)
	}
}

func TestForkBomb(t *testing.T) {
	e := limited(t)
	_, said := e.try(t, executor.Spec{ID: "forks", Args: []string{"/guest", "forks"}, Limits: executor.Limits{Process: 60}})
	children := slices.DeleteFunc(said, func(line string) bool { return !strings.HasPrefix(line, "child ") })
	if len(children) == 0 || len(children) >= 60 {
		t.Errorf("%d children under a limit of 60 processes", len(children))
	}
}

func TestOutOfMemory(t *testing.T) {
	e := limited(t)
	exit, said := e.try(t, executor.Spec{ID: "hog", Args: []string{"/guest", "hog"}, Limits: executor.Limits{Memory: 64 << 20}})
	if exit.Code != 137 || !exit.OutOfMemory {
		t.Errorf("ended with %+v, printed %q", exit, said)
	}
	exit, _ = e.try(t, executor.Spec{ID: "modest", Args: []string{"/guest", "exit", "3"}, Limits: executor.Limits{Memory: 64 << 20, CPUs: 0.5}})
	if exit.Code != 3 || exit.OutOfMemory {
		t.Errorf("a program that failed by itself ended with %+v", exit)
	}
}

// TestLogFlood writes twenty megabytes into a log of one: it is not kept, and not held up either.
func TestLogFlood(t *testing.T) {
	e := open(t)
	e.config.LogBytes = 1 << 20
	exit, said := e.try(t, executor.Spec{ID: "flood", Args: []string{"/guest", "flood"}})
	size := 0
	for _, line := range said {
		size += len(line)
	}
	if last := said[len(said)-1]; exit.Code != 0 || size > 1<<20 || !strings.Contains(last, "reached its limit of 1048576 bytes") {
		t.Errorf("ended with %+v, kept %d bytes to %q", exit, size, last)
	}
}

// limited gives an executor that has cgroups.
func limited(t *testing.T) *Executor {
	e := open(t)
	if e.config.Rootless {
		t.Skip("a user namespace has no cgroups to limit with")
	}
	return e
}

func (e *Executor) try(t testing.TB, spec executor.Spec) (executor.Exit, []string) {
	t.Helper()
	spec.Root = image
	if err := e.Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	exit, err := e.Wait(t.Context(), spec.ID)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for line, err := range e.Logs(t.Context(), spec.ID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, line.Text)
	}
	if err := e.Remove(t.Context(), spec.ID); err != nil {
		t.Fatal(err)
	}
	return exit, said
}

func slug(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, text), "-")
}
