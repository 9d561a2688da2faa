package shared_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"cloister/internal/machine/fabric"
	"cloister/internal/machine/fabric/memory"
	"cloister/internal/machine/fabric/shared"
	"cloister/internal/value/network"
)

// refusing is a fabric that refuses networks with a VPC of a name.
type refusing struct {
	fabric.Fabric
	bad     string
	applied []*network.Network
}

var errRefused = errors.New("refused")

func (r *refusing) Apply(ctx context.Context, want *network.Network) error {
	for _, v := range want.VPCs {
		if v.ID == r.bad {
			return errRefused
		}
	}
	r.applied = append(r.applied, want)
	return r.Fabric.Apply(ctx, want)
}

func part(vpc, name string) *network.Network {
	at := netip.MustParseAddr("203.0.113.10")
	return &network.Network{
		VPCs: []network.VPC{{ID: vpc, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}}},
		Internet: network.Internet{
			Doors: []netip.Addr{at}, Hosts: []network.Host{{ID: "internet", Address: netip.MustParseAddr("198.51.100.10")}},
			Names: []network.Name{{Text: name, Addresses: []netip.Addr{at}}},
		},
	}
}

func TestShared(t *testing.T) {
	inner := &refusing{Fabric: memory.New(), bad: "vpc-bad"}
	t.Cleanup(func() { inner.Close() })
	s := shared.New(inner, 2)
	apply := func(i int, n *network.Network) error { return s.Part(i).Apply(t.Context(), n) }
	if err := apply(0, part("vpc-a", "a.test")); err != nil || len(inner.applied) != 0 {
		t.Fatalf("%v, and %d networks before the second owner has spoken", err, len(inner.applied))
	}
	if err := apply(1, part("vpc-b", "b.test")); err != nil || len(inner.applied) != 1 {
		t.Fatalf("%v, %d networks", err, len(inner.applied))
	}
	all := inner.applied[0]
	if len(all.VPCs) != 2 || len(all.Internet.Doors) != 1 || len(all.Internet.Hosts) != 1 || len(all.Internet.Names) != 2 {
		t.Errorf("%+v", all)
	}
	for name, known := range map[string]bool{"a.test": true, "b.test": true, "c.test": false} {
		if got := s.Lookup("internet", name); (len(got) > 0) != known {
			t.Errorf("%s is %v", name, got)
		}
	}
	for vpc, want := range map[string]int{"vpc-a": 0, "vpc-b": 1} {
		if i, ok := s.Owner(vpc); !ok || i != want {
			t.Errorf("%s is of %d, %v", vpc, i, ok)
		}
	}
	if _, ok := s.Owner("vpc-c"); ok {
		t.Error("somebody has a VPC that nobody has")
	}
	if err := apply(0, part("vpc-bad", "c.test")); !errors.Is(err, errRefused) {
		t.Errorf("a refused part: %v", err)
	}
	if err := apply(1, part("vpc-d", "d.test")); err != nil {
		t.Errorf("a part is refused for another owner's: %v", err)
	}
	if last := inner.applied[len(inner.applied)-1]; last.VPCs[0].ID != "vpc-a" || last.VPCs[1].ID != "vpc-d" {
		t.Errorf("%+v", last.VPCs)
	}
}
