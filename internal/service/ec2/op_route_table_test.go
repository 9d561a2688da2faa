package ec2

import (
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

func (h *house) table(vpc string) string {
	h.Helper()
	return *must[shape.CreateRouteTableResult](h, "CreateRouteTable", &shape.CreateRouteTableRequest{VpcId: &vpc}).RouteTable.RouteTableId
}

// tableOf tells which table the fabric routes a subnet by.
func (h *house) tableOf(subnet string) string {
	for _, v := range h.fabric.network().VPCs {
		for _, n := range v.Subnets {
			if n.ID == subnet {
				return n.Table
			}
		}
	}
	return ""
}

func TestAssociations(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/24", "a")
	one, two := h.table(v), h.table(v)
	mainTable := h.tableOf(a)
	in := &shape.AssociateRouteTableRequest{RouteTableId: &one, SubnetId: &a}
	id := *must[shape.AssociateRouteTableResult](h, "AssociateRouteTable", in).AssociationId
	if again := *must[shape.AssociateRouteTableResult](h, "AssociateRouteTable", in).AssociationId; again != id {
		t.Errorf("the same again made %s beside %s", again, id)
	}
	if got := h.tableOf(a); got != one {
		t.Errorf("routed by %s, want %s", got, one)
	}
	refused[shape.AssociateRouteTableResult](h, "AssociateRouteTable", &shape.AssociateRouteTableRequest{RouteTableId: &two, SubnetId: &a}, "Resource.AlreadyAssociated", "")
	refused[struct{}](h, "DeleteRouteTable", &shape.DeleteRouteTableRequest{RouteTableId: &one}, "DependencyViolation", "The routeTable '"+one+"' has dependencies and cannot be deleted.")
	refused[struct{}](h, "DeleteRouteTable", &shape.DeleteRouteTableRequest{RouteTableId: &mainTable}, "DependencyViolation", "")

	byID := &shape.DescribeRouteTablesRequest{Filters: []shape.Filter{filter("association.route-table-association-id", id)}}
	if got := must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", byID).RouteTables; len(got) != 1 || *got[0].Associations[0].AssociationState.State != "associated" {
		t.Errorf("found by its association: %+v", got)
	}
	id = *must[shape.ReplaceRouteTableAssociationResult](h, "ReplaceRouteTableAssociation",
		&shape.ReplaceRouteTableAssociationRequest{AssociationId: &id, RouteTableId: &two}).NewAssociationId
	if got := h.tableOf(a); got != two {
		t.Errorf("routed by %s, want %s", got, two)
	}
	must[struct{}](h, "DisassociateRouteTable", &shape.DisassociateRouteTableRequest{AssociationId: &id})
	if got := h.tableOf(a); got != mainTable {
		t.Errorf("routed by %s, want the main table", got)
	}
	refused[struct{}](h, "DisassociateRouteTable", &shape.DisassociateRouteTableRequest{AssociationId: &id}, "InvalidAssociationID.NotFound", "")
	if got := must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", byID).RouteTables; len(got) != 0 {
		t.Errorf("found by an association that is gone: %+v", got)
	}
	must[struct{}](h, "DeleteRouteTable", &shape.DeleteRouteTableRequest{RouteTableId: &one})
	refused[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{RouteTableIds: []string{one}},
		"InvalidRouteTableID.NotFound", "The routeTable ID '"+one+"' does not exist")
}

func TestAnotherTableCanBeTheMainOne(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/24", "a")
	old, next := h.tableOf(a), h.table(v)
	assoc := *must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{RouteTableIds: []string{old}}).
		RouteTables[0].Associations[0].RouteTableAssociationId
	refused[struct{}](h, "DisassociateRouteTable", &shape.DisassociateRouteTableRequest{AssociationId: &assoc}, "InvalidParameter", "")
	must[shape.ReplaceRouteTableAssociationResult](h, "ReplaceRouteTableAssociation", &shape.ReplaceRouteTableAssociationRequest{AssociationId: &assoc, RouteTableId: &next})
	if got := h.tableOf(a); got != next {
		t.Errorf("routed by %s, want %s", got, next)
	}
	must[struct{}](h, "DeleteRouteTable", &shape.DeleteRouteTableRequest{RouteTableId: &old})
	must[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: &a})
	must[struct{}](h, "DeleteVpc", &shape.DeleteVpcRequest{VpcId: &v})
}

