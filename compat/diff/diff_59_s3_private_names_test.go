package diff

import "testing"

// TestDiff59S3PrivateNames: an interface endpoint for S3 needs no gateway endpoint for its private names, and they cannot be for inbound resolver endpoints only.
func TestDiff59S3PrivateNames(t *testing.T) {
	vpc, subnet, _ := network(t)
	for _, attribute := range []string{"EnableDnsSupport", "EnableDnsHostnames"} {
		root.query(t, "ec2", "ModifyVpcAttribute", "VpcId", vpc, attribute+".Value", "true").good(t)
	}
	create := []string{"VpcId", vpc, "VpcEndpointType", "Interface", "ServiceName", "com.amazonaws." + region + ".s3", "SubnetId.1", subnet, "PrivateDnsEnabled", "true"}
	root.query(t, "ec2", "CreateVpcEndpoint", append(create, "DnsOptions.PrivateDnsOnlyForInboundResolverEndpoint", "true")...).
		fault(t, 400, "UnsupportedOperation", "Of the DNS options only the DNS record IP type is supported.")
	made := root.query(t, "ec2", "CreateVpcEndpoint", create...).good(t)
	if made.one(t, "privateDnsEnabled") != "true" || len(made.all("privateDnsOnlyForInboundResolverEndpoint")) != 0 {
		t.Errorf("made %s", made.body)
	}
	root.query(t, "ec2", "DeleteVpcEndpoints", "VpcEndpointId.1", made.one(t, "vpcEndpointId")).good(t)
}
