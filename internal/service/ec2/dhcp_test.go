package ec2

import (
	"fmt"
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

func dhcpRequest(pairs ...string) *shape.CreateDhcpOptionsRequest {
	in := new(shape.CreateDhcpOptionsRequest)
	for i := 0; i < len(pairs); i += 2 {
		in.DhcpConfigurations = append(in.DhcpConfigurations, shape.NewDhcpConfiguration{Key: new(pairs[i]), Values: []string{pairs[i+1]}})
	}
	return in
}

func TestDHCPOptionsReachTheFabric(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	if p := h.fabric.network().VPCs[0]; len(p.Servers) != 0 || p.Domain != "ec2.internal" {
		t.Errorf("the first set: %v %q", p.Servers, p.Domain)
	}
	id := *must[shape.CreateDhcpOptionsResult](h, "CreateDhcpOptions", dhcpRequest("domain-name", "corp.example", "domain-name-servers", "10.0.0.53", "ntp-servers", "10.0.0.123")).DhcpOptions.DhcpOptionsId
	associate := func(id string) *shape.AssociateDhcpOptionsRequest {
		return &shape.AssociateDhcpOptionsRequest{VpcId: &v, DhcpOptionsId: &id}
	}
	must[struct{}](h, "AssociateDhcpOptions", associate(id))
	if p := h.fabric.network().VPCs[0]; fmt.Sprint(p.Servers) != "[10.0.0.53]" || p.Domain != "corp.example" {
		t.Errorf("the new set: %v %q", p.Servers, p.Domain)
	}
	refused[struct{}](h, "DeleteDhcpOptions", &shape.DeleteDhcpOptionsRequest{DhcpOptionsId: &id}, "DependencyViolation", "The dhcpOptions '"+id+"' has dependencies and cannot be deleted.")
	refused[struct{}](h, "AssociateDhcpOptions", associate("dopt-0abc"), "InvalidDhcpOptionID.NotFound", "The dhcpOption ID 'dopt-0abc' does not exist")
	must[struct{}](h, "AssociateDhcpOptions", associate("default"))
	if p := h.fabric.network().VPCs[0]; len(p.Servers) != 0 || p.Domain != "" {
		t.Errorf("no set: %v %q", p.Servers, p.Domain)
	}
	if n := len(must[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{Filters: []shape.Filter{filter("dhcp-options-id", id)}}).Vpcs); n != 0 {
		t.Errorf("%d VPCs have the set", n)
	}
	must[struct{}](h, "DeleteDhcpOptions", &shape.DeleteDhcpOptionsRequest{DhcpOptionsId: &id})
	if left := must[shape.DescribeDhcpOptionsResult](h, "DescribeDhcpOptions", &shape.DescribeDhcpOptionsRequest{}).DhcpOptions; len(left) != 1 || *left[0].DhcpOptionsId != dhcpOptions(account) {
		t.Errorf("left %+v", left)
	}
}

func TestSeveralServersAndDomainsInOneValue(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	made := must[shape.CreateDhcpOptionsResult](h, "CreateDhcpOptions", dhcpRequest("domain-name", "corp.example lab.example", "domain-name-servers", "10.0.0.53, 10.0.0.54")).DhcpOptions
	if c := made.DhcpConfigurations[1]; len(c.Values) != 2 || *c.Values[1].Value != "10.0.0.54" {
		t.Errorf("made %+v", c)
	}
	must[struct{}](h, "AssociateDhcpOptions", &shape.AssociateDhcpOptionsRequest{VpcId: &v, DhcpOptionsId: made.DhcpOptionsId})
	if p := h.fabric.network().VPCs[0]; fmt.Sprint(p.Servers) != "[10.0.0.53 10.0.0.54]" || p.Domain != "corp.example lab.example" {
		t.Errorf("planned %v %q", p.Servers, p.Domain)
	}
}

func TestDHCPOptionsThatCannotBe(t *testing.T) {
	h := newHouse(t)
	for _, pairs := range [][]string{
		{"domain-name", "not  a name"}, {"domain-name", "a.b\nnameserver 1.2.3.4"}, {"domain-name", "a.b,c.d"}, {"ntp-servers", "10.0.0.1,"}, {"domain-name-servers", "x"}, {"domain-name-servers", "::1"}, {"ntp-servers", amazonDNS}, {"netbios-node-type", "3"}, {"color", "red"},
		{"domain-name", "a.b", "domain-name", "c.d"},
	} {
		refused[shape.CreateDhcpOptionsResult](h, "CreateDhcpOptions", dhcpRequest(pairs...), "InvalidParameterValue", "")
	}
	refused[shape.CreateDhcpOptionsResult](h, "CreateDhcpOptions", dhcpRequest(), "MissingParameter", "")
	many := dhcpRequest("domain-name-servers", "10.0.0.1")
	many.DhcpConfigurations[0].Values = []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"}
	refused[shape.CreateDhcpOptionsResult](h, "CreateDhcpOptions", many, "InvalidParameterValue", "")
}
