package algorithm

import (
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

func TestHostsMeet(t *testing.T) {
	at := map[string]string{}
	hosts := []string{"algo-1", "algo-2", "algo-3"}
	for _, h := range hosts {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at[h] = l.Addr().String()
		l.Close()
	}
	var g errgroup.Group
	roots := map[string]string{}
	for _, h := range hosts {
		p, _ := newProbe(t, "{}")
		p.address, roots[h] = func(host string) string { return at[host] }, p.root
		g.Go(func() error { return p.meet(t.Context(), configuration{host: h, hosts: hosts}, "30") })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for h, root := range roots {
		if b, err := os.ReadFile(root + "/model/" + h); err != nil || string(b) != "6" {
			t.Errorf("%s: %q %v", h, b, err)
		}
	}
	p, _ := newProbe(t, "{}")
	p.address = func(host string) string { return at[host] }
	if err := p.meet(t.Context(), configuration{host: "algo-1", hosts: hosts}, "1"); err == nil || !strings.Contains(err.Error(), "algo-") {
		t.Errorf("alone: %v", err)
	}
	if err := p.meet(t.Context(), configuration{host: "algo-9", hosts: hosts}, "1"); err == nil {
		t.Error("it is none of them")
	}
}
