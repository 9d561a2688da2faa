package door

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"testing"

	"cloister/internal/value/caller"
)

// from is a connection from an address.
type from struct {
	net.Conn
	source   string
	closed   *int
	endpoint string
}

func (c from) Origin() caller.Origin {
	return caller.Origin{Place: caller.Endpoint, VPC: "vpc-1", EndpointID: c.endpoint, Source: netip.MustParseAddr(c.source)}
}

func (c from) Close() error { *c.closed++; return nil }

// script is a listener that gives what it is told to, then net.ErrClosed.
type script struct {
	net.Listener
	next []any
}

func (s *script) Accept() (net.Conn, error) {
	if len(s.next) == 0 {
		return nil, net.ErrClosed
	}
	n := s.next[0]
	s.next = s.next[1:]
	if err, ok := n.(error); ok {
		return nil, &net.OpError{Op: "accept", Err: err}
	}
	return n.(net.Conn), nil
}

func TestNoCallerEndsOrFillsTheListener(t *testing.T) {
	var closed int
	l := &script{next: []any{syscall.EMFILE, syscall.ECONNABORTED}}
	for range perSource + 3 {
		l.next = append(l.next, from{source: "10.0.0.1", closed: &closed})
	}
	l.next = append(l.next, from{source: "10.0.0.2", closed: &closed})
	f := newFair(l)
	var got []net.Conn
	for {
		c, err := f.Accept()
		if err != nil {
			break
		}
		got = append(got, c)
	}
	if len(got) != perSource+1 || closed != 3 {
		t.Fatalf("took %d connections and closed %d; want %d and 3", len(got), closed, perSource+1)
	}
	if o := origin(got[0]); o.Source.String() != "10.0.0.1" || o.VPC != "vpc-1" {
		t.Errorf("the origin of a counted connection is %+v", o)
	}
	got[0].Close()
	got[0].Close() // twice gives back once
	l.next = []any{from{source: "10.0.0.1", closed: &closed}, from{source: "10.0.0.1", closed: &closed}}
	if _, err := f.Accept(); err != nil {
		t.Errorf("a share given back is not taken again: %v", err)
	}
	if _, err := f.Accept(); err == nil {
		t.Error("closing twice gave two shares back")
	}
}

func TestTheClientsOfOneEndpointLeaveRoomForAnothers(t *testing.T) {
	var closed int
	l := new(script)
	for i := range perEndpoint + 5 {
		l.next = append(l.next, from{source: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String(), closed: &closed, endpoint: "vpce-1"})
	}
	l.next = append(l.next, from{source: "10.0.0.1", closed: &closed, endpoint: "vpce-2"})
	f, got := newFair(l), 0
	for {
		if _, err := f.Accept(); err != nil {
			break
		}
		got++
	}
	if got != perEndpoint+1 || closed != 5 {
		t.Errorf("took %d connections and closed %d; want %d and 5", got, closed, perEndpoint+1)
	}
}

func TestSomeWhoTakeAllTheyGetLeaveRoomForOthers(t *testing.T) {
	var closed int
	l := new(script)
	come := func(endpoint, network string, sources, each int) {
		for i := range sources {
			for range each {
				l.next = append(l.next, from{source: network + strconv.Itoa(i+1), closed: &closed, endpoint: endpoint})
			}
		}
	}
	f := newFair(l)
	took := func() (n int) {
		for {
			if _, err := f.Accept(); err != nil {
				return n
			}
			n++
		}
	}
	come("vpce-1", "10.0.0.", 5, perSource)
	if n := took(); n >= perEndpoint {
		t.Fatalf("five clients filled an endpoint with %d connections", n)
	}
	if come("vpce-1", "10.0.1.", 10, 10); took() != 100 {
		t.Error("other clients of the endpoint were kept out")
	}
	for _, other := range []string{"vpce-2", "vpce-3", "vpce-4"} {
		come(other, "10.0.2.", 8, perSource)
	}
	if n := took(); f.all >= total {
		t.Fatalf("four endpoints filled everything with %d connections", n)
	}
	if come("vpce-9", "10.0.3.", 10, 10); took() != 100 {
		t.Error("another endpoint's clients were kept out")
	}
}
