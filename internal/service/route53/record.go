package route53

import (
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/route53"
)

// record is a resource record set.
type record struct {
	Zone, Name, Type string // the name as normal writes it
	TTL              int64
	Values           []string `json:",omitempty"`
	Alias            *alias   `json:",omitempty"`
}

// alias is what an alias record stands for: another record of its zone, or the name of a VPC endpoint.
type alias struct {
	Zone, Name string
	Evaluate   bool
}

var records = store.NewTable[record]("route53.record")

// recordKey sorts as Route 53 lists: by the labels of the name from the last to the first, then by type.
func recordKey(zone, name, kind string) string {
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	slices.Reverse(labels)
	return store.Key(zone, strings.Join(labels, ".")+".", kind)
}

func (r *record) key() string { return recordKey(r.Zone, r.Name, r.Type) }

func (r *record) aws() shape.ResourceRecordSet {
	out := shape.ResourceRecordSet{Name: new(escaped(r.Name)), Type: new(r.Type)}
	if r.Alias != nil {
		out.AliasTarget = &shape.AliasTarget{HostedZoneId: new(r.Alias.Zone), DNSName: new(escaped(r.Alias.Name)), EvaluateTargetHealth: new(r.Alias.Evaluate)}
		return out
	}
	out.TTL = new(r.TTL)
	for _, v := range r.Values {
		out.ResourceRecords = append(out.ResourceRecords, shape.ResourceRecord{Value: new(v)})
	}
	return out
}

// same says whether two sets say the same; the order of values means nothing.
func (r *record) same(o *record) bool {
	if (r.Alias == nil) != (o.Alias == nil) || r.Alias != nil && *r.Alias != *o.Alias {
		return false
	}
	a, b := slices.Sorted(slices.Values(r.Values)), slices.Sorted(slices.Values(o.Values))
	return r.TTL == o.TTL && slices.Equal(a, b)
}

// base is the two record sets that every zone has.
func base(z *zone) []*record {
	return []*record{
		{Zone: z.ID, Name: z.Name, Type: "NS", TTL: 172800, Values: nameServers},
		{Zone: z.ID, Name: z.Name, Type: "SOA", TTL: 900, Values: []string{authority}},
	}
}

// valid says why a value is none of a type.
func valid(kind, value string) string {
	problem := func(code, why string) string {
		return "Invalid Resource Record: 'FATAL problem: " + code + " (" + why + ") encountered with '" + value + "''"
	}
	switch kind {
	case "A":
		if a, err := netip.ParseAddr(value); err != nil || !a.Is4() {
			return problem("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address")
		}
	case "AAAA":
		if a, err := netip.ParseAddr(value); err != nil || !a.Is6() || a.Zone() != "" {
			return problem("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address")
		}
	case "CNAME":
		if name, ok := normal(value); !ok || strings.HasPrefix(name, "*") {
			return problem("DomainNameInvalid", "Value is not a valid domain name")
		}
	case "TXT":
		if _, ok := texts(value); !ok {
			return problem("InvalidCharacterString", "Value should be enclosed in quotation marks")
		}
	}
	return ""
}

// texts reads the value of a TXT record: strings in quotation marks, which together are one text.
func texts(value string) (out string, ok bool) {
	var b strings.Builder
	for rest := strings.TrimSpace(value); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		if rest[0] != '"' {
			return "", false
		}
		i, length := 1, 0
		for ; i < len(rest) && rest[i] != '"'; i++ {
			c := rest[i]
			if c == '\\' {
				if i+1 >= len(rest) {
					return "", false
				}
				i++
				if c = rest[i]; i+2 < len(rest) && octal(rest[i:i+3]) {
					c = (rest[i]-'0')<<6 | (rest[i+1]-'0')<<3 | (rest[i+2] - '0')
					i += 2
				}
			}
			b.WriteByte(c)
			length++
		}
		if i >= len(rest) || length > 255 {
			return "", false
		}
		rest, ok = rest[i+1:], true
	}
	return b.String(), ok && b.Len() <= 4000
}

func octal(s string) bool {
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7'
}
