package door

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"cloister/internal/value/caller"
)

// asked is one end of a connection that a fabric brings.
type asked struct {
	net.Conn
	from caller.Origin
}

func (a asked) Origin() caller.Origin { return a.from }

type questions chan net.Conn

func (q questions) Accept() (net.Conn, error) {
	if c, ok := <-q; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (q questions) Close() error   { return nil }
func (q questions) Addr() net.Addr { return &net.TCPAddr{} }

// A workload that opens as many connections as it can has a share of them, and others are answered.
func TestAWorkloadDoesNotHoldAllTheConnectionsForCredentials(t *testing.T) {
	m, q := NewMetadata(time.Now, slog.New(slog.DiscardHandler), keeper{}), make(questions)
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Serve(ctx, q) }()
	dial := func(host byte) net.Conn {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { ours.Close() })
		q <- asked{theirs, caller.Origin{Place: caller.Metadata, VPC: "vpc-a", Interface: "eni-a", Source: netip.AddrFrom4([4]byte{10, 0, 0, host})}}
		return ours
	}
	for range perSource {
		dial(1)
	}
	var late net.Error
	now := time.Now().Add(10 * time.Second)
	more, other := dial(1), dial(2)
	for c, refused := range map[net.Conn]bool{more: true, other: false} {
		c.SetDeadline(now)
		_, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
		if errors.As(err, &late) && late.Timeout() || (err != nil) != refused {
			t.Errorf("refused %v: %v", refused, err)
		}
	}
	end()
	close(q)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
