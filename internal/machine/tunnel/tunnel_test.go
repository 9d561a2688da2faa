package tunnel

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// side is a tunnel with the namespace that its device is in.
type side struct {
	*namespace
	*Tunnel
	key Key
}

func open(t *testing.T, listen netip.AddrPort, key Key, address string, routes ...string) *side {
	t.Helper()
	s := &side{namespace: newNamespace(t), key: key}
	s.reopen(t, listen, address, routes...)
	return s
}

func (s *side) reopen(t *testing.T, listen netip.AddrPort, address string, routes ...string) {
	t.Helper()
	var err error
	if s.Tunnel, err = Open(Config{Name: "tun-test", Inside: s.inside, Key: s.key, Listen: listen}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Tunnel.Close)
	s.configure(t, "tun-test", address, routes...)
}

func (s *side) peers(t *testing.T, list ...Peer) {
	t.Helper()
	if err := s.SetPeers(list); err != nil {
		t.Fatal(err)
	}
}

// listen serves TCP: each connection is told who it is, and then given back what it sends.
func (s *side) listen(t *testing.T) {
	t.Helper()
	var l net.Listener
	err := s.inside(func() (err error) { l, err = net.Listen("tcp4", "0.0.0.0:8080"); return err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Fprintln(c, c.RemoteAddr().(*net.TCPAddr).IP)
				io.Copy(c, c) //nolint:errcheck // the client may be gone
			}()
		}
	}()
}

