package diff

import (
	"slices"
	"strings"
	"testing"
)

// TestDiff11EndpointServices: what is not served has no endpoint service, and S3 has a gateway only.
func TestDiff11EndpointServices(t *testing.T) {
	want := []string{"ec2", "logs", "s3", "sagemaker.api", "sagemaker.runtime", "secretsmanager", "sts"}
	var got []string
	for _, name := range root.query(t, "ec2", "DescribeVpcEndpointServices").good(t).all("serviceName") {
		got = append(got, strings.TrimPrefix(name, "com.amazonaws."+region+"."))
	}
	if slices.Sort(got); !slices.Equal(slices.Compact(got), want) {
		t.Errorf("services %q", got)
	}
	vpc, subnet, _ := network(t)
	create := func(service, kind string) answer {
		return root.query(t, "ec2", "CreateVpcEndpoint", "VpcId", vpc, "ServiceName", "com.amazonaws."+region+"."+service, "VpcEndpointType", kind, "SubnetId.1", subnet)
	}
	create("ecr.api", "Interface").fault(t, 400, "InvalidServiceName", "The Vpc Endpoint Service 'com.amazonaws."+region+".ecr.api' does not exist")
	create("s3", "Interface").fault(t, 400, "InvalidParameter", "Endpoint type (Interface) does not match available service types ([Gateway]).")
	create("s3", "GatewayLoadBalancer").fault(t, 400, "UnsupportedOperation", "VPC endpoints of the type GatewayLoadBalancer are not supported.")
}
