package compat

import (
	"strings"
	"testing"
)

// TestHostileContainer lets a container try, as root, what none may, and reads in its log what came of it.
func TestHostileContainer(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t, "sts")
	d.provide(t)
	before := d.host(t)
	// Another job, alive, whose interface lets nothing in; and one whose group lets nothing out.
	victim := v.job(t, "victim", probe, "seconds=300")
	at := d.internet()
	at.stage(t, victim, "Training")
	address := at.aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=vpc-id,Values="+v.id,
		"Name=description,Values=*Training Job*victim*", "--query", "NetworkInterfaces[0].PrivateIpAddress")
	if !strings.HasPrefix(address, "10.0.") {
		t.Fatalf("the victim's interface is at %q", address)
	}
	targets := "targets=" + address + ":8080 " + address + ":80"
	free := v.job(t, "hostile", probe, "hostile=yes,"+targets)
	hoard := v.job(t, "hoard", probe, "hoard=1200000000")
	isolated := v.job(t, "hostile-isolated", probe, "hostile=yes,"+targets, "--enable-network-isolation")
	for _, job := range []string{free, isolated} {
		v.completed(t, job)
		t.Run(job, func(t *testing.T) { v.judge(t, job, address, job == free) })
	}
	// Its volume has a gigabyte, and it does not listen to SIGTERM, for which it would have two minutes.
	if status, reason := v.settled(t, hoard); status != "Failed" || !strings.HasPrefix(reason, "ClientError: No space left on device: ") {
		t.Errorf("a job that takes more than its volume ended %s: %s", status, reason)
	}
	if lines := v.log(t, hoard); len(lines) < 5 || len(strings.Join(lines, "")) < 1<<20 {
		t.Errorf("a line of a megabyte came as %d lines", len(lines))
	}
	at.aws(t, "sagemaker", "stop-training-job", "--training-job-name", victim)
	if status, reason := v.settled(t, victim); status != "Stopped" {
		t.Errorf("the other job ended %s: %s", status, reason)
	}
	d.sameHost(t, before)
}

// judge reads a probe's log: everything forbidden was refused, everything permitted was done.
func (v *vpc) judge(t *testing.T, job, victim string, told bool) {
	t.Helper()
	refused, done, unreached, lent := 0, 0, 0, 0
	for _, line := range v.log(t, job) {
		switch {
		// Its own credentials, and no other's, are told to a container with a network.
		case strings.Contains(line, "credentials: 200 of "+role+", whole: true"), strings.Contains(line, "credentials: 400 of , whole: false"):
			lent++
		case strings.Contains(line, "credentials: 200"):
			t.Error(line)
		case strings.Contains(line, "credentials: "):
		case told && strings.Contains(line, ": reached 169.254."):
			lent++
		case strings.Contains(line, "forbidden: ") && strings.Contains(line, ": refused: "):
			refused++
		case strings.Contains(line, "permitted: ") && strings.HasSuffix(line, ": done"):
			done++
		case strings.Contains(line, "forbidden: "), strings.Contains(line, "permitted: "):
			t.Error(line)
		case strings.Contains(line, "169.254.") || strings.Contains(line, victim+":"):
			// Silence, not a refusal: a refused connection would mean that packets came through.
			if !strings.Contains(line, "i/o timeout") && !strings.Contains(line, "network is unreachable") {
				t.Error(line)
			}
			unreached++
		}
	}
	want, silent := 0, 4
	if told {
		want, silent = 4, 2
	}
	if lent != want {
		t.Errorf("of four questions about credentials %d were answered, want %d", lent, want)
	}
	if refused < 30 || done < 4 || unreached != silent {
		t.Errorf("%d attempts were refused, %d permitted, %d addresses stayed silent: the log does not hold all of them:\n%s",
			refused, done, unreached, strings.Join(v.log(t, job), "\n"))
	}
}

// TestClosedGroup gives a job a group that lets nothing out: its container reaches nothing, and what is
// fetched for it fails in AWS's words.
func TestClosedGroup(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t, "sts")
	d.provide(t)
	at := d.internet()
	open := v.job(t, "open-group", probe, "targets=sts."+region+".amazonaws.com:443")
	v.completed(t, open)
	if !strings.Contains(strings.Join(v.log(t, open), "\n"), "sts."+region+".amazonaws.com:443: reached 10.0.") {
		t.Error("with egress the container does not reach the endpoint, so the other half proves nothing")
	}
	at.aws(t, "ec2", "revoke-security-group-egress", "--group-id", v.group, "--ip-permissions", "IpProtocol=-1,IpRanges=[{CidrIp=0.0.0.0/0}]", "--query", "Return")
	status, reason := v.settled(t, v.job(t, "closed-group", kmeans, "k=10,feature_dim=64"))
	if status != "Failed" || !strings.HasPrefix(reason, "ClientError: Data download failed:") || !strings.Contains(reason, "allow outbound traffic to S3") {
		t.Errorf("a job without egress ended %s: %s", status, reason)
	}
}
