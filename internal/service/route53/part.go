package route53

import (
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/machine/store"
	"cloister/internal/value/network"
)

// aliasLife is how long, in seconds, an answer of an alias may be kept.
const aliasLife = 60

// Part adds the zones to the VPCs that they are associated with, if these know private names.
func (s *Service) Part(tx *store.Tx, n *network.Network) error {
	all, err := zones.All(tx.In(home), "")
	if err != nil || len(all) == 0 {
		return err
	}
	vpcs := make(map[string]*network.VPC, len(n.VPCs))
	for i := range n.VPCs {
		vpcs[n.VPCs[i].ID] = &n.VPCs[i]
	}
	public := make(map[string][]netip.Addr, len(n.Internet.Names))
	for i := range n.Internet.Names {
		name := n.Internet.Names[i].Text
		public[name] = append(public[name], n.Internet.Names[i].Addresses...)
	}
	for _, z := range all {
		var made *network.Zone
		for _, id := range z.VPCs {
			if vpcs[id] == nil {
				continue
			}
			_, names, err := s.Network.VPC(tx, s.region(z, id), z.Account, id)
			if err != nil {
				return err
			}
			if !names {
				continue
			}
			if made == nil {
				if made, err = zoneOf(tx.In(home), z, public); err != nil {
					return err
				}
			}
			vpcs[id].Zones = append(vpcs[id].Zones, *made)
		}
	}
	return nil
}

// zoneOf says in the network's words what a zone's records say.
func zoneOf(tx *store.Tx, z *zone, public map[string][]netip.Addr) (*network.Zone, error) {
	all, err := records.All(tx, store.Prefix(z.ID))
	if err != nil {
		return nil, err
	}
	byName := make(map[string]*record, len(all))
	for _, r := range all {
		byName[r.Name+r.Type] = r
	}
	out := &network.Zone{Apex: strings.TrimSuffix(z.Name, ".")}
	for _, r := range all {
		if r.Type == "NS" || r.Type == "SOA" {
			continue
		}
		n := network.Name{Text: strings.TrimSuffix(r.Name, "."), TTL: uint32(r.TTL)}
		for target, hops := r, 0; target != nil && hops < 8; hops++ {
			if target.Alias == nil {
				target.fill(&n)
				break
			}
			n.TTL = aliasLife
			if target.Alias.Zone != z.ID {
				n.Addresses = ofKind(public[strings.TrimSuffix(target.Alias.Name, ".")], r.Type)
				break
			}
			target = byName[target.Alias.Name+r.Type]
		}
		out.Names = append(out.Names, n)
	}
	return out, nil
}

// fill puts the values of a record set into a name.
func (r *record) fill(n *network.Name) {
	for _, v := range r.Values {
		switch r.Type {
		case "A", "AAAA":
			if a, err := netip.ParseAddr(v); err == nil {
				n.Addresses = append(n.Addresses, a)
			}
		case "CNAME":
			name, _ := normal(v)
			n.CNAME = strings.TrimSuffix(name, ".")
		case "TXT":
			t, _ := texts(v)
			n.TXT = append(n.TXT, t)
		}
	}
}

func ofKind(list []netip.Addr, kind string) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(list), func(a netip.Addr) bool { return a.Is4() != (kind == "A") })
}
