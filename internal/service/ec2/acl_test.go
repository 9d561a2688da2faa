package ec2

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"cloister/internal/machine/store"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

func (h *house) acl(v string) string {
	h.Helper()
	return *must[shape.CreateNetworkAclResult](h, "CreateNetworkAcl", &shape.CreateNetworkAclRequest{VpcId: &v}).NetworkAcl.NetworkAclId
}

func (h *house) showACL(id string) shape.NetworkAcl {
	h.Helper()
	return must[shape.DescribeNetworkAclsResult](h, "DescribeNetworkAcls", &shape.DescribeNetworkAclsRequest{NetworkAclIds: []string{id}}).NetworkAcls[0]
}

func entryRequest(id string, number int32, change func(*shape.CreateNetworkAclEntryRequest)) *shape.CreateNetworkAclEntryRequest {
	in := &shape.CreateNetworkAclEntryRequest{NetworkAclId: &id, RuleNumber: &number, Protocol: new("6"), RuleAction: new("allow"), Egress: new(false),
		CidrBlock: new("10.0.0.0/8"), PortRange: &shape.PortRange{From: new(int32(443)), To: new(int32(443))}}
	if change != nil {
		change(in)
	}
	return in
}

func TestANetworkACLReachesTheFabric(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	n := h.subnet(v, "10.0.0.0/24", "a")
	own := must[shape.DescribeNetworkAclsResult](h, "DescribeNetworkAcls", &shape.DescribeNetworkAclsRequest{Filters: []shape.Filter{filter("default", "true"), filter("vpc-id", v)}}).NetworkAcls[0]
	if !*own.IsDefault || len(own.Entries) != 4 || len(own.Associations) != 1 || *own.Associations[0].SubnetId != n {
		t.Fatalf("the default is %+v", own)
	}
	if p := h.fabric.network().VPCs[0]; len(p.ACLs) != 0 || p.Subnets[0].ACL != "" {
		t.Errorf("an ACL that allows everything is planned: %+v", p)
	}
	id := h.acl(v)
	if made := h.showACL(id); len(made.Entries) != 2 || *made.Entries[0].RuleNumber != 32767 || *made.Entries[0].RuleAction != "deny" || *made.IsDefault {
		t.Errorf("a new one is %+v", made)
	}
	moved := must[shape.ReplaceNetworkAclAssociationResult](h, "ReplaceNetworkAclAssociation", &shape.ReplaceNetworkAclAssociationRequest{
		AssociationId: own.Associations[0].NetworkAclAssociationId, NetworkAclId: &id})
	if *moved.NewAssociationId == *own.Associations[0].NetworkAclAssociationId {
		t.Error("the association kept its id")
	}
	must[struct{}](h, "CreateNetworkAclEntry", entryRequest(id, 200, nil))
	must[struct{}](h, "CreateNetworkAclEntry", entryRequest(id, 100, func(in *shape.CreateNetworkAclEntryRequest) {
		in.RuleAction, in.CidrBlock = new("deny"), new("10.9.0.1/16")
	}))
	must[struct{}](h, "CreateNetworkAclEntry", entryRequest(id, 50, func(in *shape.CreateNetworkAclEntryRequest) { in.CidrBlock, in.Ipv6CidrBlock = nil, new("::/0") }))
	must[struct{}](h, "CreateNetworkAclEntry", entryRequest(id, 100, func(in *shape.CreateNetworkAclEntryRequest) {
		in.Egress, in.Protocol, in.PortRange, in.IcmpTypeCode = new(true), new("icmp"), nil, &shape.IcmpTypeCode{Type: new(int32(-1)), Code: new(int32(-1))}
	}))
	p := h.fabric.network().VPCs[0]
	if len(p.ACLs) != 1 || p.Subnets[0].ACL != id {
		t.Fatalf("planned %+v", p)
	}
	want := []network.ACLEntry{
		{Protocol: 6, From: 443, To: 443, CIDR: netip.MustParsePrefix("10.9.0.0/16")}, {Allow: true, Protocol: 6, From: 443, To: 443, CIDR: netip.MustParsePrefix("10.0.0.0/8")},
	}
	if got := p.ACLs[0].Ingress; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("in: %+v", got)
	}
	if got := p.ACLs[0].Egress; len(got) != 1 || got[0].Protocol != 1 || got[0].From != -1 {
		t.Errorf("out: %+v", got)
	}
	refused[struct{}](h, "DeleteNetworkAcl", &shape.DeleteNetworkAclRequest{NetworkAclId: &id}, "DependencyViolation", "The networkAcl '"+id+"' has dependencies and cannot be deleted.")
	refused[struct{}](h, "DeleteVpc", &shape.DeleteVpcRequest{VpcId: &v}, "DependencyViolation", "")
	must[shape.ReplaceNetworkAclAssociationResult](h, "ReplaceNetworkAclAssociation", &shape.ReplaceNetworkAclAssociationRequest{AssociationId: moved.NewAssociationId, NetworkAclId: own.NetworkAclId})
	must[struct{}](h, "DeleteNetworkAcl", &shape.DeleteNetworkAclRequest{NetworkAclId: &id})
	refused[struct{}](h, "DeleteNetworkAcl", &shape.DeleteNetworkAclRequest{NetworkAclId: &id}, "InvalidNetworkAclID.NotFound", "The networkAcl ID '"+id+"' does not exist")
	must[struct{}](h, "DeleteNetworkAclEntry", &shape.DeleteNetworkAclEntryRequest{NetworkAclId: own.NetworkAclId, RuleNumber: new(int32(100)), Egress: new(false)})
	if p := h.fabric.network().VPCs[0]; p.Subnets[0].ACL != *own.NetworkAclId {
		t.Error("a default that allows nothing in is not planned")
	}
}

