package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// HeldError says that processes are still inside namespaces that were purged: cut off from every
// network, but alive. Whoever started them must end them.
type HeldError struct{ PIDs []int }

func (e *HeldError) Error() string {
	return fmt.Sprintf("processes still inside purged namespaces: %v", e.PIDs)
}

// Purge removes every kernel object of the instance whose directory this is, and nothing else. It
// needs no running process, and refuses when there is one. It kills nothing: processes that are
// still in a namespace are told by a *HeldError when all else is gone.
func Purge(directory string) error {
	if _, err := os.Stat(filepath.Join(directory, "netns")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := takeDirectory(directory)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	defer lock.Close()
	entries, err := os.ReadDir(filepath.Join(directory, "netns"))
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	// They stay open until it is known who is inside: the number of one that is gone may be another's at once.
	gone := map[uint64]*os.File{}
	defer func() {
		for _, ns := range gone {
			ns.Close()
		}
	}()
	var failed error
	for _, e := range entries {
		if kindOf(e.Name()) == "" {
			continue
		}
		if err := purgeNamespace(filepath.Join(directory, "netns", e.Name()), kindOf(e.Name()), gone); err != nil {
			failed = errors.Join(failed, fmt.Errorf("purge %s: %w", e.Name(), err))
		}
	}
	if failed != nil {
		return failed
	}
	if err := errors.Join(os.Remove(lock.Name()), scatter(filepath.Join(directory, "netns")), os.Remove(filepath.Join(directory, "netns")), removeWhereabouts(directory)); err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	if pids := inside(gone); len(pids) > 0 {
		return &HeldError{pids}
	}
	return nil
}

// purgeNamespace unbinds a namespace and notes it by its number, open. A router's links are deleted first, as a
// process inside a workload's namespace would keep the other end.
func purgeNamespace(path, kind string, gone map[uint64]*os.File) error {
	ns, err := openNamespace(path)
	if err == nil {
		var at unix.Stat_t
		err = unix.Fstat(int(ns.Fd()), &at)
		if other := gone[at.Ino]; other != nil {
			other.Close()
		}
		gone[at.Ino] = ns
		if err == nil && (kind == kindVPC || kind == kindInternet) {
			err = deleteLinks(ns)
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, removeNamespace(path))
}

// deleteLinks deletes a router's links.
func deleteLinks(ns *os.File) error {
	h, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	links, err := whole(h.LinkList)
	if err != nil {
		return err
	}
	c := &cut{namespace: int(ns.Fd())}
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, "cl") {
			c.links = append(c.links, l.Attrs().Name)
		}
	}
	return c.delete()
}

// inside lists processes that are in one of the namespaces. Each is asked once, not thread by thread: what is looked up of a
// process makes its end wait for whoever looks.
func inside(namespaces map[uint64]*os.File) []int {
	if len(namespaces) == 0 {
		return nil
	}
	var pids []int
	processes, _ := os.ReadDir("/proc")
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		var at unix.Stat_t
		if unix.Stat(filepath.Join("/proc", p.Name(), "ns/net"), &at) == nil && namespaces[at.Ino] != nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}
