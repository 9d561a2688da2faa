package runc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/machine/executor"
)

const cgroupRoot = "/sys/fs/cgroup"

// unified says whether the machine has the one tree of cgroup v2; if not, every controller has a
// tree of its own. A hybrid counts as the latter, as it does for runc.
var unified = sync.OnceValue(func() bool {
	var info unix.Statfs_t
	return unix.Statfs(cgroupRoot, &info) == nil && info.Type == unix.CGROUP2_SUPER_MAGIC
})

// swapAccounted says whether swap can be limited. Version 2 always can, or there is no swap.
func swapAccounted() bool {
	if unified() {
		return true
	}
	_, err := os.Stat(filepath.Join(cgroupRoot, "memory", "memory.memsw.limit_in_bytes"))
	return err == nil
}

// cgroupDirectories gives where the cgroup of this path lies, in every tree that has one.
func cgroupDirectories(path string) []string {
	if unified() {
		return existing(filepath.Join(cgroupRoot, path))
	}
	trees, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil
	}
	var found []string
	for _, tree := range trees {
		// Names like cpu,cpuacct may be links to one tree; a removed directory is not found again.
		if tree.IsDir() {
			found = append(found, existing(filepath.Join(cgroupRoot, tree.Name(), path))...)
		}
	}
	return found
}

func existing(dir string) []string {
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	return []string{dir}
}

// memoryKills gives how many processes of a cgroup the kernel killed for want of memory.
func memoryKills(path string) int {
	name := filepath.Join(cgroupRoot, "memory", path, "memory.oom_control")
	if unified() {
		name = filepath.Join(cgroupRoot, path, "memory.events")
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	return counter(string(data), "oom_kill")
}

// usage gives what the processes of a cgroup have used.
func usage(path string) (u executor.Usage, ok bool) {
	if unified() {
		dir := filepath.Join(cgroupRoot, path)
		stat, err := os.ReadFile(filepath.Join(dir, "cpu.stat"))
		held, errHeld := numberIn(filepath.Join(dir, "memory.current"))
		idle, errIdle := os.ReadFile(filepath.Join(dir, "memory.stat"))
		if err != nil || errHeld != nil || errIdle != nil {
			return u, false
		}
		cpu := time.Duration(counter(string(stat), "usage_usec")) * time.Microsecond
		return executor.Usage{CPU: cpu, Memory: max(0, held-int64(counter(string(idle), "inactive_file")))}, true
	}
	cpu, err := numberIn(filepath.Join(cgroupRoot, "cpuacct", path, "cpuacct.usage"))
	dir := filepath.Join(cgroupRoot, "memory", path)
	held, errHeld := numberIn(filepath.Join(dir, "memory.usage_in_bytes"))
	idle, errIdle := os.ReadFile(filepath.Join(dir, "memory.stat"))
	if err != nil || errHeld != nil || errIdle != nil {
		return u, false
	}
	return executor.Usage{CPU: time.Duration(cpu), Memory: max(0, held-int64(counter(string(idle), "total_inactive_file")))}, true
}

// numberIn reads a file that is one number.
func numberIn(name string) (int64, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
}

// counter reads one value of a file of "name value" lines.
func counter(text, name string) int {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 2 && fields[0] == name {
			n, _ := strconv.Atoi(fields[1])
			return n
		}
	}
	return 0
}

// removeCgroup kills what is left in a cgroup and removes it.
func removeCgroup(path string) error {
	if strings.Trim(path, "/") == "" {
		return nil
	}
	var problems []error
	for _, dir := range cgroupDirectories(path) {
		problems = append(problems, removeTree(dir))
	}
	return errors.Join(problems...)
}

// removeTree tries for two seconds: a killed process leaves its cgroup a little later.
func removeTree(dir string) error {
	for try := 0; ; try++ {
		var inner []string
		filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				inner = append(inner, name)
			}
			return nil
		})
		slices.Reverse(inner)
		var last error
		for _, name := range inner {
			if err := unix.Rmdir(name); err != nil && !errors.Is(err, unix.ENOENT) {
				last = fmt.Errorf("remove cgroup %s: %w", name, err)
				killIn(name)
			}
		}
		if last == nil || try == 100 {
			return last
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func killIn(dir string) {
	data, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return
	}
	for field := range strings.FieldsSeq(string(data)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}
