package compat

import (
	"strings"
	"testing"
	"time"
)

// TestFlowLogs: what the kernel let through and what it refused stands in the log group, by the
// interface that saw it, with the addresses of the packets.
func TestFlowLogs(t *testing.T) {
	needRoot(t)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	d.flags = []string{"--flow-logs", "2s"}
	d.run(t)
	at := d.internet()
	v := d.vpc(t, "sts")
	at.aws(t, "logs", "create-log-group", "--log-group-name", "flows")
	at.aws(t, "iam", "create-role", "--role-name", "flows", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"vpc-flow-logs.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	at.aws(t, "iam", "put-role-policy", "--role-name", "flows", "--policy-name", "write", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`)
	at.aws(t, "s3", "mb", "s3://flows")
	logs := at.aws(t, "ec2", "create-flow-logs", "--resource-type", "VPC", "--resource-ids", v.id, "--traffic-type", "ALL", "--log-group-name", "flows",
		"--deliver-logs-permission-arn", "arn:aws:iam::"+account+":role/flows", "--query", "FlowLogIds[0]")
	bucket := at.aws(t, "ec2", "create-flow-logs", "--resource-type", "Subnet", "--resource-ids", v.subnets[0], "--traffic-type", "REJECT",
		"--log-destination-type", "s3", "--log-destination", "arn:aws:s3:::flows/net", "--query", "FlowLogIds[0]")

	inside := v.inside()
	address := at.aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=interface-type,Values=vpc_endpoint", "Name=subnet-id,Values="+v.subnets[0],
		"--query", "NetworkInterfaces[0].PrivateIpAddress")
	endpoint := at.aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=private-ip-address,Values="+address, "--query", "NetworkInterfaces[0].NetworkInterfaceId")
	// By this one of the endpoint's interfaces, and then at a port that its group does not let in.
	inside.must(t, "curl", "-s", "-o", "/dev/null", "--resolve", "sts."+region+".amazonaws.com:443:"+address, "https://sts."+region+".amazonaws.com/")
	inside.try("curl", "-s", "--connect-timeout", "1", "http://"+address+":8080/") //nolint:errcheck // nothing answers

	found := func(stream, want string) bool {
		out, err := at.try("aws", "logs", "get-log-events", "--log-group-name", "flows", "--log-stream-name", stream, "--query", "events[].message", "--output", "text")
		return err == nil && strings.Contains(out, want)
	}
	for what, want := range map[string]string{"refused": " 8080 6 ", "accepted": " 443 6 "} {
		if !eventually(func() bool { return found(endpoint+"-all", want) }) {
			state, _ := at.try("aws", "ec2", "describe-flow-logs", "--output", "json")
			have, _ := at.try("aws", "logs", "filter-log-events", "--log-group-name", "flows", "--query", "events[].message", "--output", "text")
			t.Errorf("nothing %s is logged of %s\nthe flow logs: %s\nthe lines: %s\nthe server: %s", what, endpoint, state, have, d.lastWords())
		}
	}
	if !found(endpoint+"-all", "REJECT OK") || !found(endpoint+"-all", "ACCEPT OK") {
		t.Error("the actions are not told apart")
	}
	if !eventually(func() bool {
		out, _ := at.try("aws", "s3", "ls", "--recursive", "s3://flows/net/AWSLogs/"+account+"/vpcflowlogs/"+region+"/")
		return strings.Contains(out, "_vpcflowlogs_"+region+"_"+bucket+"_") && strings.Contains(out, ".log.gz")
	}) {
		t.Errorf("no file in the bucket\nthe server: %s", d.lastWords())
	}
	at.aws(t, "ec2", "delete-flow-logs", "--flow-log-ids", logs, bucket)
	if n := at.aws(t, "ec2", "describe-flow-logs", "--query", "length(FlowLogs)"); n != "0" {
		t.Errorf("%s flow logs are left", n)
	}
}

// eventually asks until the answer is yes, for half a minute.
func eventually(yes func() bool) bool {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if yes() {
			return true
		}
	}
	return false
}
