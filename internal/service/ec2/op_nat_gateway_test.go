package ec2

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

func (h *house) newNAT(subnet, allocation string) string {
	h.Helper()
	return *must[shape.CreateNatGatewayResult](h, "CreateNatGateway", &shape.CreateNatGatewayRequest{SubnetId: &subnet, AllocationId: &allocation}).NatGateway.NatGatewayId
}

func (h *house) nat(id string) shape.NatGateway {
	h.Helper()
	return must[shape.DescribeNatGatewaysResult](h, "DescribeNatGateways", &shape.DescribeNatGatewaysRequest{NatGatewayIds: []string{id}}).NatGateways[0]
}

func TestNATGateways(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a, r := h.subnet(v, "10.0.0.0/24", "a"), h.table(v)
	h.igw(v)
	e := h.eip()
	in := &shape.CreateNatGatewayRequest{SubnetId: &a, AllocationId: &e, ClientToken: new("t"), PrivateIpAddress: new("10.0.0.9")}
	first := must[shape.CreateNatGatewayResult](h, "CreateNatGateway", in).NatGateway
	id := *first.NatGatewayId
	if *first.State != "pending" {
		t.Errorf("made %+v", first)
	}
	if again := must[shape.CreateNatGatewayResult](h, "CreateNatGateway", in).NatGateway; *again.NatGatewayId != id {
		t.Errorf("the token made %s, then %s", id, *again.NatGatewayId)
	}
	n := h.nat(id)
	at := n.NatGatewayAddresses[0]
	if *n.State != "available" || *at.PrivateIp != "10.0.0.9" || *at.PublicIp != *h.address(e).PublicIp || *at.Status != "succeeded" || *n.ConnectivityType != "public" {
		t.Errorf("described %+v", n)
	}
	i := h.describeENI(*at.NetworkInterfaceId)
	if *i.InterfaceType != "nat_gateway" || *i.Description != "Interface for NAT Gateway "+id || !*i.RequesterManaged || *i.SourceDestCheck || len(i.Groups) != 0 || *i.Status != "in-use" {
		t.Errorf("its interface %+v", i)
	}
	must[shape.CreateRouteResult](h, "CreateRoute", &shape.CreateRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("0.0.0.0/0"), NatGatewayId: &id})
	if got := h.routesOf(r); got["0.0.0.0/0"] != (network.Target{Kind: network.ToInterface, ID: *i.NetworkInterfaceId}) {
		t.Errorf("routes %v", got)
	}
	refused[struct{}](h, "DeleteNetworkInterface", &shape.DeleteNetworkInterfaceRequest{NetworkInterfaceId: i.NetworkInterfaceId}, "InvalidNetworkInterface.InUse", "")
	refused[struct{}](h, "DisassociateAddress", &shape.DisassociateAddressRequest{AssociationId: h.address(e).AssociationId}, "AuthFailure", "")
	refused[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: &a}, "DependencyViolation", "")

	must[shape.DeleteNatGatewayResult](h, "DeleteNatGateway", &shape.DeleteNatGatewayRequest{NatGatewayId: &id})
	must[shape.DeleteNatGatewayResult](h, "DeleteNatGateway", &shape.DeleteNatGatewayRequest{NatGatewayId: &id})
	if n := h.nat(id); *n.State != "deleted" || n.DeleteTime == nil {
		t.Errorf("deleted %+v", n)
	}
	if h.address(e).AssociationId != nil {
		t.Error("its address is still in use")
	}
	if got := h.state(r, "0.0.0.0/0"); got != "blackhole" {
		t.Errorf("the route to it is %s", got)
	}
	must[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: &a})
	refused[shape.CreateRouteResult](h, "CreateRoute", &shape.CreateRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("1.0.0.0/8"), NatGatewayId: &id}, "NatGatewayNotFound", "NAT gateway "+id+" was not found")
	h.age(t, id, 2*time.Hour)
	refused[shape.DescribeNatGatewaysResult](h, "DescribeNatGateways", &shape.DescribeNatGatewaysRequest{NatGatewayIds: []string{id}}, "NatGatewayNotFound", "NAT gateway "+id+" was not found")
	refused[shape.DeleteNatGatewayResult](h, "DeleteNatGateway", &shape.DeleteNatGatewayRequest{NatGatewayId: &id}, "NatGatewayNotFound", "")
}

