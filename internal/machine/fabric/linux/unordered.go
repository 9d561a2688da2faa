package linux

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"

	"cloister/internal/value/network"
)

// A chain is the least that is rewritten. So one of very many rules whose order means nothing is made of
// parts, and each rule has its place in one of them by its text: a changed rule rewrites two small parts.
const (
	partsAbove = 64
	partSize   = 32
)

// unordered adds a chain of rules that accept and of which any may come first.
func (r *ruleset) unordered(name string, rules []rule) {
	if len(rules) <= partsAbove {
		r.chains[name] = chain{nil, rules}
		return
	}
	count := 1
	for count*partSize < len(rules) {
		count *= 2 // so that a rule more or less seldom moves the others
	}
	parts := make([][]rule, count)
	for _, one := range rules {
		h := fnv.New32a()
		h.Write([]byte(one.text))
		at := int(h.Sum32()) % count
		parts[at] = append(parts[at], one)
	}
	var jumps []rule
	for i, part := range parts {
		slices.SortFunc(part, func(a, b rule) int {
			if a.text < b.text {
				return -1
			}
			return 1
		})
		of := fmt.Sprintf("%s_%d", name, i)
		r.chains[of] = chain{nil, part}
		jumps = append(jumps, new(line).jump(of))
	}
	r.chains[name] = chain{nil, jumps}
}

// equalVPC says whether two are made of equal values. Groups, which are most of a large VPC, are compared
// without reflection.
func equalVPC(a, b *network.VPC) bool {
	if !slices.EqualFunc(a.Groups, b.Groups, func(a, b network.Group) bool {
		return a.ID == b.ID && slices.EqualFunc(a.Ingress, b.Ingress, equalRule) && slices.EqualFunc(a.Egress, b.Egress, equalRule)
	}) {
		return false
	}
	restA, restB := *a, *b
	restA.Groups, restB.Groups = nil, nil
	return reflect.DeepEqual(restA, restB)
}

func equalRule(a, b network.Rule) bool {
	return a.Protocol == b.Protocol && a.From == b.From && a.To == b.To && a.CIDR == b.CIDR && a.Group == b.Group &&
		slices.Equal(a.Prefixes, b.Prefixes)
}
