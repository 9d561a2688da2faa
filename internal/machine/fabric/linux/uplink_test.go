package linux

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
)

// beyond is a server of the real network, as the host would reach it.
func beyond(t *testing.T, f *Fabric) *atomic.Value {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
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
				b := make([]byte, 64)
				for {
					n, err := c.Read(b)
					if err != nil {
						return
					}
					c.Write(b[:n]) //nolint:errcheck // the test is at the other end
				}
			}()
		}
	}()
	var asked atomic.Value
	asked.Store(netip.AddrPort{})
	f.uplink.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		if to.Port() == 9 {
			return nil, errors.New("refused")
		}
		asked.Store(to)
		return new(net.Dialer).DialContext(ctx, "tcp4", l.Addr().String())
	}
	return &asked
}

func TestTheUplinkLeadsToTheHostsNetwork(t *testing.T) {
	f := start(t)
	n := roads()
	apply(t, f, n)
	asked := beyond(t, f)
	from(t, f, "cl.host.host", "93.184.216.34:80", false, "closed")
	up := roads()
	up.Internet.Uplink = true
	apply(t, f, up)
	echo(t, f.directory, "cl.host.host-2", "0.0.0.0:8080")
	for namespace, to := range map[string]string{"cl.host.host": "93.184.216.34:80", "cl.eni.public": "1.1.1.1:8443", "cl.eni.private": "8.8.8.8:443"} {
		from(t, f, namespace, to, true, "by the uplink")
		if got := asked.Load().(netip.AddrPort); got.String() != to {
			t.Errorf("%s asked for %s and got %s", namespace, to, got)
		}
	}
	for _, to := range []string{"10.9.9.9:80", "192.168.1.1:22", "172.16.0.1:80", "169.254.169.254:80", "100.64.0.1:80", "198.18.77.7:80", "203.0.113.77:443", "192.0.2.54:15001", "224.0.0.1:80"} {
		c, err := connect(t, f.directory, "cl.host.host", to, quiet)
		if err == nil {
			if _, err = c.Read(make([]byte, 1)); err == nil {
				t.Errorf("%s is reached by the uplink", to)
			}
		}
	}
	from(t, f, "cl.eni.plain", "93.184.216.34:80", false, "no public address")
	from(t, f, "cl.eni.b1", "93.184.216.34:80", false, "a VPC without a gateway")
	from(t, f, "cl.host.host", "198.51.100.11:8080", true, "who is here stays here")

	c, err := connect(t, f.directory, "cl.host.host", "93.184.216.34:80", prompt)
	if err != nil {
		t.Fatal(err)
	}
	alive(t, c, "before the uplink is taken away")
	apply(t, f, roads())
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a connection by the uplink outlives it")
	}
	same(t, f, roads(), "the uplink is taken away")
}
