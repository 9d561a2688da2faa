package directory

import (
	"slices"
	"sync/atomic"

	"cloister/internal/engine/policy"
)

// principal is a Principal with the policies that it has by name, joined when they are first asked for after
// one of them, or a group, has changed: so a new version of a policy costs no more than the policy, however
// many have it, and a decision makes no lists.
type principal struct {
	*Principal
	made atomic.Pointer[joined]
}

// joined is what was made at an epoch. It is never changed.
type joined struct {
	epoch              uint64
	identity, boundary []policy.Attached
}

// carrier is what carries a policy, with the list that a Stack wants.
type carrier[T any] struct {
	of       T
	policies []policy.Attached
}

func carries[T any](v T, p *policy.Attached) carrier[T] {
	c := carrier[T]{of: v}
	if p != nil {
		c.policies = []policy.Attached{*p}
	}
	return c
}

// joined changes a group or managed policy.
func (d *Directory) joined(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.epoch++
	f()
}

// join makes the lists of a principal. The lock is held.
func (d *Directory) join(p *Principal) *joined {
	l := &joined{epoch: d.epoch, identity: d.withManaged(slices.Clone(p.Policies), p.Managed)}
	for _, name := range p.Groups {
		if g := d.group[name]; g != nil {
			l.identity = d.withManaged(append(l.identity, g.Policies...), g.Managed)
		}
	}
	if p.Boundary != "" {
		l.boundary = d.withManaged(nil, []string{p.Boundary})
	}
	l.identity, l.boundary = slices.Clip(l.identity), slices.Clip(l.boundary) // who appends gets a copy
	return l
}
