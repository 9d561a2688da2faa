package diff

import "testing"

// TestDiff14NoGateways: nothing leads out of a VPC but endpoints.
func TestDiff14NoGateways(t *testing.T) {
	vpc, subnet, _ := network(t)
	root.query(t, "ec2", "CreateInternetGateway").fault(t, 400, "InvalidAction", "")
	root.query(t, "ec2", "CreateNatGateway", "SubnetId", subnet).fault(t, 400, "InvalidAction", "")
	table := root.query(t, "ec2", "DescribeRouteTables", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", vpc).good(t).one(t, "routeTableId")
	eni := root.query(t, "ec2", "CreateNetworkInterface", "SubnetId", subnet).good(t).one(t, "networkInterfaceId")
	for _, c := range [][4]string{
		{"GatewayId", "igw-0123456789abcdef0", "InvalidInternetGatewayID.NotFound", "The internetGateway ID 'igw-0123456789abcdef0' does not exist"},
		{"NatGatewayId", "nat-0123456789abcdef0", "NatGatewayNotFound", "NAT gateway nat-0123456789abcdef0 was not found"},
		{"NetworkInterfaceId", eni, "UnsupportedOperation", "Routes to network interfaces are not supported."},
	} {
		root.query(t, "ec2", "CreateRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0", c[0], c[1]).fault(t, 400, c[2], c[3])
	}
}
