package linux

import (
	"context"
	"testing"

	"go.uber.org/goleak"
)

func TestCloseEndsEveryGoroutine(t *testing.T) {
	before := goleak.IgnoreCurrent()
	f := start(t)
	apply(t, f, pairNetwork())
	c, err := connectContext(context.Background(), f, "eni-1", "10.0.1.10:443") // accepted by nobody
	if err != nil {
		t.Fatal(err)
	}
	n := pairNetwork()
	n.Interfaces = n.Interfaces[2:]
	apply(t, f, n) // leaves something to sweep
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	goleak.VerifyNone(t, before)
}
