package linux

import (
	"net/netip"
	"os"
	"testing"

	"cloister/internal/machine/fabric/fabrictest"
)

// start opens a fabric in a directory of its own and removes all it made after the test.
func start(t testing.TB) *Fabric {
	t.Helper()
	return startAt(t, netip.Addr{})
}

// beside is an address of this host at which VPN gateways may listen beside those of another fabric of
// this process.
func beside() netip.Addr {
	pid := os.Getpid()
	return netip.AddrFrom4([4]byte{127, byte(1 + pid>>8&0x7f), byte(pid), 2})
}

func startAt(t testing.TB, tunnels netip.Addr) *Fabric {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, or a user namespace of its own, to make network namespaces")
	}
	directory := t.TempDir()
	f, err := Open(Config{Directory: directory, Tunnels: tunnels})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		if err := Purge(directory); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestFabric(t *testing.T) {
	fabrictest.Run(t, func(t *testing.T) fabrictest.Fabric { return start(t) })
}

// TestMatrix compares the kernel with the law on networks made by chance.
func TestMatrix(t *testing.T) {
	fabrictest.Matrix(t, func(t *testing.T) fabrictest.Fabric { return &tested{Fabric: start(t), assumed: map[string]bool{}} }, fabrictest.All, 240)
}
