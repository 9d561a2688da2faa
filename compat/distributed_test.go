package compat

import (
	"fmt"
	"path/filepath"
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
	v.explained(t, job)
	at.aws(t, "ec2", "authorize-security-group-ingress", "--group-id", v.group, "--ip-permissions", "IpProtocol=-1,UserIdGroupPairs=[{GroupId="+v.group+"}]", "--query", "Return")
	job = v.job(t, "with", probe, "meet=60,seconds=8", four...)
	at.stage(t, job, "Training")
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

// explained reads why the hosts of a job that has ended did not meet, and what an interface that is there lacks; nobody
// is told of another account's, or without the permission.
func (v *vpc) explained(t *testing.T, job string) {
	t.Helper()
	at := v.internet()
	rule := "add an inbound rule to " + v.group + " for TCP to port 7077 from itself (" + v.group + ")"
	out, err := v.command("why", "--job", job, "--to", ":7077").CombinedOutput()
	if said := string(out); err != nil || strings.Count(said, rule) != 4 || strings.Count(said, "=> arrives: accepted "+v.gateway) != 2 || !strings.Contains(said, "Failed: AlgorithmError: ") {
		t.Errorf("why --job %s: %v\n%s", job, err, said)
	}
	eni := at.aws(t, "ec2", "create-network-interface", "--subnet-id", v.subnets[0], "--groups", v.group, "--query", "NetworkInterface.NetworkInterfaceId")
	peer := at.aws(t, "ec2", "create-network-interface", "--subnet-id", v.subnets[1], "--groups", v.group, "--query", "NetworkInterface.PrivateIpAddress")
	v.user(t, "walker", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloister:ExplainConnection","Resource":"arn:aws:ec2:*:*:network-interface/`+eni+`"}]}`)
	v.user(t, "nobody", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`)
	for _, c := range []struct{ as, from, to, says string }{
		{"walker", eni, peer + ":7077", rule},
		{"walker", eni, "s3." + region + ".amazonaws.com:443", "=> arrives: accepted " + v.gateway},
		{"walker", eni, "sts." + region + ".amazonaws.com:443", "make an interface endpoint for com.amazonaws." + region + ".sts with private DNS"},
		{"walker", eni, "nobody.example:80", "has no address for nobody.example"},
		{"nobody", eni, peer + ":7077", "AccessDenied"},
		{"default", "eni-0123456789abcdef0", peer + ":7077", "The networkInterface ID 'eni-0123456789abcdef0' does not exist"},
	} {
		if out, _ := v.command("why", "--as", c.as, "--from", c.from, "--to", c.to).CombinedOutput(); !strings.Contains(string(out), c.says) {
			t.Errorf("why --as %s --from %s --to %s does not say %q:\n%s", c.as, c.from, c.to, c.says, out)
		}
	}
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

// TestDistributedCrash kills the server while several containers train, and right after a job was made: the containers
// go on and are found again, no line of theirs is lost, and nothing of theirs stays.
func TestDistributedCrash(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t)
	d.provide(t)
	at := d.internet()
	at.aws(t, "ec2", "authorize-security-group-ingress", "--group-id", v.group, "--ip-permissions", "IpProtocol=-1,UserIdGroupPairs=[{GroupId="+v.group+"}]", "--query", "Return")
	long := v.job(t, "long", probe, "meet=60,seconds=8", four...)
	d.stage(t, long, "Training")
	early := v.job(t, "early", probe, "meet=60,seconds=1", four...)
	d.crash(t)
	d.restart(t)
	for _, job := range []string{long, early} {
		v.completed(t, job)
		if met := strings.Count(strings.Join(v.log(t, job), "\n"), "met all 4: the sum is 10"); met < 4 {
			t.Errorf("of the hosts of %s %d have met all others", job, met)
		}
		ended := map[string]int{}
		for _, line := range v.log(t, job) {
			if _, beat, ok := strings.Cut(line, "] beat "); ok {
				ended[beat]++
			}
		}
		for beat, hosts := range ended { // a batch may come twice
			if hosts < 4 {
				t.Errorf("beat %s of %s is in the logs of %d hosts", beat, job, hosts)
			}
		}
	}
	waitFor(t, "something of ended jobs is left", func() bool {
		return len(d.containers("algorithm probe")) == 0 &&
			at.aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=vpc-id,Values="+v.id, "Name=description,Values=*Training Job*", "--query", "length(NetworkInterfaces)") == "0"
	})
	if left, err := filepath.Glob(filepath.Join(d.data, "jobs", "tj-*")); err != nil || len(left) > 0 {
		t.Errorf("directories of ended jobs: %v %v", left, err)
	}
}
