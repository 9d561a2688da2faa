package compat

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestEndpointService supplies a service to another VPC of the same range: a server in a subnet, a network
// load balancer in front of it, an endpoint service with acceptance and a proven private name.
func TestEndpointService(t *testing.T) {
	t.Parallel()
	d := own(t)
	at := d.internet()
	supplier, consumer := d.vpc(t), d.vpc(t)
	supplier.permit(t, supplier.group, "8080")
	server := supplier.inside().launch(t, "serve", ":8080")
	address, _ := strings.CutPrefix(lineOf(t, server), "listens at ")

	elb := func(query string, args ...string) string {
		t.Helper()
		return at.aws(t, append(append([]string{"elbv2"}, args...), "--query", query)...)
	}
	balancer := elb("LoadBalancers[0].LoadBalancerArn", "create-load-balancer", "--name", "orders", "--type", "network", "--scheme", "internal", "--subnets", supplier.subnets[0], supplier.subnets[1])
	at.aws(t, "elbv2", "modify-load-balancer-attributes", "--load-balancer-arn", balancer, "--attributes", "Key=load_balancing.cross_zone.enabled,Value=true")
	group := elb("TargetGroups[0].TargetGroupArn", "create-target-group", "--name", "orders", "--protocol", "TCP", "--port", "8080", "--target-type", "ip", "--vpc-id", supplier.id)
	at.aws(t, "elbv2", "register-targets", "--target-group-arn", group, "--targets", "Id="+address)
	elb("Listeners[0].ListenerArn", "create-listener", "--load-balancer-arn", balancer, "--protocol", "TCP", "--port", "5432", "--default-actions", "Type=forward,TargetGroupArn="+group)
	at.until(t, []string{"elbv2", "describe-target-health", "--target-group-arn", group, "--query", "TargetHealthDescriptions[0].TargetHealth.State"}, "healthy")
	fronts := strings.Fields(at.aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=interface-type,Values=network_load_balancer", "Name=requester-managed,Values=true",
		"Name=description,Values=ELB net/orders/*", "--query", "NetworkInterfaces[].PrivateIpAddress"))
	if len(fronts) != 2 {
		t.Fatalf("the balancer's addresses are %v", fronts)
	}
	name := elb("LoadBalancers[0].DNSName", "describe-load-balancers", "--names", "orders")
	if got, _ := supplier.inside().dig(t, name); len(got) != 2 {
		t.Errorf("%s is %v", name, got)
	}

	service := at.aws(t, "ec2", "create-vpc-endpoint-service-configuration", "--network-load-balancer-arns", balancer, "--private-dns-name", "orders.example.com", "--query", "ServiceConfiguration.ServiceId")
	of := []string{"--service-id", service}
	configuration := func(query string) string {
		t.Helper()
		return at.aws(t, "ec2", "describe-vpc-endpoint-service-configurations", "--service-ids", service, "--query", "ServiceConfigurations[0]."+query)
	}
	at.aws(t, append([]string{"ec2", "start-vpc-endpoint-service-private-dns-verification"}, of...)...)
	if got := configuration("PrivateDnsNameConfiguration.State"); got != "failed" {
		t.Errorf("without a proof the name is %s", got)
	}
	record, value := configuration("PrivateDnsNameConfiguration.Name"), configuration("PrivateDnsNameConfiguration.Value")
	zone := at.aws(t, "route53", "create-hosted-zone", "--name", "example.com", "--caller-reference", "proof", "--vpc", "VPCRegion="+region+",VPCId="+supplier.id, "--query", "HostedZone.Id")
	at.aws(t, "route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch",
		fmt.Sprintf(`{"Changes":[{"Action":"CREATE","ResourceRecordSet":{"Name":"%s.orders.example.com","Type":"TXT","TTL":60,"ResourceRecords":[{"Value":"\"%s\""}]}}]}`, record, value))
	at.aws(t, append([]string{"ec2", "start-vpc-endpoint-service-private-dns-verification"}, of...)...)
	if got := configuration("PrivateDnsNameConfiguration.State"); got != "verified" {
		t.Errorf("with its proof the name is %s", got)
	}

	consumer.permit(t, consumer.group, "5432")
	endpoint := at.aws(t, "ec2", "create-vpc-endpoint", "--vpc-id", consumer.id, "--vpc-endpoint-type", "Interface", "--service-name", configuration("ServiceName"),
		"--subnet-ids", consumer.subnets[0], consumer.subnets[1], "--security-group-ids", consumer.group, "--private-dns-enabled", "--query", "VpcEndpoint.VpcEndpointId")
	state := func() string {
		t.Helper()
		return at.aws(t, "ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids", endpoint, "--query", "VpcEndpoints[0].State")
	}
	own := at.aws(t, "ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids", endpoint, "--query", "VpcEndpoints[0].DnsEntries[0].DnsName")
	asks := func(host string) (string, error) {
		return consumer.inside().try("bash", "-c", `exec 3<>/dev/tcp/$0/5432 && echo hello >&3 && timeout 5 head -n1 <&3`, host)
	}
	refused := func(when string) {
		t.Helper()
		for _, host := range []string{own, "orders.example.com"} {
			if said, err := asks(host); err == nil {
				t.Errorf("%s %s answers %q", when, host, said)
			}
		}
	}
	decide := func(what string) {
		t.Helper()
		if bad := at.aws(t, "ec2", what+"-vpc-endpoint-connections", "--service-id", service, "--vpc-endpoint-ids", endpoint, "--query", "length(Unsuccessful)"); bad != "0" {
			t.Errorf("%s: %s unsuccessful", what, bad)
		}
	}
	if state() != "pendingAcceptance" {
		t.Errorf("the endpoint is %s", state())
	}
	refused("before it is accepted")
	decide("accept")
	consumer.available(t, endpoint)
	for _, host := range []string{own, "orders.example.com"} {
		if said, err := asks(host); err != nil || said != address+" hello" {
			t.Errorf("%s answers %q, %v", host, said, err)
		}
	}
	if said, err := supplier.inside().try("bash", "-c", `exec 3<>/dev/tcp/$0/5432 && echo hello >&3 && head -n1 <&3`, name); err != nil || said != address+" hello" {
		t.Errorf("inside the supplier's VPC: %q, %v", said, err)
	}
	// The server has seen the balancer, and never who called.
	log, err := os.ReadFile(server.Name())
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for text := range strings.Lines(string(log)) {
		if from, ok := strings.CutPrefix(strings.TrimSpace(text), "called by "); ok {
			calls++
			if from != fronts[0] && from != fronts[1] {
				t.Errorf("the server was called by %s, and the balancer is at %v", from, fronts)
			}
		}
	}
	if calls < 3 {
		t.Errorf("the server was called %d times", calls)
	}
	// A new server process carries on.
	d.crash(t)
	d.restart(t)
	if said, err := asks("orders.example.com"); err != nil || said != address+" hello" {
		t.Errorf("after a crash: %q, %v", said, err)
	}
	l := line{consumer.inside().launch(t, "dial", own+":5432")}
	l.alive(t)
	decide("reject")
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if b, _ := os.ReadFile(l.out.Name()); strings.Contains(string(b), "ended:") {
			break
		} else if time.Now().After(end) {
			t.Error("a connection outlives the rejection")
			break
		}
	}
	if state() != "rejected" {
		t.Errorf("the endpoint is %s", state())
	}
	refused("rejected")
	// In use things stay; then they go, and nothing is left.
	if said, err := at.try("aws", "elbv2", "delete-load-balancer", "--load-balancer-arn", balancer); err == nil || !strings.Contains(said, "ResourceInUse") {
		t.Errorf("a balancer behind a service: %v\n%s", err, said)
	}
	at.aws(t, "ec2", "delete-vpc-endpoints", "--vpc-endpoint-ids", endpoint)
	at.aws(t, "ec2", "delete-vpc-endpoint-service-configurations", "--service-ids", service)
	at.aws(t, "elbv2", "delete-load-balancer", "--load-balancer-arn", balancer)
	if left := at.aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=requester-managed,Values=true", "--query", "NetworkInterfaces[].Description"); left != "" {
		t.Errorf("left behind: %s", left)
	}
}
