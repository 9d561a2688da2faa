package linux

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/value/caller"
)

// carried is a connection on both sides.
type carried struct {
	origin         caller.Origin // of one through an endpoint
	at             string        // the interface that it arrived at
	front          string        // the endpoint or balancer whose share it counts to
	source         netip.Addr
	balancer       string
	port           int
	client, target *net.TCPConn
}

// How long one target is waited for alone, and all of them together.
const (
	patienceForOne = 100 * time.Millisecond
	patienceInAll  = 3 * time.Second
)

func (c *carried) share() string { return c.front + " " + c.source.String() }

func (r *relays) carry(c *carried) {
	defer r.drop(c)
	target := r.reachTarget(c)
	if target == nil {
		c.reset()
		return
	}
	r.mu.Lock()
	c.target = target
	stands := r.stands(c) && !r.closed
	r.mu.Unlock()
	if !stands {
		c.reset()
		return
	}
	c.both(r.idle)
}

// try is one way on from a balancer.
type try struct {
	from string
	at   netip.AddrPort
}

// tries are the ways on for a connection, beginning with another target each time, and with the interface
// that it arrived at. Those that lately led nowhere come last.
func (r *relays) tries(c *carried) (*reach.Index, []try) {
	r.mu.Lock()
	index := r.index
	r.turn++
	turn := r.turn
	r.mu.Unlock()
	from, to := index.Onward(c.balancer, c.port, c.at)
	if own := slices.Index(from, c.at); own > 0 {
		from[0], from[own] = from[own], from[0]
	}
	var list []try
	for _, id := range from {
		for i := range to {
			list = append(list, try{id, to[(turn+i)%len(to)]})
		}
	}
	return index, r.health.order(list)
}

// reachTarget connects to the first target that accepts. One that takes its time is not waited for alone,
// and what cannot be reached anyway is not tried: it would only take time not to answer.
func (r *relays) reachTarget(c *carried) *net.TCPConn {
	index, list := r.tries(c)
	ctx, stop := context.WithTimeout(r.ctx, patienceInAll)
	defer stop()
	results := make(chan *net.TCPConn)
	next, pending, last := 0, 0, try{}
	for pending > 0 || next < len(list) {
		if next < len(list) {
			one := list[next]
			next++
			if _, ok := index.Reaches(one.from, one.at); !ok {
				continue
			}
			r.running.Go(func() { r.reachOne(ctx, one, results) })
			pending, last = pending+1, one
		}
		wait := time.NewTimer(patienceForOne)
		select {
		case conn := <-results:
			pending--
			if conn != nil {
				return conn
			}
		case <-wait.C:
			r.health.note(last, false)
		case <-ctx.Done():
			return nil
		}
		wait.Stop()
	}
	return nil
}

func (r *relays) reachOne(ctx context.Context, t try, results chan<- *net.TCPConn) {
	conn, err := r.dial(ctx, t.from, t.at)
	tcp, _ := conn.(*net.TCPConn)
	if err == nil || ctx.Err() == nil {
		r.health.note(t, err == nil)
	}
	if err != nil {
		r.log.Debug("a target does not accept", "from", t.from, "target", t.at, "error", err)
	}
	select {
	case results <- tcp:
	case <-ctx.Done():
		if tcp != nil {
			tcp.Close()
		}
	}
}

// both carries bytes both ways until both have ended, or until no packet has come from either side for the
// idle time. Keepalives of the two sides are packets, as they are to AWS's; we send none of our own.
func (c *carried) both(idle time.Duration) {
	for _, side := range []*net.TCPConn{c.client, c.target} {
		side.SetKeepAlive(false)
	}
	ended := make(chan struct{}, 2)
	way := func(to, from *net.TCPConn) {
		c.pass(to, from)
		ended <- struct{}{}
	}
	go way(c.target, c.client)
	go way(c.client, c.target)
	look := time.NewTicker(max(idle/16, time.Millisecond))
	defer look.Stop()
	heard, since := c.heard(), time.Now()
	for ways := 2; ways > 0; {
		select {
		case <-ended:
			ways--
			continue
		case <-look.C:
		}
		if now := c.heard(); now != heard {
			heard, since = now, time.Now()
		} else if time.Since(since) >= idle {
			c.reset() // which ends both ways
		}
	}
	c.client.Close()
	c.target.Close()
}

// pass carries bytes one way until their end, which it hands on. The kernel moves them by itself.
func (c *carried) pass(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		c.reset()
		return
	}
	to.CloseWrite()
}

// heard counts the packets that came from both sides.
func (c *carried) heard() (n uint32) {
	for _, side := range []*net.TCPConn{c.client, c.target} {
		raw, err := side.SyscallConn()
		if err != nil {
			continue
		}
		raw.Control(func(fd uintptr) {
			if info, err := unix.GetsockoptTCPInfo(int(fd), unix.SOL_TCP, unix.TCP_INFO); err == nil {
				n += info.Segs_in
			}
		})
	}
	return n
}

// reset ends both sides at once.
func (c *carried) reset() {
	for _, side := range []*net.TCPConn{c.client, c.target} {
		if side != nil {
			side.SetLinger(0)
			side.Close()
		}
	}
}

// targetHealth remembers which ways to targets lately led nowhere, so that the next connections go elsewhere
// first. They are tried still: there may be no other.
type targetHealth struct {
	mu     sync.Mutex
	failed map[try]time.Time
}

// failedFor is how long a way that led nowhere comes last.
const failedFor = 10 * time.Second

// order puts those that lately failed last.
func (h *targetHealth) order(list []try) []try {
	h.mu.Lock()
	defer h.mu.Unlock()
	var last []try
	out := make([]try, 0, len(list))
	for _, t := range list {
		if when, failed := h.failed[t]; failed && time.Since(when) < failedFor {
			last = append(last, t)
		} else {
			out = append(out, t)
		}
	}
	return append(out, last...)
}

// note remembers how a try went.
func (h *targetHealth) note(t try, accepted bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failed == nil {
		h.failed = map[try]time.Time{}
	}
	if accepted {
		delete(h.failed, t)
		return
	}
	for old, when := range h.failed {
		if time.Since(when) >= failedFor {
			delete(h.failed, old)
		}
	}
	h.failed[t] = time.Now()
}
