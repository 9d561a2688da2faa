package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watch hears what becomes of a router's links and of their other ends: a workload that has root in its
// namespace can delete or change its eth0, and would else stay cut off until the next process. One socket
// hears of all namespaces that links of the router lead to, as the kernel tells which. What is heard is only
// a hint, gathered for a while and then looked up; so a workload that changes things without end costs one
// look in a while, and one that breaks its interface again and again is helped ever more seldom.
type watch struct {
	socket *os.File
	quit   chan struct{}

	mu    sync.Mutex
	hints *hints
}

const (
	watchPause   = time.Second
	watchPatient = 30 * time.Second // the longest pause after mending
	watchAtOnce  = 16               // interfaces looked at in one go, as nothing else changes meanwhile
	watchNext    = watchPause / 10  // until the next go
)

// hints are what a watch heard of, and when: namespaces by the router's numbers for them, links by their
// names; and all of them, when something was missed.
type hints struct {
	namespaces map[int]time.Time
	links      map[string]time.Time
	all        time.Time
}

func newHints() *hints { return &hints{namespaces: map[int]time.Time{}, links: map[string]time.Time{}} }

func (h *hints) empty() bool { return h.all.IsZero() && len(h.namespaces) == 0 && len(h.links) == 0 }

// about says when a port was last heard of; never is the zero time.
func (h *hints) about(p *port, link string) time.Time {
	last := h.all
	for _, at := range []time.Time{h.links[link], h.namespaces[p.namespace]} {
		if at.After(last) {
			last = at
		}
	}
	return last
}

// watchRouter opens a router's watch.
func (f *Fabric) watchRouter(r *router) error {
	fd := -1
	err := within(int(r.file.Fd()), func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return fmt.Errorf("watch %s: %w", r.vpc, err)
	}
	socket := os.NewFile(uintptr(fd), "netlink")
	// Without the right to hear of other namespaces (CAP_NET_BROADCAST) deleted links are heard of still.
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1); err != nil {
		f.log.Info("changes inside workloads' namespaces are not heard of", "reason", err.Error())
	}
	groups := uint32(0)
	for _, g := range []int{unix.RTNLGRP_LINK, unix.RTNLGRP_NEIGH, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV4_ROUTE} {
		groups |= 1 << (g - 1)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return errors.Join(fmt.Errorf("watch %s: %w", r.vpc, err), socket.Close())
	}
	r.watch = &watch{socket: socket, quit: make(chan struct{}), hints: newHints()}
	go r.watch.run(f, r)
	return nil
}

// close ends a watch; it does not wait, as the watch may be waiting for who closes it.
func (w *watch) close() {
	if w != nil {
		close(w.quit)
		w.socket.Close()
	}
}

// run gathers hints and has them looked up until the watch is closed.
func (w *watch) run(f *Fabric, r *router) {
	pause := watchPause
	for {
		if w.quiet() && w.hear(true) != nil {
			return
		}
		select {
		case <-time.After(pause):
		case <-w.quit:
			return
		}
		if w.hear(false) != nil {
			return
		}
		switch mended := f.mend(r); {
		case mended:
			pause = min(2*max(pause, watchPause), watchPatient)
		case w.quiet():
			pause = watchPause
		default:
			pause = min(pause, watchNext)
		}
	}
}

func (w *watch) quiet() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hints.empty()
}

// hear reads what has come; with wait it returns when something did.
func (w *watch) hear(wait bool) error {
	raw, err := w.socket.SyscallConn()
	if err != nil {
		return err
	}
	buffer, control := make([]byte, 32<<10), make([]byte, 64)
	return raw.Read(func(fd uintptr) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for {
			n, cn, _, _, err := unix.Recvmsg(int(fd), buffer, control, 0)
			switch {
			case errors.Is(err, unix.EINTR):
			case errors.Is(err, unix.EAGAIN):
				return !wait || !w.hints.empty()
			case err != nil: // the socket's buffer was too small for all
				w.hints.all = time.Now()
			default:
				w.hints.note(buffer[:n], namespaceOf(control[:cn]), time.Now())
			}
		}
	})
}

// namespaceOf gives the router's number for the namespace that a message is about, -1 for its own.
func namespaceOf(control []byte) int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return -1
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_NETLINK && m.Header.Type == unix.NETLINK_LISTEN_ALL_NSID && len(m.Data) >= 4 {
			return int(int32(binary.NativeEndian.Uint32(m.Data)))
		}
	}
	return -1
}

// note keeps what messages hint at: any change elsewhere, and changes of the router's own links.
func (h *hints) note(b []byte, namespace int, now time.Time) {
	if namespace >= 0 {
		h.namespaces[namespace] = now
		return
	}
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		h.all = now
		return
	}
	for i := range messages {
		m := &messages[i]
		if m.Header.Type != unix.RTM_DELLINK && m.Header.Type != unix.RTM_NEWLINK {
			continue
		}
		attributes, err := syscall.ParseNetlinkRouteAttr(m)
		if err != nil {
			h.all = now
			continue
		}
		for _, a := range attributes {
			if a.Attr.Type == unix.IFLA_IFNAME {
				h.links[unix.ByteSliceToString(a.Value)] = now
			}
		}
	}
}
