package ec2

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

// acl is a network ACL. Which subnets it judges stands in the subnets.
type acl struct {
	head
	VPC     string
	Default bool
	Entries []aclEntry // by direction, then number
}

// aclEntry is one numbered entry. IPv6 entries are kept and shown, and match nothing: there is no IPv6 here.
type aclEntry struct {
	Number   int
	Egress   bool
	Allow    bool
	Protocol int
	From, To int // ports, or ICMP type and code; -1 where there are none
	CIDR     netip.Prefix
}

var acls = newKind[acl]("network-acl", "acl-", "InvalidNetworkAclID", "The networkAcl ID '%s' does not exist")

var (
	entryExists   = fault.Kind{Code: "NetworkAclEntryAlreadyExists", Status: 400}
	entryNotFound = fault.Kind{Code: "InvalidNetworkAclEntry.NotFound", Status: 400}
	entryLimit    = fault.Kind{Code: "NetworkAclEntryLimitExceeded", Status: 400}
	aclLimit      = fault.Kind{Code: "NetworkAclLimitExceeded", Status: 400}
)

// lastEntry is the number of the entry that every ACL ends with; customers' are below it.
const lastEntry = 32767

// defaultACL is what a new VPC has: everything is allowed both ways.
func defaultACL(tx *store.Tx, v *vpc) *acl {
	a := &acl{head: acls.begin(tx, v.Account, nil), VPC: v.ID, Default: true}
	for _, egress := range []bool{false, true} {
		a.Entries = append(a.Entries, aclEntry{Number: 100, Egress: egress, Allow: true, Protocol: -1, From: -1, To: -1, CIDR: anywhere})
	}
	return a
}

// migrateACLs gives the VPCs of an older data directory a record of the ACL that they said they had.
func (s *Service) migrateACLs(ctx context.Context) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := vpcs.all(tx, "")
		if err != nil {
			return err
		}
		for _, v := range all {
			there, err := acls.table.Get(tx, store.Key(v.Account, v.ACL))
			if err != nil {
				return fmt.Errorf("network acl of %s: %w", v.ID, err)
			}
			if there != nil {
				continue
			}
			a := defaultACL(tx, v)
			a.ID, a.Created, a.Tags = v.ACL, v.Created, v.ACLTags
			v.ACLTags = nil
			if err := acls.put(tx, a); err != nil {
				return err
			}
			if err := vpcs.put(tx, v); err != nil {
				return err
			}
		}
		return nil
	})
}

// aclOf is the ACL that judges a subnet: its own, or the VPC's default.
func aclOf(n *subnet, v *vpc) string {
	if n.ACL != "" {
		return n.ACL
	}
	return v.ACL
}

func (a *acl) find(number int, egress bool) int {
	return slices.IndexFunc(a.Entries, func(e aclEntry) bool { return e.Number == number && e.Egress == egress })
}

// plan is what the fabric is told; IPv6 entries are nothing to it.
func (a *acl) plan() network.ACL {
	out := network.ACL{ID: a.ID}
	for _, e := range a.Entries {
		if !e.CIDR.Addr().Is4() {
			continue
		}
		n := network.ACLEntry{Allow: e.Allow, Protocol: e.Protocol, From: e.From, To: e.To, CIDR: e.CIDR}
		if e.Egress {
			out.Egress = append(out.Egress, n)
		} else {
			out.Ingress = append(out.Ingress, n)
		}
	}
	return out
}

// open says whether an ACL lets everything through; the fabric need not know it then.
func (a *acl) open() bool {
	all := func(list []network.ACLEntry) bool {
		return len(list) > 0 && list[0].Allow && list[0].Protocol == -1 && list[0].CIDR == anywhere
	}
	n := a.plan()
	return all(n.Ingress) && all(n.Egress)
}

// shownACL is an ACL with what Describe shows of it.
type shownACL struct {
	*acl
	subnets []*subnet
}

func aclsOf(tx *store.Tx, account string, ids []string) (out []shownACL, err error) {
	nets, err := subnets.all(tx, account)
	if err != nil {
		return nil, err
	}
	of, err := vpcs.byID(tx, account)
	if err != nil {
		return nil, err
	}
	all, err := acls.all(tx, account)
	if err == nil && len(ids) > 0 {
		all, err = acls.chosen(all, ids)
	}
	for _, a := range all {
		s := shownACL{acl: a}
		for _, n := range nets {
			if v := of[n.VPC]; v != nil && aclOf(n, v) == a.ID {
				s.subnets = append(s.subnets, n)
			}
		}
		out = append(out, s)
	}
	return out, err
}

