package wire

import (
	"strconv"
	"strings"
)

// path is the way from the input to a member: productionVariants.1.member.instanceType.
type path []step

// step is a member's name, a map's key, or the number of an element, counted from 1.
type step struct {
	name  string
	index int
}

func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 {
			b.WriteByte('.')
		}
		if s.index > 0 {
			b.WriteString(strconv.Itoa(s.index))
			b.WriteString(".member")
		} else {
			b.WriteString(s.name)
		}
	}
	return b.String()
}
