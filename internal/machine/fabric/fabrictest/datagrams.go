package fabrictest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"cloister/internal/engine/reach"
)

// Datagrams is a fabric in whose namespaces a test can also open other sockets than TCP's.
type Datagrams interface {
	ListenUDPIn(id string, at netip.AddrPort) (*net.UDPConn, error)
	// DialUDP makes a socket that speaks with one address, from the namespace's own if source is invalid.
	DialUDP(id string, source netip.Addr, to netip.AddrPort) (net.Conn, error)
	// Ping sends an echo request and waits for its reply.
	Ping(ctx context.Context, id string, to netip.Addr) error
}

// post is who got which datagram: by its text, the receiver and the source that he saw.
type post struct {
	sync.Mutex
	arrived map[string]string
}

func (p *post) put(text, receiver string) {
	p.Lock()
	defer p.Unlock()
	p.arrived[text] = receiver
}

func (p *post) who(text string) string {
	p.Lock()
	defer p.Unlock()
	return p.arrived[text]
}

// serveUDP opens a server in a namespace that notes what it gets and sends it back.
func (w *world) serveUDP(id, at string) {
	d, can := w.Fabric.(Datagrams)
	if !can {
		return
	}
	c, err := d.ListenUDPIn(id, netip.MustParseAddrPort(at))
	if err != nil {
		w.t.Fatalf("serve udp %s in %s: %v", at, id, err)
	}
	w.mu.Lock()
	w.sockets = append(w.sockets, c)
	w.mu.Unlock()
	w.running.Go(func() {
		for b := make([]byte, 1500); ; {
			n, from, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			w.post.put(string(b[:n]), id+" "+from.Addr().Unmap().String())
			c.WriteToUDPAddrPort(b[:n], from)
		}
	})
}

// datagram sends one packet, more often if it must arrive, and demands what the law says of it and of its answer.
func (m *matrix) datagram(p reach.Probe, path *reach.Path) error {
	if path.Kind == reach.Tunnelled {
		return nil // nobody there tells
	}
	c, err := m.Fabric.(Datagrams).DialUDP(p.From, p.Source, p.To)
	if err != nil {
		return err
	}
	defer c.Close()
	text := fmt.Sprintf("%s to %s %x", p.From, p.To, rand.Uint64())
	answer := make([]byte, 1500)
	answered := false
	want := ""
	if path.Arrived && m.index.Kind(path.Interface) != reach.KindNone { // neither a resolver nor a tunnel can tell
		want = path.Interface + " " + path.Source.Addr().String()
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if _, err := c.Write([]byte(text)); err != nil && !strings.Contains(err.Error(), "refused") {
			return err
		}
		c.SetReadDeadline(time.Now().Add(2 * silence))
		n, err := c.Read(answer)
		answered = err == nil && string(answer[:n]) == text
		if answered || path.Kind == reach.Dropped && m.post.who(text) == want {
			break
		}
		if path.Kind == reach.Forwarded && m.post.who(text) == want {
			return nil // it has no source to answer from
		}
		if err != nil && !isSilence(err) {
			return err
		}
	}
	if got := m.post.who(text); got != want {
		return fmt.Errorf("the datagram arrived at %q, not %q", got, want)
	}
	if answered != (path.Kind == reach.Delivered) {
		return fmt.Errorf("answered: %v", answered)
	}
	return nil
}

// echo demands what the law says of a ping.
func (m *matrix) echo(id string, to netip.Addr, path *reach.Path) error {
	wait := patience
	behind := path.Kind == reach.Tunnelled && len(m.greetings(path)) > 0
	if path.Kind != reach.Delivered && !behind {
		wait = 2 * silence
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	err := m.Fabric.(Datagrams).Ping(ctx, id, to)
	if path.Kind == reach.Forwarded || path.Kind == reach.Tunnelled && !behind {
		return nil // it may answer or not
	}
	if (err == nil) != (path.Kind == reach.Delivered || behind) {
		return fmt.Errorf("the echo: %v", err)
	}
	return nil
}

// sendForOthers sends datagrams of interfaces that forward, with sources that are not theirs.
func (m *matrix) sendForOthers(r *rand.Rand, done *sync.WaitGroup, room chan struct{}, targets []netip.Addr) {
	if _, can := m.Fabric.(Datagrams); !can {
		return
	}
	for _, i := range m.n.Interfaces {
		if !i.Forwards {
			continue
		}
		for _, source := range addresses("198.51.100.77", "192.168.0.77", "10.11.0.77") {
			for _, to := range targets {
				if to != i.Address && r.IntN(5) == 0 {
					m.one(done, room, reach.Probe{From: i.ID, Source: source, Protocol: reach.UDP, To: netip.AddrPortFrom(to, 808)})
				}
			}
		}
	}
}