func TestEntriesThatCannotBe(t *testing.T) {
	h := start(t, t.TempDir()+"/db", Quotas{EntriesPerDirection: 2, ACLsPerVPC: 2})
	v := h.vpc("10.0.0.0/16")
	id := h.acl(v)
	refused[shape.CreateNetworkAclResult](h, "CreateNetworkAcl", &shape.CreateNetworkAclRequest{VpcId: &v}, "NetworkAclLimitExceeded", "")
	must[struct{}](h, "CreateNetworkAclEntry", entryRequest(id, 1, nil))
	for what, c := range map[string]struct {
		change        func(*shape.CreateNetworkAclEntryRequest)
		code, message string
	}{
		"twice":     {nil, "NetworkAclEntryAlreadyExists", "The network acl entry identified by 1 already exists."},
		"zero":      {func(in *shape.CreateNetworkAclEntryRequest) { in.RuleNumber = new(int32(0)) }, "InvalidParameterValue", ""},
		"last":      {func(in *shape.CreateNetworkAclEntryRequest) { in.RuleNumber = new(int32(32767)) }, "InvalidParameterValue", ""},
		"no number": {func(in *shape.CreateNetworkAclEntryRequest) { in.RuleNumber = nil }, "MissingParameter", ""},
		"action":    {func(in *shape.CreateNetworkAclEntryRequest) { in.RuleAction = new("maybe") }, "InvalidParameterValue", ""},
		"protocol":  {func(in *shape.CreateNetworkAclEntryRequest) { in.Protocol = new("256") }, "InvalidParameterValue", ""},
		"no ports":  {func(in *shape.CreateNetworkAclEntryRequest) { in.PortRange = nil }, "MissingParameter", ""},
		"ports":     {func(in *shape.CreateNetworkAclEntryRequest) { in.PortRange.To = new(int32(1)) }, "InvalidParameterValue", ""},
		"icmp":      {func(in *shape.CreateNetworkAclEntryRequest) { in.Protocol = new("1") }, "MissingParameter", ""},
		"two cidrs": {func(in *shape.CreateNetworkAclEntryRequest) { in.Ipv6CidrBlock = new("::/0") }, "InvalidParameterCombination", ""},
		"cidr":      {func(in *shape.CreateNetworkAclEntryRequest) { in.CidrBlock = new("10.0.0.0") }, "InvalidParameterValue", ""},
		"unknown":   {func(in *shape.CreateNetworkAclEntryRequest) { in.NetworkAclId = new("acl-0abc") }, "InvalidNetworkAclID.NotFound", "The networkAcl ID 'acl-0abc' does not exist"},
	} {
		t.Run(what, func(t *testing.T) {
			refused[struct{}](h, "CreateNetworkAclEntry", entryRequest(id, 1, c.change), c.code, c.message)
		})
	}
	must[struct{}](h, "CreateNetworkAclEntry", entryRequest(id, 2, nil))
	refused[struct{}](h, "CreateNetworkAclEntry", entryRequest(id, 3, nil), "NetworkAclEntryLimitExceeded", "")
	refused[struct{}](h, "DeleteNetworkAclEntry", &shape.DeleteNetworkAclEntryRequest{NetworkAclId: &id, RuleNumber: new(int32(9)), Egress: new(true)},
		"InvalidNetworkAclEntry.NotFound", "The egress network acl entry identified by 9 does not exist.")
	alien := h.vpc("10.1.0.0/16")
	n := must[shape.CreateSubnetResult](h, "CreateSubnet", &shape.CreateSubnetRequest{VpcId: &alien, CidrBlock: new("10.1.0.0/24")}).Subnet
	theirs := must[shape.DescribeNetworkAclsResult](h, "DescribeNetworkAcls", &shape.DescribeNetworkAclsRequest{Filters: []shape.Filter{filter("association.subnet-id", *n.SubnetId)}}).NetworkAcls[0]
	replace := func(association, acl string) *shape.ReplaceNetworkAclAssociationRequest {
		return &shape.ReplaceNetworkAclAssociationRequest{AssociationId: &association, NetworkAclId: &acl}
	}
	refused[shape.ReplaceNetworkAclAssociationResult](h, "ReplaceNetworkAclAssociation", replace(*theirs.Associations[0].NetworkAclAssociationId, id), "InvalidParameter", "")
	refused[shape.ReplaceNetworkAclAssociationResult](h, "ReplaceNetworkAclAssociation", replace("aclassoc-0abc", id), "InvalidAssociationID.NotFound", "The association ID 'aclassoc-0abc' does not exist")
	refused[struct{}](h, "DeleteNetworkAcl", &shape.DeleteNetworkAclRequest{NetworkAclId: theirs.NetworkAclId}, "InvalidParameter", "cannot delete default network ACL "+*theirs.NetworkAclId)
}