// dial connects from the side's namespace and gives what it is greeted with.
func (s *side) dial(to, from string, wait time.Duration) (c net.Conn, seen string, err error) {
	err = s.inside(func() (err error) {
		d := net.Dialer{Timeout: wait}
		if from != "" {
			d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
		}
		c, err = d.Dial("tcp4", to)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	c.SetDeadline(time.Now().Add(20 * time.Second)) //nolint:errcheck // a connection has them
	line := make([]byte, 64)
	n, err := c.Read(line)
	return c, strings.TrimSpace(string(line[:n])), err
}

const (
	quiet  = time.Second
	prompt = 20 * time.Second
)

// pair is a gateway and a customer, each the other's peer.
func pair(t *testing.T) (gateway, customer *side, shared Key) {
	gateway = open(t, loopback, NewKey(), "10.0.0.1", "10.99.0.0/16")
	customer = open(t, loopback, NewKey(), "10.99.0.1", "10.0.0.0/16")
	shared = NewShared()
	gateway.peers(t, Peer{PublicKey: Public(customer.key), Shared: shared, Networks: prefixes("10.99.0.0/24")})
	customer.peers(t, Peer{PublicKey: Public(gateway.key), Shared: shared, Networks: prefixes("10.0.0.0/16"), Endpoint: gateway.Address()})
	gateway.listen(t)
	return gateway, customer, shared
}

func TestPacketsPassBothWays(t *testing.T) {
	gateway, customer, _ := pair(t)
	c, seen, err := customer.dial("10.0.0.1:8080", "", prompt)
	if err != nil || seen != "10.99.0.1" {
		t.Fatalf("seen as %q: %v", seen, err)
	}
	defer c.Close()
	const much = 8 << 20
	go io.CopyN(c, zeros{}, much) //nolint:errcheck // the reader sees
	if n, err := io.CopyN(io.Discard, c, much); err != nil {
		t.Errorf("%d bytes came back: %v", n, err)
	}
	customer.listen(t)
	if _, _, err := gateway.dial("10.99.0.1:8080", "", prompt); err != nil {
		t.Errorf("from the gateway's side: %v", err)
	}
	states, err := gateway.States()
	if err != nil {
		t.Fatal(err)
	}
	s := states[Public(customer.key)]
	if !s.Up(time.Now()) || s.Received < much || s.Sent < much || s.Endpoint != customer.Address() {
		t.Errorf("the state is %+v, of %s", s, customer.Address())
	}
	if s.Up(s.Handshake.Add(Fresh)) {
		t.Error("a session without a new handshake is up for ever")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestSourcesAreThePeersOwn(t *testing.T) {
	_, customer, _ := pair(t)
	customer.configure(t, "lo", "10.99.1.1") // outside the peer's networks
	customer.configure(t, "lo", "10.99.0.7")
	if _, seen, err := customer.dial("10.0.0.1:8080", "10.99.0.7", prompt); err != nil || seen != "10.99.0.7" {
		t.Errorf("a host behind the customer is seen as %q: %v", seen, err)
	}
	if _, _, err := customer.dial("10.0.0.1:8080", "10.99.1.1", quiet); err == nil {
		t.Error("a source outside the peer's networks came through")
	}
}

func TestStrangersGetNoAnswer(t *testing.T) {
	gateway, customer, shared := pair(t)
	stranger := open(t, loopback, NewKey(), "10.99.0.1", "10.0.0.0/16")
	toGateway := Peer{PublicKey: Public(gateway.key), Shared: shared, Networks: prefixes("10.0.0.0/16"), Endpoint: gateway.Address()}
	stranger.peers(t, toGateway)
	if _, _, err := stranger.dial("10.0.0.1:8080", "", quiet); err == nil {
		t.Error("a stranger came in")
	}
	toGateway.Shared = NewShared()
	customer.peers(t, toGateway)
	if _, _, err := customer.dial("10.0.0.1:8080", "", quiet); err == nil {
		t.Error("the customer came in with another shared key")
	}
}

func TestOtherPeersKeepTheirConnections(t *testing.T) {
	gateway, customer, shared := pair(t)
	first := Peer{PublicKey: Public(customer.key), Shared: shared, Networks: prefixes("10.99.0.0/24")}
	c, _, err := customer.dial("10.0.0.1:8080", "", prompt)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	alive := func(why string) {
		t.Helper()
		if _, err := io.WriteString(c, "x"); err != nil {
			t.Fatalf("%s: %v", why, err)
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatalf("%s: %v", why, err)
		}
	}
	before, _ := gateway.States()
	other := open(t, loopback, NewKey(), "10.99.1.1", "10.0.0.0/16")
	other.peers(t, Peer{PublicKey: Public(gateway.key), Networks: prefixes("10.0.0.0/16"), Endpoint: gateway.Address()})
	second := Peer{PublicKey: Public(other.key), Networks: prefixes("10.99.1.0/24")}
	gateway.peers(t, first, second)
	if _, _, err := other.dial("10.0.0.1:8080", "", prompt); err != nil {
		t.Errorf("the second customer: %v", err)
	}
	alive("a peer more")
	second.Networks = prefixes("10.99.2.0/24")
	gateway.peers(t, second, first)
	if _, _, err := other.dial("10.0.0.1:8080", "", quiet); err == nil {
		t.Error("the second customer came in from a network it has no more")
	}
	gateway.peers(t, first)
	alive("a peer less")
	after, _ := gateway.States()
	if _, still := after[Public(other.key)]; still || after[Public(customer.key)].Handshake != before[Public(customer.key)].Handshake {
		t.Errorf("the sessions were %+v and are %+v", before, after)
	}
	first.Networks = append(first.Networks, prefixes("10.99.3.0/24")...)
	gateway.peers(t, first)
	alive("a network more")
}

func TestANewProcessIsFoundByTheOldPeer(t *testing.T) {
	gateway, customer, shared := pair(t)
	if _, _, err := customer.dial("10.0.0.1:8080", "", prompt); err != nil {
		t.Fatal(err)
	}
	states, _ := gateway.States()
	at, back := gateway.Address(), states[Public(customer.key)].Endpoint
	gateway.Tunnel.Close()
	<-gateway.Done()
	if gateway.has(t, "tun-test") {
		t.Fatal("the device is there after Close")
	}
	gateway.reopen(t, at, "10.0.0.1", "10.99.0.0/16")
	// The new process knows where the customer was, and speaks first: nobody has to wait until a session
	// that only the customer remembers is given up.
	gateway.peers(t, Peer{PublicKey: Public(customer.key), Shared: shared, Networks: prefixes("10.99.0.0/24"), Endpoint: back, Keepalive: 25 * time.Second})
	if _, _, err := customer.dial("10.0.0.1:8080", "", prompt); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeOpenedSaysWhy(t *testing.T) {
	s := open(t, loopback, NewKey(), "10.0.0.1")
	_, err := Open(Config{Name: "tun-test", Inside: s.inside, Key: s.key, Listen: loopback})
	if err == nil || !strings.Contains(err.Error(), "make device tun-test") {
		t.Errorf("a name that is taken: %v", err)
	}
	_, err = Open(Config{Name: "tun-second", Inside: s.inside, Key: s.key, Listen: s.Address()})
	if err == nil || !strings.Contains(err.Error(), s.Address().String()) || s.has(t, "tun-second") {
		t.Errorf("a port that is taken: %v", err)
	}
	if _, err = Open(Config{Name: "a-name-that-is-too-long", Inside: s.inside, Key: s.key, Listen: loopback}); err == nil {
		t.Error("a name that is too long is accepted")
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	k := NewKey()
	p := Peer{PublicKey: Public(k), Shared: NewShared()}
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s", p, p, k, k)} {
		if !strings.Contains(text, "***") || strings.Contains(text, fmt.Sprint(k[0])+" "+fmt.Sprint(k[1])) {
			t.Errorf("printed as %s", text)
		}
	}
}
