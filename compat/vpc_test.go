package compat

import (
	"fmt"
	"strings"
	"testing"
)

// vpc is a private network as a customer makes it: two subnets in two zones, no way to the internet,
// a group that lets in 443 from its own CIDR.
type vpc struct {
	*daemon
	id, group, table string
	subnets          [2]string
	// gateway is the endpoint for S3; endpoints are the interface endpoints by service.
	gateway   string
	endpoints map[string]string
}

// vpc makes one, with a gateway endpoint for S3 and interface endpoints for the services.
func (d *daemon) vpc(t *testing.T, services ...string) *vpc {
	t.Helper()
	v := &vpc{daemon: d, endpoints: map[string]string{}}
	v.id = one(t, d.ec2(t, "CreateVpc", "CidrBlock", "10.0.0.0/16"), "vpcId")
	d.ec2(t, "ModifyVpcAttribute", "VpcId", v.id, "EnableDnsHostnames.Value", "true")
	for i, zone := range []string{"a", "b"} {
		v.subnets[i] = one(t, d.ec2(t, "CreateSubnet", "VpcId", v.id, "CidrBlock", fmt.Sprintf("10.0.%d.0/24", i+1), "AvailabilityZone", d.region()+zone), "subnetId")
	}
	v.group = v.newGroup(t, "private")
	v.permit(t, v.group, "443")
	v.table = one(t, d.ec2(t, "CreateRouteTable", "VpcId", v.id), "routeTableId")
	for _, subnet := range v.subnets {
		d.ec2(t, "AssociateRouteTable", "RouteTableId", v.table, "SubnetId", subnet)
	}
	v.gateway = one(t, d.ec2(t, "CreateVpcEndpoint", "VpcId", v.id, "ServiceName", "com.amazonaws."+d.region()+".s3", "RouteTableId.1", v.table), "vpcEndpointId")
	for _, service := range services {
		v.endpoints[service] = v.endpoint(t, service)
	}
	for _, id := range v.endpoints {
		v.available(t, id)
	}
	return v
}

// newGroup makes a security group that lets nothing in.
func (v *vpc) newGroup(t *testing.T, name string) string {
	t.Helper()
	return one(t, v.ec2(t, "CreateSecurityGroup", "VpcId", v.id, "GroupName", name, "GroupDescription", name), "groupId")
}

// permit lets a port in from the VPC's CIDR; forbid takes that back.
func (v *vpc) permit(t *testing.T, group, port string) {
	t.Helper()
	v.ec2(t, "AuthorizeSecurityGroupIngress", append([]string{"GroupId", group}, from("10.0.0.0/16", port)...)...)
}

func (v *vpc) forbid(t *testing.T, group, port string) {
	t.Helper()
	v.ec2(t, "RevokeSecurityGroupIngress", append([]string{"GroupId", group}, from("10.0.0.0/16", port)...)...)
}

// from is a rule's port and peers, as a call has them.
func from(cidr, port string) []string {
	return []string{"IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", port, "IpPermissions.1.ToPort", port, "IpPermissions.1.IpRanges.1.CidrIp", cidr}
}

// endpoint asks for an interface endpoint with private DNS in both subnets.
func (v *vpc) endpoint(t *testing.T, service string) string {
	t.Helper()
	return one(t, v.ec2(t, "CreateVpcEndpoint", "VpcId", v.id, "VpcEndpointType", "Interface", "ServiceName", "com.amazonaws."+v.region()+"."+service,
		"SubnetId.1", v.subnets[0], "SubnetId.2", v.subnets[1], "SecurityGroupId.1", v.group, "PrivateDnsEnabled", "true"), "vpcEndpointId")
}

// available waits for an endpoint.
func (v *vpc) available(t *testing.T, endpoint string) {
	t.Helper()
	waitFor(t, endpoint+" does not become available", func() bool {
		return one(t, v.ec2(t, "DescribeVpcEndpoints", "VpcEndpointId.1", endpoint), "state") == "available"
	})
}

// inside is a program's place in the first subnet.
func (v *vpc) inside() place { return v.at(v.subnets[0], v.group) }

// The execution role and the bucket of every Cloister here.
const (
	role   = "arn:aws:iam::" + account + ":role/execution"
	bucket = "digits-bucket"
	trust  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	duties = `{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:ListBucket"],"Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"]},
 {"Effect":"Allow","Action":["ec2:CreateNetworkInterface","ec2:CreateNetworkInterfacePermission","ec2:DeleteNetworkInterface","ec2:DeleteNetworkInterfacePermission",
  "ec2:DescribeNetworkInterfaces","ec2:DescribeVpcs","ec2:DescribeDhcpOptions","ec2:DescribeSubnets","ec2:DescribeSecurityGroups"],"Resource":"*"},
 {"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:DescribeLogStreams","logs:PutLogEvents"],"Resource":"*"}]}`
)

