package linux

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// sweeper deletes links that are cut off already. The kernel takes tens of milliseconds for each and
// keeps everyone else from changing a link meanwhile, so it waits a little: the end of a namespace takes
// its link along, and only the link of a namespace that someone still holds is left to delete.
type sweeper struct {
	log     *slog.Logger
	mu      sync.Mutex
	queue   []dead
	busy    bool          // a goroutine is there for the queue
	hurry   chan struct{} // closed: do not wait
	running sync.WaitGroup
}

const sweepAfter = 200 * time.Millisecond

type dead struct {
	namespace int // a descriptor of our own
	link      string
}

func newSweeper(log *slog.Logger) *sweeper {
	return &sweeper{log: log, hurry: make(chan struct{})}
}

// add hands a link over.
func (s *sweeper) add(namespace *os.File, link string) {
	fd, err := unix.FcntlInt(namespace.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil || link == "" {
		return // the next process finds it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, dead{fd, link})
	if !s.busy {
		s.busy = true
		hurry := s.hurry
		s.running.Go(func() { s.run(hurry) })
	}
}

// finish deletes what is queued and returns when that is done.
func (s *sweeper) finish() {
	s.mu.Lock()
	close(s.hurry)
	s.mu.Unlock()
	s.running.Wait()
	s.mu.Lock()
	s.hurry = make(chan struct{})
	s.mu.Unlock()
}

// run sweeps until nothing is queued.
func (s *sweeper) run(hurry <-chan struct{}) {
	for {
		select {
		case <-time.After(sweepAfter):
		case <-hurry:
		}
		s.sweep()
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.busy = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
	}
}

func (s *sweeper) sweep() {
	s.mu.Lock()
	queue := s.queue
	s.queue = nil
	s.mu.Unlock()
	routers := map[uint64]*cut{}
	for _, d := range queue {
		var at unix.Stat_t
		if err := unix.Fstat(d.namespace, &at); err != nil {
			unix.Close(d.namespace)
			continue
		}
		if routers[at.Ino] == nil {
			routers[at.Ino] = &cut{namespace: d.namespace}
		} else {
			unix.Close(d.namespace)
		}
		routers[at.Ino].links = append(routers[at.Ino].links, d.link)
	}
	for _, c := range routers {
		if err := c.delete(); err != nil {
			s.log.Warn("links could not be deleted", "links", c.links, "error", err)
		}
		unix.Close(c.namespace)
	}
}

// cut is the links that go from one router.
type cut struct {
	namespace int
	links     []string
}

// sweptGroup is the group of links that are about to be deleted: the kernel deletes a group for hardly
// more than the price of one link.
const sweptGroup = 0x636c

func (c *cut) delete() error {
	h, err := netlink.NewHandleAt(netns.NsHandle(c.namespace), unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	found := false
	for _, name := range c.links {
		link, err := h.LinkByName(name)
		if errors.As(err, new(netlink.LinkNotFoundError)) {
			continue // it went with its namespace
		}
		if err == nil {
			err = h.LinkSetGroup(link, sweptGroup)
		}
		if err != nil && !errors.Is(err, unix.ENODEV) {
			return err
		}
		found = true
	}
	if !found {
		return nil
	}
	return deleteGroup(c.namespace, sweptGroup)
}
