// Package shared is one fabric for several owners, each of which has a part of the network: the regions.
//
// It promises that the fabric is always asked for the parts of all owners together, and for nothing before
// each has said what its part is; so that none undoes another's at the start. Ids are unique over all parts.
// It must not know what a region is.
package shared

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"cloister/internal/machine/fabric"
	"cloister/internal/value/network"
)

// Shared is the fabric of several owners. It is safe for concurrent use.
type Shared struct {
	fabric.Fabric
	mu     sync.Mutex
	parts  []*network.Network // by owner; nil before the first word
	owners atomic.Pointer[map[string]int]
}

// New makes the fabric one of n owners.
func New(f fabric.Fabric, n int) *Shared {
	s := &Shared{Fabric: f, parts: make([]*network.Network, n)}
	s.owners.Store(&map[string]int{})
	return s
}

// Part is the fabric as its owner i sees it. Its Apply is in force when all owners have applied once.
func (s *Shared) Part(i int) fabric.Fabric { return part{s, i} }

// Owner tells who has a VPC.
func (s *Shared) Owner(vpc string) (i int, ok bool) {
	i, ok = (*s.owners.Load())[vpc]
	return i, ok
}

type part struct {
	*Shared
	own int
}

// Apply replaces the owner's part. One that the fabric refuses is not kept: the others' next words are not
// refused for it.
func (p part) Apply(ctx context.Context, want *network.Network) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.parts[p.own]
	p.parts[p.own] = want
	if slices.Contains(p.parts, nil) {
		return nil
	}
	whole := join(p.parts)
	owners := map[string]int{}
	for i, n := range p.parts {
		for j := range n.VPCs {
			owners[n.VPCs[j].ID] = i
		}
	}
	p.owners.Store(&owners)
	if err := p.Fabric.Apply(ctx, whole); err != nil {
		if before != nil {
			p.parts[p.own] = before
		}
		return fmt.Errorf("with the other parts: %w", err)
	}
	return nil
}

// join lays the parts beside each other. What they have in common of the internet is there once.
func join(parts []*network.Network) *network.Network {
	if len(parts) == 1 {
		return parts[0]
	}
	out := &network.Network{}
	for _, n := range parts {
		out.VPCs = append(out.VPCs, n.VPCs...)
		out.Interfaces = append(out.Interfaces, n.Interfaces...)
		out.Endpoints = append(out.Endpoints, n.Endpoints...)
		out.Peerings = append(out.Peerings, n.Peerings...)
		out.Balancers = append(out.Balancers, n.Balancers...)
		out.Isolated = append(out.Isolated, n.Isolated...)
		out.Internet.Names = append(out.Internet.Names, n.Internet.Names...)
		out.Internet.Uplink = out.Internet.Uplink || n.Internet.Uplink
		for _, d := range n.Internet.Doors {
			if !slices.Contains(out.Internet.Doors, d) {
				out.Internet.Doors = append(out.Internet.Doors, d)
			}
		}
		for _, h := range n.Internet.Hosts {
			if !slices.Contains(out.Internet.Hosts, h) {
				out.Internet.Hosts = append(out.Internet.Hosts, h)
			}
		}
		for _, r := range n.Internet.Recursors {
			if !slices.Contains(out.Internet.Recursors, r) {
				out.Internet.Recursors = append(out.Internet.Recursors, r)
			}
		}
	}
	return out
}