func TestManyChangeOneACL(t *testing.T) {
	h := newHouse(t)
	id := h.acl(h.vpc("10.0.0.0/16"))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if _, err := try[struct{}](h, account, "CreateNetworkAclEntry", entryRequest(id, int32(100+i), nil)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := h.showACL(id)
	if len(got.Entries) != 18 {
		t.Fatalf("%d entries", len(got.Entries))
	}
	for i := range 16 {
		if e := got.Entries[1+i]; *e.RuleNumber != int32(100+i) { // the egress list has its last entry only
			t.Errorf("entry %d is %d", i, *e.RuleNumber)
		}
	}
}

// A data directory of before has VPCs whose ACL is a word.
func TestAnOlderVPCGetsItsACL(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	before := must[shape.DescribeNetworkAclsResult](h, "DescribeNetworkAcls", &shape.DescribeNetworkAclsRequest{}).NetworkAcls[0]
	err := h.DB.Update(t.Context(), func(tx *store.Tx) error {
		a, err := acls.get(tx, account, *before.NetworkAclId)
		if err != nil {
			return err
		}
		w, err := vpcs.get(tx, account, v)
		if err != nil {
			return err
		}
		w.ACLTags = map[string]string{"Name": "old"}
		if err := vpcs.put(tx, w); err != nil {
			return err
		}
		return acls.remove(tx, a)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.migrateACLs(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := h.showACL(*before.NetworkAclId)
	if !*after.IsDefault || len(after.Entries) != 4 || len(after.Tags) != 1 || fmt.Sprint(*after.Tags[0].Value) != "old" {
		t.Errorf("migrated %+v", after)
	}
}
