package diff

import (
	"slices"
	"strings"
	"testing"
)

// TestDiff11EndpointServices: the endpoint services are those around SageMaker, and one that nobody
// serves says so.
func TestDiff11EndpointServices(t *testing.T) {
	var got []string
	for _, name := range root.query(t, "ec2", "DescribeVpcEndpointServices").good(t).all("serviceName") {
		got = append(got, strings.TrimPrefix(name, "com.amazonaws."+region+"."))
	}
	for _, want := range []string{"ec2", "logs", "s3", "sagemaker.api", "sagemaker.runtime-fips", "secretsmanager", "sts", "dynamodb", "kms", "ecr.dkr", "aws.sagemaker." + region + ".studio"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among %q", want, got)
		}
	}
	vpc, subnet, _ := network(t)
	create := func(service, kind string) answer {
		return root.query(t, "ec2", "CreateVpcEndpoint", "VpcId", vpc, "ServiceName", "com.amazonaws."+region+"."+service, "VpcEndpointType", kind, "SubnetId.1", subnet)
	}
	create("kinesis-streams", "Interface").fault(t, 400, "InvalidServiceName", "The Vpc Endpoint Service 'com.amazonaws."+region+".kinesis-streams' does not exist")
	create("s3", "GatewayLoadBalancer").fault(t, 400, "InvalidParameter", "Endpoint type (GatewayLoadBalancer) does not match available service types ([Gateway, Interface]).")
	create("s3", "Resource").fault(t, 400, "UnsupportedOperation", "VPC endpoints of the type Resource are not supported.")
	root.json(t, "secretsmanager", "secretsmanager.ListSecrets", object{}).fault(t, 501, "NotImplementedException",
		"secretsmanager is not served by this Cloister. To hand its calls on, name an upstream in the configuration: services: {secretsmanager: https://…}")
}
