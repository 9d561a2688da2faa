package linux

import (
	"context"
	"testing"
	"time"

	"cloister/internal/machine/fabric"
)

// Connections that wait in the kernel while their address changes hands must not become the heir's.
func TestTheHeirOfAnAddressGetsNoConnections(t *testing.T) {
	f := start(t)
	n := pairNetwork()
	apply(t, f, n)
	const more = 30
	for range cap(f.entrance.arrived) + 1 + more { // nobody accepts: these fill the queue, the rest waits in the kernel
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		c, err := connectContext(ctx, f, "eni-1", "10.0.1.10:443")
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	n = pairNetwork()
	n.Interfaces[0].ID = "eni-heir"
	apply(t, f, n)
	mine, err := connectContext(context.Background(), f, "eni-heir", "10.0.1.10:443")
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	for {
		c, err := f.Listener().Accept()
		if err != nil {
			t.Fatal(err)
		}
		o := c.(fabric.Conn).Origin()
		last := c.RemoteAddr().String() == mine.LocalAddr().String()
		c.Close()
		if o.Interface == "eni-heir" && !last {
			t.Fatal("the heir has a connection that it did not make")
		}
		if last {
			return
		}
	}
}
