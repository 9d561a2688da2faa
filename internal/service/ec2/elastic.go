package ec2

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

// elastic is an elastic IP address. Interface is what it stands for, under the id Association.
type elastic struct {
	head
	Public                 netip.Addr
	Association, Interface string
}

var elastics = newKind[elastic]("elastic-ip", "eipalloc-", "InvalidAllocationID", "The allocation ID '%s' does not exist")

var (
	addressNotFound = fault.Kind{Code: "InvalidAddress.NotFound", Status: 400}
	addressLimit    = fault.Kind{Code: "AddressLimitExceeded", Status: 400}
	authFailure     = fault.Kind{Code: "AuthFailure", Status: 400}
	noInstance      = fault.Kind{Code: "InvalidInstanceID.NotFound", Status: 400}
)

// elasticRange is what elastic addresses are taken from: the range that RFC 2544 keeps for benchmarks,
// in which nobody on any network is.
var elasticRange = netip.MustParsePrefix("198.18.0.0/15")

// publicAddress gives an elastic address that nobody has: a random one, for one that was just released
// may still be in somebody's rules.
func (s *Service) publicAddress(tx *store.Tx) (netip.Addr, error) {
	taken := map[netip.Addr]bool{}
	for _, in := range s.everywhere(tx) {
		all, err := elastics.all(in, "")
		if err != nil {
			return netip.Addr{}, err
		}
		for _, e := range all {
			taken[e.Public] = true
		}
	}
	first, size := number(elasticRange.Addr()), uint32(1)<<(32-elasticRange.Bits())
	for range 1 << 16 {
		var b [4]byte
		rand.Read(b[:])
		a := address(first + binary.BigEndian.Uint32(b[:])%size)
		if last := a.As4()[3]; last != 0 && last != 255 && !taken[a] {
			return a, nil
		}
	}
	return netip.Addr{}, addressLimit.New("The maximum number of addresses has been reached.")
}

// everywhere is a transaction in every region.
func (s *Service) everywhere(tx *store.Tx) []*store.Tx {
	all := []*store.Tx{tx}
	for _, part := range s.Others {
		all = append(all, tx.In(part))
	}
	return all
}

// elasticOn gives the elastic address of an interface; nil for none.
func elasticOn(tx *store.Tx, account, id string) (*elastic, error) {
	list, err := elastics.where(tx, account, func(e *elastic) bool { return e.Interface == id })
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// free ends what an address stands for.
func (e *elastic) free(tx *store.Tx) error {
	e.Association, e.Interface = "", ""
	return elastics.put(tx, e)
}

// publicName is the name of an elastic address: outside it means the address itself, inside the VPC
// the private one.
func publicName(region string, a netip.Addr) string {
	domain := region + ".compute.amazonaws.com"
	if region == "us-east-1" {
		domain = "compute-1.amazonaws.com"
	}
	return fmt.Sprintf("ec2-%s.%s", strings.ReplaceAll(a.String(), ".", "-"), domain)
}

// publicNames gives the elastic addresses of VPCs with DNS hostnames their names.
func (p *planner) publicNames(n *network.Network) {
	at := map[string]int{}
	for i := range n.VPCs {
		at[n.VPCs[i].ID] = i
	}
	named := map[string]bool{}
	for _, v := range p.vpcs {
		named[v.ID] = v.DNSSupport && v.DNSHostnames
	}
	for _, i := range n.Interfaces {
		if !i.Public.IsValid() || !named[i.VPC] {
			continue
		}
		text := publicName(p.region, i.Public)
		n.Internet.Names = append(n.Internet.Names, network.Name{Text: text, Addresses: []netip.Addr{i.Public}})
		inside := network.Name{Text: text, Addresses: []netip.Addr{i.Address}}
		for _, vpc := range append([]string{i.VPC}, p.resolvers(i.VPC)...) {
			if k, ok := at[vpc]; ok && named[vpc] {
				n.VPCs[k].Names = append(n.VPCs[k].Names, inside)
			}
		}
	}
}

func (s *Service) awsAddress(e *elastic, of map[string]*eni) shape.Address {
	out := shape.Address{
		AllocationId: &e.ID, PublicIp: new(e.Public.String()), Domain: new("vpc"), PublicIpv4Pool: new("amazon"), NetworkBorderGroup: &s.Region,
		Tags: awsTags(e.Tags),
	}
	if i := of[e.Interface]; i != nil {
		out.AssociationId, out.NetworkInterfaceId, out.NetworkInterfaceOwnerId = &e.Association, &e.Interface, &e.Account
		out.PrivateIpAddress = new(i.Address.String())
		if i.NAT != "" {
			out.ServiceManaged = new("nat")
		}
	}
	return out
}

func (s *Service) addressFields(of map[string]*eni) fields[*elastic] {
	return fields[*elastic]{
		"allocation-id":        one(func(e *elastic) string { return e.ID }),
		"association-id":       atMostOne(func(e *elastic) string { return e.Association }),
		"domain":               one(func(*elastic) string { return "vpc" }),
		"instance-id":          func(*elastic) []string { return nil },
		"network-border-group": one(func(*elastic) string { return s.Region }),
		"network-interface-id": atMostOne(func(e *elastic) string { return e.Interface }),
		"network-interface-owner-id": func(e *elastic) []string {
			if e.Interface == "" {
				return nil
			}
			return []string{e.Account}
		},
		"private-ip-address": func(e *elastic) []string {
			if i := of[e.Interface]; i != nil {
				return []string{i.Address.String()}
			}
			return nil
		},
		"public-ip": one(func(e *elastic) string { return e.Public.String() }),
	}
}
