package ec2

import (
	"errors"
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

func TestAnInterface(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a, g := h.subnet(v, "10.0.0.0/24", "a"), h.group(v, "job")
	out := must[shape.CreateNetworkInterfaceResult](h, "CreateNetworkInterface", &shape.CreateNetworkInterfaceRequest{
		SubnetId: &a, Groups: []string{g}, Description: new("a job's"), ClientToken: new("t"),
		PrivateIpAddresses: []shape.PrivateIpAddressSpecification{{PrivateIpAddress: new("10.0.0.200"), Primary: new(true)}},
		TagSpecifications:  []shape.TagSpecification{{ResourceType: new("network-interface"), Tags: []shape.Tag{{Key: new("job"), Value: new("1")}}}},
	})
	i := out.NetworkInterface
	if *out.ClientToken != "t" || *i.Status != "available" || *i.PrivateIpAddress != "10.0.0.200" || *i.Description != "a job's" || *i.Groups[0].GroupName != "job" ||
		*i.PrivateDnsName != "ip-10-0-0-200.ec2.internal" || *i.InterfaceType != "interface" || *i.RequesterManaged || i.Attachment != nil || *i.TagSet[0].Value != "1" {
		t.Errorf("created %+v", i)
	}
	id := *i.NetworkInterfaceId
	if h.fabric.Namespace(id) == "" {
		t.Error("it has no namespace when the call returns")
	}
	if got := h.fabric.Lookup(id, *i.PrivateDnsName); len(got) != 1 || got[0].String() != "10.0.0.200" {
		t.Errorf("its name is %v", got)
	}
	if n := must[shape.DescribeSubnetsResult](h, "DescribeSubnets", &shape.DescribeSubnetsRequest{}).Subnets[0]; *n.AvailableIpAddressCount != 250 {
		t.Errorf("%d addresses are left", *n.AvailableIpAddressCount)
	}
	if got := must[shape.DescribeNetworkInterfacesResult](h, "DescribeNetworkInterfaces", &shape.DescribeNetworkInterfacesRequest{
		Filters: []shape.Filter{filter("group-id", g), filter("subnet-id", a), filter("description", "*job*")}}).NetworkInterfaces; len(got) != 1 {
		t.Errorf("found %+v", got)
	}
	if about, err := h.InterfaceOf(t.Context(), account, id); err != nil || about.VPC != v || about.Zone != "us-east-1a" {
		t.Errorf("InterfaceOf = %+v, %v", about, err)
	}
	if _, err := h.InterfaceOf(t.Context(), other, id); !errors.Is(err, ErrNoInterface) {
		t.Errorf("InterfaceOf of a stranger: %v", err)
	}

	if err := errors.Join(h.Manage(t.Context(), account, id), h.Manage(t.Context(), account, id)); err != nil {
		t.Fatal(err)
	}
	refused[struct{}](h, "DeleteNetworkInterface", &shape.DeleteNetworkInterfaceRequest{NetworkInterfaceId: &id}, "InvalidNetworkInterface.InUse", "")
	if got := must[shape.DescribeNetworkInterfacesResult](h, "DescribeNetworkInterfaces", &shape.DescribeNetworkInterfacesRequest{Filters: []shape.Filter{filter("status", "in-use")}}).NetworkInterfaces; len(got) != 1 || got[0].Attachment == nil || !*got[0].RequesterManaged {
		t.Errorf("in use: %+v", got)
	}
	if err := errors.Join(h.Unuse(t.Context(), account, id), h.Unuse(t.Context(), account, id), h.Unuse(t.Context(), account, "eni-0abc")); err != nil {
		t.Fatal(err)
	}
	must[struct{}](h, "DeleteNetworkInterface", &shape.DeleteNetworkInterfaceRequest{NetworkInterfaceId: &id})
	if h.fabric.Namespace(id) != "" {
		t.Error("its namespace outlives it")
	}
	refused[struct{}](h, "DeleteNetworkInterface", &shape.DeleteNetworkInterfaceRequest{NetworkInterfaceId: &id},
		"InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '"+id+"' does not exist")
}

func TestInterfacesThatCannotBe(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/28", "a")
	alien := h.group(h.vpc("10.1.0.0/16"), "alien")
	at := func(address string) *shape.CreateNetworkInterfaceRequest {
		return &shape.CreateNetworkInterfaceRequest{SubnetId: &a, PrivateIpAddress: &address}
	}
	must[shape.CreateNetworkInterfaceResult](h, "CreateNetworkInterface", at("10.0.0.4"))
	for in, code := range map[*shape.CreateNetworkInterfaceRequest]string{
		at("10.0.0.3"): "InvalidParameterValue", at("10.0.0.15"): "InvalidParameterValue", at("10.0.0.16"): "InvalidParameterValue",
		at("fd00::1"): "InvalidParameterValue", at("x"): "InvalidParameterValue", at("10.0.0.4"): "InvalidIPAddress.InUse",
		{SubnetId: new("subnet-0abc")}:          "InvalidSubnetID.NotFound",
		{}:                                      "InvalidSubnetId.Malformed",
		{SubnetId: &a, Groups: []string{alien}}: "InvalidParameter",
		{SubnetId: &a, Ipv6AddressCount: new(int32(1))}:                                    "UnsupportedOperation",
		{SubnetId: &a, SecondaryPrivateIpAddressCount: new(int32(1))}:                      "UnsupportedOperation",
		{SubnetId: &a, InterfaceType: new("efa")}:                                          "UnsupportedOperation",
		{SubnetId: &a, PrivateIpAddresses: make([]shape.PrivateIpAddressSpecification, 2)}: "UnsupportedOperation",
		{SubnetId: &a, DryRun: new(true)}:                                                  "DryRunOperation",
	} {
		refused[shape.CreateNetworkInterfaceResult](h, "CreateNetworkInterface", in, code, "")
	}
	for range 10 {
		h.eni(a)
	}
	refused[shape.CreateNetworkInterfaceResult](h, "CreateNetworkInterface", &shape.CreateNetworkInterfaceRequest{SubnetId: &a}, "InsufficientFreeAddressesInSubnet", "")
}

func TestIsolatedNamespacesOutliveARestart(t *testing.T) {
	h := newHouse(t)
	if err := errors.Join(h.Isolate(t.Context(), "job-1"), h.Isolate(t.Context(), "job-1")); err != nil {
		t.Fatal(err)
	}
	if h.fabric.Namespace("job-1") == "" {
		t.Error("there is no namespace when Isolate returns")
	}
	h.stop()
	h = start(t, h.path, Quotas{})
	if h.fabric.Namespace("job-1") == "" {
		t.Error("a restart loses the namespace")
	}
	if err := errors.Join(h.Release(t.Context(), "job-1"), h.Release(t.Context(), "job-1")); err != nil {
		t.Fatal(err)
	}
	if h.fabric.Namespace("job-1") != "" {
		t.Error("the namespace outlives its release")
	}
}
