package reach

import (
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/value/network"
)

// names is a set of names; a wildcard's key keeps its "*.". A name may stand in it more than once,
// with other records or another time to live.
type names map[string][]*network.Name

func newNames(list []network.Name) names {
	set := make(names, len(list))
	for i := range list {
		key := Canonical(list[i].Text)
		set[key] = append(set[key], &list[i])
	}
	return set
}

// find gives the records of a name: its own, else those of the nearest wildcard above it.
func (s names) find(name string) []*network.Name {
	if n := s[name]; n != nil {
		return n
	}
	for rest := name; ; {
		_, parent, more := strings.Cut(rest, ".")
		if !more {
			return nil
		}
		if n := s["*."+parent]; n != nil {
			return n
		}
		rest = parent
	}
}

// zone is a private hosted zone. Unlike names it is closed: what is below its apex and not in it does
// not exist, and a wildcard ends at the next name that does, as RFC 4592 has it.
type zone struct {
	apex   string
	names  names
	exists map[string]bool // also names that only have others below them
}

func newZones(list []network.Zone) map[string]*zone {
	zones := make(map[string]*zone, len(list))
	for _, z := range list {
		apex := Canonical(z.Apex)
		if zones[apex] != nil {
			continue // the first one of an apex answers
		}
		at := &zone{apex: apex, names: names{}, exists: map[string]bool{apex: true}}
		for name, records := range newNames(z.Names) {
			if !Below(name, apex) {
				continue
			}
			at.names[name] = records
			for name != apex && !at.exists[name] {
				at.exists[name] = true
				_, name, _ = strings.Cut(name, ".")
			}
		}
		zones[apex] = at
	}
	return zones
}

// find gives the records of a name at or below the apex; exists is true for a name without any.
func (z *zone) find(name string) (records []*network.Name, exists bool) {
	if z.exists[name] {
		return z.names[name], true
	}
	for name != z.apex {
		if _, name, _ = strings.Cut(name, "."); z.exists[name] {
			records = z.names["*."+name]
			return records, records != nil
		}
	}
	return nil, false
}

// Below says whether a name is an apex or below it; both are canonical.
func Below(name, apex string) bool {
	rest, under := strings.CutSuffix(name, apex)
	return under && (rest == "" || apex == "" || strings.HasSuffix(rest, "."))
}

// Canonical is a name as a Network spells it: lower case, no final dot.
func Canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// Known is what a resolver knows of one name.
type Known struct {
	Owner string
	names []*network.Name
	host  string // what an address is called, for a reverse name
}

// Alias is the name that this one stands for, if any.
func (k *Known) Alias() (to string, ttl uint32) {
	for _, n := range k.names {
		if n.CNAME != "" {
			return Canonical(n.CNAME), life(n)
		}
	}
	return "", 0
}

// Addresses are those of version 4 or 6.
func (k *Known) Addresses(four bool) (list []netip.Addr, ttl uint32) {
	for _, n := range k.names {
		for _, a := range n.Addresses {
			if a.Is4() == four {
				if list == nil {
					ttl = life(n)
				}
				list = append(list, a)
			}
		}
	}
	return list, ttl
}

// Texts are its TXT records.
func (k *Known) Texts() (list []string, ttl uint32) {
	for _, n := range k.names {
		if len(n.TXT) > 0 && list == nil {
			ttl = life(n)
		}
		list = append(list, n.TXT...)
	}
	return list, ttl
}

// Host is the name of an address, for a reverse name; empty for all others.
func (k *Known) Host() (name string, ttl uint32) { return k.host, defaultLife }

const defaultLife = 60

func life(n *network.Name) uint32 {
	if n.TTL == 0 {
		return defaultLife
	}
	return n.TTL
}

// Answer is what a resolver says to a question.
type Answer struct {
	// Silent is true when it does not answer at all; nothing else counts then.
	Silent bool
	// Chain is the name that was asked for and, while it is an alias, the names it stands for.
	Chain []Known
	// Missing is true when the last name does not exist here, and Outside is then that name if others
	// may know it: those on the real internet.
	Missing bool
	Outside string
	// Looped is true for aliases that lead to each other, or on and on.
	Looped bool
	// Zone is the apex of the zone that spoke last; empty for names of no zone.
	Zone string
}

// aliases is how many of them are followed for one question.
const aliases = 10

