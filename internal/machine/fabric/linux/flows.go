package linux

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// flows tells what passes in one VPC, and what is refused there. The kernel does the counting: a
// connection's counters are read and set to zero from time to time and read for the last time when it
// ends, so that what was not told of yet is in the kernel and a next process tells of it. A VPC whose
// flows are not logged has none of this.
type flows struct {
	vpc      string
	index    *atomic.Pointer[reach.Index]
	observer network.Observer
	log      *slog.Logger
	ended    *netlink.Conn // connections that end
	live     *netlink.Conn // asked for those that live
	asking   sync.Mutex    // held while live is asked
	refused  *netlink.Conn // packets that a rule of refuse reported
	interval time.Duration
	last     atomic.Int64 // when the counters were last set to zero, in nanoseconds
	lost     atomic.Uint64
	quit     chan struct{}
	running  sync.WaitGroup
}

const (
	defaultFlowInterval = 15 * time.Second
	flowBuffer          = 8 << 20
)

// The sysctls of a namespace whose flows are logged, and of one whose flows are not: connections
// know when they began, and tell when they end although nobody listened when they began.
const timestampSetting = "/proc/sys/net/netfilter/nf_conntrack_timestamp"

var (
	loggedSettings   = [][2]string{{"netfilter/nf_conntrack_timestamp", "1"}, {"netfilter/nf_conntrack_events", "1"}}
	unloggedSettings = [][2]string{{"netfilter/nf_conntrack_timestamp", "0"}, {"netfilter/nf_conntrack_events", "2"}}
)

// follow makes a router's flows be told of, or no longer.
func (f *Fabric) follow(r *router, wanted bool) (err error) {
	wanted = wanted && f.observer != nil
	switch {
	case wanted && r.flows == nil:
		r.flows, err = f.openFlows(int(r.file.Fd()), r.vpc)
		return err
	case !wanted && r.flows != nil:
		r.flows.tellLive()
		r.flows.close()
		r.flows = nil
		return within(int(r.file.Fd()), func() error { return set(unloggedSettings) })
	}
	return nil
}

func (f *Fabric) openFlows(namespace int, vpc string) (*flows, error) {
	w := &flows{vpc: vpc, index: &f.index, observer: f.observer, log: f.log, interval: f.flowInterval, quit: make(chan struct{})}
	fresh, err := w.open(namespace)
	if err != nil {
		w.close()
		return nil, fmt.Errorf("follow flows: %w", err)
	}
	if fresh { // what was counted before is nobody's business
		if err := w.dump(func([]byte) {}); err != nil {
			w.close()
			return nil, fmt.Errorf("follow flows: %w", err)
		}
		w.last.Store(time.Now().UnixNano())
	}
	w.running.Go(func() { w.receive(w.ended, w.tellEnded) })
	w.running.Go(func() { w.receive(w.refused, w.tellRefused) })
	w.running.Go(w.tellLiveOften)
	return w, nil
}

// open opens the sockets; fresh is true when no process before this one has followed these flows.
func (w *flows) open(namespace int) (fresh bool, err error) {
	err = within(namespace, func() error {
		before, err := os.ReadFile(timestampSetting)
		if err != nil {
			return err
		}
		fresh = strings.TrimSpace(string(before)) == "0"
		return set(loggedSettings)
	})
	if err != nil {
		return false, err
	}
	for _, c := range []**netlink.Conn{&w.ended, &w.live, &w.refused} {
		if *c, err = netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: namespace}); err != nil {
			return false, err
		}
		(*c).SetReadBuffer(flowBuffer) // as much of it as this user may have
	}
	if err := w.ended.JoinGroup(unix.NFNLGRP_CONNTRACK_DESTROY); err != nil {
		return false, err
	}
	return fresh, listenRefused(w.refused)
}

func (w *flows) close() {
	if w == nil {
		return
	}
	close(w.quit)
	for _, c := range []*netlink.Conn{w.ended, w.live, w.refused} {
		if c != nil {
			c.Close()
		}
	}
	w.running.Wait()
}

