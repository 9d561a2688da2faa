// Package mesh seals what hosts send each other: each host's network namespace gets a device, behind which
// are the others, and a fence that lets nothing pass between them but what is sealed.
//
// It promises that no packet between the hosts of a mesh leaves a namespace in the clear from the moment
// that Open returns until the namespace is gone: also while no tunnel is open, because the process that had
// opened it is dead; and that who cannot administer the namespace can change nothing of that. The device and the
// fence end with the namespace. It must not know what a job is, nor who makes namespaces and lets packets pass between them.
package mesh

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/tunnel"
)

const (
	// Device is what the device is called in every namespace.
	Device = "cl-peer"
	// Port is the UDP port between the hosts. AWS's own encryption uses it too, so that groups which were made
	// for that let it pass.
	Port = 500
	// mark is on what the tunnels' sockets send, and nothing else can have it.
	mark = 0x636c
	// outer is what WireGuard adds to a packet: an IPv4 and a UDP header, its own and the seal.
	outer = 20 + 8 + 16 + 16
)

// ErrNoDevice says that there are no tunnel devices on this machine for this process.
var ErrNoDevice = tunnel.ErrNoDevice

// Range is where the hosts are behind their devices. No VPC can have it, nor whatever a VPC is connected to; the
// addresses at which credentials and names are asked for are not in it.
var Range = netip.MustParsePrefix("169.254.192.0/18")

// Inner is the address of a mesh's nth host behind its device.
func Inner(n int) netip.Addr {
	b := Range.Addr().As4()
	n++
	b[2], b[3] = b[2]+byte(n>>8), byte(n)
	return netip.AddrFrom4(b)
}

// Host is one of a mesh.
type Host struct {
	// Namespace is the path of its network namespace, Address where the others find that.
	Namespace string
	Address   netip.Addr
	// Inner is its address behind the device, Key its private key.
	Inner netip.Addr
	Key   tunnel.Key
}

// Meshes are those that this process has open. They are safe for concurrent use.
type Meshes struct {
	mu   sync.Mutex
	open map[string]*opened
}

// opened is one mesh.
type opened struct {
	mu      sync.Mutex // held while it is opened or closed
	hosts   []Host
	tunnels []*tunnel.Tunnel
}

// New makes none yet.
func New() *Meshes { return &Meshes{open: map[string]*opened{}} }

// at gives a mesh, and makes an empty one of one that is not there.
func (m *Meshes) at(id string) *opened {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open[id] == nil {
		m.open[id] = &opened{}
	}
	return m.open[id]
}

// Open makes the fences and the devices of a mesh, or takes up those that an earlier process has left, and returns when
// packets can pass, or would if those between let them. Doing it twice is doing it once, but that it opens anew what has ended meanwhile.
func (m *Meshes) Open(ctx context.Context, id string, hosts []Host) error {
	o := m.at(id)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.whole(hosts) {
		return nil
	}
	o.close()
	o.hosts, o.tunnels = slices.Clone(hosts), make([]*tunnel.Tunnel, len(hosts))
	// All fences are there before there is a way.
	err := each(hosts, func(i int) error { return inside(hosts[i].Namespace, func() error { return fence(hosts, i) }) })
	if err == nil {
		err = each(hosts, func(i int) (err error) { o.tunnels[i], err = open(&hosts[i]); return err })
	}
	if err == nil {
		err = o.meet(ctx)
	}
	if err != nil {
		o.close()
		return fmt.Errorf("mesh %s: %w", id, err)
	}
	return nil
}

// whole tells whether it is what it should be.
func (o *opened) whole(hosts []Host) bool {
	for _, t := range o.tunnels {
		select {
		case <-t.Done():
			return false
		default:
		}
	}
	return slices.Equal(o.hosts, hosts)
}

// each does something for every host, a few at a time.
func each(hosts []Host, do func(i int) error) error {
	var g errgroup.Group
	g.SetLimit(16)
	for i := range hosts {
		g.Go(func() error {
			if err := do(i); err != nil {
				return fmt.Errorf("host at %s: %w", hosts[i].Address, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// open opens a host's tunnel, which knows nobody yet.
func open(h *Host) (*tunnel.Tunnel, error) {
	within := func(do func() error) error { return inside(h.Namespace, do) }
	mtu, err := room(within, h.Address)
	if err != nil {
		return nil, err
	}
	t, err := tunnel.Open(tunnel.Config{
		Name: Device, Inside: within, Outside: within, Persist: true, Mark: mark, MTU: mtu, Key: h.Key, Listen: netip.AddrPortFrom(h.Address, Port),
	})
	if err != nil {
		return nil, err
	}
	if err := within(func() error { return lead(h.Inner) }); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Close closes the tunnels of a mesh, if this process has opened them: the namespaces can go then. What is fenced
// stays so.
func (m *Meshes) Close(id string) {
	m.mu.Lock()
	o := m.open[id]
	delete(m.open, id)
	m.mu.Unlock()
	if o != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.close()
	}
}

func (o *opened) close() {
	for _, t := range o.tunnels {
		if t != nil {
			t.Close()
		}
	}
	o.hosts, o.tunnels = nil, nil
}
