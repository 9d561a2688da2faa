// Package feed gives containers their input as it is read: through named pipes, one for each pass over the data,
// and as directories whose files are brought when somebody reads them. A process of their own keeps both.
//
// It promises that a reader sees the end of a pass only where whoever feeds it said so: when that process
// dies, the reader waits, and the next one goes on at the byte at which the last one stopped. It promises
// too that a container which puts something else in a pipe's place gets nothing written anywhere. It must not
// know where the bytes come from, nor what a job is.
package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Pipe is a channel: its passes are the FIFOs Directory/Name_0, Directory/Name_1 and so on. The next is there
// from the moment on at which one is opened.
type Pipe struct{ Directory, Name string }

// The files of a keeper's directory.
const (
	orderFile  = "order.json"
	lockFile   = "lock" // held by the keeper as long as it lives
	socketFile = "socket"
	saidFile   = "said"
)

// ErrLost says that the keeper is gone: whoever read from its pipes may have taken that for the end.
var ErrLost = errors.New("the keeper of the pipes is gone")

// ErrEarly says that the reader has closed its end.
var ErrEarly = errors.New("the reader has closed the pipe")

// order is what the keeper is told.
type order struct {
	Pipes []Pipe
	Views []View
}

func readOrder(directory string) (o order, err error) {
	b, err := os.ReadFile(filepath.Join(directory, orderFile))
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(b, &o)
}

// Keeper is the process that keeps the pipes of one directory.
type Keeper struct{ directory string }

// Start makes the directory and starts command with it as one more argument: a program that calls Main. The
// pipes of the first pass, and the views, are there when it returns.
func Start(ctx context.Context, command []string, directory string, pipes []Pipe, views []View) (*Keeper, error) {
	if err := Remove(ctx, directory); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, err
	}
	what, err := json.Marshal(order{pipes, views})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(directory, orderFile), what, 0o600); err != nil {
		return nil, err
	}
	said, err := os.OpenFile(filepath.Join(directory, saidFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer said.Close()
	// Held from before there is a keeper until it is gone: it inherits the lock.
	lock, err := os.OpenFile(filepath.Join(directory, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return nil, err
	}
	ready, tell, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	cmd := exec.Command(command[0], append(command[1:len(command):len(command)], directory)...)
	cmd.Dir, cmd.Env = directory, []string{"GOMAXPROCS=2"}
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = said, said, []*os.File{tell, lock}
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	err = cmd.Start()
	tell.Close()
	if err != nil {
		return nil, fmt.Errorf("keeper of pipes: %w", err)
	}
	// It is to outlive us, but while we live somebody must take its exit status.
	go cmd.Wait() //nolint:errcheck // whoever asks finds that it is gone
	defer context.AfterFunc(ctx, func() { ready.Close() })()
	b, err := io.ReadAll(ready)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil || string(b) != "ready" {
		why, _ := os.ReadFile(filepath.Join(directory, saidFile))
		return nil, fmt.Errorf("%s %s does not keep the pipes: %s", filepath.Base(command[0]), strings.Join(command[1:], " "), strings.TrimSpace(string(why)))
	}
	return &Keeper{directory}, nil
}

// Find gives the keeper that an earlier process started, or ErrLost.
func Find(directory string) (*Keeper, error) {
	k := &Keeper{directory}
	if !k.Alive() {
		return nil, ErrLost
	}
	return k, nil
}

// Alive tells whether the keeper still is what it was when it was started.
func (k *Keeper) Alive() bool {
	f, err := os.Open(filepath.Join(k.directory, lockFile))
	if err != nil {
		return false
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == unix.EWOULDBLOCK
}

// Remove ends the keeper of a directory, if there is one, takes its views away and removes the directory. The FIFOs stay.
func Remove(ctx context.Context, directory string) error {
	k := &Keeper{directory}
	for k.Alive() {
		if pid := k.process(); pid > 1 {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && err != unix.ESRCH {
				return fmt.Errorf("end the keeper of %s: %w", directory, err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	if o, err := readOrder(directory); err == nil {
		for _, v := range o.Views {
			if err := hide(v.At); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(directory)
}

// Hide takes away what is shown at the directories below one, whoever showed it: what a keeper was told may be
// lost before its views are.
func Hide(directory string) error {
	all, err := os.ReadDir(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range all {
		if e.IsDir() {
			errs = append(errs, hide(filepath.Join(directory, e.Name())))
		}
	}
	return errors.Join(errs...)
}

func hide(at string) error {
	switch err := unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err {
	case nil, unix.EINVAL, unix.ENOENT: // nothing is shown there
		return nil
	case unix.EPERM: // who may not unmount has not mounted
		return nil
	default:
		return fmt.Errorf("unmount %s: %w", at, err)
	}
}

// process gives the keeper's process: the one that says so in the lock, and is it.
func (k *Keeper) process() int {
	b, err := os.ReadFile(filepath.Join(k.directory, lockFile))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil {
		return 0
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.HasSuffix(string(line), "\x00"+k.directory+"\x00") {
		return 0
	}
	return pid
}

// dial connects to the keeper. The directory's path may be longer than a socket's may.
func (k *Keeper) dial(ctx context.Context) (net.Conn, error) {
	d, err := os.Open(k.directory)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return (&net.Dialer{}).DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketFile))
}

// Next waits until somebody reads from a pass of a pipe that nobody feeds, and gives it. Of a pass whose
// feeder died it gives what is left.
func (k *Keeper) Next(ctx context.Context, pipe int) (*Pass, error) {
	conn, err := k.dial(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
			err = fmt.Errorf("%w: %w", ErrLost, err)
		}
		return nil, err
	}
	p := &Pass{ctx: ctx, conn: conn}
	p.cut = context.AfterFunc(ctx, func() { conn.Close() })
	if err := p.begin(pipe); err != nil {
		p.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", ErrLost, err)
	}
	return p, nil
}
