package ec2

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// answers tells whether packets from a namespace get to an address and back: nobody serves there, so the
// answer is that the connection is refused.
func (h *house) answers(from string, to netip.Addr) bool {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 300*time.Millisecond)
	defer cancel()
	c, err := h.fabric.Dial(ctx, from, netip.AddrPortFrom(to, 1234))
	if err == nil {
		c.Close()
	}
	return err == nil || errors.Is(err, syscall.ECONNREFUSED)
}

func TestPeersReachEachOtherAndNothingElse(t *testing.T) { onBoth(t, joined) }

func joined(t *testing.T, h *house) {
	h.serveSources()
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a := h.subnet(v, "10.0.0.0/28", "a")
	h.dns(v)
	outside := *h.eni(a).NetworkInterfaceId
	address, err := h.Address(t.Context(), account, outside)
	if err != nil || address != ip("10.0.0.4") {
		t.Fatalf("%s has %s: %v", outside, address, err)
	}
	one, err := h.Join(t.Context(), "tj-one", []string{"tj-one-1", "tj-one-2"})
	if err != nil || len(one) != 2 || one[0] == one[1] {
		t.Fatalf("joined as %v: %v", one, err)
	}
	hosts := make([]string, 20)
	for i := range hosts {
		hosts[i] = fmt.Sprint("tj-two-", i+1)
	}
	two, err := h.Join(t.Context(), "tj-two", hosts)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range []string{"tj-one-1", "tj-one-2"} {
		if h.fabric.Namespace(id) == "" {
			t.Errorf("%s has no namespace", id)
		}
		if !h.answers(id, one[1-i]) {
			t.Errorf("%s does not reach its peer", id)
		}
		door := h.fabric.Lookup(InternetHost, "sts.us-east-1.amazonaws.com")
		if h.answers(id, two[9]) || h.answers(id, internetAddress) || h.reach(id, door[0]) != "nothing" {
			t.Errorf("%s reaches out of its network", id)
		}
		if got := h.fabric.Lookup(id, "sts.us-east-1.amazonaws.com"); got != nil {
			t.Errorf("%s is told %v", id, got)
		}
	}
	if !h.answers("tj-two-1", two[19]) || !h.answers("tj-two-20", two[0]) {
		t.Error("the larger network's hosts do not reach each other")
	}
	if h.answers(outside, one[1]) { // in the VPC nobody has this address
		t.Error("a VPC's interface reaches a peer")
	}
	again, err := h.Join(t.Context(), "tj-one", []string{"tj-one-1", "tj-one-2"})
	if err != nil || again[0] != one[0] || again[1] != one[1] || !h.answers("tj-one-1", one[1]) {
		t.Errorf("joined again as %v: %v", again, err)
	}
	if err := errors.Join(h.Part(t.Context(), "tj-one"), h.Part(t.Context(), "tj-one")); err != nil {
		t.Error(err)
	}
	if h.fabric.Namespace("tj-one-1") != "" || h.fabric.Namespace("tj-two-1") == "" {
		t.Error("parting took the wrong network away")
	}
}

func TestPeersOutliveARestart(t *testing.T) {
	h := newHouse(t)
	if _, err := h.Join(t.Context(), "tj-one", []string{"tj-one-1", "tj-one-2"}); err != nil {
		t.Fatal(err)
	}
	h.stop()
	h = start(t, h.path, Quotas{})
	if h.fabric.Namespace("tj-one-2") == "" {
		t.Error("after a restart the peers are gone")
	}
	if err := h.Part(t.Context(), "tj-one"); err != nil {
		t.Fatal(err)
	}
	h.stop()
	if h = start(t, h.path, Quotas{}); h.fabric.Namespace("tj-one-2") != "" {
		t.Error("a parted network came back")
	}
}

func TestJoinRefusesNobodyAndTooMany(t *testing.T) {
	h := start(t, filepath.Join(t.TempDir(), "db"), Quotas{})
	for _, hosts := range [][]string{nil, make([]string, mostPeers+1)} {
		if _, err := h.Join(t.Context(), "tj", hosts); err == nil {
			t.Errorf("%d hosts are joined", len(hosts))
		}
	}
	if _, err := h.Address(t.Context(), account, "eni-0123456789abcdef0"); !errors.Is(err, ErrNoInterface) {
		t.Errorf("the address of nothing: %v", err)
	}
}
