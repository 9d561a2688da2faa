// Package tunnel carries packets between a network device of this machine and a peer elsewhere, by
// WireGuard in this process.
//
// It promises that nothing but what a peer's key has sealed comes out of the device, and only from the
// networks that the peer was given; that a change of peers leaves the others' sessions alone; and that
// no key is ever printed. It must not know what a VPC is.
package tunnel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.zx2c4.com/wireguard/device"
)

// MTU fits into whatever carries 1500 bytes, IPv6 included.
const MTU = 1420

// Config says what a tunnel is made of.
type Config struct {
	// Name is the device's.
	Name string
	// Inside runs a function in the network namespace in which the device will be, Outside in the one of the
	// UDP socket; nil means the process's own.
	Inside, Outside func(do func() error) error
	// Persist has the device outlive the tunnel, with its addresses and routes: it takes no packets then. It ends
	// with its namespace; who opens a tunnel of the same name there goes on with it.
	Persist bool
	// Mark is set on what the socket sends; zero for none. What has no privilege cannot set one.
	Mark int
	// MTU of the device; zero means the constant.
	MTU int
	Key Key
	// Listen is where sealed packets arrive; port 0 is any.
	Listen netip.AddrPort
}

// Peer is the other side.
type Peer struct {
	PublicKey Key
	Shared    Key // a pre-shared key; zero for none
	// Networks are what may come from the peer and what goes to it.
	Networks []netip.Prefix
	// Endpoint is where the peer listens; the zero value waits for the peer to come, or leaves it where
	// it is.
	Endpoint netip.AddrPort
	// Keepalive is how often something is sent to a peer that is silent, so that it hears of a new
	// process here and what is between the two remembers them; zero is never.
	Keepalive time.Duration
}

func (p *Peer) equal(o *Peer) bool {
	return p.PublicKey == o.PublicKey && p.Shared == o.Shared && slices.Equal(p.Networks, o.Networks) && p.Endpoint == o.Endpoint && p.Keepalive == o.Keepalive
}

// after is the peer with what is not said of it now and was said before.
func (p Peer) after(old *Peer) *Peer {
	p.Networks = slices.Clone(p.Networks)
	if old != nil && !p.Endpoint.IsValid() {
		p.Endpoint = old.Endpoint
	}
	return &p
}

// State is what is known of a peer.
type State struct {
	Handshake      time.Time // of the last one; zero for none
	Endpoint       netip.AddrPort
	Sent, Received uint64 // bytes, sealed
}

// Fresh is how long a session lives without a new handshake: after that nothing passes.
const Fresh = device.RejectAfterTime

// Up says whether there is a session.
func (s *State) Up(now time.Time) bool {
	return !s.Handshake.IsZero() && now.Sub(s.Handshake) < Fresh
}

// Tunnel is a device and its socket.
type Tunnel struct {
	device *device.Device
	bind   *bind

	mu    sync.Mutex
	peers map[Key]*Peer
}

// Open makes the device and begins to listen. The device ends with Close, or with the process, unless it
// persists.
func Open(c Config) (*Tunnel, error) {
	if c.MTU == 0 {
		c.MTU = MTU
	}
	link, err := openLink(&c)
	if err != nil {
		return nil, fmt.Errorf("make device %s: %w", c.Name, err)
	}
	b := &bind{listen: c.Listen, mark: c.Mark, outside: in(c.Outside)}
	// Both logs are silent: what they would tell of strangers is no operator's business, and of keys nobody's.
	d := device.NewDevice(link, b, &device.Logger{Verbosef: device.DiscardLogf, Errorf: device.DiscardLogf})
	t := &Tunnel{device: d, bind: b, peers: map[Key]*Peer{}}
	if err := d.IpcSet(fmt.Sprintf("private_key=%x\nlisten_port=%d\n", c.Key[:], c.Listen.Port())); err != nil {
		t.Close()
		return nil, fmt.Errorf("set key of %s: %w", c.Name, plain(err))
	}
	if err := d.Up(); err != nil {
		t.Close()
		return nil, fmt.Errorf("listen on %s: %w", c.Listen, plain(err))
	}
	return t, nil
}

// plain is an error of the library without its dress.
func plain(err error) error {
	if in := new(net.OpError); errors.As(err, &in) {
		return in.Err
	}
	return err
}

// Address is where the tunnel listens.
func (t *Tunnel) Address() netip.AddrPort { return t.bind.address() }

// Done is closed when the device is gone: closed, or taken away with its namespace.
func (t *Tunnel) Done() <-chan struct{} { return t.device.Wait() }

// Close ends the tunnel; its device is gone, if it does not persist.
func (t *Tunnel) Close() { t.device.Close() }

// SetPeers makes the peers those that are given; what is as it was keeps its session.
func (t *Tunnel) SetPeers(peers []Peer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	want := make(map[Key]*Peer, len(peers))
	for i := range peers {
		want[peers[i].PublicKey] = &peers[i]
	}
	for key, old := range t.peers {
		// A session sealed with another shared key must not go on.
		if now := want[key]; now == nil || now.Shared != old.Shared {
			if err := t.device.IpcSet(fmt.Sprintf("public_key=%x\nremove=true\n", key[:])); err != nil {
				return fmt.Errorf("remove a peer: %w", err)
			}
			delete(t.peers, key)
		}
	}
	for _, p := range peers {
		old := t.peers[p.PublicKey]
		now := p.after(old)
		if old != nil && old.equal(now) {
			continue
		}
		if err := t.device.IpcSet(now.conf(old)); err != nil {
			return fmt.Errorf("set a peer: %w", err)
		}
		t.peers[p.PublicKey] = now
	}
	return nil
}

// States tells of each peer.
func (t *Tunnel) States() (map[Key]State, error) {
	text, err := t.device.IpcGet()
	if err != nil {
		return nil, fmt.Errorf("read peers: %w", err)
	}
	return readStates(text), nil
}
