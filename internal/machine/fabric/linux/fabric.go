// Package linux is the fabric of Linux: a router namespace for each VPC and one for the internet, a
// namespace for each interface, routed veths between them, and nftables in between.
//
// It promises, beyond the interface: all it makes is inside <Directory>/netns and inside namespaces
// bound there, so that Purge finds it and nothing else is touched; only differences are sent to the
// kernel; it needs no more than CAP_SYS_ADMIN and CAP_NET_ADMIN in its own user namespace. It must not
// know what a caller, a policy or an AWS API is.
package linux

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/machine/fabric"
	"cloister/internal/value/network"
)

// Config says where a fabric lives.
type Config struct {
	// Directory is the instance's own; namespaces are bound below it.
	Directory string
	Logger    *slog.Logger
	// Tunnels is the address of this host on which VPN gateways listen; none means loopback.
	Tunnels netip.Addr
	// NoTunnels says why there can be none; empty: there can.
	NoTunnels string
	// Idle is how long a connection through a load balancer may carry nothing; zero is AWS's 350 seconds.
	Idle time.Duration
}

// Fabric is the data plane in the kernel.
type Fabric struct {
	directory string
	log       *slog.Logger
	lock      *os.File
	sweeper   *sweeper
	entrance  *entrance
	relays    *relays
	uplink    *uplink
	index     atomic.Pointer[reach.Index]
	turn      atomic.Uint32
	observer  network.Observer // nil: nobody
	recursor  *recursor
	// flowInterval is how often live connections are told of.
	flowInterval time.Duration
	tunnels      netip.Addr
	noTunnels    string
	whereabouts  *whereabouts

	mu      sync.Mutex // held by Apply and Close
	closed  bool
	files   map[string]bool    // namespaces that exist; nil: not yet read
	routers map[string]*router // by VPC; "" is the internet
	// gateways are the VPN gateways that are open or should be, by VPC.
	gateways map[string]*gateway
}

var _ fabric.Fabric = (*Fabric)(nil)

// Open takes the directory for this process. It changes nothing in the kernel: that is for the first
// Apply, which knows what is wanted.
func Open(c Config) (*Fabric, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if !c.Tunnels.IsValid() {
		c.Tunnels = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	lock, err := takeDirectory(c.Directory)
	if err != nil {
		return nil, err
	}
	f := &Fabric{
		directory:    c.Directory,
		log:          c.Logger,
		lock:         lock,
		sweeper:      newSweeper(c.Logger),
		entrance:     newEntrance(),
		recursor:     newRecursor(),
		flowInterval: defaultFlowInterval,
		routers:      map[string]*router{},
		tunnels:      c.Tunnels,
		noTunnels:    c.NoTunnels,
		whereabouts:  newWhereabouts(c.Directory),
		gateways:     map[string]*gateway{},
	}
	if c.Idle == 0 {
		c.Idle = 350 * time.Second
	}
	f.relays, f.uplink = newRelays(f, c.Idle), newUplink(c.Logger, c.Idle)
	f.entrance.relays = f.relays
	return f, nil
}

func takeDirectory(directory string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Join(directory, "netns"), 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(directory, "netns", ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s is another process's: %w", directory, err)
	}
	if err := gather(filepath.Join(directory, "netns")); err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

func (f *Fabric) path(file string) string { return filepath.Join(f.directory, "netns", file) }

// ensure adopts or makes a namespace and remembers its file.
func (f *Fabric) ensure(file string, prepare func() error) (*os.File, bool, error) {
	ns, fresh, err := ensureNamespace(f.path(file), prepare)
	if err == nil {
		f.files[file] = true
	}
	return ns, fresh, err
}

// Listener gives the one listener of all endpoints and doors.
func (f *Fabric) Listener() net.Listener { return f.entrance }

// Metadata gives the one listener of workloads that ask for their credentials.
func (f *Fabric) Metadata() net.Listener { return questions{f.entrance} }

// Namespace gives the path of a namespace.
func (f *Fabric) Namespace(id string) string {
	x := f.index.Load()
	if x == nil {
		return ""
	}
	if file := namespaceFile(x, id); file != "" {
		return f.path(file)
	}
	return ""
}

func namespaceFile(x *reach.Index, id string) string {
	switch x.Kind(id) {
	case reach.KindInterface:
		return fileName(kindInterface, id)
	case reach.KindIsolated:
		return fileName(kindIsolated, id)
	case reach.KindHost:
		return fileName(kindHost, id)
	}
	return ""
}

// Resolver gives what the resolv.conf of a namespace says.
func (f *Fabric) Resolver(id string) network.Resolver {
	if x := f.index.Load(); x != nil {
		return x.Resolver(id)
	}
	return network.Resolver{}
}

// Observe names who hears of what happens in the VPCs that are logged.
func (f *Fabric) Observe(o network.Observer) { f.observer = o }

// Lookup answers as that resolver would.
func (f *Fabric) Lookup(id, name string) []netip.Addr {
	if x := f.index.Load(); x != nil {
		return x.Lookup(id, name, f.turn.Add(1))
	}
	return nil
}

// Close ends listening, resolving and tunnels; the kernel keeps what it has.
func (f *Fabric) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	f.noteWhereabouts()
	f.closeGateways(nil)
	close(f.whereabouts.quit)
	f.entrance.Close()
	f.relays.close()
	f.uplink.close()
	for _, r := range f.routers {
		r.close()
	}
	f.sweeper.finish()
	return f.lock.Close()
}

// Apply makes the kernel equal to want.
func (f *Fabric) Apply(ctx context.Context, want *network.Network) error {
	index, err := reach.NewIndex(want)
	if err != nil {
		return fmt.Errorf("apply network: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return errors.New("apply network: fabric is closed")
	}
	if first := succession(f.index.Load(), want); first != nil {
		between, err := reach.NewIndex(first)
		if err == nil {
			err = f.apply(ctx, first, between)
		}
		if err != nil {
			return fmt.Errorf("apply network: %w", err)
		}
	}
	if err := f.apply(ctx, want, index); err != nil {
		return fmt.Errorf("apply network: %w", err)
	}
	return nil
}
