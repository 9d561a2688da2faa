package diff

import (
	"fmt"
	"testing"
)

// TestDiff50HostedZones: a hosted zone without a VPC is refused, and so is what a resolver here would
// not answer as AWS's does.
func TestDiff50HostedZones(t *testing.T) {
	const create = `<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>%s</Name>%s<CallerReference>%s</CallerReference></CreateHostedZoneRequest>`
	zones := func(body string) answer {
		return root.send(t, "route53", "POST", "/2013-04-01/hostedzone", "", body)
	}
	zones(fmt.Sprintf(create, "public.test", "", "diff-50-public")).fault(t, 400, "InvalidInput", "Public hosted zones are not supported by Cloister")
	vpc := root.query(t, "ec2", "CreateVpc", "CidrBlock", "10.50.0.0/24").good(t).one(t, "vpcId")
	t.Cleanup(func() { root.query(t, "ec2", "DeleteVpc", "VpcId", vpc) })
	made := zones(fmt.Sprintf(create, "corp.test", "<VPC><VPCRegion>us-east-1</VPCRegion><VPCId>"+vpc+"</VPCId></VPC>", "diff-50-private"))
	id := made.good(t).one(t, "Id")
	t.Cleanup(func() { root.send(t, "route53", "DELETE", "/2013-04-01"+id, "", "") })
	change := func(set string) answer {
		return root.send(t, "route53", "POST", "/2013-04-01"+id+"/rrset/", "", `<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch><Changes><Change><Action>CREATE</Action><ResourceRecordSet><Name>a.corp.test</Name>`+
			set+`</ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`)
	}
	const values = `<TTL>60</TTL><ResourceRecords><ResourceRecord><Value>%s</Value></ResourceRecord></ResourceRecords>`
	change("<Type>MX</Type>"+fmt.Sprintf(values, "10 mail.corp.test")).fault(t, 400, "InvalidInput", "Records of type MX are not supported by Cloister")
	change("<Type>A</Type><SetIdentifier>a</SetIdentifier><Weight>1</Weight>"+fmt.Sprintf(values, "10.0.0.1")).fault(t, 400, "InvalidInput", "not supported by Cloister: only simple routing is")
	change(`<Type>A</Type><AliasTarget><HostedZoneId>Z2FDTNDATAQYW2</HostedZoneId><DNSName>d1.cloudfront.net</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>`).
		fault(t, 400, "InvalidInput", "records of the same zone and names of VPC endpoints are")
}
