package ec2

import (
	"context"
	"fmt"
	"net/netip"

	"cloister/internal/machine/store"
	"cloister/internal/value/network"
)

// peerNetwork is a private network of hosts that reach each other and nothing else: no route leads out of it, no
// resolver answers in it, and it is nobody's VPC. No customer sees it.
type peerNetwork struct {
	ID    string
	Hosts []string // each has the address that its place in the list gives it
}

var peersTable = store.NewTable[peerNetwork]("ec2.peers")

// peersBase is where every such network begins. They never meet, so they may all have the same range.
var peersBase = netip.AddrFrom4([4]byte{10, 0, 0, 0})

// Reserved addresses of a subnet: four at its begin, and its last.
const (
	reservedFirst = 4
	mostPeers     = 1<<12 - reservedFirst - 1
)

// Join makes a private network of hosts, each with a namespace of its own, and returns when it is in force; it
// gives their addresses in the order of the hosts. It stays, over restarts too, until Part. Doing it twice
// with the same hosts is doing it once.
func (s *Service) Join(ctx context.Context, id string, hosts []string) ([]netip.Addr, error) {
	if len(hosts) == 0 || len(hosts) > mostPeers {
		return nil, fmt.Errorf("join %s: %d hosts", id, len(hosts))
	}
	p := &peerNetwork{ID: id, Hosts: hosts}
	if err := s.inForce(ctx, func(tx *store.Tx) error { return peersTable.Put(tx, id, p) }); err != nil {
		return nil, err
	}
	return p.addresses(), nil
}

// Part takes a private network away, with its hosts' namespaces; it is no error if there is none.
func (s *Service) Part(ctx context.Context, id string) error {
	return s.inForce(ctx, func(tx *store.Tx) error { return peersTable.Delete(tx, id) })
}

func (p *peerNetwork) addresses() []netip.Addr {
	out := make([]netip.Addr, len(p.Hosts))
	at := peersBase
	for range reservedFirst {
		at = at.Next()
	}
	for i := range out {
		out[i], at = at, at.Next()
	}
	return out
}

// plan adds the network: a VPC with one subnet, whose table leads nowhere, and one group, which admits
// itself only.
func (p *peerNetwork) plan(n *network.Network) {
	bits := 28
	for len(p.Hosts) > 1<<(32-bits)-reservedFirst-1 {
		bits--
	}
	id, cidr := "pn-"+p.ID, netip.PrefixFrom(peersBase, bits)
	own := []network.Rule{{Protocol: -1, Group: id}}
	n.VPCs = append(n.VPCs, network.VPC{
		ID: id, CIDRs: []netip.Prefix{cidr}, Subnets: []network.Subnet{{ID: id, Table: id, CIDR: cidr}},
		Tables: []network.RouteTable{{ID: id}}, Groups: []network.Group{{ID: id, Ingress: own, Egress: own}},
	})
	for i, a := range p.addresses() {
		n.Interfaces = append(n.Interfaces, network.Interface{ID: p.Hosts[i], VPC: id, Subnet: id, Address: a, Groups: []string{id}})
	}
}
