package ec2

import (
	"net/netip"
	"path/filepath"
	"sync"
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

// eip allocates an elastic address.
func (h *house) eip() string {
	h.Helper()
	return *must[shape.AllocateAddressResult](h, "AllocateAddress", &shape.AllocateAddressRequest{Domain: new("vpc")}).AllocationId
}

func (h *house) associate(allocation, eni string) string {
	h.Helper()
	return *must[shape.AssociateAddressResult](h, "AssociateAddress", &shape.AssociateAddressRequest{AllocationId: &allocation, NetworkInterfaceId: &eni}).AssociationId
}

func (h *house) address(allocation string) shape.Address {
	h.Helper()
	return must[shape.DescribeAddressesResult](h, "DescribeAddresses", &shape.DescribeAddressesRequest{AllocationIds: []string{allocation}}).Addresses[0]
}

func (h *house) describeENI(id string) shape.NetworkInterface {
	h.Helper()
	return must[shape.DescribeNetworkInterfacesResult](h, "DescribeNetworkInterfaces", &shape.DescribeNetworkInterfacesRequest{NetworkInterfaceIds: []string{id}}).NetworkInterfaces[0]
}

// publicOf tells what elastic address the fabric was told of for an interface.
func (h *house) publicOf(id string) netip.Addr {
	for _, i := range h.fabric.network().Interfaces {
		if i.ID == id {
			return i.Public
		}
	}
	return netip.Addr{}
}

func TestElasticAddresses(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a := h.subnet(v, "10.0.0.0/24", "a")
	one, two := *h.eni(a).NetworkInterfaceId, *h.eni(a).NetworkInterfaceId
	e := h.eip()
	refused[shape.AssociateAddressResult](h, "AssociateAddress", &shape.AssociateAddressRequest{AllocationId: &e, NetworkInterfaceId: &one},
		"Gateway.NotAttached", "Network "+v+" is not attached to any internet gateway")
	h.igw(v)
	assoc := h.associate(e, one)
	if again := h.associate(e, one); again != assoc {
		t.Errorf("the same again made %s of %s", again, assoc)
	}
	shown := h.address(e)
	public := netip.MustParseAddr(*shown.PublicIp)
	if !elasticRange.Contains(public) || *shown.NetworkInterfaceId != one || *shown.PrivateIpAddress != "10.0.0.4" || *shown.AssociationId != assoc || *shown.Domain != "vpc" {
		t.Errorf("address %+v", shown)
	}
	if got := h.publicOf(one); got != public {
		t.Errorf("the fabric was told of %s", got)
	}
	name := publicName(region, public)
	i := h.describeENI(one)
	if *i.Association.PublicIp != public.String() || *i.Association.PublicDnsName != name || *i.PrivateIpAddresses[0].Association.AllocationId != e {
		t.Errorf("interface %+v", i)
	}
	n := h.fabric.network()
	if got := addressesNamed(n.Internet.Names, name); got != public.String() {
		t.Errorf("outside %s is %q", name, got)
	}
	if got := addressesNamed(n.VPCs[0].Names, name); got != "10.0.0.4" {
		t.Errorf("inside %s is %q", name, got)
	}
	refused[struct{}](h, "ReleaseAddress", &shape.ReleaseAddressRequest{AllocationId: &e}, "InvalidIPAddress.InUse", "Address "+public.String()+" is in use.")

	// It moves unless that is forbidden, and takes the place of another.
	f := h.eip()
	move := &shape.AssociateAddressRequest{AllocationId: &e, NetworkInterfaceId: &two, AllowReassociation: new(false)}
	refused[shape.AssociateAddressResult](h, "AssociateAddress", move, "Resource.AlreadyAssociated", "resource "+e+" is already associated with associate-id "+assoc)
	h.associate(f, two)
	move.AllocationId = new(h.eip())
	refused[shape.AssociateAddressResult](h, "AssociateAddress", move, "Resource.AlreadyAssociated", "")
	h.associate(e, two)
	if h.address(f).AssociationId != nil || h.publicOf(one).IsValid() || h.publicOf(two) != public {
		t.Error("moving left something behind")
	}
	must[struct{}](h, "DeleteNetworkInterface", &shape.DeleteNetworkInterfaceRequest{NetworkInterfaceId: &two})
	must[struct{}](h, "ReleaseAddress", &shape.ReleaseAddressRequest{AllocationId: &e})
	refused[struct{}](h, "ReleaseAddress", &shape.ReleaseAddressRequest{AllocationId: &e}, "InvalidAllocationID.NotFound", "The allocation ID '"+e+"' does not exist")
	refused[struct{}](h, "DisassociateAddress", &shape.DisassociateAddressRequest{AssociationId: &assoc}, "InvalidAssociationID.NotFound", "The association ID '"+assoc+"' does not exist")
	if got := addressesNamed(h.fabric.network().Internet.Names, name); got != "" {
		t.Errorf("the name %s outlives its address: %q", name, got)
	}
}

func TestAddressesThatCannotBe(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.igw(v)
	h.dns(v)
	a := h.subnet(v, "10.0.0.0/24", "a")
	own, managed := *h.eni(a).NetworkInterfaceId, h.interfaceEndpoint(v, "sts", []string{a}, nil).NetworkInterfaceIds[0]
	e := h.eip()
	for in, want := range map[*shape.AssociateAddressRequest][2]string{
		{NetworkInterfaceId: &own}:                                               {"MissingParameter", ""},
		{AllocationId: &e}:                                                       {"MissingParameter", ""},
		{AllocationId: &e, InstanceId: new("i-0abc")}:                            {"InvalidInstanceID.NotFound", "The instance ID 'i-0abc' does not exist"},
		{PublicIp: new("198.18.0.1"), NetworkInterfaceId: &own}:                  {"InvalidParameterCombination", ""},
		{AllocationId: &e, NetworkInterfaceId: &managed}:                         {"AuthFailure", "You do not have permission to access the specified resource."},
		{AllocationId: &e, NetworkInterfaceId: new("eni-0abc")}:                  {"InvalidNetworkInterfaceID.NotFound", ""},
		{AllocationId: new("eipalloc-0abc"), NetworkInterfaceId: &own}:           {"InvalidAllocationID.NotFound", ""},
		{AllocationId: &e, NetworkInterfaceId: &own, PrivateIpAddress: new("1")}: {"InvalidParameterValue", ""},
		{AllocationId: &e, NetworkInterfaceId: &own, DryRun: new(true)}:          {"DryRunOperation", ""},
	} {
		refused[shape.AssociateAddressResult](h, "AssociateAddress", in, want[0], want[1])
	}
	for in, code := range map[*shape.AllocateAddressRequest]string{
		{Domain: new("standard")}: "InvalidParameterValue", {PublicIpv4Pool: new("ipv4pool-ec2-0")}: "InvalidParameterValue",
		{NetworkBorderGroup: new("us-west-2")}: "InvalidParameterValue", {Address: new("198.18.0.1")}: "UnsupportedOperation",
		{CustomerOwnedIpv4Pool: new("x")}: "UnsupportedOperation", {IpamPoolId: new("x")}: "UnsupportedOperation",
	} {
		refused[shape.AllocateAddressResult](h, "AllocateAddress", in, code, "")
	}
	refused[struct{}](h, "ReleaseAddress", &shape.ReleaseAddressRequest{PublicIp: new("198.18.0.1")}, "InvalidParameterValue", "")
	refused[struct{}](h, "DisassociateAddress", &shape.DisassociateAddressRequest{PublicIp: new("198.18.0.1")}, "InvalidParameterValue", "")
	refused[struct{}](h, "DisassociateAddress", &shape.DisassociateAddressRequest{AssociationId: new("x")}, "InvalidAssociationID.Malformed", "")
	refused[shape.DescribeAddressesResult](h, "DescribeAddresses", &shape.DescribeAddressesRequest{PublicIps: []string{"192.0.2.1"}}, "InvalidAddress.NotFound", "Address '192.0.2.1' not found.")
	refused[shape.DescribeAddressesResult](h, "DescribeAddresses", &shape.DescribeAddressesRequest{PublicIps: []string{"x"}}, "InvalidParameterValue", "")
	public := *h.address(e).PublicIp
	if got := must[shape.DescribeAddressesResult](h, "DescribeAddresses", &shape.DescribeAddressesRequest{PublicIps: []string{public}}).Addresses; len(got) != 1 || *got[0].AllocationId != e {
		t.Errorf("by its address: %+v", got)
	}
	got := must[shape.DescribeAddressesAttributeResult](h, "DescribeAddressesAttribute", &shape.DescribeAddressesAttributeRequest{AllocationIds: []string{e}, Attribute: new("domain-name")}).Addresses
	if len(got) != 1 || *got[0].PublicIp != public || got[0].PtrRecord != nil {
		t.Errorf("attributes %+v", got)
	}
}

func TestAllocatingAtOnceKeepsTheQuota(t *testing.T) {
	h := start(t, filepath.Join(t.TempDir(), "db"), Quotas{Addresses: 3})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, _ = try[shape.AllocateAddressResult](h, account, "AllocateAddress", &shape.AllocateAddressRequest{})
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, a := range must[shape.DescribeAddressesResult](h, "DescribeAddresses", &shape.DescribeAddressesRequest{}).Addresses {
		seen[*a.PublicIp] = true
	}
	if len(seen) != 3 {
		t.Errorf("addresses %v", seen)
	}
	refused[shape.AllocateAddressResult](h, "AllocateAddress", &shape.AllocateAddressRequest{}, "AddressLimitExceeded", "The maximum number of addresses has been reached.")
}
