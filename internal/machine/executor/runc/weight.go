package runc

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"cloister/internal/machine/executor"
)

// A cgroup's weight says what part of the processors it gets when there are too few for all who would run. Each version of
// cgroups has its own scale, with a place on it for one process of the host.
const (
	oneShare, mostShares  = 1024, 262144
	oneWeight, mostWeight = 100, 10000
	// mostCPUs is what the heaviest container counts for, in both scales.
	mostCPUs = 256
)

// weigh gives the cgroup above all containers the weight of as many processes of the host as there are processors, and says
// whether it could: without the controller nothing of the processors can be given or limited.
//
// The kernel's choice is the weight of one process, with which a few busy ones of the host leave next to nothing for all
// containers together. With ours a process of the host that is always busy has what it would have of a processor that it
// shares with one other.
func (e *Executor) weigh() bool {
	if e.config.Rootless {
		return false
	}
	err := weighVersion1(filepath.Join(cgroupRoot, "cpu"), e.config.CgroupParent, runtime.NumCPU())
	if unified() {
		err = weighVersion2(cgroupRoot, e.config.CgroupParent, runtime.NumCPU())
	}
	if err != nil {
		e.unweighed.Do(func() {
			e.config.Logger.Warn("containers have neither a weight nor a limit of processor time", "error", err)
		})
	}
	return err == nil
}

func weighVersion1(root, parent string, processes int) error {
	// Of a tree that is not mounted there may be the directory.
	if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
		return err
	}
	return weighCgroup(filepath.Join(root, parent), "cpu.shares", min(processes*oneShare, mostShares))
}

func weighVersion2(root, parent string, processes int) error {
	if err := put(filepath.Join(root, "cgroup.subtree_control"), "+cpu"); err != nil {
		return err
	}
	return weighCgroup(filepath.Join(root, parent), "cpu.weight", min(processes*oneWeight, mostWeight))
}

func weighCgroup(dir, file string, weight int) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return put(filepath.Join(dir, file), strconv.Itoa(weight))
}

// put writes into a file of the kernel's, which is there or cannot be.
func put(name, text string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// processors puts a container's weight and limit of processor time among its resources.
func processors(all *specs.LinuxResources, limits executor.Limits) {
	all.CPU = &specs.LinuxCPU{}
	if limits.CPUs > 0 {
		all.CPU.Period, all.CPU.Quota = new(uint64(cpuPeriod)), new(max(1000, int64(limits.CPUs*cpuPeriod)))
	}
	part := min(limits.Weight, mostCPUs) / mostCPUs
	if part <= 0 {
		part = 1. / mostCPUs
	}
	if unified() {
		// Not by shares: runc has, by its version, one or another way of making weights of them, and not all keep the proportion.
		all.Unified = map[string]string{"cpu.weight": strconv.Itoa(max(1, int(math.Round(part*mostWeight))))}
		return
	}
	all.CPU.Shares = new(max(2, uint64(math.Round(part*mostShares))))
}
