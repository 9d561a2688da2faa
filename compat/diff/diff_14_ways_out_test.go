package diff

import "testing"

// TestDiff14WaysOut: of the ways out of a VPC those exist that IPv4 in one region needs.
func TestDiff14WaysOut(t *testing.T) {
	vpc, subnet, _ := network(t)
	table := root.query(t, "ec2", "DescribeRouteTables", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", vpc).good(t).one(t, "routeTableId")
	for _, c := range [][4]string{
		{"TransitGatewayId", "tgw-0123456789abcdef0", "InvalidTransitGatewayID.NotFound", "The transitGateway ID 'tgw-0123456789abcdef0' does not exist"},
		{"LocalGatewayId", "lgw-0123456789abcdef0", "InvalidLocalGatewayID.NotFound", "The localGateway ID 'lgw-0123456789abcdef0' does not exist"},
		{"CarrierGatewayId", "cagw-0123456789abcdef0", "InvalidCarrierGatewayID.NotFound", "The carrierGateway ID 'cagw-0123456789abcdef0' does not exist"},
		{"InstanceId", "i-0123456789abcdef0", "InvalidInstanceID.NotFound", "The instance ID 'i-0123456789abcdef0' does not exist"},
	} {
		root.query(t, "ec2", "CreateRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0", c[0], c[1]).fault(t, 400, c[2], c[3])
	}
	within := root.query(t, "ec2", "DescribeSubnets", "SubnetId.1", subnet).good(t).one(t, "cidrBlock")
	eni := root.query(t, "ec2", "CreateNetworkInterface", "SubnetId", subnet).good(t).one(t, "networkInterfaceId")
	root.query(t, "ec2", "CreateRoute", "RouteTableId", table, "DestinationCidrBlock", within, "NetworkInterfaceId", eni).
		fault(t, 400, "UnsupportedOperation", "Routes that are more specific than the local route are not supported.")
	root.query(t, "ec2", "AssignPrivateIpAddresses", "NetworkInterfaceId", eni, "SecondaryPrivateIpAddressCount", "1").
		fault(t, 400, "UnsupportedOperation", "Secondary private IP addresses are not supported.")
	root.query(t, "ec2", "CreateNatGateway", "SubnetId", subnet, "ConnectivityType", "private", "SecondaryPrivateIpAddressCount", "2").
		fault(t, 400, "UnsupportedOperation", "The parameter SecondaryPrivateIpAddressCount is not supported.")
	root.query(t, "ec2", "CreateVpcPeeringConnection", "VpcId", vpc, "PeerVpcId", "vpc-0123456789abcdef0", "PeerRegion", "eu-west-1").
		fault(t, 400, "UnsupportedOperation", "VPC peering connections to other regions are not supported.")
}
