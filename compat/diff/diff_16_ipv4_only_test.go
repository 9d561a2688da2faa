package diff

import "testing"

// TestDiff16IPv4Only: nothing here has an IPv6 address.
func TestDiff16IPv4Only(t *testing.T) {
	vpc, subnet, group := network(t)
	root.query(t, "ec2", "CreateVpc", "CidrBlock", "10.17.0.0/24", "AmazonProvidedIpv6CidrBlock", "true").
		fault(t, 400, "UnsupportedOperation", "The parameter AmazonProvidedIpv6CidrBlock is not supported.")
	root.query(t, "ec2", "AuthorizeSecurityGroupIngress", "GroupId", group, "IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "443",
		"IpPermissions.1.ToPort", "443", "IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "::/0").fault(t, 400, "UnsupportedOperation", "IPv6 rules are not supported.")
	root.query(t, "ec2", "CreateVpcEndpoint", "VpcId", vpc, "SubnetId.1", subnet, "ServiceName", "com.amazonaws."+region+".sts", "VpcEndpointType", "Interface",
		"IpAddressType", "dualstack").fault(t, 400, "UnsupportedOperation", "The IP address type dualstack is not supported.")
	root.query(t, "ec2", "CreateEgressOnlyInternetGateway", "VpcId", vpc).fault(t, 400, "UnsupportedOperation",
		"Egress-only internet gateways are not supported: they carry IPv6 traffic only, and there is none.")
}
