package ec2

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var anywhere = netip.MustParsePrefix("0.0.0.0/0")

// Protocols that have ports or types.
const (
	icmp = 1
	tcp  = 6
	udp  = 17
)

var protocolNames = map[int]string{icmp: "icmp", tcp: "tcp", udp: "udp"}

// protocolName is how a protocol is shown: by name where AWS does so.
func protocolName(p int) string {
	if n := protocolNames[p]; n != "" {
		return n
	}
	return strconv.Itoa(p)
}

func parseProtocol(s string) (int, error) {
	switch strings.ToLower(s) {
	case "":
		return 0, missingParameter.New("The request must contain the parameter ipProtocol")
	case "all":
		return -1, nil
	case "icmpv6", "58":
		return 0, unsupportedOperation.New("IPv6 rules are not supported.")
	}
	for n, name := range protocolNames {
		if strings.EqualFold(s, name) {
			return n, nil
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < -1 || n > 255 {
		return 0, invalidValue.New("Invalid value '%s' for IP protocol. Unknown protocol.", s)
	}
	return n, nil
}

// parsePorts reads what of a permission is about ports, or ICMP types and codes.
func parsePorts(protocol int, from, to *int32) (int, int, error) {
	switch protocol {
	case tcp, udp:
		if from == nil || to == nil {
			return 0, 0, invalidValue.New("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		f, t := int(*from), int(*to)
		if f == -1 && t == -1 {
			return 0, 65535, nil
		}
		for _, p := range []int{f, t} {
			if p < 0 || p > 65535 {
				return 0, 0, invalidValue.New("TCP/UDP port (%d) out of range", p)
			}
		}
		if f > t {
			return 0, 0, invalidValue.New("Invalid TCP/UDP port range (%d:%d)", f, t)
		}
		return f, t, nil
	case icmp:
		f, t := -1, -1
		if from != nil {
			f = int(*from)
		}
		if to != nil {
			t = int(*to)
		}
		if f < -1 || f > 255 || t < -1 || t > 255 || f == -1 && t != -1 {
			return 0, 0, invalidValue.New("ICMP code (%d) or type (%d) out of range", t, f)
		}
		return f, t, nil
	}
	return -1, -1, nil
}

// parsePermissions makes rules of permissions: one for each peer.
func (s *Service) parsePermissions(tx *store.Tx, list []shape.IpPermission, g *group, egress bool) (out []rule, err error) {
	for i := range list {
		p := &list[i]
		base := rule{Egress: egress}
		if base.Protocol, err = parseProtocol(str(p.IpProtocol)); err != nil {
			return nil, err
		}
		if base.From, base.To, err = parsePorts(base.Protocol, p.FromPort, p.ToPort); err != nil {
			return nil, err
		}
		rules, err := peers(tx, p, g, base)
		if err != nil {
			return nil, err
		}
		out = append(out, rules...)
	}
	if len(out) == 0 {
		return nil, missingParameter.New("The request must contain the parameter ipPermissions")
	}
	return out, nil
}

func peers(tx *store.Tx, p *shape.IpPermission, g *group, base rule) (out []rule, err error) {
	add := func(r rule, description *string) error {
		r.Description = str(description)
		out = append(out, r)
		return describable(r.Description)
	}
	for _, x := range p.IpRanges {
		r := base
		if r.CIDR, err = parseCIDR("cidrIp", str(x.CidrIp)); err != nil {
			return nil, invalidValue.New("CIDR block %s is malformed", str(x.CidrIp))
		}
		if err := add(r, x.Description); err != nil {
			return nil, err
		}
	}
	for _, x := range p.UserIdGroupPairs {
		r := base
		if r.Group, r.Peer, err = peerGroup(tx, g, &x); err != nil {
			return nil, err
		}
		if err := add(r, x.Description); err != nil {
			return nil, err
		}
	}
	for _, x := range p.PrefixListIds {
		r := base
		r.PrefixList = str(x.PrefixListId)
		if err := add(r, x.Description); err != nil {
			return nil, err
		}
	}
	for _, x := range p.Ipv6Ranges {
		r := base
		if r.CIDR, err = netip.ParsePrefix(str(x.CidrIpv6)); err != nil || !r.CIDR.Addr().Is6() {
			return nil, invalidValue.New("CIDR block %s is malformed", str(x.CidrIpv6))
		}
		out = append(out, r)
	}
	return out, nil
}

const descriptionCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-:/()#,@[]+=&;{}!$*"

func describable(text string) error {
	if len(text) > 255 || strings.Trim(text, descriptionCharacters) != "" {
		return invalidValue.New("Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
	}
	return nil
}

// same tells whether two rules allow the same; ids and descriptions do not matter.
func (r *rule) same(o *rule) bool {
	return r.Egress == o.Egress && r.Protocol == o.Protocol && r.From == o.From && r.To == o.To &&
		r.CIDR == o.CIDR && r.Group == o.Group && r.PrefixList == o.PrefixList
}

// peer is the text by which AWS names a rule's other side.
func (r *rule) peer() string {
	switch {
	case r.Group != "":
		return r.Group
	case r.PrefixList != "":
		return r.PrefixList
	}
	return r.CIDR.String()
}

func (r *rule) String() string {
	switch r.Protocol {
	case -1:
		return fmt.Sprintf("peer: %s, ALL, ALLOW", r.peer())
	case tcp, udp:
		return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", r.peer(), strings.ToUpper(protocolNames[r.Protocol]), r.From, r.To)
	case icmp:
		return fmt.Sprintf("peer: %s, ICMP, type: %d, code: %d, ALLOW", r.peer(), r.From, r.To)
	}
	return fmt.Sprintf("peer: %s, %d, ALLOW", r.peer(), r.Protocol)
}

// permissions shows rules of one direction, those that differ only in their peer together.
func permissions(g *group, egress bool) []shape.IpPermission {
	out := []shape.IpPermission{}
	at := map[[3]int]int{}
	for i := range g.Rules {
		r := &g.Rules[i]
		if r.Egress != egress {
			continue
		}
		key := [3]int{r.Protocol, r.From, r.To}
		k, ok := at[key]
		if !ok {
			k = len(out)
			at[key] = k
			out = append(out, r.permission())
		}
		r.addPeer(&out[k], g.Account)
	}
	return out
}

func (r *rule) permission() shape.IpPermission {
	p := shape.IpPermission{
		IpProtocol: new(protocolName(r.Protocol)), IpRanges: []shape.IpRange{}, Ipv6Ranges: []shape.Ipv6Range{},
		UserIdGroupPairs: []shape.UserIdGroupPair{}, PrefixListIds: []shape.PrefixListId{},
	}
	if r.Protocol == tcp || r.Protocol == udp || r.Protocol == icmp {
		p.FromPort, p.ToPort = new(int32(r.From)), new(int32(r.To))
	}
	return p
}

func (r *rule) addPeer(p *shape.IpPermission, account string) {
	var d *string
	if r.Description != "" {
		d = &r.Description
	}
	switch {
	case r.Group != "":
		p.UserIdGroupPairs = append(p.UserIdGroupPairs, r.pair(account, d))
	case r.PrefixList != "":
		p.PrefixListIds = append(p.PrefixListIds, shape.PrefixListId{PrefixListId: &r.PrefixList, Description: d})
	default:
		p.IpRanges = append(p.IpRanges, shape.IpRange{CidrIp: new(r.CIDR.String()), Description: d})
	}
}
