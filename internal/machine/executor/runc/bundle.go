package runc

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"cloister/internal/machine/executor"
)

const (
	defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	maxFiles    = 65536
	tmpBytes    = 1 << 30
	shmBytes    = 1 << 30
	cpuPeriod   = 100_000
	terminals   = 256 // a machine has some thousands
)

// writeBundle fills dir, which will later be called final, with all that runc reads.
func (e *Executor) writeBundle(dir, final string, spec executor.Spec) error {
	files := map[string]string{
		"resolv.conf": spec.Resolver,
		"hostname":    cmp.Or(spec.Hostname, "localhost") + "\n",
		networkFile:   "",
		"hosts":       "127.0.0.1\tlocalhost\n::1\tlocalhost\n" + lines(spec.Hosts),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, name := range []string{"rootfs", "upper"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	bundle := e.bundle(final, spec)
	if err := e.inject(bundle, spec.Devices); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, "config.json"), bundle); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, orderFile), order{
		ID: spec.ID, Image: spec.Root, Network: spec.Namespace, Binary: e.binary, State: e.state(),
		Cgroup: e.cgroup(spec.ID), LogBytes: e.config.LogBytes,
	})
}

func lines(all []string) string {
	var b strings.Builder
	for _, line := range all {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

func writeJSON(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o600)
}

// bundle is the OCI configuration: a process without any capability, in namespaces of its own
// except for the network's, which it joins.
func (e *Executor) bundle(dir string, spec executor.Spec) *specs.Spec {
	env := slices.Clone(spec.Env)
	if !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "PATH=") }) {
		env = append(env, defaultPath)
	}
	uid, gid := e.mapped(spec.UID, spec.GID)
	return &specs.Spec{
		Version:  "1.0.2",
		Hostname: spec.Hostname,
		Root:     &specs.Root{Path: filepath.Join(dir, "rootfs"), Readonly: true},
		Process: &specs.Process{
			Args: spec.Args, Env: env, Cwd: cmp.Or(spec.Directory, "/"),
			User:            specs.User{UID: uid, GID: gid},
			Capabilities:    &specs.LinuxCapabilities{},
			NoNewPrivileges: true,
			OOMScoreAdj:     new(500),
			Rlimits: []specs.POSIXRlimit{
				{Type: "RLIMIT_NOFILE", Soft: openFiles(), Hard: openFiles()},
				{Type: "RLIMIT_CORE"},
				// These are counted by user, over all containers and this machine: what others need stays.
				{Type: "RLIMIT_SIGPENDING", Soft: share(unix.RLIMIT_SIGPENDING), Hard: share(unix.RLIMIT_SIGPENDING)},
				{Type: "RLIMIT_MSGQUEUE", Soft: share(unix.RLIMIT_MSGQUEUE), Hard: share(unix.RLIMIT_MSGQUEUE)},
			},
		},
		Mounts: e.mounts(dir, spec),
		Linux: &specs.Linux{
			CgroupsPath: e.cgroupsPath(spec.ID),
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace}, {Type: specs.CgroupNamespace},
				{Type: specs.NetworkNamespace, Path: network(dir, spec)},
			},
			Resources: e.resources(spec.Limits),
			Seccomp:   seccomp(),
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/key-users",
				"/proc/kallsyms", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
				"/proc/timer_stats", "/sys/firmware", "/sys/kernel/debug", "/sys/kernel/tracing",
				"/sys/devices/virtual/powercap",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
}

// network is where the shim keeps the network namespace to join; with none, runc makes one.
func network(dir string, spec executor.Spec) string {
	if spec.Namespace == "" {
		return ""
	}
	return filepath.Join(dir, networkFile)
}

// openFiles is the limit of open files: ours, for nobody can raise it in a user namespace, but not
// so many that a program which closes all of them one by one takes long.
func openFiles() uint64 {
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &own); err != nil {
		return 1024
	}
	return min(own.Max, maxFiles)
}

// share is half of what we may use of something ourselves.
func share(resource int) uint64 {
	var own unix.Rlimit
	if err := unix.Getrlimit(resource, &own); err != nil {
		return 0
	}
	return own.Cur / 2
}

// mapped gives the user to run as. In a user namespace that has one user only there is no other.
func (e *Executor) mapped(uid, gid uint32) (uint32, uint32) {
	if !e.config.Rootless {
		return uid, gid
	}
	if !mappedIn("/proc/self/uid_map", uid) || !mappedIn("/proc/self/gid_map", gid) {
		return 0, 0
	}
	return uid, gid
}

func mappedIn(name string, id uint32) bool {
	data, err := os.ReadFile(name)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		var inside, outside, count uint32
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err == nil && id >= inside && id-inside < count {
			return true
		}
	}
	return false
}

// mounts are the kernel's file systems, bounded scratch space and what the Spec asks for, parents
// before children.
func (e *Executor) mounts(dir string, spec executor.Spec) []specs.Mount {
	scratch := []string{"nosuid", "nodev", "mode=1777"}
	all := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "noexec", "strictatime", "mode=755", "size=64k", "ro"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", fmt.Sprintf("max=%d", terminals)}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: append(slices.Clone(scratch), "noexec", sized(shmBytes, spec.Limits.Memory))},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/tmp", Type: "tmpfs", Source: "tmp", Options: append(slices.Clone(scratch), sized(tmpBytes, spec.Limits.Memory))},
	}
	if !e.config.Rootless {
		// Go, Java and others size themselves by the limits they find here.
		all = append(all, specs.Mount{
			Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup",
			Options: []string{"nosuid", "noexec", "nodev", "relatime", "ro"},
		})
	}
	for _, name := range []string{"resolv.conf", "hosts", "hostname"} {
		all = append(all, bind(filepath.Join(dir, name), "/etc/"+name, true))
	}
	own := slices.Clone(spec.Mounts)
	slices.SortStableFunc(own, func(a, b executor.Mount) int {
		return strings.Count(path.Clean(a.Target), "/") - strings.Count(path.Clean(b.Target), "/")
	})
	for _, m := range own {
		target := path.Clean(m.Target)
		all = slices.DeleteFunc(all, func(have specs.Mount) bool { return have.Destination == target })
		all = append(all, bind(m.Source, target, m.ReadOnly))
	}
	return all
}

// sized keeps a file system in memory below half of the container's memory.
func sized(bytes, memory int64) string {
	if memory > 0 {
		bytes = min(bytes, memory/2)
	}
	return fmt.Sprintf("size=%d", bytes)
}

func bind(source, target string, readOnly bool) specs.Mount {
	access := "rw"
	if readOnly {
		access = "ro"
	}
	return specs.Mount{
		Destination: target, Type: "bind", Source: source,
		Options: []string{"bind", "rprivate", "nosuid", "nodev", access},
	}
}

// resources are the cgroup limits; without a cgroup of our own there are none.
func (e *Executor) resources(limits executor.Limits) *specs.LinuxResources {
	if e.config.Rootless {
		return nil
	}
	all := &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}}
	if limits.Memory > 0 {
		all.Memory = &specs.LinuxMemory{Limit: new(limits.Memory)}
		if swapAccounted() {
			all.Memory.Swap = new(limits.Memory)
		}
	}
	if limits.Process > 0 {
		all.Pids = &specs.LinuxPids{Limit: new(limits.Process)}
	}
	if e.weigh() {
		processors(all, limits)
	}
	return all
}

func (e *Executor) cgroupsPath(id string) string {
	if e.config.Rootless {
		return ""
	}
	return e.cgroup(id)
}
