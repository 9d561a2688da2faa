package ec2

import (
	"errors"
	"net/netip"
	"slices"

	"cloister/internal/machine/store"
	"cloister/internal/value/network"
)

// ways are the records of what leads out of a VPC, of all accounts.
type ways struct {
	internetGateways []*internetGateway
	elastics         []*elastic
	nats             []*natGateway
	peerings         []*peering
	vpnGateways      []*vpnGateway
	vpnConnections   []*vpnConnection
}

func readWays(tx *store.Tx) (w ways, err error) {
	var errs [4]error
	w.internetGateways, errs[0] = internetGateways.all(tx, "")
	w.elastics, errs[1] = elastics.all(tx, "")
	w.nats, errs[2] = natGateways.all(tx, "")
	w.peerings, errs[3] = peerings.all(tx, "")
	vpn, err := readVPN(tx, "")
	if err != nil {
		return w, err
	}
	w.vpnGateways, w.vpnConnections = vpn.vpnGateways, vpn.vpnConnections
	return w, errors.Join(errs[:]...)
}

// gatewayOf gives the internet gateway that is attached to a VPC; empty for none.
func (w *ways) gatewayOf(vpc string) string {
	for _, g := range w.internetGateways {
		if g.VPC == vpc {
			return g.ID
		}
	}
	return ""
}

// nat gives the NAT gateway with an id, unless it forwards nothing: nil then.
func (w *ways) nat(id string) *natGateway {
	at := slices.IndexFunc(w.nats, func(n *natGateway) bool { return n.ID == id })
	if at < 0 || !w.nats[at].works() {
		return nil
	}
	return w.nats[at]
}

// planWays completes a network with what leads out of its VPCs: gateways, elastic addresses and
// their names, peerings, VPN gateways.
func (p *planner) planWays(n *network.Network) {
	public := map[string]*elastic{}
	for _, e := range p.elastics {
		if e.Interface != "" {
			public[e.Interface] = e
		}
	}
	for i := range n.Interfaces {
		if e := public[n.Interfaces[i].ID]; e != nil && n.Interfaces[i].Own() {
			n.Interfaces[i].Public = e.Public
		}
	}
	ranges := map[string][]netip.Prefix{}
	for i := range n.VPCs {
		n.VPCs[i].InternetGateway = p.gatewayOf(n.VPCs[i].ID)
		p.planVPN(&n.VPCs[i])
		ranges[n.VPCs[i].ID] = n.VPCs[i].CIDRs
	}
	for _, c := range p.peerings {
		if c.joins() && !overlap(ranges[c.Requester.VPC], ranges[c.Accepter.VPC]) {
			n.Peerings = append(n.Peerings, network.Peering{ID: c.ID, VPCs: [2]string{c.Requester.VPC, c.Accepter.VPC}})
		}
	}
	p.publicNames(n)
}

// overlap tells whether any two of the ranges have an address in common.
func overlap(a, b []netip.Prefix) bool {
	return slices.ContainsFunc(a, func(p netip.Prefix) bool { return slices.ContainsFunc(b, p.Overlaps) })
}
