package door

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
)

const (
	// perSource is how many connections one address may hold open, perEndpoint how many the clients of
	// one VPC endpoint (or of the internet) together, total how many all together: what is left of the
	// process's descriptors is for its own work.
	perSource   = 1024
	perEndpoint = 4096
	total       = 8192
	// The last quarter of each room is for those who have few: some that fill up all the rest keep nobody out.
	sourceFew   = 64
	endpointFew = 256
	// roomTime is how long a large body waits for room.
	roomTime = 10 * time.Second
)

var slowDown = fault.Kind{Code: "ServiceUnavailable", Status: 503}

// fair is a listener that no caller can end or fill up: shortage passes, and neither one address nor
// the clients of one endpoint hold more than their share.
type fair struct {
	net.Listener
	mu   sync.Mutex
	open map[string]int // by source ("vpc/address") and by endpoint
	all  int
}

func newFair(l net.Listener) *fair { return &fair{Listener: l, open: map[string]int{}} }

// Accept gives the next connection that is within its source's share; others are closed unread.
func (f *fair) Accept() (net.Conn, error) {
	for {
		c, err := f.Listener.Accept()
		if passing(err) {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if err != nil {
			return nil, err
		}
		if s, ok := f.take(c); ok {
			return s, nil
		}
		c.Close()
	}
}

// passing tells whether an error of accept is about this moment and not about the listener.
func passing(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (f *fair) take(c net.Conn) (net.Conn, bool) {
	o := origin(c)
	source, endpoint := o.VPC+"/"+o.Source.String(), o.EndpointID
	f.mu.Lock()
	defer f.mu.Unlock()
	if !within(f.all, total, f.open[endpoint], perEndpoint, endpointFew) || !within(f.open[endpoint], perEndpoint, f.open[source], perSource, sourceFew) {
		return nil, false
	}
	f.all++
	f.open[source]++
	f.open[endpoint]++
	return &share{Conn: c, from: o, give: sync.OnceFunc(func() { f.give(source, endpoint) })}, true
}

// within says whether there is room for one more of somebody who has own of the taken.
func within(taken, all, own, most, few int) bool {
	return taken < all && own < most && (taken < all-all/4 || own < few)
}

func (f *fair) give(of ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all--
	for _, k := range of {
		if f.open[k]--; f.open[k] == 0 {
			delete(f.open, k)
		}
	}
}

// share is a connection that is counted.
type share struct {
	net.Conn
	from caller.Origin
	give func()
}

// Origin is the path that the connection took.
func (s *share) Origin() caller.Origin { return s.from }

// Close gives the share back.
func (s *share) Close() error {
	s.give()
	return s.Conn.Close()
}