func (a shownACL) aws() shape.NetworkAcl {
	out := shape.NetworkAcl{
		NetworkAclId: &a.ID, VpcId: &a.VPC, OwnerId: &a.Account, IsDefault: &a.Default, Tags: awsTags(a.Tags), Associations: []shape.NetworkAclAssociation{},
	}
	for _, egress := range []bool{true, false} {
		for _, e := range a.Entries {
			if e.Egress == egress {
				out.Entries = append(out.Entries, e.aws())
			}
		}
		out.Entries = append(out.Entries, aclEntry{Number: lastEntry, Egress: egress, Protocol: -1, CIDR: anywhere}.aws())
	}
	for _, n := range a.subnets {
		out.Associations = append(out.Associations, shape.NetworkAclAssociation{
			NetworkAclAssociationId: &n.ACLAssociation, NetworkAclId: &a.ID, SubnetId: &n.ID,
		})
	}
	return out
}

func (e aclEntry) aws() shape.NetworkAclEntry {
	out := shape.NetworkAclEntry{
		Egress: &e.Egress, Protocol: new(strconv.Itoa(e.Protocol)), RuleAction: new(e.action()), RuleNumber: new(int32(e.Number)),
	}
	if e.CIDR.Addr().Is4() {
		out.CidrBlock = new(e.CIDR.String())
	} else {
		out.Ipv6CidrBlock = new(e.CIDR.String())
	}
	switch {
	case e.Protocol == icmp || e.Protocol == icmp6:
		out.IcmpTypeCode = &shape.IcmpTypeCode{Type: new(int32(e.From)), Code: new(int32(e.To))}
	case e.Protocol == tcp || e.Protocol == udp:
		out.PortRange = &shape.PortRange{From: new(int32(e.From)), To: new(int32(e.To))}
	}
	return out
}

func (e aclEntry) action() string {
	if e.Allow {
		return "allow"
	}
	return "deny"
}

// entryFilter is a filter over entries, the last ones included.
func entryFilter(of func(aclEntry) string) func(shownACL) []string {
	return func(a shownACL) (out []string) {
		for _, e := range a.Entries {
			out = append(out, of(e))
		}
		for _, egress := range []bool{true, false} {
			out = append(out, of(aclEntry{Number: lastEntry, Egress: egress, Protocol: -1, CIDR: anywhere}))
		}
		return out
	}
}

var aclFields = fields[shownACL]{
	"network-acl-id": one(func(a shownACL) string { return a.ID }),
	"vpc-id":         one(func(a shownACL) string { return a.VPC }),
	"owner-id":       one(func(a shownACL) string { return a.Account }),
	"default":        one(func(a shownACL) string { return strconv.FormatBool(a.Default) }),
	"association.subnet-id": func(a shownACL) (out []string) {
		for _, n := range a.subnets {
			out = append(out, n.ID)
		}
		return out
	},
	"association.association-id": func(a shownACL) (out []string) {
		for _, n := range a.subnets {
			out = append(out, n.ACLAssociation)
		}
		return out
	},
	"association.network-acl-id": func(a shownACL) []string {
		if len(a.subnets) == 0 {
			return nil
		}
		return []string{a.ID}
	},
	"entry.cidr": entryFilter(func(e aclEntry) string {
		if !e.CIDR.Addr().Is4() {
			return ""
		}
		return e.CIDR.String()
	}),
	"entry.ipv6-cidr": entryFilter(func(e aclEntry) string {
		if e.CIDR.Addr().Is4() {
			return ""
		}
		return e.CIDR.String()
	}),
	"entry.egress":          entryFilter(func(e aclEntry) string { return strconv.FormatBool(e.Egress) }),
	"entry.protocol":        entryFilter(func(e aclEntry) string { return strconv.Itoa(e.Protocol) }),
	"entry.rule-action":     entryFilter(aclEntry.action),
	"entry.rule-number":     entryFilter(func(e aclEntry) string { return strconv.Itoa(e.Number) }),
	"entry.port-range.from": entryFilter(func(e aclEntry) string { return strconv.Itoa(e.From) }),
	"entry.port-range.to":   entryFilter(func(e aclEntry) string { return strconv.Itoa(e.To) }),
	"entry.icmp.type":       entryFilter(func(e aclEntry) string { return strconv.Itoa(e.From) }),
	"entry.icmp.code":       entryFilter(func(e aclEntry) string { return strconv.Itoa(e.To) }),
}
