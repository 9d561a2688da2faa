package ec2

import (
	"path/filepath"
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

// igw makes an internet gateway and attaches it to a VPC, if one is named.
func (h *house) igw(vpc string) string {
	h.Helper()
	id := *must[shape.CreateInternetGatewayResult](h, "CreateInternetGateway", &shape.CreateInternetGatewayRequest{}).InternetGateway.InternetGatewayId
	if vpc != "" {
		must[struct{}](h, "AttachInternetGateway", &shape.AttachInternetGatewayRequest{InternetGatewayId: &id, VpcId: &vpc})
	}
	return id
}

func (h *house) gateways(filters ...shape.Filter) []shape.InternetGateway {
	h.Helper()
	return must[shape.DescribeInternetGatewaysResult](h, "DescribeInternetGateways", &shape.DescribeInternetGatewaysRequest{Filters: filters}).InternetGateways
}

func TestInternetGateways(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	g := h.igw("")
	if got := h.gateways(filter("attachment.vpc-id", "*")); len(got) != 0 {
		t.Errorf("attached: %+v", got)
	}
	attach := func(gateway, vpc string) *shape.AttachInternetGatewayRequest {
		return &shape.AttachInternetGatewayRequest{InternetGatewayId: &gateway, VpcId: &vpc}
	}
	detach := func(gateway, vpc string) *shape.DetachInternetGatewayRequest {
		return &shape.DetachInternetGatewayRequest{InternetGatewayId: &gateway, VpcId: &vpc}
	}
	must[struct{}](h, "AttachInternetGateway", attach(g, v))
	if got := h.gateways(filter("attachment.vpc-id", v), filter("attachment.state", "available")); len(got) != 1 || *got[0].Attachments[0].State != "available" {
		t.Errorf("attached: %+v", got)
	}
	if got := h.fabric.network().VPCs; got[0].InternetGateway+got[1].InternetGateway != g {
		t.Errorf("the fabric was told of %+v", got)
	}
	refused[struct{}](h, "AttachInternetGateway", attach(g, w), "Resource.AlreadyAssociated", "resource "+g+" is already attached to network "+v)
	refused[struct{}](h, "AttachInternetGateway", attach(h.igw(""), v), "InvalidParameter", "Network "+v+" already has an internet gateway attached")
	refused[struct{}](h, "AttachInternetGateway", attach("igw-0abc", v), "InvalidInternetGatewayID.NotFound", "The internetGateway ID 'igw-0abc' does not exist")
	refused[struct{}](h, "AttachInternetGateway", attach("x", v), "InvalidInternetGatewayID.Malformed", "")
	refused[struct{}](h, "DetachInternetGateway", detach(g, w), "Gateway.NotAttached", "resource "+g+" is not attached to network "+w)
	refused[struct{}](h, "DeleteInternetGateway", &shape.DeleteInternetGatewayRequest{InternetGatewayId: &g}, "DependencyViolation", "")
	refused[struct{}](h, "DeleteVpc", &shape.DeleteVpcRequest{VpcId: &v}, "DependencyViolation", "The vpc '"+v+"' has dependencies and cannot be deleted.")

	n := h.eni(h.subnet(v, "10.0.0.0/24", "a"))
	assoc := h.associate(h.eip(), *n.NetworkInterfaceId)
	refused[struct{}](h, "DetachInternetGateway", detach(g, v), "DependencyViolation",
		"Network "+v+" has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.")
	must[struct{}](h, "DisassociateAddress", &shape.DisassociateAddressRequest{AssociationId: &assoc})
	must[struct{}](h, "DetachInternetGateway", detach(g, v))
	refused[struct{}](h, "DetachInternetGateway", detach(g, v), "Gateway.NotAttached", "")
	must[struct{}](h, "DeleteInternetGateway", &shape.DeleteInternetGatewayRequest{InternetGatewayId: &g})
	refused[struct{}](h, "DeleteInternetGateway", &shape.DeleteInternetGatewayRequest{InternetGatewayId: &g}, "InvalidInternetGatewayID.NotFound", "")
}

func TestInternetGatewayQuotaTagsAndDryRun(t *testing.T) {
	h := start(t, filepath.Join(t.TempDir(), "db"), Quotas{InternetGateways: 1})
	in := &shape.CreateInternetGatewayRequest{TagSpecifications: []shape.TagSpecification{{ResourceType: new("internet-gateway"), Tags: []shape.Tag{tag("Name", "out")}}}}
	refused[shape.CreateInternetGatewayResult](h, "CreateInternetGateway", &shape.CreateInternetGatewayRequest{DryRun: new(true)}, "DryRunOperation", "")
	id := *must[shape.CreateInternetGatewayResult](h, "CreateInternetGateway", in).InternetGateway.InternetGatewayId
	refused[shape.CreateInternetGatewayResult](h, "CreateInternetGateway", in, "InternetGatewayLimitExceeded", "")
	must[struct{}](h, "CreateTags", &shape.CreateTagsRequest{Resources: []string{id}, Tags: []shape.Tag{tag("a", "b")}})
	if got := h.gateways(filter("tag:Name", "out"), filter("tag:a", "b")); len(got) != 1 || *got[0].InternetGatewayId != id {
		t.Errorf("by its tags: %+v", got)
	}
	if out, err := try[shape.DescribeInternetGatewaysResult](h, other, "DescribeInternetGateways", &shape.DescribeInternetGatewaysRequest{}); err != nil || len(out.InternetGateways) != 0 {
		t.Errorf("another account sees %+v, %v", out, err)
	}
}

func TestEgressOnlyInternetGatewaysAreRefused(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	refused[shape.CreateEgressOnlyInternetGatewayResult](h, "CreateEgressOnlyInternetGateway", &shape.CreateEgressOnlyInternetGatewayRequest{VpcId: &v}, "UnsupportedOperation", "")
	if got := must[shape.DescribeEgressOnlyInternetGatewaysResult](h, "DescribeEgressOnlyInternetGateways", &shape.DescribeEgressOnlyInternetGatewaysRequest{}); len(got.EgressOnlyInternetGateways) != 0 {
		t.Errorf("there are %+v", got)
	}
	refused[shape.DescribeEgressOnlyInternetGatewaysResult](h, "DescribeEgressOnlyInternetGateways",
		&shape.DescribeEgressOnlyInternetGatewaysRequest{EgressOnlyInternetGatewayIds: []string{"eigw-0abc"}}, "InvalidGatewayID.NotFound", "")
}
