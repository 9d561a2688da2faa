package linux

import (
	"fmt"
	"net/netip"
	"testing"

	"cloister/internal/value/network"
)

// A ruleset larger than one batch must come out the same as one built in small steps.
func TestLargeGroupsAreWrittenWhole(t *testing.T) {
	n := pairNetwork()
	v := &n.VPCs[0]
	for g := range 12 {
		group := network.Group{ID: fmt.Sprintf("sg-%02d", g), Egress: v.Groups[0].Egress}
		for i := range 1000 {
			group.Ingress = append(group.Ingress, network.Rule{Protocol: 6, From: 1000 + i, To: 1000 + i, CIDR: netip.MustParsePrefix("10.0.0.0/16")})
		}
		v.Groups = append(v.Groups, group)
	}
	for _, room := range []int{0, 30000} {
		f := start(t)
		apply(t, f, pairNetwork())
		if room > 0 {
			f.routers["vpc-1"].rules.room = room // as where an ordinary user's buffers are small
		}
		apply(t, f, n)
		r := f.routers["vpc-1"]
		want := r.rules.have
		r.rules.close()
		if err := r.rules.load(); err != nil {
			t.Fatal(err)
		}
		for name, c := range want.chains {
			if got := r.rules.have.chains[name]; len(got.rules) != len(c.rules) || len(c.rules) > 0 && got.rules[len(c.rules)-1].text != c.rules[len(c.rules)-1].text {
				t.Errorf("chain %s holds %d rules, not %d", name, len(got.rules), len(c.rules))
			}
		}
		apply(t, f, pairNetwork())
		same(t, f, pairNetwork(), "large groups")
	}
}
