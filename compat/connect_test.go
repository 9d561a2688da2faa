package compat

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestConnect joins a network outside to a VPC: its hosts use what a VPN lets them use, under their own
// addresses, and nothing else of Cloister; and they go on after a crash.
func TestConnect(t *testing.T) {
	t.Parallel()
	needProgram(t, "dig")
	o := newOutside(t)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	d.flags = []string{"--tunnels", o.here}
	d.run(t)
	at := d.internet()
	v := d.vpc(t, "sagemaker.api")
	at.aws(t, "ec2", "create-vpc-endpoint", "--vpc-id", v.id, "--service-name", "com.amazonaws."+region+".dynamodb", "--route-table-ids", v.table)
	resolver := v.inbound(t)

	// A second VPC, peered, and an internet gateway: neither is for who comes by the tunnel.
	edge := d.edge(t)
	peering := at.aws(t, "ec2", "create-vpc-peering-connection", "--vpc-id", v.id, "--peer-vpc-id", edge.vpc, "--query", "VpcPeeringConnection.VpcPeeringConnectionId")
	at.aws(t, "ec2", "accept-vpc-peering-connection", "--vpc-peering-connection-id", peering)
	at.aws(t, "ec2", "create-route", "--route-table-id", v.table, "--destination-cidr-block", "10.40.0.0/16", "--vpc-peering-connection-id", peering)
	back := at.aws(t, "ec2", "describe-route-tables", "--filters", "Name=association.subnet-id,Values="+edge.private, "--query", "RouteTables[0].RouteTableId")
	for _, to := range []string{"10.0.0.0/16", "10.99.0.0/24"} {
		at.aws(t, "ec2", "create-route", "--route-table-id", back, "--destination-cidr-block", to, "--vpc-peering-connection-id", peering)
	}
	out := at.aws(t, "ec2", "create-internet-gateway", "--query", "InternetGateway.InternetGatewayId")
	at.aws(t, "ec2", "attach-internet-gateway", "--internet-gateway-id", out, "--vpc-id", v.id)
	at.aws(t, "ec2", "create-route", "--route-table-id", v.table, "--destination-cidr-block", "0.0.0.0/0", "--gateway-id", out)

	conf, err := d.command("connect", "--vpc", v.id, "--network", "10.99.0.0/24", "--print").Output()
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.command("connect", "--vpc", v.id, "--network", "10.99.0.0/24", "--print").Output()
	if err != nil || string(again) != string(conf) {
		t.Errorf("asked again it made another connection: %v", err)
	}
	vgw := at.aws(t, "ec2", "describe-vpn-gateways", "--filters", "Name=attachment.vpc-id,Values="+v.id, "--query", "VpnGateways[0].VpnGatewayId")
	status := []string{"ec2", "describe-vpn-connections", "--filters", "Name=vpn-gateway-id,Values=" + vgw, "--query", "VpnConnections[0].VgwTelemetry[0].Status"}
	if got := at.aws(t, status...); got != "DOWN" {
		t.Errorf("before anybody came the tunnel is %s", got)
	}
	o.connect(t, d, string(conf))
	at.until(t, status, "UP")

	endpoint := at.aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=interface-type,Values=vpc_endpoint", "Name=subnet-id,Values="+v.subnets[0],
		"--query", "NetworkInterfaces[?contains(Description, '"+v.endpoints["sagemaker.api"]+"')].PrivateIpAddress")
	if o.reaches(d, o.behind, endpoint+":443") {
		t.Error("without a route back and a rule the endpoint is reached")
	}
	at.aws(t, "ec2", "enable-vgw-route-propagation", "--gateway-id", vgw, "--route-table-id", v.table)
	if o.reaches(d, o.behind, endpoint+":443") {
		t.Error("without a rule the endpoint is reached")
	}
	at.aws(t, "ec2", "authorize-security-group-ingress", "--group-id", v.group, "--protocol", "tcp", "--port", "443", "--cidr", "10.99.0.0/24", "--query", "Return")
	for _, protocol := range []string{"udp", "tcp"} {
		at.aws(t, "ec2", "authorize-security-group-ingress", "--group-id", v.group, "--protocol", protocol, "--port", "53", "--cidr", "10.99.0.0/24", "--query", "Return")
	}

	// A real client behind the host asks the inbound resolver for the service's own name, and is seen as itself.
	name := "api.sagemaker." + region + ".amazonaws.com"
	asked, err := o.try(d, o.behind, "dig", "+short", "+tries=1", "@"+resolver, name)
	if err != nil || !strings.Contains(asked, endpoint) {
		t.Errorf("the inbound resolver says %q, wanted %s: %v", asked, endpoint, err)
	}
	who := func() (string, error) {
		return o.try(d, o.behind, "unshare", "-m", "bash", "-c", fmt.Sprintf(
			"echo nameserver %s >/tmp/resolv-$$ && mount --bind /tmp/resolv-$$ /etc/resolv.conf && rm /tmp/resolv-$$; aws sagemaker list-training-jobs --query 'length(TrainingJobSummaries)' --output text", resolver))
	}
	if got, err := who(); err != nil || got != "0" {
		t.Fatalf("a client behind the host: %v\n%s", err, got)
	}
	policy := func(address string) {
		t.Helper()
		at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", v.endpoints["sagemaker.api"], "--policy-document",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:VpcSourceIp":"`+address+`"},"StringEquals":{"aws:SourceVpc":"`+v.id+`"}}}]}`, "--query", "Return")
	}
	policy("10.99.0.7/32")
	if got, err := who(); err != nil {
		t.Errorf("with the client's own address in the endpoint's policy: %v\n%s", err, got)
	}
	policy("10.99.0.1/32")
	if got, err := who(); err == nil || !strings.Contains(got, "AccessDenied") {
		t.Errorf("with another's address in the endpoint's policy: %v\n%s", err, got)
	}
	policy("10.99.0.0/24")

	// What a VPN does not lead to.
	inside := v.inside()
	for what, address := range map[string]string{
		"the gateway endpoint": s3Address(t, inside) + ":443", "a public door": publicAddress(t, at) + ":443",
		"the peered VPC": peerAddress(t, edge) + ":443", "the VPC's own resolver": "10.0.0.2:53",
	} {
		if o.reaches(d, o.behind, address) {
			t.Errorf("%s is reached at %s", what, address)
		}
		if out, err := inside.try("timeout", "5", "bash", "-c", dialling(address)); what != "a public door" && err != nil {
			t.Errorf("control: from the VPC %s is not reached at %s: %v\n%s", what, address, err, out)
		}
	}

	d.crash(t)
	time.Sleep(time.Second)
	d.restart(t)
	waitFor(t, "after a crash nothing passes", func() bool { got, err := who(); return err == nil && got == "0" })
	at.until(t, status, "UP")

	// The keys are told to who asks for them, and to nobody else.
	for _, m := range regexp.MustCompile(`(?m)^(?:PrivateKey|PresharedKey) = (\S+)$`).FindAllStringSubmatch(string(conf), -1) {
		for _, name := range []string{"serve.log", "serve.out"} {
			if log, err := os.ReadFile(filepath.Join(d.data, name)); err != nil || strings.Contains(string(log), m[1]) {
				t.Errorf("a key is in %s: %v", name, err)
			}
		}
	}

	at.aws(t, "ec2", "disable-vgw-route-propagation", "--gateway-id", vgw, "--route-table-id", v.table)
	if o.reaches(d, o.behind, endpoint+":443") {
		t.Error("without its route the endpoint is reached")
	}
}

// TestConnectInOneStep makes what is missing, connects a namespace of this machine, and takes all of it away.
func TestConnectInOneStep(t *testing.T) {
	t.Parallel()
	needProgram(t, "ip")
	d := own(t)
	at := d.internet()
	id := at.aws(t, "ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--query", "Vpc.VpcId")
	name := fmt.Sprintf("step%d", os.Getpid()%100000)
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command("ip", "netns", "del", name).Run() }) //nolint:errcheck // the next look tells

	for _, wrong := range [][]string{{"--vpc", id}, {"--network", "10.99.0.0/24"}, {"--vpc", id, "--network", "10.99.0.0/24", "--address", "10.98.0.1"}, {"--configuration", "/dev/null"}} {
		if out, err := d.command(append([]string{"connect"}, wrong...)...).CombinedOutput(); err == nil {
			t.Errorf("connect %v: %s", wrong, out)
		}
	}
	cmd := d.command("connect", "--vpc", id, "--network", "10.99.0.0/24", "--address", "10.99.0.9", "--propagate", "--ephemeral", "--namespace", name)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() }) //nolint:errcheck // it has ended if all went well
	waitFor(t, "connect does not connect", func() bool {
		b, _ := os.ReadFile(log.Name())
		return bytes.Contains(b, []byte("\nconnected\n"))
	})
	if out, err := exec.Command("ip", "-n", name, "route").CombinedOutput(); err != nil || !strings.Contains(string(out), "10.0.0.0/16 dev cloister0 scope link src 10.99.0.9") {
		t.Errorf("the routes are %s %v", out, err)
	}
	routes := []string{"ec2", "describe-route-tables", "--filters", "Name=vpc-id,Values=" + id, "--query", "RouteTables[0].Routes[1].DestinationCidrBlock"}
	if got := at.aws(t, routes...); got != "10.99.0.0/24" {
		t.Errorf("propagated is %s", got)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b, _ := os.ReadFile(log.Name())
		t.Errorf("connect ended: %v\n%s", err, b)
	}
	if out, err := exec.Command("ip", "-n", name, "link", "show", "cloister0").CombinedOutput(); err == nil {
		t.Errorf("connect left %s", out)
	}
	for what, query := range map[string]string{
		"describe-vpn-gateways": "VpnGateways[?State!='deleted'].VpnGatewayId", "describe-vpn-connections": "VpnConnections[?State!='deleted'].VpnConnectionId",
		"describe-customer-gateways": "CustomerGateways[?State!='deleted'].CustomerGatewayId",
	} {
		if left := at.aws(t, "ec2", what, "--query", query); left != "" {
			t.Errorf("%s still tells of %s", what, left)
		}
	}
	at.aws(t, "ec2", "delete-vpc", "--vpc-id", id)
}

// inbound makes an inbound resolver endpoint and gives one of its addresses.
func (v *vpc) inbound(t *testing.T) string {
	t.Helper()
	at := v.internet()
	id := at.aws(t, "route53resolver", "create-resolver-endpoint", "--creator-request-id", "inbound", "--direction", "INBOUND", "--security-group-ids", v.group,
		"--ip-addresses", "SubnetId="+v.subnets[0], "SubnetId="+v.subnets[1], "--query", "ResolverEndpoint.Id")
	at.until(t, []string{"route53resolver", "get-resolver-endpoint", "--resolver-endpoint-id", id, "--query", "ResolverEndpoint.Status"}, "OPERATIONAL")
	return at.aws(t, "route53resolver", "list-resolver-endpoint-ip-addresses", "--resolver-endpoint-id", id, "--query", "IpAddresses[0].Ip")
}

// s3Address is one of the addresses that the gateway endpoint takes.
func s3Address(t *testing.T, p place) string {
	t.Helper()
	addresses, _ := p.dig(t, "s3."+region+".amazonaws.com")
	if len(addresses) == 0 {
		t.Fatal("S3 has no address")
	}
	return addresses[0]
}

// publicAddress is one of the addresses of a service that has no endpoint.
func publicAddress(t *testing.T, p place) string {
	t.Helper()
	addresses, _ := p.dig(t, "iam.amazonaws.com")
	if len(addresses) == 0 {
		t.Fatal("IAM has no address")
	}
	return addresses[0]
}

// peerAddress is that of an interface endpoint in the other VPC, which admits everybody.
func peerAddress(t *testing.T, e *edge) string {
	t.Helper()
	at := e.internet()
	at.aws(t, "ec2", "authorize-security-group-ingress", "--group-id", e.group, "--protocol", "-1", "--cidr", "0.0.0.0/0", "--query", "Return")
	id := at.aws(t, "ec2", "create-vpc-endpoint", "--vpc-id", e.vpc, "--vpc-endpoint-type", "Interface", "--service-name", "com.amazonaws."+region+".sts",
		"--subnet-ids", e.private, "--security-group-ids", e.group, "--query", "VpcEndpoint.VpcEndpointId")
	at.until(t, []string{"ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids", id, "--query", "VpcEndpoints[0].State"}, "available")
	eni := at.aws(t, "ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids", id, "--query", "VpcEndpoints[0].NetworkInterfaceIds[0]")
	return at.aws(t, "ec2", "describe-network-interfaces", "--network-interface-ids", eni, "--query", "NetworkInterfaces[0].PrivateIpAddress")
}
