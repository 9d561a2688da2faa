// Package executor runs a container and tells how it ended.
//
// It promises: a container outlives the process that started it, and List in a fresh process finds
// it again; Start, Stop and Remove may be repeated with the same id; after Remove nothing of the
// container is left in the kernel or on disk but what the Spec mounted. It must not know jobs,
// images' sources or AWS.
package executor

import (
	"context"
	"errors"
	"iter"
	"time"
)

// ErrUnknown is what Wait and Logs give for an id that was never started, or was removed.
var ErrUnknown = errors.New("no such container")

// Executor is a container runtime. Its implementations are runc and memory; both pass
// executortest.Run.
type Executor interface {
	// Start runs a container and returns when its first instruction may run, or does nothing if one
	// of this id was started before and not removed. An error means that nothing was started; a
	// container that the runtime refuses is no error here but an Exit with code 125.
	Start(ctx context.Context, spec Spec) error
	// Wait blocks until the container has ended, also when another process started it.
	Wait(ctx context.Context, id string) (Exit, error)
	// Stop asks the container to end (SIGTERM) and after grace makes it (SIGKILL). Stopping one that
	// has ended, or was never started, is not an error.
	Stop(ctx context.Context, id string, grace time.Duration) error
	// Remove kills what still runs and removes every trace. Removing an unknown id is not an error.
	Remove(ctx context.Context, id string) error
	// List gives every container that was started and not removed, by any process of this instance.
	List(ctx context.Context) ([]Status, error)
	// Roots gives the file systems of all these containers: they are in use.
	Roots() (map[string]bool, error)
	// Usage gives what a container has used so far; false where nobody counts, or for one that does not run.
	Usage(id string) (Usage, bool)
	// Logs gives the lines a container wrote, from the line with sequence number since (0 is the
	// first), and follows until it has ended or ctx is done.
	Logs(ctx context.Context, id string, since int64) iter.Seq2[Line, error]
}

// Spec is one container.
type Spec struct {
	ID string // [a-z0-9-]{1,63}, unique in the instance
	// Root is an unpacked image, shared and never written to: the container sees it read-only.
	Root string
	// Args is the whole command line; Env is KEY=value.
	Args, Env []string
	Directory string // working directory; "/" when empty
	UID, GID  uint32
	Hostname  string
	Mounts    []Mount
	// Namespace is the path of the network namespace to join.
	Namespace string
	// Resolver, when valid text, becomes the container's /etc/resolv.conf; Hosts its /etc/hosts.
	Resolver string
	Hosts    []string
	Limits   Limits
	// Devices are names of the Container Device Interface, as nvidia.com/gpu=0.
	Devices []string
}

// Mount shows a directory of the host in the container.
type Mount struct {
	Source, Target string
	ReadOnly       bool
}

// Limits are enforced by cgroups where there are some; zero means none.
type Limits struct {
	CPUs float64
	// Weight is the part of the processors that the container gets, in proportion to others' and up to CPUs, when not all can
	// have what they would use; one where it is zero.
	Weight  float64
	Memory  int64 // bytes
	Process int64 // number of processes and threads
}

// Usage is what a container has used: processor time since its start, and the memory that it holds.
type Usage struct {
	CPU    time.Duration
	Memory int64 // bytes, without what the kernel could take back at once
}

// Exit is how a container ended.
type Exit struct {
	Code        int // 128+signal when a signal ended it
	OutOfMemory bool
	Started     time.Time
	Ended       time.Time
	// Error says why the container could not be started at all; Code is then 125.
	Error string
}

// Status is a container as found.
type Status struct {
	ID      string
	Running bool
	Exit    Exit // when not running
}

// Line is one line of output, stdout and stderr merged, without its newline.
type Line struct {
	Sequence int64
	Time     time.Time
	Text     string
}
