package linux

import "testing"

// BenchmarkCompile is what one change of a large VPC costs before anything is sent.
func BenchmarkCompile(b *testing.B) {
	n := large(1000)
	p := split(n)["vpc-1"]
	links := map[string]string{}
	for _, i := range p.interfaces {
		links[i.ID] = linkName(i.ID)
	}
	for b.Loop() {
		vpcWays(p, links)
		vpcRuleset(p, links)
	}
}
