package diff

import "testing"

// TestDiff57EndpointServicesOfOnesOwn: one load balancer each, and a private name is proven in a private zone of the owner's.
func TestDiff57EndpointServicesOfOnesOwn(t *testing.T) {
	vpc, subnet, _ := network(t)
	balancer := func(name string) string {
		t.Helper()
		arn := root.query(t, "elasticloadbalancing", "CreateLoadBalancer", "Name", name, "Type", "network", "Scheme", "internal", "Subnets.member.1", subnet).good(t).one(t, "LoadBalancerArn")
		t.Cleanup(func() { root.query(t, "elasticloadbalancing", "DeleteLoadBalancer", "LoadBalancerArn", arn).good(t) })
		return arn
	}
	first, second := balancer("diff-57-a"), balancer("diff-57-b")
	root.query(t, "ec2", "CreateVpcEndpointServiceConfiguration", "NetworkLoadBalancerArn.1", first, "NetworkLoadBalancerArn.2", second).
		fault(t, 400, "UnsupportedOperation", "More than one load balancer for an endpoint service is not supported.")
	made := root.query(t, "ec2", "CreateVpcEndpointServiceConfiguration", "NetworkLoadBalancerArn.1", first, "PrivateDnsName", "diff57.example.com").good(t)
	service := made.one(t, "serviceId")
	root.query(t, "ec2", "CreateVpcEndpointConnectionNotification", "ServiceId", service, "ConnectionNotificationArn", "arn:aws:sns:us-east-1:123456789012:t", "ConnectionEvents.1", "Accept").
		fault(t, 400, "UnsupportedOperation", "Connection notifications are not supported: there are no SNS topics.")
	zone := root.send(t, "route53", "POST", "/2013-04-01/hostedzone", "", `<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>example.com</Name><CallerReference>diff-57</CallerReference>`+
		`<VPC><VPCRegion>us-east-1</VPCRegion><VPCId>`+vpc+`</VPCId></VPC></CreateHostedZoneRequest>`).good(t).one(t, "Id")
	change := func(action string) {
		t.Helper()
		root.send(t, "route53", "POST", "/2013-04-01"+zone+"/rrset/", "", `<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch><Changes><Change><Action>`+action+`</Action>`+
			`<ResourceRecordSet><Name>`+made.one(t, "name")+`.diff57.example.com</Name><Type>TXT</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>"`+made.one(t, "value")+`"</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>`+
			`</Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`).good(t)
	}
	change("CREATE")
	root.query(t, "ec2", "StartVpcEndpointServicePrivateDnsVerification", "ServiceId", service).good(t)
	told := root.query(t, "ec2", "DescribeVpcEndpointServiceConfigurations", "ServiceId.1", service).good(t)
	if state := told.all("state"); len(state) != 1 || state[0] != "verified" {
		t.Errorf("with a record in a private zone the name is %q", state)
	}
	change("DELETE")
	root.send(t, "route53", "DELETE", "/2013-04-01"+zone, "", "").good(t)
	root.query(t, "ec2", "DeleteVpcEndpointServiceConfigurations", "ServiceId.1", service).good(t)
}
