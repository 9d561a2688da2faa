package compat

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// four asks for four instances; a later option stands over an earlier one.
var four = []string{"--resource-config", "InstanceType=ml.m5.large,InstanceCount=4,VolumeSizeInGB=1"}

// TestDistributedTraining has four containers exchange data over the group that they share, which admits
// itself; without that rule they do not meet, and the job fails.
func TestDistributedTraining(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t)
	d.provide(t)
	at := d.internet()
	job := v.job(t, "without", probe, "meet=5", four...)
	status, reason := v.settled(t, job)
	if status != "Failed" || !strings.HasPrefix(reason, "AlgorithmError: ") || !strings.Contains(reason, "i/o timeout") && !strings.Contains(reason, "was not called by") {
		t.Errorf("without the rule the job ended %s: %s", status, reason)
	}
	at.aws(t, "ec2", "authorize-security-group-ingress", "--group-id", v.group, "--ip-permissions", "IpProtocol=-1,UserIdGroupPairs=[{GroupId="+v.group+"}]", "--query", "Return")
	job = v.job(t, "with", probe, "meet=60,seconds=8", four...)
	at.until(t, describe(job, "SecondaryStatus"), "Training")
	v.checkHosts(t, job)
	// The names are the peers' only: neither another job nor a program in the subnet resolves them.
	stranger := v.job(t, "stranger", probe, "targets=algo-2:7077")
	if out, err := v.inside().try("getent", "hosts", "algo-2"); err == nil {
		t.Errorf("in the subnet algo-2 is %s", out)
	}
	v.completed(t, stranger)
	if log := strings.Join(v.log(t, stranger), "\n"); !strings.Contains(log, "algo-2:7077: dial tcp: lookup algo-2") {
		t.Errorf("another job resolves algo-2:\n%s", log)
	}
	v.completed(t, job)
	v.checkMet(t, job)
	isolated := v.job(t, "isolated", probe, "meet=60,targets=s3."+region+".amazonaws.com:443 10.0.0.2:53", append([]string{"--enable-network-isolation"}, four...)...)
	v.completed(t, isolated)
	v.checkMet(t, isolated)
	if log := strings.Join(v.log(t, isolated), "\n"); strings.Contains(log, ": reached ") {
		t.Errorf("isolated hosts reached more than each other:\n%s", log)
	}
	waitFor(t, "interfaces of ended jobs are left", func() bool {
		return at.aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=vpc-id,Values="+v.id, "Name=description,Values=*Training Job*", "--query", "length(NetworkInterfaces)") == "0"
	})
}

// checkHosts looks at the interfaces of a job while it runs: one for each instance, spread over the subnets.
func (v *vpc) checkHosts(t *testing.T, job string) {
	t.Helper()
	out := strings.Fields(v.internet().aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=vpc-id,Values="+v.id,
		"Name=description,Values=*Training Job*/"+job+" *", "--query", "NetworkInterfaces[].[SubnetId,RequesterManaged,PrivateIpAddress]"))
	var subnets, addresses []string
	for i := 0; i+2 < len(out); i += 3 {
		subnets, addresses = append(subnets, out[i]), append(addresses, out[i+2])
		if out[i+1] != "True" {
			t.Errorf("the interface at %s is not shown as the service's", out[i+2])
		}
	}
	slices.Sort(subnets)
	slices.Sort(addresses)
	if len(subnets) != 4 || subnets[0] != subnets[1] || subnets[1] == subnets[2] || subnets[2] != subnets[3] || len(slices.Compact(addresses)) != 4 {
		t.Errorf("interfaces: %v", out)
	}
}

// checkMet reads the logs of a job's four hosts: each has met all, and each has a stream of its own.
func (v *vpc) checkMet(t *testing.T, job string) {
	t.Helper()
	if log := strings.Join(v.log(t, job), "\n"); strings.Count(log, "met all 4: the sum is 10") != 4 || strings.Count(log, " says ") != 12 {
		t.Errorf("%s:\n%s", job, log)
	}
	streams := strings.Fields(v.internet().aws(t, "logs", "describe-log-streams", "--log-group-name", "/aws/sagemaker/TrainingJobs", "--log-stream-name-prefix", job+"/",
		"--query", "logStreams[].logStreamName"))
	for i := range 4 {
		prefix := fmt.Sprintf("%s/algo-%d-", job, i+1)
		if n := len(slices.DeleteFunc(slices.Clone(streams), func(s string) bool { return !strings.HasPrefix(s, prefix) })); n != 1 {
			t.Errorf("%d streams %s in %v", n, prefix, streams)
		}
	}
}
