package algorithm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"sync"
	"time"

	"cloister/internal/engine/kmeans"
)

const (
	// clusterPort is where the first host waits for the others.
	clusterPort = "7077"
	// joinTime is how long hosts wait for each other. The platform starts them at once.
	joinTime = time.Minute
	// helloMagic begins a connection, failMark an explanation instead of values.
	helloMagic = 0x6b6d6373
	failMark   = math.MaxUint64
	maxReason  = 1024

	advice = "instances of a job must reach each other: its security group needs a rule that lets itself in"
)

// cluster is the hosts of a training job, of which the first adds up what all have. They speak over
// the interfaces that the platform gave them, by the names that it made: nothing is encrypted here.
type cluster struct {
	hosts []string
	self  int
	peers []*peer // of the first host all others in their order; of another host only the first
}

type peer struct {
	name string
	net.Conn
	room   []byte
	values []float64
}

func clusterAddress(host string) string { return net.JoinHostPort(host, clusterPort) }

// Hosts tells how many hosts there are and which this is.
func (c *cluster) Hosts() (count, self int) { return len(c.hosts), c.self }

// peerFailure is what another host said before it ended.
type peerFailure string

func (e peerFailure) Error() string { return string(e) }

// join finds the other hosts; a job of one host has none.
func (p program) join(ctx context.Context, config configuration) (kmeans.Cluster, error) {
	if len(config.hosts) < 2 {
		return kmeans.Alone{}, nil
	}
	c := &cluster{hosts: slices.Sorted(slices.Values(config.hosts))}
	if c.self = slices.Index(c.hosts, config.host); c.self < 0 {
		return nil, fmt.Errorf("resourceconfig.json: %q is not among the hosts %v", config.host, c.hosts)
	}
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	if c.self == 0 {
		return c, c.gather(ctx, p.address(c.hosts[0]))
	}
	first, err := c.call(ctx, p.address(c.hosts[0]))
	if err != nil {
		return nil, err
	}
	c.peers = []*peer{{name: c.hosts[0], Conn: first}}
	return c, nil
}

// gather waits for all others.
func (c *cluster) gather(ctx context.Context, address string) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", address)
	if err != nil {
		_, port, _ := net.SplitHostPort(address)
		if listener, err = config.Listen(ctx, "tcp4", ":"+port); err != nil {
			return err
		}
	}
	defer listener.Close()
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	c.peers = make([]*peer, len(c.hosts)-1)
	for joined := 0; joined < len(c.peers); {
		conn, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("%v did not come to %s in %v (%s): %w", c.missing(), address, joinTime, advice, errors.Join(ctx.Err(), err))
		}
		rank, err := c.greet(conn)
		if err != nil { // whoever that was, it is none of us
			conn.Close()
			continue
		}
		c.peers[rank-1] = &peer{name: c.hosts[rank], Conn: conn}
		joined++
	}
	return nil
}

func (c *cluster) missing() []string {
	var names []string
	for i, p := range c.peers {
		if p == nil {
			names = append(names, c.hosts[i+1])
		}
	}
	return names
}

// greet learns which host it is at the other end.
func (c *cluster) greet(conn net.Conn) (int, error) {
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	defer conn.SetReadDeadline(time.Time{})
	var hello [12]byte
	if _, err := io.ReadFull(conn, hello[:]); err != nil {
		return 0, err
	}
	magic, rank, count := binary.LittleEndian.Uint32(hello[:]), int(binary.LittleEndian.Uint32(hello[4:])), int(binary.LittleEndian.Uint32(hello[8:]))
	if magic != helloMagic || count != len(c.hosts) || rank < 1 || rank >= count || c.peers[rank-1] != nil {
		return 0, errors.New("not a host of this job")
	}
	return rank, nil
}

// call reaches the first host, which may not be there yet.
func (c *cluster) call(ctx context.Context, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	for {
		conn, err := dialer.DialContext(ctx, "tcp4", address)
		if err == nil {
			hello := binary.LittleEndian.AppendUint32(nil, helloMagic)
			hello = binary.LittleEndian.AppendUint32(hello, uint32(c.self))
			hello = binary.LittleEndian.AppendUint32(hello, uint32(len(c.hosts)))
			_, err = conn.Write(hello)
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the first host cannot be reached (%s): %w", advice, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Sum adds up the values of all hosts, always in the order of the hosts.
func (c *cluster) Sum(values []float64) error {
	if c.self > 0 {
		first := c.peers[0]
		if err := first.send(values); err != nil {
			return first.lost(err)
		}
		return first.receive(values)
	}
	errs := c.each(func(p *peer) error {
		if len(p.values) < len(values) {
			p.values = make([]float64, len(values))
		}
		return p.receive(p.values[:len(values)])
	})
	if err := firstFailure(errs); err != nil {
		return err
	}
	for _, p := range c.peers {
		for i, v := range p.values[:len(values)] {
			values[i] += v
		}
	}
	return firstFailure(c.each(func(p *peer) error { return p.lost(p.send(values)) }))
}

// each does something with all peers at once.
func (c *cluster) each(do func(*peer) error) []error {
	errs := make([]error, len(c.peers))
	var group sync.WaitGroup
	for i, p := range c.peers {
		if p != nil { // nil before it came
			group.Go(func() { errs[i] = do(p) })
		}
	}
	group.Wait()
	return errs
}

// firstFailure prefers a host that said why over one that is only gone.
func firstFailure(errs []error) error {
	for _, err := range errs {
		if errors.As(err, new(peerFailure)) {
			return err
		}
	}
	return errors.Join(errs...)
}

// leave ends the connections; with a reason the others hear it, and end with the same.
func (c *cluster) leave(reason string) {
	if reason != "" {
		reason = reason[:min(len(reason), maxReason)]
		frame := binary.LittleEndian.AppendUint64(nil, failMark)
		frame = append(binary.LittleEndian.AppendUint64(frame, uint64(len(reason))), reason...)
		c.each(func(p *peer) error {
			p.SetWriteDeadline(time.Now().Add(time.Second))
			_, err := p.Write(frame)
			return err
		})
	}
	c.each(func(p *peer) error { return p.Close() })
}

func (p *peer) lost(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("lost the host %s: %w", p.name, err)
}

func (p *peer) send(values []float64) error {
	p.room = binary.LittleEndian.AppendUint64(p.room[:0], uint64(len(values)))
	for _, v := range values {
		p.room = binary.LittleEndian.AppendUint64(p.room, math.Float64bits(v))
	}
	_, err := p.Write(p.room)
	return err
}

func (p *peer) receive(values []float64) error {
	var head [8]byte
	if _, err := io.ReadFull(p, head[:]); err != nil {
		return p.lost(err)
	}
	count := binary.LittleEndian.Uint64(head[:])
	if count == failMark {
		return p.reason()
	}
	if count != uint64(len(values)) {
		return fmt.Errorf("the host %s is at another step: it has %d values and not %d; are the hosts' hyperparameters the same?", p.name, count, len(values))
	}
	p.room = slices.Grow(p.room[:0], 8*len(values))[:8*len(values)]
	if _, err := io.ReadFull(p, p.room); err != nil {
		return p.lost(err)
	}
	for i := range values {
		values[i] = math.Float64frombits(binary.LittleEndian.Uint64(p.room[8*i:]))
	}
	return nil
}

func (p *peer) reason() error {
	var size [8]byte
	if _, err := io.ReadFull(p, size[:]); err != nil {
		return p.lost(err)
	}
	text := make([]byte, min(binary.LittleEndian.Uint64(size[:]), maxReason))
	n, _ := io.ReadFull(p, text)
	return peerFailure(text[:n])
}
