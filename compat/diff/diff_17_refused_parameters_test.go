package diff

import "testing"

// TestDiff17RefusedParameters: what EC2 would not act on it names.
func TestDiff17RefusedParameters(t *testing.T) {
	root.query(t, "ec2", "CreateVpc", "Ipv4IpamPoolId", "ipam-pool-0123456789abcdef0", "Ipv4NetmaskLength", "24").
		fault(t, 400, "UnsupportedOperation", "The parameter Ipv4IpamPoolId is not supported.")
	vpc, subnet, _ := network(t)
	root.query(t, "ec2", "CreateNetworkInterface", "SubnetId", subnet, "SecondaryPrivateIpAddressCount", "2").
		fault(t, 400, "UnsupportedOperation", "Secondary private IP addresses are not supported.")
	root.query(t, "ec2", "ModifyVpcAttribute", "VpcId", vpc, "EnableNetworkAddressUsageMetrics.Value", "true").
		fault(t, 400, "UnsupportedOperation", "Network address usage metrics are not supported.")
}