// age makes a NAT gateway's end older.
func (h *house) age(t *testing.T, id string, by time.Duration) {
	t.Helper()
	err := h.DB.Update(t.Context(), func(tx *store.Tx) error {
		n, err := natGateways.get(tx, account, id)
		if err != nil {
			return err
		}
		n.Deleted = n.Deleted.Add(-by)
		return natGateways.put(tx, n)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNATGatewaysThatFail(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/28", "a")
	e := h.eip()
	fails := func(code, message string) {
		t.Helper()
		n := h.nat(h.newNAT(a, e))
		if *n.State != "failed" || n.FailureCode == nil || *n.FailureCode != code || *n.FailureMessage != message {
			t.Errorf("%+v, want %s", n, code)
		}
	}
	fails("Gateway.NotAttached", "Network "+v+" has no Internet gateway attached")
	h.igw(v)
	other := h.newNAT(a, e)
	fails("Resource.AlreadyAssociated", "Elastic IP address "+e+" is already associated")
	must[shape.DeleteNatGatewayResult](h, "DeleteNatGateway", &shape.DeleteNatGatewayRequest{NatGatewayId: &other})
	for range capacity(cidr("10.0.0.0/28")) {
		h.eni(a)
	}
	fails("InsufficientFreeAddressesInSubnet", "Subnet has insufficient free addresses to create this NAT gateway")
	if got := must[shape.DescribeNatGatewaysResult](h, "DescribeNatGateways", &shape.DescribeNatGatewaysRequest{Filter: []shape.Filter{filter("state", "failed"), filter("vpc-id", v), filter("subnet-id", a)}}).NatGateways; len(got) != 3 {
		t.Errorf("failed: %+v", got)
	}
	for in, code := range map[*shape.CreateNatGatewayRequest]string{
		{SubnetId: &a}:     "MissingParameter",
		{AllocationId: &e}: "MissingParameter",
		{SubnetId: new("subnet-0abc"), AllocationId: &e}:                    "InvalidSubnetID.NotFound",
		{SubnetId: &a, AllocationId: new("eipalloc-0abc")}:                  "InvalidAllocationID.NotFound",
		{SubnetId: &a, ConnectivityType: new("x")}:                          "InvalidParameterValue",
		{SubnetId: &a, AvailabilityMode: new("regional")}:                   "UnsupportedOperation",
		{SubnetId: &a, SecondaryAllocationIds: []string{"x"}}:               "UnsupportedOperation",
		{SubnetId: &a, AllocationId: &e, ConnectivityType: new("private")}:  "InvalidParameterCombination",
		{SubnetId: &a, AllocationId: &e, PrivateIpAddress: new("10.9.9.9")}: "InvalidParameterValue",
		{SubnetId: &a, ConnectivityType: new("private"), DryRun: new(true)}: "DryRunOperation",
	} {
		refused[shape.CreateNatGatewayResult](h, "CreateNatGateway", in, code, "")
	}
}

func TestNATGatewaysFollowTheFabric(t *testing.T) {
	h := start(t, filepath.Join(t.TempDir(), "db"), Quotas{NATsPerZone: 1})
	v := h.vpc("10.0.0.0/16")
	a, b := h.subnet(v, "10.0.0.0/24", "a"), h.subnet(v, "10.0.1.0/24", "a")
	h.fabric.fail(errors.New("no"))
	private := &shape.CreateNatGatewayRequest{SubnetId: &a, ConnectivityType: new("private")}
	id := *must[shape.CreateNatGatewayResult](h, "CreateNatGateway", private).NatGateway.NatGatewayId
	if n := h.nat(id); *n.State != "pending" || n.NatGatewayAddresses[0].PublicIp != nil {
		t.Errorf("while the fabric refuses: %+v", n)
	}
	private.SubnetId = &b
	refused[shape.CreateNatGatewayResult](h, "CreateNatGateway", private, "NatGatewayLimitExceeded", "")
	h.fabric.fail(nil)
	must[shape.CreateSubnetResult](h, "CreateSubnet", &shape.CreateSubnetRequest{VpcId: &v, CidrBlock: new("10.0.2.0/24")})
	if n := h.nat(id); *n.State != "available" || *n.ConnectivityType != "private" {
		t.Errorf("afterwards: %+v", n)
	}
	h.fabric.fail(errors.New("no"))
	must[shape.DeleteNatGatewayResult](h, "DeleteNatGateway", &shape.DeleteNatGatewayRequest{NatGatewayId: &id})
	if n := h.nat(id); *n.State != "deleting" {
		t.Errorf("while the fabric refuses: %+v", n)
	}
	h.fabric.fail(nil)
}
