package sagemaker

import (
	"fmt"
	"strings"
	"testing"

	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// unauthorized is how EC2 refuses.
var unauthorized = fault.Kind{Code: "UnauthorizedOperation", Status: 403}

// TestAJobFailsInAVPCThatCannotHaveIt: each rule of a job's VpcConfig, with the reason that the job shows.
func TestAJobFailsInAVPCThatCannotHaveIt(t *testing.T) {
	deny := func(action string) func(*world, *sagemaker.CreateTrainingJobRequest) {
		return func(w *world, _ *sagemaker.CreateTrainingJobRequest) {
			w.deny["ec2."+action] = unauthorized.New("no %s", action)
		}
	}
	both := func(r *sagemaker.CreateTrainingJobRequest) { r.VpcConfig.Subnets = []string{"subnet-1", "subnet-2"} }
	for name, c := range map[string]struct {
		change func(*world, *sagemaker.CreateTrainingJobRequest)
		reason string
	}{
		"subnets in two VPCs": {func(w *world, r *sagemaker.CreateTrainingJobRequest) {
			both(r)
			w.estate.subnets["subnet-2"] = "vpc-2"
		}, "ClientError: The subnets are in different VPCs: subnet-1 in vpc-1, subnet-2 in vpc-2. All have to be in the same VPC."},
		"a group of another VPC": {func(w *world, _ *sagemaker.CreateTrainingJobRequest) { w.estate.groups["sg-1"] = "vpc-2" },
			"ClientError: The security group sg-1 is in vpc-2, and the subnets are in vpc-1. All have to be in the same VPC."},
		"dedicated tenancy": {func(w *world, _ *sagemaker.CreateTrainingJobRequest) { w.estate.tenancy = "dedicated" },
			"ClientError: vpc-1 has dedicated tenancy. Only subnets of a VPC with default tenancy can be used."},
		"no domain": {func(w *world, _ *sagemaker.CreateTrainingJobRequest) { delete(w.estate.options, "domain-name") },
			"ClientError: expected DHCP options to include keys domain-name-servers and domain-name, but missing one or more attributes: "},
		"one address left": {func(w *world, _ *sagemaker.CreateTrainingJobRequest) { w.estate.free["subnet-1"] = 1 },
			"ClientError: The subnets have 1 free private IP addresses and 2 are needed, 2 for each instance."},
		"four addresses left for a fabric adapter": {func(w *world, r *sagemaker.CreateTrainingJobRequest) {
			r.ResourceConfig.InstanceType = new("ml.c5n.18xlarge")
			w.estate.free["subnet-1"] = 4
		}, "ClientError: The subnets have 4 free private IP addresses and 5 are needed, 5 for each instance."},
		"may not describe subnets":    {deny("DescribeSubnets"), "ClientError: Unable to describe the subnets of the VPC: no DescribeSubnets"},
		"may not describe groups":     {deny("DescribeSecurityGroups"), "ClientError: Unable to describe the security groups of the VPC: no DescribeSecurityGroups"},
		"may not describe VPCs":       {deny("DescribeVpcs"), "ClientError: Unable to describe the VPC vpc-1: no DescribeVpcs"},
		"may not describe options":    {deny("DescribeDhcpOptions"), "ClientError: Unable to describe the DHCP options of the VPC: no DescribeDhcpOptions"},
		"may not make an interface":   {deny("CreateNetworkInterface"), "ClientError: Unable to create a network interface in the VPC: no CreateNetworkInterface"},
		"may not give it away":        {deny("CreateNetworkInterfacePermission"), "ClientError: Unable to permit the use of a network interface in the VPC: no CreateNetworkInterfacePermission"},
		"may not describe interfaces": {deny("DescribeNetworkInterfaces"), "ClientError: Unable to describe a network interface of the VPC: no DescribeNetworkInterfaces"},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := trainingWorld(t)
			r := trainingRequest("job")
			c.change(w, r)
			if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
				t.Fatal(err)
			}
			w.run(s)
			d := w.ended(s, "job")
			if *d.TrainingJobStatus != failed || !strings.HasPrefix(text(d.FailureReason), c.reason) {
				t.Errorf("ended %s: %s\nwant %s", *d.TrainingJobStatus, text(d.FailureReason), c.reason)
			}
			w.mu.Lock()
			clear(w.deny)
			w.mu.Unlock()
			w.until("nothing left", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.interfaces) == 0 })
		})
	}
}

// TestAJobUsesTheSubnetsThatHaveRoom: what its own interfaces have taken is not missing, and a full subnet is
// passed over, also when a crash made the job begin anew.
func TestAJobUsesTheSubnetsThatHaveRoom(t *testing.T) {
	for n := 1; ; n++ {
		crashed := false
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w, s := trainingWorld(t)
			r := trainingRequest("job")
			r.VpcConfig.Subnets = []string{"subnet-1", "subnet-2"}
			w.estate.free["subnet-1"], w.estate.free["subnet-2"] = 0, 2
			if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
				t.Fatal(err)
			}
			crashed = w.crashAt(s, n, func() bool { return *w.describe(s, "job").TrainingJobStatus == completed })
			s = w.service()
			w.run(s)
			if d := w.ended(s, "job"); *d.TrainingJobStatus != completed {
				t.Errorf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
			}
			w.until("nothing left", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.interfaces) == 0 })
		})
		if !crashed || t.Failed() || n > 30 {
			return
		}
	}
}

// TestAnEndpointNeedsTwoZones even for one instance.
func TestAnEndpointNeedsTwoZones(t *testing.T) {
	w, s := hostingWorld(t)
	w.run(s)
	w.estate.zones["subnet-2"] = "a"
	w.estate.tenancy = "dedicated" // is no matter to an endpoint
	w.deployable(s, "m", "", 1)
	w.create(s, "e", "m")
	const reason = "Unable to locate at least 2 availability zone(s) with the requested instance type ml.m5.large that overlap with SageMaker subnets."
	if d := w.status(s, "e", failed); text(d.FailureReason) != reason {
		t.Errorf("failed: %s", text(d.FailureReason))
	}
	w.deleteEndpoint(s, "e")
	w.status(s, "e", "gone")
	w.empty()
	w.mu.Lock()
	w.estate.zones["subnet-2"] = "b"
	w.mu.Unlock()
	w.create(s, "f", "m")
	w.status(s, "f", inService)
	w.deleteEndpoint(s, "f")
	w.status(s, "f", "gone")
	w.empty()
}