// receive hands on all that arrives at a socket until it is closed. What the kernel could not keep for
// us is lost, and said.
func (w *flows) receive(c *netlink.Conn, tell func([]byte)) {
	buffer := make([]byte, 256<<10)
	for {
		n, err := receive(c, buffer)
		switch {
		case err == nil:
			tell(buffer[:n])
		case errors.Is(err, unix.ENOBUFS):
			w.lost.Add(1)
		case errors.Is(err, os.ErrClosed) || errors.Is(err, unix.EBADF):
			return
		default:
			select {
			case <-w.quit:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

// receive reads what one message of the socket holds, without the copies that the library makes.
func receive(c *netlink.Conn, buffer []byte) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	outer := raw.Read(func(fd uintptr) bool {
		n, _, err = unix.Recvfrom(int(fd), buffer, 0)
		return !errors.Is(err, syscall.EAGAIN)
	})
	return n, errors.Join(outer, err)
}

func (w *flows) tellLiveOften() {
	tick := time.NewTicker(w.interval)
	defer tick.Stop()
	for {
		select {
		case <-w.quit:
			return
		case <-tick.C:
			w.tellLive()
			if lost := w.lost.Swap(0); lost > 0 {
				w.log.Warn("flows were lost: more came than could be taken", "vpc", w.vpc, "times", lost)
			}
		}
	}
}

// tellLive tells of what passed on connections that live.
func (w *flows) tellLive() {
	w.asking.Lock()
	defer w.asking.Unlock()
	now := time.Now()
	last := w.last.Swap(now.UnixNano())
	err := w.dump(func(messages []byte) { w.tellConnections(messages, last, now) })
	if err != nil && !errors.Is(err, os.ErrClosed) {
		w.log.Warn("live flows are not told of", "vpc", w.vpc, "error", err)
	}
}

func (w *flows) tellEnded(messages []byte) {
	w.tellConnections(messages, w.last.Load(), time.Now())
}

// tellConnections tells of connections as the kernel wrote them, since last unless they are younger.
func (w *flows) tellConnections(messages []byte, last int64, now time.Time) {
	x := w.index.Load()
	eachMessage(messages, func(_ uint16, body []byte) {
		c, ok := readConnection(body)
		if !ok || c.packets[0]+c.packets[1] == 0 || !w.tellsOf(x, c.source.Addr(), c.target.Addr()) {
			return
		}
		out := network.Flow{VPC: w.vpc, Protocol: c.protocol, Source: c.source, Target: c.target, Accepted: true,
			Packets: c.packets, Bytes: c.bytes, Start: time.Unix(0, max(c.start, last)), End: now}
		if c.stop != 0 {
			out.End = time.Unix(0, c.stop)
		}
		if out.Start.UnixNano() == 0 || out.Start.After(out.End) {
			out.Start = out.End
		}
		w.observer.Flow(out)
	})
}

// tellRefused tells of refused packets, those of one batch that are alike together.
func (w *flows) tellRefused(messages []byte) {
	type alike struct {
		who, protocol  int
		source, target netip.AddrPort
	}
	x, now := w.index.Load(), time.Now()
	var order []alike
	told := map[alike]*network.Flow{}
	eachMessage(messages, func(kind uint16, body []byte) {
		p, ok := readRefused(kind, body)
		if !ok || !w.tellsOf(x, p.source.Addr(), p.target.Addr()) {
			return
		}
		key := alike{int(p.who), p.protocol, p.source, p.target}
		f := told[key]
		if f == nil {
			f = &network.Flow{VPC: w.vpc, Protocol: p.protocol, Source: p.source, Target: p.target, Start: now, End: now}
			refuser := p.source.Addr()
			if string(p.who) == refusedReceiver {
				refuser = p.target.Addr()
			}
			f.Refuser = x.Owner(w.vpc, refuser)
			told[key], order = f, append(order, key)
		}
		f.Packets[0]++
		f.Bytes[0] += uint64(p.length)
	})
	for _, key := range order {
		w.observer.Flow(*told[key])
	}
}

// tellsOf says whether packets between two addresses are flows: those with the VPC's own plumbing, and
// those of a network whose Index is another one by now, are not.
func (w *flows) tellsOf(x *reach.Index, a, b netip.Addr) bool {
	return x != nil && !x.Plumbing(w.vpc, a) && !x.Plumbing(w.vpc, b)
}
