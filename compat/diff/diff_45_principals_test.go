package diff

import (
	"strings"
	"testing"
)

// TestDiff45Principals: trust and bucket policies mean those whom they named and not a namesake, and show the id
// of who is gone; the policy of a VPC endpoint means whoever has the name.
func TestDiff45Principals(t *testing.T) {
	const arn = "arn:aws:iam::" + account + ":user/diff-45"
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + arn + `"},"Action":"sts:AssumeRole"}]}`
	root.query(t, "iam", "CreateRole", "RoleName", "diff-45-nobody", "AssumeRolePolicyDocument", trust).fault(t, 400, "MalformedPolicyDocument", "Invalid principal in policy")
	u := user(t, "diff-45", "")
	trusting := role(t, "diff-45", `{"AWS":"`+arn+`"}`, policy("Allow", "s3:*", "*"))
	u.query(t, "sts", "AssumeRole", "RoleArn", trusting, "RoleSessionName", "one").good(t)

	bucket(t, "diff-45")
	document := func(who string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + who + `"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::diff-45"}]}`
	}
	root.s3(t, "PUT", "diff-45?policy=", document(arn+"-nobody")).fault(t, 400, "MalformedPolicy", "Invalid principal in policy")
	root.s3(t, "PUT", "diff-45?policy=", document(arn)).good(t)
	u.s3(t, "GET", "diff-45?list-type=2", "").good(t)
	root.query(t, "iam", "DeleteAccessKey", "UserName", "diff-45", "AccessKeyId", u.key).good(t)
	root.query(t, "iam", "DeleteUser", "UserName", "diff-45").good(t)

	namesake := user(t, "diff-45", "")
	namesake.query(t, "sts", "AssumeRole", "RoleArn", trusting, "RoleSessionName", "two").fault(t, 403, "AccessDenied", "")
	namesake.s3(t, "GET", "diff-45?list-type=2", "").fault(t, 403, "AccessDenied", "")
	if shown := root.s3(t, "GET", "diff-45?policy=", "").good(t).body; strings.Contains(shown, arn) || !strings.Contains(shown, `"AIDA`) {
		t.Errorf("the policy is shown as %s", shown)
	}
	endpoint := `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"` + arn + `-nobody"},"Action":"*","Resource":"*"}]}`
	vpc, _, _ := network(t)
	id := root.query(t, "ec2", "CreateVpcEndpoint", "VpcId", vpc, "ServiceName", "com.amazonaws."+region+".s3", "PolicyDocument", endpoint).good(t).one(t, "vpcEndpointId")
	if shown := root.query(t, "ec2", "DescribeVpcEndpoints", "VpcEndpointId.1", id).good(t).one(t, "policyDocument"); !strings.Contains(shown, arn) {
		t.Errorf("the endpoint's policy is shown as %s", shown)
	}
}
