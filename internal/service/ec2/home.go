package ec2

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"cloister/internal/machine/store"
	"cloister/internal/value/network"
)

// home is the place of hosts whose customer names no VPC: interfaces in a VPC of the service's own, which has a
// way to the internet and no way in. No customer sees it, and no record of the API's is of it.
type home struct {
	ID    string
	Hosts []string
	At    []netip.Addr
}

// homes also has a record without hosts once there was one: then the VPC stays.
var homes = store.NewTable[home]("ec2.home")

const founded = "-"

var (
	homeRange  = netip.MustParsePrefix("10.0.0.0/16")
	homeHosts  = netip.MustParsePrefix("10.0.128.0/17")
	homeEdge   = netip.MustParsePrefix("10.0.0.0/28") // where its NAT gateway is
	homeNAT    = netip.MustParseAddr("10.0.0.4")
	homePublic = netip.MustParseAddr("198.51.100.100") // of the first region; the next region's is the next
)

// Home gives hosts a place in the service's own VPC, and returns their addresses when it is in force. Hosts of
// one id reach each other; nobody reaches another's. It stays, over restarts too, until Leave, and may be repeated.
// A host that has an isolated namespace from an earlier version keeps that, and has no address.
func (s *Service) Home(ctx context.Context, id string, hosts []string) (at []netip.Addr, err error) {
	err = s.inForce(ctx, func(tx *store.Tx) error {
		if old, err := homes.Get(tx, id); err != nil || old != nil {
			if old != nil {
				at = old.At
			}
			return err
		}
		for _, h := range hosts {
			if old, err := isolatedTable.Get(tx, h); err != nil || old != nil {
				return err
			}
		}
		all, err := homes.All(tx, "")
		if err != nil {
			return err
		}
		h := &home{ID: id, Hosts: hosts}
		if h.At, err = freeIn(homeHosts, all, len(hosts)); err != nil {
			return err
		}
		at = h.At
		if err := homes.Put(tx, founded, &home{ID: founded}); err != nil {
			return err
		}
		return homes.Put(tx, id, h)
	})
	return at, err
}

// freeIn finds the lowest addresses that nobody has.
func freeIn(p netip.Prefix, all []*home, n int) (out []netip.Addr, err error) {
	taken := map[netip.Addr]bool{}
	for _, h := range all {
		for _, a := range h.At {
			taken[a] = true
		}
	}
	first, last := bounds(p)
	for a := first; a <= last && len(out) < n; a++ {
		if !taken[address(a)] {
			out = append(out, address(a))
		}
	}
	if len(out) < n {
		return nil, fmt.Errorf("%s has no %d addresses left", p, n)
	}
	return out, nil
}

// Leave takes the place of hosts away, isolated namespaces included; it is no error if there is none.
func (s *Service) Leave(ctx context.Context, id string, hosts []string) error {
	return s.inForce(ctx, func(tx *store.Tx) error {
		for _, h := range hosts {
			if err := isolatedTable.Delete(tx, h); err != nil {
				return err
			}
		}
		return homes.Delete(tx, id)
	})
}

// planHomes adds the service's own VPC: a subnet of hosts that leads to a NAT gateway, a group for all that lets
// everything out and nothing in, and one for each id that has several hosts, which admits itself.
func planHomes(n *network.Network, region string, number int, all []*home) {
	if len(all) == 0 {
		return
	}
	id := "home-" + region
	anywhere := netip.MustParsePrefix("0.0.0.0/0")
	out := []network.Rule{{Protocol: -1, CIDR: anywhere}}
	v := network.VPC{
		ID: id, CIDRs: []netip.Prefix{homeRange}, Resolve: true, InternetGateway: "igw-" + id,
		Subnets: []network.Subnet{{ID: id, Table: id, CIDR: homeHosts}, {ID: "edge-" + id, Table: "edge-" + id, CIDR: homeEdge}},
		Tables: []network.RouteTable{
			{ID: id, Routes: []network.Route{{Destinations: []netip.Prefix{anywhere}, Target: network.Target{Kind: network.ToInterface, ID: "nat-" + id}}}},
			{ID: "edge-" + id, Routes: []network.Route{{Destinations: []netip.Prefix{anywhere}, Target: network.Target{Kind: network.ToInternetGateway, ID: "igw-" + id}}}},
		},
		Groups: []network.Group{{ID: id, Egress: out}},
	}
	public := homePublic
	for range number {
		public = public.Next()
	}
	n.Interfaces = append(n.Interfaces, network.Interface{ID: "nat-" + id, VPC: id, Subnet: "edge-" + id, Address: homeNAT, Public: public, NAT: true})
	for _, h := range all {
		group := id
		if len(h.Hosts) > 1 {
			group = "home-" + h.ID
			v.Groups = append(v.Groups, network.Group{ID: group, Ingress: []network.Rule{{Protocol: -1, Group: group}}, Egress: out})
		}
		for i, host := range h.Hosts {
			n.Interfaces = append(n.Interfaces, network.Interface{ID: host, VPC: id, Subnet: id, Address: h.At[i], Groups: []string{group}, Metadata: true})
		}
	}
	n.VPCs = append(n.VPCs, v)
}

// number is the place of the service's region among all.
func (s *Service) number() int { return max(0, slices.Index(s.Regions, s.Region)) }
