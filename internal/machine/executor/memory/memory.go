// Package memory runs Go functions as if they were containers, for tests without root.
//
// It promises the life cycle that executor promises: ids, ends, logs and repeated calls are those
// of runc. It does not isolate, and nothing outlives the process. It must not know what the
// programs compute.
package memory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"cloister/internal/machine/executor"
)

// Program is what a container runs. It gives its exit code, and should return soon after ctx is
// done: that is SIGKILL, which a function can not be made to obey.
type Program func(ctx context.Context, p Process) int

// Process is what a program is given.
type Process struct {
	executor.Spec
	// Output takes stdout and stderr.
	Output io.Writer
	// Terminate is closed at SIGTERM.
	Terminate <-chan struct{}
}

// Path gives where a path of the container lies on the host: below the deepest mount that covers
// it, or below the root.
func (p Process) Path(name string) string {
	if !path.IsAbs(name) {
		name = path.Join("/", p.Directory, name)
	}
	name = path.Join("/", name)
	best := executor.Mount{Source: p.Root, Target: "/"}
	for _, m := range p.Mounts {
		target := path.Clean(m.Target)
		if (name == target || strings.HasPrefix(name, target+"/")) && len(target) > len(best.Target) {
			best = executor.Mount{Source: m.Source, Target: target}
		}
	}
	return filepath.Join(best.Source, strings.TrimPrefix(name, best.Target))
}

// Executor implements executor.Executor.
type Executor struct {
	programs map[string]Program

	mu         sync.Mutex
	containers map[string]*container
}

var _ executor.Executor = (*Executor)(nil)

// New gives an executor for these programs, named by what stands first in the command line.
func New(programs map[string]Program) *Executor {
	return &Executor{programs: programs, containers: map[string]*container{}}
}

// container is one that was started. Its fields below mu are written until done is closed.
type container struct {
	root      string
	kill      context.CancelFunc
	terminate chan struct{}
	once      sync.Once
	done      chan struct{}

	mu      sync.Mutex
	exit    executor.Exit
	ended   bool
	lines   []executor.Line
	part    []byte
	changed chan struct{} // closed and replaced at every change
}

var validID = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// Start runs a program in a goroutine that ends with it.
func (e *Executor) Start(ctx context.Context, spec executor.Spec) error {
	if err := check(spec); err != nil {
		return fmt.Errorf("start container %q: %w", spec.ID, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.containers[spec.ID] != nil {
		return nil
	}
	life, kill := context.WithCancel(context.WithoutCancel(ctx))
	c := &container{root: spec.Root,
		kill: kill, terminate: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{}),
		exit: executor.Exit{Started: time.Now()},
	}
	e.containers[spec.ID] = c
	program := e.programs[spec.Args[0]]
	if program == nil {
		c.end(125, "no program "+spec.Args[0])
		return nil
	}
	go func() {
		// Killed means dead, whatever the function still does.
		defer context.AfterFunc(life, func() { c.end(137, "") })()
		code := program(life, Process{Spec: spec, Output: c, Terminate: c.terminate})
		if life.Err() != nil {
			code = 137
		}
		c.end(code, "")
	}()
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

// end records an end, the first that comes.
func (c *container) end(code int, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if len(c.part) > 0 {
		c.add(c.part)
		c.part = nil
	}
	c.exit.Code, c.exit.Error, c.exit.Ended, c.ended = code, why, time.Now(), true
	close(c.done)
	close(c.changed)
	c.kill()
}

func (e *Executor) find(id string) *container {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.containers[id]
}

// Wait blocks until the program has returned or was killed.
func (e *Executor) Wait(ctx context.Context, id string) (executor.Exit, error) {
	c := e.find(id)
	if c == nil {
		return executor.Exit{}, fmt.Errorf("wait for container %q: %w", id, executor.ErrUnknown)
	}
	select {
	case <-ctx.Done():
		return executor.Exit{}, fmt.Errorf("wait for container %s: %w", id, ctx.Err())
	case <-c.done:
		return c.exit, nil
	}
}

// Stop closes Terminate and after grace ends the context.
func (e *Executor) Stop(ctx context.Context, id string, grace time.Duration) error {
	c := e.find(id)
	if c == nil {
		return nil
	}
	if grace > 0 {
		c.once.Do(func() { close(c.terminate) })
	}
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop container %s: %w", id, ctx.Err())
	case <-time.After(grace):
	}
	c.kill()
	<-c.done
	return nil
}

// Remove kills and forgets.
func (e *Executor) Remove(_ context.Context, id string) error {
	c := e.find(id)
	if c == nil {
		return nil
	}
	c.kill()
	<-c.done
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.containers[id] == c {
		delete(e.containers, id)
	}
	return nil
}

// Usage is never known: programs are functions of this process.
func (e *Executor) Usage(string) (executor.Usage, bool) { return executor.Usage{}, false }

// List gives every container that was started and not removed.
func (e *Executor) List(context.Context) ([]executor.Status, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []executor.Status
	for id, c := range e.containers {
		c.mu.Lock()
		status := executor.Status{ID: id, Running: !c.ended}
		if c.ended {
			status.Exit = c.exit
		}
		c.mu.Unlock()
		all = append(all, status)
	}
	return all, nil
}

// Roots gives the file systems of all containers.
func (e *Executor) Roots() (map[string]bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	roots := map[string]bool{}
	for _, c := range e.containers {
		roots[c.root] = true
	}
	return roots, nil
}

// Logs gives the lines and follows.
func (e *Executor) Logs(ctx context.Context, id string, since int64) iter.Seq2[executor.Line, error] {
	return func(yield func(executor.Line, error) bool) {
		c := e.find(id)
		if c == nil {
			yield(executor.Line{}, fmt.Errorf("log of container %q: %w", id, executor.ErrUnknown))
			return
		}
		for next := max(since, 0); ; {
			c.mu.Lock()
			lines, changed, ended := c.lines, c.changed, c.ended
			c.mu.Unlock()
			for ; next < int64(len(lines)); next++ {
				if !yield(lines[next], nil) {
					return
				}
			}
			if ended {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	}
}
