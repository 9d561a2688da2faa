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
	nat, table                           string // the NAT gateway's elastic address, and the table that leads to it
}

// edge makes one.
func (d *daemon) edge(t *testing.T) *edge {
	t.Helper()
	e := &edge{daemon: d}
	e.vpc = one(t, d.ec2(t, "CreateVpc", "CidrBlock", "10.40.0.0/16"), "vpcId")
	d.ec2(t, "ModifyVpcAttribute", "VpcId", e.vpc, "EnableDnsHostnames.Value", "true")
	e.group = one(t, d.ec2(t, "CreateSecurityGroup", "VpcId", e.vpc, "GroupName", "edge", "GroupDescription", "edge"), "groupId")
	e.gateway = one(t, d.ec2(t, "CreateInternetGateway"), "internetGatewayId")
	d.ec2(t, "AttachInternetGateway", "InternetGatewayId", e.gateway, "VpcId", e.vpc)
	e.public = e.subnet(t, "10.40.0.0/24")
	e.private = e.subnet(t, "10.40.1.0/24")
	e.route(t, e.public, "GatewayId", e.gateway)
	address := d.ec2(t, "AllocateAddress")
	e.nat = one(t, address, "publicIp")
	nat := one(t, d.ec2(t, "CreateNatGateway", "SubnetId", e.public, "AllocationId", one(t, address, "allocationId")), "natGatewayId")
	waitFor(t, "the NAT gateway does not become available", func() bool {
		return one(t, d.ec2(t, "DescribeNatGateways", "NatGatewayId.1", nat), "state") == "available"
	})
	e.table = e.route(t, e.private, "NatGatewayId", nat)
	return e
}

func (e *edge) subnet(t *testing.T, cidr string) string {
	t.Helper()
	return one(t, e.ec2(t, "CreateSubnet", "VpcId", e.vpc, "CidrBlock", cidr), "subnetId")
}

// route gives a subnet a table of its own, in which everything leads to a target.
func (e *edge) route(t *testing.T, subnet string, target ...string) (table string) {
	t.Helper()
	table = one(t, e.ec2(t, "CreateRouteTable", "VpcId", e.vpc), "routeTableId")
	e.ec2(t, "CreateRoute", append([]string{"RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0"}, target...)...)
	e.ec2(t, "AssociateRouteTable", "RouteTableId", table, "SubnetId", subnet)
	return table
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