func TestDeletingASubnetEndsItsAssociation(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a, r := h.subnet(v, "10.0.0.0/24", "a"), h.table(v)
	must[shape.AssociateRouteTableResult](h, "AssociateRouteTable", &shape.AssociateRouteTableRequest{RouteTableId: &r, SubnetId: &a})
	must[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: &a})
	must[struct{}](h, "DeleteRouteTable", &shape.DeleteRouteTableRequest{RouteTableId: &r})
}

func TestRoutesThatCannotBe(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	r := h.table(v)
	must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", &shape.CreateVpcEndpointRequest{VpcId: &v, ServiceName: new("com.amazonaws.us-east-1.s3"), RouteTableIds: []string{r}})
	all := new("0.0.0.0/0")
	for in, want := range map[*shape.CreateRouteRequest][2]string{
		{RouteTableId: &r, DestinationCidrBlock: all, GatewayId: new("igw-0abc")}:                    {"InvalidInternetGatewayID.NotFound", "The internetGateway ID 'igw-0abc' does not exist"},
		{RouteTableId: &r, DestinationCidrBlock: all, NatGatewayId: new("nat-0abc")}:                 {"NatGatewayNotFound", "NAT gateway nat-0abc was not found"},
		{RouteTableId: &r, DestinationCidrBlock: all, VpcPeeringConnectionId: new("pcx-0abc")}:       {"InvalidVpcPeeringConnectionID.NotFound", ""},
		{RouteTableId: &r, DestinationCidrBlock: all, VpcEndpointId: new("vpce-0abc")}:               {"RouteNotSupported", ""},
		{RouteTableId: &r, DestinationCidrBlock: all}:                                                {"MissingParameter", ""},
		{RouteTableId: &r, GatewayId: new("igw-0abc")}:                                               {"MissingParameter", ""},
		{RouteTableId: &r, DestinationCidrBlock: new("10.0.0.0/16"), GatewayId: new("igw-0abc")}:     {"RouteAlreadyExists", ""},
		{RouteTableId: new("rtb-0abc"), DestinationCidrBlock: all, GatewayId: new("igw-0abc")}:       {"InvalidRouteTableID.NotFound", ""},
		{RouteTableId: &r, DestinationCidrBlock: all, CoreNetworkArn: new("arn:aws:networkmanager")}: {"UnsupportedOperation", ""},
	} {
		refused[shape.CreateRouteResult](h, "CreateRoute", in, want[0], want[1])
	}
	for in, want := range map[*shape.DeleteRouteRequest][2]string{
		{RouteTableId: &r, DestinationCidrBlock: all}:                   {"InvalidRoute.NotFound", "no route with destination-cidr-block 0.0.0.0/0 in route table " + r},
		{RouteTableId: &r, DestinationCidrBlock: new("10.0.0.0/16")}:    {"InvalidParameterValue", ""},
		{RouteTableId: &r, DestinationPrefixListId: new("pl-63a5400a")}: {"InvalidParameterValue", ""},
		{RouteTableId: &r, DestinationPrefixListId: new("pl-00000000")}: {"InvalidRoute.NotFound", ""},
	} {
		refused[struct{}](h, "DeleteRoute", in, want[0], want[1])
	}
}

func TestRouteTableTokensAndQuota(t *testing.T) {
	h := start(t, t.TempDir()+"/db", Quotas{TablesPerVPC: 2})
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	in := &shape.CreateRouteTableRequest{VpcId: &v, ClientToken: new("t")}
	id := func() string {
		return *must[shape.CreateRouteTableResult](h, "CreateRouteTable", in).RouteTable.RouteTableId
	}
	first := id()
	if second := id(); second != first {
		t.Errorf("the token made %s, then %s", first, second)
	}
	refused[shape.CreateRouteTableResult](h, "CreateRouteTable", &shape.CreateRouteTableRequest{VpcId: &w, ClientToken: new("t")}, "IdempotentParameterMismatch", "")
	refused[shape.CreateRouteTableResult](h, "CreateRouteTable", &shape.CreateRouteTableRequest{VpcId: &v}, "RouteTableLimitExceeded", "")
	must[struct{}](h, "DeleteRouteTable", &shape.DeleteRouteTableRequest{RouteTableId: &first})
	refused[shape.CreateRouteTableResult](h, "CreateRouteTable", in, "IdempotentParameterMismatch",
		"The client token you have provided is associated with a resource that is already deleted")
}
