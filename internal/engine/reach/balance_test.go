package reach

import (
	"testing"

	"cloister/internal/value/network"
)

// TestCarries: a connection through a balancer goes on as long as what it came by is still in front of
// the balancer, and the balancer listens.
func TestCarries(t *testing.T) {
	x := indexed(t, estate())
	direct := x.FrontOf(new(x.Walk(probe("eni-priv 10.0.1.20:80"))))
	through := x.FrontOf(new(x.Walk(probe("eni-b 10.1.1.30:80"))))
	if direct != (Front{Balancer: "nlb-1", Interface: "eni-lb", Port: 80}) || through != (Front{Balancer: "nlb-1", Endpoint: "vpce-svc", Interface: "eni-svc", Port: 80}) {
		t.Fatalf("%+v, %+v", direct, through)
	}
	endpoint := func(n *network.Network) *network.Endpoint {
		for i := range n.Endpoints {
			if n.Endpoints[i].ID == "vpce-svc" {
				return &n.Endpoints[i]
			}
		}
		return nil
	}
	for what, c := range map[string]struct {
		change          func(*network.Network)
		direct, through bool
	}{
		"nothing":                    {func(*network.Network) {}, true, true},
		"no listener there":          {func(n *network.Network) { n.Balancers[0].Listeners[0].Port = 79 }, false, false},
		"the balancer is gone":       {func(n *network.Network) { n.Balancers = n.Balancers[1:] }, false, false},
		"another balancer behind":    {func(n *network.Network) { endpoint(n).Balancer = "nlb-2" }, true, false},
		"a service of AWS's behind":  {func(n *network.Network) { endpoint(n).Balancer = "" }, true, false},
		"the interface is another's": {func(n *network.Network) { n.Balancers[0].Interfaces = nil }, false, true},
		"its targets are others":     {func(n *network.Network) { n.Balancers[0].Listeners[0].Targets = nil }, true, true},
	} {
		n := estate()
		c.change(n)
		x := indexed(t, n)
		if x.Carries(direct) != c.direct || x.Carries(through) != c.through {
			t.Errorf("%s: %t and %t", what, x.Carries(direct), x.Carries(through))
		}
	}
	if x.Carries(Front{Port: 80}) {
		t.Error("no front carries")
	}
}

func indexed(t *testing.T, n *network.Network) *Index {
	t.Helper()
	x, err := NewIndex(n)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
