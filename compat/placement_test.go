package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlacement makes each mistake that one can make with subnets, groups and the permissions of an execution
// role, and reads the reason.
func TestPlacement(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t)
	d.provide(t)
	at := d.internet()
	other := one(t, d.ec2(t, "CreateVpc", "CidrBlock", "10.9.0.0/16"), "vpcId")
	far := one(t, d.ec2(t, "CreateSubnet", "VpcId", other, "CidrBlock", "10.9.1.0/24"), "subnetId")
	stranger := one(t, d.ec2(t, "CreateSecurityGroup", "VpcId", other, "GroupName", "stranger", "GroupDescription", "stranger"), "groupId")
	narrow := one(t, d.ec2(t, "CreateSubnet", "VpcId", v.id, "CidrBlock", "10.0.8.0/28", "AvailabilityZone", d.region()+"a"), "subnetId")
	d.ec2(t, "AssociateRouteTable", "RouteTableId", v.table, "SubnetId", narrow)
	for range 10 { // of 11
		d.ec2(t, "CreateNetworkInterface", "SubnetId", narrow)
	}
	alone := one(t, d.ec2(t, "CreateVpc", "CidrBlock", "10.2.0.0/16", "InstanceTenancy", "dedicated"), "vpcId")
	apart := one(t, d.ec2(t, "CreateSubnet", "VpcId", alone, "CidrBlock", "10.2.0.0/24", "AvailabilityZone", d.region()+"a"), "subnetId")
	guard := one(t, d.ec2(t, "CreateSecurityGroup", "VpcId", alone, "GroupName", "guard", "GroupDescription", "guard"), "groupId")
	in := func(group string, subnets ...string) string {
		return "Subnets=" + strings.Join(subnets, ",") + ",SecurityGroupIds=" + group
	}
	for _, c := range []struct{ name, network, reason string }{
		{"no-subnet", in(v.group, "subnet-0123456789abcdef0"), "The subnet ID 'subnet-0123456789abcdef0' does not exist"},
		{"no-group", in("sg-0123456789abcdef0", v.subnets[0]), "The security group 'sg-0123456789abcdef0' does not exist"},
		{"two-vpcs", in(v.group, v.subnets[0], far), "The subnets are in different VPCs"},
		{"strange-group", in(stranger, v.subnets[0]), "The security group " + stranger + " is in " + other + ", and the subnets are in " + v.id},
		{"dedicated", in(guard, apart), alone + " has dedicated tenancy. Only subnets of a VPC with default tenancy can be used."},
		{"full", in(v.group, narrow), "The subnets have 1 free private IP addresses and 2 are needed, 2 for each instance."},
	} {
		v.job(t, c.name, kmeans, "k=10,feature_dim=64", "--vpc-config", c.network)
		if status, reason := v.settled(t, c.name); status != "Failed" || !strings.HasPrefix(reason, "ClientError: ") || !strings.Contains(reason, c.reason) {
			t.Errorf("%s: %s: %s", c.name, status, reason)
		}
	}
	v.without(t)
	v.job(t, "full-and-free", kmeans, "k=10,feature_dim=64", "--vpc-config", in(v.group, narrow, v.subnets[1]))
	v.completed(t, "full-and-free")

	at.aws(t, "sagemaker", "create-model", "--model-name", "one-zone", "--execution-role-arn", role, "--query", "ModelArn",
		"--vpc-config", in(v.group, v.subnets[0], narrow), "--primary-container", "Image="+kmeans)
	at.aws(t, "sagemaker", "create-endpoint-config", "--endpoint-config-name", "one-zone", "--query", "EndpointConfigArn",
		"--production-variants", "VariantName=AllTraffic,ModelName=one-zone,InitialInstanceCount=1,InstanceType=ml.m5.large")
	at.aws(t, "sagemaker", "create-endpoint", "--endpoint-name", "one-zone", "--endpoint-config-name", "one-zone", "--query", "EndpointArn")
	at.serving(t, "one-zone", "Failed")
	if reason := at.aws(t, "sagemaker", "describe-endpoint", "--endpoint-name", "one-zone", "--query", "FailureReason"); reason !=
		"Unable to locate at least 2 availability zone(s) with the requested instance type ml.m5.large that overlap with SageMaker subnets." {
		t.Errorf("an endpoint in one zone: %s", reason)
	}
	at.aws(t, "sagemaker", "delete-endpoint", "--endpoint-name", "one-zone")
	v.nobodys(t)
}

// TestInstanceLimits reads what a job is told that asks for more instances than its account may have, or than there are.
func TestInstanceLimits(t *testing.T) {
	t.Parallel()
	needRoot(t)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	settings := "instance_quotas:\n  ml.m5.large for training job usage: 1\ninstance_types:\n  ml.trn1.2xlarge: {cpus: 8, memory: 61, available: 0}\n"
	if err := os.WriteFile(filepath.Join(d.data, "config.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	d.run(t)
	v := d.vpc(t)
	d.provide(t)
	at := d.internet()
	v.job(t, "long", probe, "seconds=300")
	said, err := v.tryJob("more", probe)
	if err == nil || !strings.Contains(said, "(ResourceLimitExceeded)") || !strings.Contains(said, "The account-level service limit 'ml.m5.large for training job usage' is 1 Instances, "+
		"with current utilization of 1 Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an increase for this quota.") {
		t.Errorf("beyond the quota: %v %s", err, said)
	}
	v.job(t, "scarce", kmeans, "k=10,feature_dim=64", "--resource-config", "InstanceType=ml.trn1.2xlarge,InstanceCount=1,VolumeSizeInGB=1")
	if status, reason := v.settled(t, "scarce"); status != "Failed" || reason != "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type." {
		t.Errorf("without capacity: %s: %s", status, reason)
	}
	at.aws(t, "sagemaker", "stop-training-job", "--training-job-name", "long")
	v.settled(t, "long")
	v.job(t, "more", kmeans, "k=10,feature_dim=64")
	v.completed(t, "more")
	v.nobodys(t)
}

// without takes one permission after the other from the execution role: the job says which one it lacked.
func (v *vpc) without(t *testing.T) {
	t.Helper()
	at := v.internet()
	put := func(policy string) {
		at.aws(t, "iam", "put-role-policy", "--role-name", "execution", "--policy-name", "execution", "--policy-document", policy)
	}
	for _, action := range []string{"DescribeSubnets", "DescribeSecurityGroups", "DescribeVpcs", "DescribeDhcpOptions", "CreateNetworkInterface",
		"CreateNetworkInterfacePermission", "DescribeNetworkInterfaces"} {
		put(strings.Replace(duties, `"ec2:`+action+`"`, `"ec2:Nothing"`, 1))
		name := "without-" + action
		v.job(t, name, kmeans, "k=10,feature_dim=64")
		if status, reason := v.settled(t, name); status != "Failed" || !strings.HasPrefix(reason, "ClientError: Unable to ") || !strings.Contains(reason, "ec2:"+action+" ") {
			t.Errorf("%s: %s: %s", name, status, reason)
		}
	}
	put(duties)
}

// nobodys waits until no interface is left that a service made.
func (v *vpc) nobodys(t *testing.T) {
	t.Helper()
	v.internet().until(t, []string{"ec2", "describe-network-interfaces", "--filters", "Name=description,Values=*managed by SageMaker*",
		"--query", "length(NetworkInterfaces)"}, "0")
}
