// Package runc runs containers with runc, each held by a shim of its own that outlives this process.
//
// It promises what executor promises, on plain Linux: no capabilities, a read-only root that all
// containers of an image share, a system call filter, and cgroup limits (none where Rootless: a
// user namespace has no cgroups to give, and one that maps a single user runs every image as it).
// It must not know images' names, jobs or AWS.
package runc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"cloister/internal/machine/executor"
)

// Config says where and with what.
type Config struct {
	// Directory holds a directory for each container; nothing else may be in it.
	Directory string
	// Binary is runc; looked up in PATH, "runc" when empty.
	Binary string
	// Shim is the command line that ends up in ShimMain with whatever follows it.
	Shim []string
	// CgroupParent is the one cgroup below which all others are made, like "cloister-1".
	CgroupParent string
	// DeviceFiles are the directories of CDI files; empty are the usual ones.
	DeviceFiles []string
	// Rootless says that we are inside a user namespace: no cgroups, perhaps one user only.
	Rootless bool
	// LogBytes bounds the log of a container; 256 MiB when zero.
	LogBytes int64
	Logger   *slog.Logger
}

// Executor implements executor.Executor.
type Executor struct {
	config Config
	binary string
	locks  sync.Map // id → *sync.Mutex
	// unweighed is done when the log has been told that nothing can be given of the processors.
	unweighed sync.Once
}

var _ executor.Executor = (*Executor)(nil)

const (
	orderFile   = "shim.json"   // what the shim is to do
	networkFile = "net"         // the network namespace to join, in the shim's own mounts
	aliveFile   = "alive"       // a FIFO that the shim holds open for writing as long as it lives
	shimFile    = "shim.pid"    // the shim has begun
	pidFile     = "runc.pid"    // the container runs
	logFile     = "log"         // lines
	exitFile    = "exit.json"   // how it ended
	runcLog     = "runc.json"   // runc's own complaints
	shimErrors  = "shim.stderr" // whatever the shim itself had to say
)

var (
	validID     = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
	validCgroup = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
)

// Open gives the executor of a directory, with the containers that an earlier process left running,
// and sweeps what one left half made.
func Open(config Config) (*Executor, error) {
	if config.Binary == "" {
		config.Binary = "runc"
	}
	if config.LogBytes <= 0 {
		config.LogBytes = 256 << 20
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if len(config.Shim) == 0 {
		return nil, errors.New("runc executor: no shim command")
	}
	if !config.Rootless && !validCgroup.MatchString(config.CgroupParent) {
		return nil, fmt.Errorf("runc executor: cgroup parent %q is not a plain name", config.CgroupParent)
	}
	binary, err := exec.LookPath(config.Binary)
	if err != nil {
		return nil, fmt.Errorf("runc executor: %w", err)
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return nil, err
	}
	if config.Directory, err = filepath.Abs(config.Directory); err != nil {
		return nil, err
	}
	e := &Executor{config: config, binary: binary}
	if err := os.MkdirAll(e.state(), 0o700); err != nil {
		return nil, err
	}
	return e, e.sweep()
}

// sweep removes what was being made or unmade when a process died.
func (e *Executor) sweep() error {
	entries, err := os.ReadDir(e.config.Directory)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		dir := filepath.Join(e.config.Directory, name)
		half := strings.HasPrefix(name, ".new-") || strings.HasPrefix(name, ".old-")
		if half || validID.MatchString(name) && !begun(dir) {
			if alive(dir) {
				continue
			}
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Executor) state() string              { return filepath.Join(e.config.Directory, ".runc") }
func (e *Executor) directory(id string) string { return filepath.Join(e.config.Directory, id) }
func (e *Executor) cgroup(id string) string {
	if e.config.Rootless {
		return ""
	}
	return "/" + e.config.CgroupParent + "/" + id
}

// lock orders what is done to one container.
func (e *Executor) lock(id string) (unlock func()) {
	mu, _ := e.locks.LoadOrStore(id, new(sync.Mutex))
	mu.(*sync.Mutex).Lock()
	return mu.(*sync.Mutex).Unlock
}

// begun says whether a shim ever took the container on. If not, nothing of it has run.
func begun(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, shimFile))
	return err == nil
}

// alive says whether somebody holds the container: its shim, or the process that is starting it.
// A FIFO without a writer ends at once. Unlike a process id it can not be mistaken.
func alive(dir string) bool {
	fifo, err := unix.Open(filepath.Join(dir, aliveFile), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fifo)
	_, err = unix.Read(fifo, make([]byte, 1))
	return errors.Is(err, unix.EAGAIN)
}

// runc runs one short command of the runtime.
func (e *Executor) runc(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, e.binary, append([]string{"--root", e.state()}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("runc %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Roots gives the file systems of the containers that are there.
func (e *Executor) Roots() (map[string]bool, error) {
	all, err := filepath.Glob(filepath.Join(e.config.Directory, "*", orderFile))
	if err != nil {
		return nil, err
	}
	roots := map[string]bool{}
	for _, name := range all {
		b, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it went meanwhile
		}
		var o order
		if err == nil {
			err = json.Unmarshal(b, &o)
		}
		if err != nil {
			return nil, fmt.Errorf("root of %s: %w", filepath.Base(filepath.Dir(name)), err)
		}
		roots[o.Image] = true
	}
	return roots, nil
}

// List gives every container that was started and not removed.
func (e *Executor) List(ctx context.Context) ([]executor.Status, error) {
	entries, err := os.ReadDir(e.config.Directory)
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	var all []executor.Status
	for _, entry := range entries {
		if !validID.MatchString(entry.Name()) {
			continue
		}
		status, err := e.status(ctx, entry.Name())
		if errors.Is(err, executor.ErrUnknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, status)
	}
	return all, nil
}

func (e *Executor) status(ctx context.Context, id string) (executor.Status, error) {
	dir := e.directory(id)
	if alive(dir) {
		return executor.Status{ID: id, Running: true}, nil
	}
	exit, err := e.settle(ctx, id)
	return executor.Status{ID: id, Exit: exit}, err
}

// Purge removes every container and the cgroup above them.
func (e *Executor) Purge(ctx context.Context) error {
	all, err := e.List(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for _, status := range all {
		problems = append(problems, e.Remove(ctx, status.ID))
	}
	if !e.config.Rootless {
		problems = append(problems, removeCgroup("/"+e.config.CgroupParent))
	}
	return errors.Join(problems...)
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