// Resolve answers a question put to the resolver of a VPC (or, for the empty id, of the internet). It
// knows that VPC's names and zones and the public names, and nothing of any other VPC.
func (x *Index) Resolve(vpc, name string) Answer {
	var v *vpcIndex
	if vpc != "" {
		if v = x.vpcs[vpc]; v == nil || !v.Resolve {
			return Answer{Silent: true}
		}
	}
	var a Answer
	for name = Canonical(name); ; {
		known, apex, exists := x.know(v, name)
		a.Zone = apex
		if !exists {
			a.Missing = true
			if apex == "" && leaves(name) {
				a.Outside = name
			}
			return a
		}
		a.Chain = append(a.Chain, known)
		next, _ := known.Alias()
		if next == "" {
			return a
		}
		if len(a.Chain) > aliases {
			a.Looped = true
			return a
		}
		name = next
	}
}

// know looks a name up where its VPC looks: private names, private zones, public names.
func (x *Index) know(v *vpcIndex, name string) (k Known, apex string, exists bool) {
	k.Owner = name
	if v != nil {
		if k.names = v.private.find(name); k.names != nil {
			return k, "", true
		}
		if z := v.zoneOf(name); z != nil {
			k.names, exists = z.find(name)
			return k, z.apex, exists
		}
		if k.host = v.hostOf(name); k.host != "" {
			return k, "", true
		}
	}
	k.names = x.public.find(name)
	return k, "", k.names != nil
}

// zoneOf is the zone with the longest apex above a name.
func (v *vpcIndex) zoneOf(name string) *zone {
	for len(v.zones) > 0 {
		if z := v.zones[name]; z != nil {
			return z
		}
		_, parent, more := strings.Cut(name, ".")
		if !more {
			return nil
		}
		name = parent
	}
	return nil
}

// hostOf answers a reverse name: the name that begins with the address, if the VPC has that.
func (v *vpcIndex) hostOf(name string) string {
	a, ok := reversed(name)
	if !ok || v.byAddress[a] == nil {
		return ""
	}
	return v.hosts[a]
}

// hostNames finds the names of addresses among names: those that say "ip-10-0-0-4." of 10.0.0.4.
func hostNames(list []network.Name) map[netip.Addr]string {
	hosts := map[netip.Addr]string{}
	for i := range list {
		text := Canonical(list[i].Text)
		first, _, _ := strings.Cut(text, ".")
		dashed, ours := strings.CutPrefix(first, "ip-")
		if !ours {
			continue
		}
		a, err := netip.ParseAddr(strings.ReplaceAll(dashed, "-", "."))
		if err == nil && a.Is4() && slices.Contains(list[i].Addresses, a) {
			hosts[a] = text
		}
	}
	return hosts
}

const reverseApex = "in-addr.arpa"

// reversed is the address that 4.0.0.10.in-addr.arpa asks about.
func reversed(name string) (netip.Addr, bool) {
	digits, under := strings.CutSuffix(name, "."+reverseApex)
	if !under {
		return netip.Addr{}, false
	}
	parts := strings.Split(digits, ".")
	slices.Reverse(parts)
	a, err := netip.ParseAddr(strings.Join(parts, "."))
	return a, err == nil && a.Is4()
}

// leaves says whether a name may be asked of the real internet. Names that mean something in private
// networks only would tell strangers about them, and nobody could answer.
func leaves(name string) bool {
	for _, private := range []string{"internal", "local", "localhost", "home.arpa", "168.192." + reverseApex, "254.169." + reverseApex, "10." + reverseApex, "127." + reverseApex} {
		if Below(name, private) {
			return false
		}
	}
	if a, ok := reversed(name); ok && a.IsPrivate() {
		return false
	}
	return strings.Contains(name, ".")
}

// LogsQueries says whether the questions to a VPC's resolver are told of.
func (x *Index) LogsQueries(vpc string) bool {
	v := x.vpcs[vpc]
	return v != nil && v.LogQueries
}

// Lookup answers as the resolver of a namespace would; turn rotates the answer.
func (x *Index) Lookup(id, name string, turn uint32) []netip.Addr {
	vpc := ""
	if i := x.interfaces[id]; i != nil {
		vpc = i.VPC
	} else if _, ok := x.hosts[id]; !ok {
		return nil
	}
	a := x.Resolve(vpc, name)
	if a.Silent || a.Missing || a.Looped || len(a.Chain) == 0 {
		return nil
	}
	list, _ := a.Chain[len(a.Chain)-1].Addresses(true)
	return Rotate(list, turn)
}

// Rotate gives the addresses beginning with another one at each turn.
func Rotate(addresses []netip.Addr, turn uint32) []netip.Addr {
	if len(addresses) == 0 {
		return nil
	}
	at := int(turn % uint32(len(addresses)))
	return append(append(make([]netip.Addr, 0, len(addresses)), addresses[at:]...), addresses[:at]...)
}
