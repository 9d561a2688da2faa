package ec2

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

func TestHostsWithoutAVPCHaveAWayOutAndNoneIn(t *testing.T) { onBoth(t, homeNetwork) }

func homeNetwork(t *testing.T, h *house) {
	h.serveSources()
	one, err := h.Home(t.Context(), "tj-one", []string{"tj-one-1", "tj-one-2"})
	if err != nil || len(one) != 2 {
		t.Fatal(one, err)
	}
	two, err := h.Home(t.Context(), "tj-two", []string{"tj-two-1"})
	if err != nil || slices.Contains(one, two[0]) {
		t.Fatal(two, err)
	}
	door := h.fabric.Lookup("tj-one-1", "sts.us-east-1.amazonaws.com")
	if len(door) != 1 || door[0].IsPrivate() {
		t.Fatalf("STS is %v", door)
	}
	for _, id := range []string{"tj-one-1", "tj-one-2", "tj-two-1"} {
		if got := h.reach(id, door[0]); got != homePublic.String()+" \n" {
			t.Errorf("from %s to STS: %q", id, got)
		}
		if !h.answers(id, internetAddress) {
			t.Errorf("%s does not reach the internet", id)
		}
	}
	if !h.answers("tj-one-1", one[1]) || !h.answers("tj-one-2", one[0]) {
		t.Error("hosts of one job do not reach each other")
	}
	if h.answers("tj-two-1", one[0]) || h.answers("tj-one-1", two[0]) || h.answers(InternetHost, homePublic) || h.answers(InternetHost, two[0]) {
		t.Error("somebody reaches another's host")
	}
	again, err := h.Home(t.Context(), "tj-one", []string{"tj-one-1", "tj-one-2"})
	if err != nil || !slices.Equal(again, one) {
		t.Errorf("again: %v, %v", again, err)
	}
	if err := errors.Join(h.Leave(t.Context(), "tj-one", []string{"tj-one-1", "tj-one-2"}), h.Leave(t.Context(), "tj-one", nil)); err != nil {
		t.Fatal(err)
	}
	if h.fabric.Namespace("tj-one-1") != "" || h.fabric.Namespace("tj-two-1") == "" {
		t.Error("the wrong hosts left")
	}
	if three, err := h.Home(t.Context(), "tj-three", []string{"tj-three-1"}); err != nil || three[0] != one[0] {
		t.Errorf("the next host is at %v: %v", three, err)
	}
}

// TestTheServicesOwnVPCIsNobodys: no account sees anything of it, and it outlives a restart.
func TestTheServicesOwnVPCIsNobodys(t *testing.T) {
	h := newHouse(t)
	if n := len(h.fabric.network().VPCs); n != 0 {
		t.Fatalf("%d VPCs before there was a job", n)
	}
	if _, err := h.Home(t.Context(), "tj-one", []string{"tj-one-1"}); err != nil {
		t.Fatal(err)
	}
	h.stop()
	h = start(t, h.path, Quotas{})
	if h.fabric.Namespace("tj-one-1") == "" {
		t.Error("after a restart the host is gone")
	}
	if n := len(must[shape.DescribeNetworkInterfacesResult](h, "DescribeNetworkInterfaces", &shape.DescribeNetworkInterfacesRequest{}).NetworkInterfaces); n != 0 {
		t.Errorf("%d interfaces are shown", n)
	}
	if n := len(must[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{}).Vpcs); n != 0 {
		t.Errorf("%d VPCs are shown", n)
	}
	if err := h.Leave(t.Context(), "tj-one", nil); err != nil {
		t.Fatal(err)
	}
	if n := h.fabric.network(); len(n.VPCs) != 1 || len(n.Interfaces) != 1 {
		t.Errorf("without hosts there are %+v", n)
	}
}

// TestAHostOfAnEarlierVersionStaysAlone: what runs in an isolated namespace keeps it, and leaves it in the end.
func TestAHostOfAnEarlierVersionStaysAlone(t *testing.T) {
	h := newHouse(t)
	if err := h.Isolate(t.Context(), "tj-old"); err != nil {
		t.Fatal(err)
	}
	if at, err := h.Home(t.Context(), "tj-old", []string{"tj-old"}); err != nil || len(at) != 0 || h.fabric.Namespace("tj-old") == "" {
		t.Errorf("it is at %v: %v", at, err)
	}
	if err := h.Leave(t.Context(), "tj-old", []string{"tj-old"}); err != nil || h.fabric.Namespace("tj-old") != "" {
		t.Errorf("it stays: %v", err)
	}
}

// TestEveryRegionHasItsOwn: what is planned for several regions stands beside each other in one fabric.
func TestEveryRegionHasItsOwn(t *testing.T) {
	var n network.Network
	for i, r := range []string{"us-east-1", "eu-west-1", "eu-central-1"} {
		planHomes(&n, r, i, []*home{{ID: founded}, {ID: "tj-" + r, Hosts: []string{"tj-" + r + "-1", "tj-" + r + "-2"}, At: []netip.Addr{ip("10.0.128.4"), ip("10.0.128.5")}}})
	}
	x, err := reach.NewIndex(&n)
	if err != nil {
		t.Fatal(err)
	}
	if p := x.Walk(reach.Probe{From: "tj-eu-west-1-1", To: netip.MustParseAddrPort("10.0.128.5:80")}); p.Interface != "tj-eu-west-1-2" {
		t.Errorf("its peer is %+v", p)
	}
}

func TestTheServicesOwnVPCCanBeFull(t *testing.T) {
	if _, err := freeIn(homeEdge, []*home{{At: nil}}, 12); err == nil {
		t.Error("twelve addresses of eleven")
	}
}
