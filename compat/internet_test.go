package compat

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// edge is a VPC with ways to the internet: one subnet with an internet gateway, one behind a NAT gateway.
type edge struct {
	*daemon
	vpc, group, public, private, gateway string
	nat                                  string // the NAT gateway's elastic address
}

// edge makes one.
func (d *daemon) edge(t *testing.T) *edge {
	t.Helper()
	at := d.internet()
	e := &edge{daemon: d}
	e.vpc = at.aws(t, "ec2", "create-vpc", "--cidr-block", "10.40.0.0/16", "--query", "Vpc.VpcId")
	at.aws(t, "ec2", "modify-vpc-attribute", "--vpc-id", e.vpc, "--enable-dns-hostnames")
	e.group = at.aws(t, "ec2", "create-security-group", "--vpc-id", e.vpc, "--group-name", "edge", "--description", "edge", "--query", "GroupId")
	e.gateway = at.aws(t, "ec2", "create-internet-gateway", "--query", "InternetGateway.InternetGatewayId")
	at.aws(t, "ec2", "attach-internet-gateway", "--internet-gateway-id", e.gateway, "--vpc-id", e.vpc)
	e.public = e.subnet(t, "10.40.0.0/24")
	e.private = e.subnet(t, "10.40.1.0/24")
	e.route(t, e.public, "--gateway-id", e.gateway)
	allocation := at.aws(t, "ec2", "allocate-address", "--query", "AllocationId")
	e.nat = at.aws(t, "ec2", "describe-addresses", "--allocation-ids", allocation, "--query", "Addresses[0].PublicIp")
	nat := at.aws(t, "ec2", "create-nat-gateway", "--subnet-id", e.public, "--allocation-id", allocation, "--query", "NatGateway.NatGatewayId")
	at.until(t, []string{"ec2", "describe-nat-gateways", "--nat-gateway-ids", nat, "--query", "NatGateways[0].State"}, "available")
	e.route(t, e.private, "--nat-gateway-id", nat)
	return e
}

func (e *edge) subnet(t *testing.T, cidr string) string {
	t.Helper()
	return e.internet().aws(t, "ec2", "create-subnet", "--vpc-id", e.vpc, "--cidr-block", cidr, "--query", "Subnet.SubnetId")
}

// route gives a subnet a table of its own, in which everything leads to a target.
func (e *edge) route(t *testing.T, subnet string, target ...string) {
	t.Helper()
	at := e.internet()
	table := at.aws(t, "ec2", "create-route-table", "--vpc-id", e.vpc, "--query", "RouteTable.RouteTableId")
	at.aws(t, append([]string{"ec2", "create-route", "--route-table-id", table, "--destination-cidr-block", "0.0.0.0/0"}, target...)...)
	at.aws(t, "ec2", "associate-route-table", "--route-table-id", table, "--subnet-id", subnet)
}

// TestInternetPaths goes from a VPC to the public doors: through a NAT gateway, and with an elastic
// address of one's own. The doors know the caller by the elastic address, and so do policies.
func TestInternetPaths(t *testing.T) {
	t.Parallel()
	d := own(t)
	at, e := d.internet(), d.edge(t)
	request := regexp.MustCompile(`(?i)x-amzn-requestid: ([0-9a-f-]{36})`)
	why := func(said string) string {
		t.Helper()
		id := request.FindStringSubmatch(said)
		if id == nil {
			t.Fatalf("no request id in %s", said)
		}
		out, err := d.command("why", id[1]).CombinedOutput()
		if err != nil {
			t.Fatalf("why %s: %v\n%s", id[1], err, out)
		}
		return string(out)
	}
	const call = `curl -sS -D - -o /dev/null --max-time 10 --aws-sigv4 aws:amz:us-east-1:sts --user "$(aws configure get aws_access_key_id):$(aws configure get aws_secret_access_key)" ` +
		`-d 'Action=GetCallerIdentity&Version=2011-06-15' https://sts.us-east-1.amazonaws.com/`

	if said := why(d.at(e.private, e.group).must(t, "bash", "-c", call)); !strings.Contains(said, e.nat) {
		t.Errorf("behind the NAT gateway the door does not see %s:\n%s", e.nat, said)
	}
	// Without an elastic address of its own nobody gets out of the public subnet.
	if out, err := d.at(e.public, e.group).try("curl", "-sS", "-o", "/dev/null", "--max-time", "2", "https://sts.us-east-1.amazonaws.com/"); err == nil {
		t.Errorf("without a public address a call gets out: %s", out)
	}
	// With one it does: it is given while the program waits.
	began := filepath.Join(t.TempDir(), "go")
	waiting := d.at(e.public, e.group).command("bash", "-c", "until [ -e "+began+" ]; do sleep 0.05; done; "+call)
	var out strings.Builder
	waiting.Stdout, waiting.Stderr = &out, &out
	if err := waiting.Start(); err != nil {
		t.Fatal(err)
	}
	mine := []string{"ec2", "describe-network-interfaces", "--filters", "Name=subnet-id,Values=" + e.public, "Name=description,Values=cloister exec"}
	at.until(t, append(mine, "--query", "length(NetworkInterfaces)"), "1")
	eni := at.aws(t, append(mine, "--query", "NetworkInterfaces[0].NetworkInterfaceId")...)
	allocation := at.aws(t, "ec2", "allocate-address", "--query", "AllocationId")
	at.aws(t, "ec2", "associate-address", "--allocation-id", allocation, "--network-interface-id", eni)
	public := at.aws(t, "ec2", "describe-addresses", "--allocation-ids", allocation, "--query", "Addresses[0].PublicIp")
	at.must(t, "touch", began)
	if err := waiting.Wait(); err != nil {
		t.Fatalf("with an elastic address: %v\n%s", err, &out)
	}
	if said := why(out.String()); !strings.Contains(said, public) {
		t.Errorf("the door does not see %s:\n%s", public, said)
	}

	// A policy that wants the NAT gateway's address is content behind it and nowhere else.
	at.aws(t, "iam", "create-user", "--user-name", "guest")
	at.aws(t, "iam", "put-user-policy", "--user-name", "guest", "--policy-name", "from-here", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeVpcs","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"`+e.nat+`/32"}}}]}`)
	key := strings.Fields(at.aws(t, "iam", "create-access-key", "--user-name", "guest", "--query", "AccessKey.[AccessKeyId,SecretAccessKey]"))
	list := []string{"env", "AWS_ACCESS_KEY_ID=" + key[0], "AWS_SECRET_ACCESS_KEY=" + key[1], "aws", "ec2", "describe-vpcs", "--query", "length(Vpcs)"}
	d.at(e.private, e.group).must(t, list...)
	if said, err := at.try(list...); err == nil || !strings.Contains(said, "UnauthorizedOperation") {
		t.Errorf("from elsewhere: %v\n%s", err, said)
	}
}