// provide makes the execution role and a bucket with the digits in it.
func (d *daemon) provide(t *testing.T) {
	t.Helper()
	d.iam(t, "CreateRole", "RoleName", "execution", "AssumeRolePolicyDocument", trust)
	d.iam(t, "PutRolePolicy", "RoleName", "execution", "PolicyName", "execution", "PolicyDocument", duties)
	d.s3(t, "", "-X", "PUT")
	d.s3(t, "/train/digits.csv", "-T", digits(t))
}

// job asks for a training job in the VPC and gives its name.
func (v *vpc) job(t *testing.T, name, image string, hyperparameters string, more ...string) string {
	t.Helper()
	v.internet().aws(t, v.training(name, image, hyperparameters, more...)...)
	return name
}

// tryJob asks for one that may be refused.
func (v *vpc) tryJob(name, image string, more ...string) (string, error) {
	return v.internet().try(append([]string{"aws"}, v.training(name, image, "k=10,feature_dim=64", more...)...)...)
}

// training is the command line that asks for a training job.
func (v *vpc) training(name, image, hyperparameters string, more ...string) []string {
	return append([]string{"sagemaker", "create-training-job", "--training-job-name", name, "--role-arn", role,
		"--algorithm-specification", "TrainingImage=" + image + ",TrainingInputMode=File",
		"--input-data-config", `[{"ChannelName":"train","ContentType":"text/csv;label_size=0","DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"s3://` + bucket + `/train/","S3DataDistributionType":"FullyReplicated"}}}]`,
		"--output-data-config", "S3OutputPath=s3://" + bucket + "/models",
		"--resource-config", "InstanceType=ml.m5.large,InstanceCount=1,VolumeSizeInGB=1", "--stopping-condition", "MaxRuntimeInSeconds=600",
		"--vpc-config", "Subnets=" + v.subnets[0] + "," + v.subnets[1] + ",SecurityGroupIds=" + v.group,
		"--hyper-parameters", hyperparameters, "--query", "TrainingJobArn"}, more...)
}

// settled waits for a job's end, and gives its status and reason.
func (v *vpc) settled(t *testing.T, job string) (status, reason string) {
	t.Helper()
	in := `{"TrainingJobName":"` + job + `"}`
	status = v.reaches(t, "DescribeTrainingJob", in, "TrainingJobStatus", "Completed", "Failed", "Stopped")
	return status, v.sagemaker(t, "DescribeTrainingJob", in, "FailureReason")
}

func (v *vpc) completed(t *testing.T, job string) {
	t.Helper()
	if status, reason := v.settled(t, job); status != "Completed" {
		t.Fatalf("job %s ended %s: %s\nthe server: %s", job, status, reason, v.lastWords())
	}
}

func describe(job, query string) []string {
	return []string{"sagemaker", "describe-training-job", "--training-job-name", job, "--query", query}
}

// log gives the lines of a job's log.
func (v *vpc) log(t *testing.T, job string) []string {
	t.Helper()
	out := v.internet().aws(t, "logs", "filter-log-events", "--log-group-name", "/aws/sagemaker/TrainingJobs", "--log-stream-name-prefix", job+"/",
		"--query", "join('\n', events[].message)")
	return strings.Split(out, "\n")
}

// deploy serves the model of a job as an endpoint, and waits for it.
func (v *vpc) deploy(t *testing.T, job, name string) {
	t.Helper()
	at := v.internet()
	artefact := at.aws(t, describe(job, "ModelArtifacts.S3ModelArtifacts")...)
	at.aws(t, "sagemaker", "create-model", "--model-name", name, "--execution-role-arn", role, "--query", "ModelArn",
		"--vpc-config", "Subnets="+v.subnets[0]+","+v.subnets[1]+",SecurityGroupIds="+v.group, "--primary-container", "Image="+kmeans+",ModelDataUrl="+artefact)
	at.aws(t, "sagemaker", "create-endpoint-config", "--endpoint-config-name", name, "--query", "EndpointConfigArn",
		"--production-variants", "VariantName=AllTraffic,ModelName="+name+",InitialInstanceCount=1,InstanceType=ml.m5.large")
	at.aws(t, "sagemaker", "create-endpoint", "--endpoint-name", name, "--endpoint-config-name", name, "--query", "EndpointArn")
	if v.serving(t, name, "InService", "Failed") == "Failed" {
		t.Fatalf("endpoint %s failed: %s", name, at.aws(t, "sagemaker", "describe-endpoint", "--endpoint-name", name, "--query", "FailureReason"))
	}
}

// serving waits for an endpoint's status.
func (d *daemon) serving(t *testing.T, endpoint string, wanted ...string) string {
	t.Helper()
	return d.reaches(t, "DescribeEndpoint", `{"EndpointName":"`+endpoint+`"}`, "EndpointStatus", wanted...)
}
