package reach

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"cloister/internal/value/network"
)

// read takes a Network in, and refuses what contradicts itself: two of what there can be one of, an
// address that belongs to another, ranges that overlap where they must not. A route to something that
// is gone is no contradiction, nor is a group without rules: AWS has both.
func (x *Index) read(want *network.Network) error {
	if err := each(want.VPCs, x.addVPC); err != nil {
		return err
	}
	if err := each(want.Endpoints, x.addEndpoint); err != nil {
		return err
	}
	if err := each(want.Interfaces, x.addInterface); err != nil {
		return err
	}
	if err := each(want.Peerings, x.addPeering); err != nil {
		return err
	}
	if err := each(want.Balancers, x.addBalancer); err != nil {
		return err
	}
	for _, id := range want.Isolated {
		if x.namespace(id) {
			return fmt.Errorf("isolated %s: the id is taken", id)
		}
		x.isolated[id] = true
	}
	if err := x.addInternet(&want.Internet); err != nil {
		return err
	}
	return each(want.VPCs, x.checkGateways)
}

func each[T any](list []T, do func(*T) error) error {
	for i := range list {
		if err := do(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (x *Index) addVPC(v *network.VPC) error {
	if v.ID == "" || x.vpcs[v.ID] != nil {
		return fmt.Errorf("vpc %q: empty or repeated id", v.ID)
	}
	if len(v.CIDRs) == 0 {
		return fmt.Errorf("vpc %s: no address range", v.ID)
	}
	for i, cidr := range v.CIDRs {
		if !plain(cidr) || cidr.Bits() > 28 {
			return fmt.Errorf("vpc %s: %s is no IPv4 range", v.ID, cidr)
		}
		if slices.ContainsFunc(v.CIDRs[:i], cidr.Overlaps) {
			return fmt.Errorf("vpc %s: %s overlaps another of its ranges", v.ID, cidr)
		}
	}
	at := &vpcIndex{
		VPC:       v,
		byAddress: map[netip.Addr]*network.Interface{},
		subnets:   make(map[string]*network.Subnet, len(v.Subnets)),
		tables:    make(map[string]*network.RouteTable, len(v.Tables)),
		groups:    make(map[string]*network.Group, len(v.Groups)),
		acls:      make(map[string]*network.ACL, len(v.ACLs)),
		gateways:  make(map[netip.Addr]bool, len(v.Subnets)),
		private:   newNames(v.Names),
		zones:     newZones(v.Zones),
		hosts:     hostNames(v.Names),
	}
	x.vpcs[v.ID] = at
	return errors.Join(each(v.Tables, at.addTable), each(v.Groups, at.addGroup), each(v.ACLs, at.addACL), each(v.Subnets, at.addSubnet))
}

func (v *vpcIndex) addTable(t *network.RouteTable) error {
	if v.tables[t.ID] != nil {
		return fmt.Errorf("route table %s: repeated", t.ID)
	}
	v.tables[t.ID] = t
	return nil
}

func (v *vpcIndex) addGroup(g *network.Group) error {
	if v.groups[g.ID] != nil {
		return fmt.Errorf("group %s: repeated", g.ID)
	}
	for _, rules := range [][]network.Rule{g.Ingress, g.Egress} {
		if slices.ContainsFunc(rules, severalPeers) {
			return fmt.Errorf("group %s: a rule with more than one peer", g.ID)
		}
	}
	v.groups[g.ID] = g
	return nil
}

func severalPeers(r network.Rule) bool {
	cidr, group, list := r.CIDR.IsValid(), r.Group != "", len(r.Prefixes) > 0
	return cidr && (group || list) || group && list
}

func (v *vpcIndex) addACL(a *network.ACL) error {
	if a.ID == "" || v.acls[a.ID] != nil {
		return fmt.Errorf("network acl %q: empty or repeated id", a.ID)
	}
	for _, e := range slices.Concat(a.Ingress, a.Egress) {
		if !e.CIDR.IsValid() {
			return fmt.Errorf("network acl %s: an entry without a range", a.ID)
		}
	}
	v.acls[a.ID] = a
	return nil
}

func (v *vpcIndex) addSubnet(s *network.Subnet) error {
	inside := func(p netip.Prefix) bool { return p.Bits() <= s.CIDR.Bits() && p.Contains(s.CIDR.Addr()) }
	if v.subnets[s.ID] != nil || !plain(s.CIDR) || !slices.ContainsFunc(v.CIDRs, inside) {
		return fmt.Errorf("subnet %s: repeated, or %s is not in %s", s.ID, s.CIDR, v.ID)
	}
	for _, other := range v.subnets {
		if other.CIDR.Overlaps(s.CIDR) {
			return fmt.Errorf("subnet %s: %s overlaps %s", s.ID, s.CIDR, other.ID)
		}
	}
	v.subnets[s.ID], v.gateways[Gateway(s)] = s, true
	return nil
}

func (x *Index) addEndpoint(e *network.Endpoint) error {
	if e.ID == "" || x.endpoints[e.ID] != nil || x.vpcs[e.VPC] == nil {
		return fmt.Errorf("endpoint %q: empty or repeated id, or no vpc %q", e.ID, e.VPC)
	}
	if e.Gateway && e.Balancer != "" {
		return fmt.Errorf("endpoint %s: a gateway endpoint has no balancer", e.ID)
	}
	x.endpoints[e.ID] = e
	return nil
}

func (x *Index) addInterface(i *network.Interface) error {
	v := x.vpcs[i.VPC]
	if v == nil || x.namespace(i.ID) {
		return fmt.Errorf("interface %q: empty or repeated id, or no vpc %q", i.ID, i.VPC)
	}
	s := v.subnets[i.Subnet]
	if s == nil || !s.CIDR.Contains(i.Address) || i.Address == v.resolver() || i.Address == Gateway(s) {
		return fmt.Errorf("interface %s: %s is no address for subnet %q", i.ID, i.Address, i.Subnet)
	}
	if other := v.byAddress[i.Address]; other != nil {
		return fmt.Errorf("interface %s: %s is the address of %s", i.ID, i.Address, other.ID)
	}
	if e := x.endpoints[i.Endpoint]; i.Endpoint != "" && (e == nil || e.VPC != i.VPC || e.Gateway) {
		return fmt.Errorf("interface %s: no interface endpoint %s in %s", i.ID, i.Endpoint, i.VPC)
	}
	if i.Endpoint != "" && i.Resolver || !i.Own() && (i.NAT || i.Public.IsValid()) {
		return fmt.Errorf("interface %s: one of endpoint, resolver and translator, and only those with a namespace have a public address", i.ID)
	}
	if i.Public.IsValid() {
		if !i.Public.Is4() || i.Public == PublicResolver || x.elastic[i.Public] != nil {
			return fmt.Errorf("interface %s: %s is no public address of its own", i.ID, i.Public)
		}
		x.elastic[i.Public] = i
	}
	x.interfaces[i.ID], v.byAddress[i.Address] = i, i
	return nil
}

func (x *Index) addPeering(p *network.Peering) error {
	if p.ID == "" || x.peerings[p.ID] != nil || p.VPCs[0] == p.VPCs[1] {
		return fmt.Errorf("peering %q: empty or repeated id, or a vpc with itself", p.ID)
	}
	for _, other := range x.peerings {
		if other.VPCs == p.VPCs || other.VPCs == [2]string{p.VPCs[1], p.VPCs[0]} {
			return fmt.Errorf("peering %s: %s is between the same vpcs", p.ID, other.ID)
		}
	}
	x.peerings[p.ID] = p
	a, b := x.vpcs[p.VPCs[0]], x.vpcs[p.VPCs[1]]
	if a == nil || b == nil {
		return nil // one was deleted: what leads here is a black hole
	}
	for _, cidr := range a.CIDRs {
		if slices.ContainsFunc(b.CIDRs, cidr.Overlaps) {
			return fmt.Errorf("peering %s: the ranges of %s and %s overlap", p.ID, a.ID, b.ID)
		}
	}
	return nil
}

func (x *Index) addBalancer(b *network.Balancer) error {
	if b.ID == "" || x.balancers[b.ID] != nil || x.vpcs[b.VPC] == nil {
		return fmt.Errorf("balancer %q: empty or repeated id, or no vpc %q", b.ID, b.VPC)
	}
	for _, id := range b.Interfaces {
		i := x.interfaces[id]
		if i == nil || i.VPC != b.VPC || !i.Open || !i.Own() || x.fronts[id] != nil {
			return fmt.Errorf("balancer %s: %s is no open interface of its own in %s", b.ID, id, b.VPC)
		}
		x.fronts[id] = b
	}
	ports := map[int]bool{}
	for _, l := range b.Listeners {
		if l.Port < 1 || l.Port > 65535 || ports[l.Port] {
			return fmt.Errorf("balancer %s: port %d is none or has two listeners", b.ID, l.Port)
		}
		ports[l.Port] = true
	}
	x.balancers[b.ID] = b
	return nil
}

func (x *Index) addInternet(n *network.Internet) error {
	for _, door := range n.Doors {
		if !door.Is4() || door == PublicResolver || x.elastic[door] != nil {
			return fmt.Errorf("door %s: no IPv4 address of its own", door)
		}
		x.doors[door] = true
	}
	for _, h := range n.Hosts {
		if x.namespace(h.ID) {
			return fmt.Errorf("host %q: empty or repeated id", h.ID)
		}
		if !h.Address.Is4() || h.Address == PublicResolver || x.standing[h.Address] != "" || x.doors[h.Address] || x.elastic[h.Address] != nil {
			return fmt.Errorf("host %s: %s is no IPv4 address of its own", h.ID, h.Address)
		}
		x.hosts[h.ID], x.standing[h.Address] = h.Address, h.ID
	}
	return nil
}

// checkGateways looks at what leads out of a VPC: no gateway belongs to two of them, and no customer's
// network is behind two tunnels.
func (x *Index) checkGateways(v *network.VPC) error {
	for _, other := range x.vpcs {
		if other.VPC == v {
			continue
		}
		if v.InternetGateway != "" && other.InternetGateway == v.InternetGateway {
			return fmt.Errorf("internet gateway %s: attached to %s and %s", v.InternetGateway, v.ID, other.ID)
		}
		if v.VPN != nil && other.VPN != nil && (other.VPN.ID == v.VPN.ID || other.VPN.Port == v.VPN.Port && v.VPN.Port != 0) {
			return fmt.Errorf("vpn gateway %s: %s has the same id or port", v.VPN.ID, other.ID)
		}
	}
	if v.VPN == nil {
		return nil
	}
	var networks []netip.Prefix
	for i := range v.VPN.Tunnels {
		t := &v.VPN.Tunnels[i]
		if _, taken := x.tunnels[t.ID]; taken || x.namespace(t.ID) {
			return fmt.Errorf("tunnel %q: empty or repeated id", t.ID)
		}
		for _, p := range t.Networks {
			if !plain(p) || slices.ContainsFunc(networks, p.Overlaps) {
				return fmt.Errorf("tunnel %s: %s is no IPv4 range, or behind another tunnel too", t.ID, p)
			}
			networks = append(networks, p)
		}
		x.tunnels[t.ID] = tunnel{t, x.vpcs[v.ID]}
	}
	return nil
}
