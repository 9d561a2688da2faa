package ec2

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/ec2"
)

// icmp6 is ICMP for IPv6, which entries may name though there is none here.
const icmp6 = 58

var _ = api.Define(operations, "CreateNetworkAclEntry", named("CreateNetworkAclEntry", "network-acl",
	func(in *shape.CreateNetworkAclEntryRequest) *string { return in.NetworkAclId }), (*Service).createNetworkAclEntry)

func (s *Service) createNetworkAclEntry(ctx context.Context, c *api.Call, in *shape.CreateNetworkAclEntryRequest) (*struct{}, error) {
	if err := begin(in, "NetworkAclId", "RuleNumber", "Protocol", "RuleAction", "Egress", "CidrBlock", "Ipv6CidrBlock", "IcmpTypeCode", "PortRange"); err != nil {
		return nil, err
	}
	e, err := parseEntry(in.RuleNumber, in.Protocol, in.RuleAction, in.Egress, in.CidrBlock, in.Ipv6CidrBlock, in.IcmpTypeCode, in.PortRange)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.changeACL(ctx, c.Account(), str(in.NetworkAclId), func(a *acl) error {
		if a.find(e.Number, e.Egress) >= 0 {
			return entryExists.New("The network acl entry identified by %d already exists.", e.Number)
		}
		count := 0
		for _, o := range a.Entries {
			if o.Egress == e.Egress {
				count++
			}
		}
		if count >= s.Quotas.EntriesPerDirection {
			return entryLimit.New("The maximum number of network acl entries has been reached.")
		}
		a.Entries = append(a.Entries, e)
		return nil
	})
}

var _ = api.Define(operations, "ReplaceNetworkAclEntry", named("ReplaceNetworkAclEntry", "network-acl",
	func(in *shape.ReplaceNetworkAclEntryRequest) *string { return in.NetworkAclId }), (*Service).replaceNetworkAclEntry)

func (s *Service) replaceNetworkAclEntry(ctx context.Context, c *api.Call, in *shape.ReplaceNetworkAclEntryRequest) (*struct{}, error) {
	if err := begin(in, "NetworkAclId", "RuleNumber", "Protocol", "RuleAction", "Egress", "CidrBlock", "Ipv6CidrBlock", "IcmpTypeCode", "PortRange"); err != nil {
		return nil, err
	}
	e, err := parseEntry(in.RuleNumber, in.Protocol, in.RuleAction, in.Egress, in.CidrBlock, in.Ipv6CidrBlock, in.IcmpTypeCode, in.PortRange)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.changeACL(ctx, c.Account(), str(in.NetworkAclId), func(a *acl) error {
		at := a.find(e.Number, e.Egress)
		if at < 0 {
			return noEntry(e.Number, e.Egress)
		}
		a.Entries[at] = e
		return nil
	})
}

func noEntry(number int, egress bool) error {
	way := "ingress"
	if egress {
		way = "egress"
	}
	return entryNotFound.New("The %s network acl entry identified by %d does not exist.", way, number)
}

var _ = api.Define(operations, "DeleteNetworkAclEntry", named("DeleteNetworkAclEntry", "network-acl",
	func(in *shape.DeleteNetworkAclEntryRequest) *string { return in.NetworkAclId }), (*Service).deleteNetworkAclEntry)

func (s *Service) deleteNetworkAclEntry(ctx context.Context, c *api.Call, in *shape.DeleteNetworkAclEntryRequest) (*struct{}, error) {
	if err := begin(in, "NetworkAclId", "RuleNumber", "Egress"); err != nil {
		return nil, err
	}
	number, err := entryNumber(in.RuleNumber)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.changeACL(ctx, c.Account(), str(in.NetworkAclId), func(a *acl) error {
		at := a.find(number, yes(in.Egress))
		if at < 0 {
			return noEntry(number, yes(in.Egress))
		}
		a.Entries = append(a.Entries[:at], a.Entries[at+1:]...)
		return nil
	})
}

func entryNumber(n *int32) (int, error) {
	if n == nil {
		return 0, missingParameter.New("The request must contain the parameter ruleNumber")
	}
	if *n < 1 || *n >= lastEntry {
		return 0, invalidValue.New("Value (%d) for parameter ruleNumber is invalid. It must be between 1 and 32766.", *n)
	}
	return int(*n), nil
}

// parseEntry reads what a request says of an entry (facts privatelink 7.1).
func parseEntry(number *int32, protocol, action *string, egress *bool, four, six *string, types *shape.IcmpTypeCode, ports *shape.PortRange) (e aclEntry, err error) {
	if e.Number, err = entryNumber(number); err != nil {
		return e, err
	}
	e.Egress, e.From, e.To = yes(egress), -1, -1
	switch a := str(action); a {
	case "allow", "deny":
		e.Allow = a == "allow"
	default:
		return e, invalidValue.New("Value (%s) for parameter ruleAction is invalid. It must be allow or deny.", a)
	}
	if e.Protocol, err = aclProtocol(str(protocol)); err != nil {
		return e, err
	}
	if e.CIDR, err = entryCIDR(str(four), str(six)); err != nil {
		return e, err
	}
	switch e.Protocol {
	case tcp, udp:
		if ports == nil || ports.From == nil || ports.To == nil {
			return e, missingParameter.New("The request must contain the parameter PortRange.From and PortRange.To for the protocols TCP and UDP")
		}
		e.From, e.To = int(*ports.From), int(*ports.To)
		if e.From < 0 || e.To > 65535 || e.From > e.To {
			return e, invalidValue.New("Invalid value '%d-%d' for portRange.", e.From, e.To)
		}
	case icmp, icmp6:
		if types == nil || types.Type == nil || types.Code == nil {
			return e, missingParameter.New("The request must contain the parameter Icmp.Type and Icmp.Code for the protocol ICMP")
		}
		e.From, e.To = int(*types.Type), int(*types.Code)
		if e.From < -1 || e.From > 255 || e.To < -1 || e.To > 255 {
			return e, invalidValue.New("Invalid value '%d/%d' for icmpTypeCode.", e.From, e.To)
		}
	}
	return e, nil
}

func aclProtocol(text string) (int, error) {
	switch strings.ToLower(text) {
	case "":
		return 0, missingParameter.New("The request must contain the parameter protocol")
	case "all":
		return -1, nil
	case "icmpv6":
		return icmp6, nil
	}
	for n, name := range protocolNames {
		if strings.EqualFold(text, name) {
			return n, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < -1 || n > 255 {
		return 0, invalidValue.New("Invalid value '%s' for protocol. Unknown protocol.", text)
	}
	return n, nil
}

func entryCIDR(four, six string) (netip.Prefix, error) {
	if (four == "") == (six == "") {
		return netip.Prefix{}, invalidCombination.New("The request must contain exactly one of cidrBlock and ipv6CidrBlock")
	}
	if four != "" {
		return parseCIDR("cidrBlock", four)
	}
	p, err := netip.ParsePrefix(six)
	if err != nil || !p.Addr().Is6() {
		return p, invalidValue.New("Value (%s) for parameter ipv6CidrBlock is invalid. This is not a valid CIDR block.", six)
	}
	return p.Masked(), nil
}
