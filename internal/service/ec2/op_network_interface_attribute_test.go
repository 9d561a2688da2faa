package ec2

import (
	"testing"

	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

// planned is an interface as the fabric was told of it.
func (h *house) planned(id string) (out network.Interface) {
	for _, i := range h.fabric.network().Interfaces {
		if i.ID == id {
			out = i
		}
	}
	return out
}

func TestInterfaceAttributes(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a, g := h.subnet(v, "10.0.0.0/24", "a"), h.group(v, "mine")
	id := h.eni(a).NetworkInterfaceId
	modify := func(f func(*shape.ModifyNetworkInterfaceAttributeRequest)) *shape.ModifyNetworkInterfaceAttributeRequest {
		in := &shape.ModifyNetworkInterfaceAttributeRequest{NetworkInterfaceId: id}
		f(in)
		return in
	}
	off := func(in *shape.ModifyNetworkInterfaceAttributeRequest) {
		in.SourceDestCheck = &shape.AttributeBooleanValue{Value: new(false)}
	}
	must[struct{}](h, "ModifyNetworkInterfaceAttribute", modify(off))
	must[struct{}](h, "ModifyNetworkInterfaceAttribute", modify(func(in *shape.ModifyNetworkInterfaceAttributeRequest) {
		in.Description = &shape.AttributeValue{Value: new("a router")}
	}))
	must[struct{}](h, "ModifyNetworkInterfaceAttribute", modify(func(in *shape.ModifyNetworkInterfaceAttributeRequest) { in.Groups = []string{g} }))
	if i := h.planned(*id); !i.Forwards || len(i.Groups) != 1 || i.Groups[0] != g {
		t.Errorf("the fabric was told %+v", i)
	}
	attribute := func(name string) *shape.DescribeNetworkInterfaceAttributeResult {
		return must[shape.DescribeNetworkInterfaceAttributeResult](h, "DescribeNetworkInterfaceAttribute", &shape.DescribeNetworkInterfaceAttributeRequest{NetworkInterfaceId: id, Attribute: &name})
	}
	if *attribute("sourceDestCheck").SourceDestCheck.Value || *attribute("description").Description.Value != "a router" ||
		*attribute("groupSet").Groups[0].GroupId != g || attribute("attachment").Attachment != nil {
		t.Error("the attributes are not what they were made")
	}
	if i := h.describeENI(*id); *i.SourceDestCheck || *i.Description != "a router" {
		t.Errorf("described %+v", i)
	}
	must[struct{}](h, "ResetNetworkInterfaceAttribute", &shape.ResetNetworkInterfaceAttributeRequest{NetworkInterfaceId: id, SourceDestCheck: new("true")})
	if h.planned(*id).Forwards {
		t.Error("the fabric still lets it forward")
	}
	alien := h.group(h.vpc("10.1.0.0/16"), "alien")
	for in, code := range map[*shape.ModifyNetworkInterfaceAttributeRequest]string{
		modify(func(*shape.ModifyNetworkInterfaceAttributeRequest) {}):                                      "InvalidParameterCombination",
		modify(func(in *shape.ModifyNetworkInterfaceAttributeRequest) { off(in); in.Groups = []string{g} }): "InvalidParameterCombination",
		modify(func(in *shape.ModifyNetworkInterfaceAttributeRequest) { in.Groups = []string{alien} }):      "InvalidParameter",
		modify(func(in *shape.ModifyNetworkInterfaceAttributeRequest) {
			off(in)
			in.NetworkInterfaceId = new("eni-0abc")
		}): "InvalidNetworkInterfaceID.NotFound",
		modify(func(in *shape.ModifyNetworkInterfaceAttributeRequest) { off(in); in.DryRun = new(true) }): "DryRunOperation",
		modify(func(in *shape.ModifyNetworkInterfaceAttributeRequest) {
			in.Attachment = &shape.NetworkInterfaceAttachmentChanges{DeleteOnTermination: new(true)}
		}): "UnsupportedOperation",
	} {
		refused[struct{}](h, "ModifyNetworkInterfaceAttribute", in, code, "")
	}
	refused[shape.DescribeNetworkInterfaceAttributeResult](h, "DescribeNetworkInterfaceAttribute", &shape.DescribeNetworkInterfaceAttributeRequest{NetworkInterfaceId: id, Attribute: new("x")}, "InvalidParameterValue", "")
	refused[shape.DescribeNetworkInterfaceAttributeResult](h, "DescribeNetworkInterfaceAttribute", &shape.DescribeNetworkInterfaceAttributeRequest{NetworkInterfaceId: id}, "MissingParameter", "")
	refused[struct{}](h, "ResetNetworkInterfaceAttribute", &shape.ResetNetworkInterfaceAttributeRequest{NetworkInterfaceId: id}, "MissingParameter", "")
}

func TestInterfacesOfServicesAreTheirs(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a := h.subnet(v, "10.0.0.0/24", "a")
	id := h.interfaceEndpoint(v, "sts", []string{a}, nil).NetworkInterfaceIds[0]
	refused[struct{}](h, "ModifyNetworkInterfaceAttribute", &shape.ModifyNetworkInterfaceAttributeRequest{NetworkInterfaceId: &id, SourceDestCheck: &shape.AttributeBooleanValue{Value: new(false)}}, "AuthFailure", "")
	attachment := h.describeENI(id).Attachment.AttachmentId
	refused[struct{}](h, "DetachNetworkInterface", &shape.DetachNetworkInterfaceRequest{AttachmentId: attachment}, "OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")
	refused[struct{}](h, "DetachNetworkInterface", &shape.DetachNetworkInterfaceRequest{AttachmentId: new("eni-attach-0abc")}, "InvalidAttachmentID.NotFound", "The attachment ID 'eni-attach-0abc' does not exist")
	refused[struct{}](h, "DetachNetworkInterface", &shape.DetachNetworkInterfaceRequest{}, "MissingParameter", "")
	own := h.eni(a).NetworkInterfaceId
	refused[shape.AttachNetworkInterfaceResult](h, "AttachNetworkInterface", &shape.AttachNetworkInterfaceRequest{NetworkInterfaceId: own, InstanceId: new("i-0abc"), DeviceIndex: new(int32(1))},
		"InvalidInstanceID.NotFound", "The instance ID 'i-0abc' does not exist")
	refused[shape.AssignPrivateIpAddressesResult](h, "AssignPrivateIpAddresses", &shape.AssignPrivateIpAddressesRequest{NetworkInterfaceId: own, SecondaryPrivateIpAddressCount: new(int32(1))},
		"UnsupportedOperation", "Secondary private IP addresses are not supported.")
	refused[struct{}](h, "UnassignPrivateIpAddresses", &shape.UnassignPrivateIpAddressesRequest{NetworkInterfaceId: own, PrivateIpAddresses: []string{"10.0.0.9"}}, "UnsupportedOperation", "")
	in := &shape.CreateNetworkInterfaceRequest{SubnetId: &a, InterfaceType: new("interface"), SecondaryPrivateIpAddressCount: new(int32(0)),
		PrivateIpAddresses: []shape.PrivateIpAddressSpecification{{Primary: new(true), PrivateIpAddress: new("10.0.0.99")}}}
	if got := must[shape.CreateNetworkInterfaceResult](h, "CreateNetworkInterface", in).NetworkInterface; *got.PrivateIpAddress != "10.0.0.99" {
		t.Errorf("made %+v", got)
	}
}
