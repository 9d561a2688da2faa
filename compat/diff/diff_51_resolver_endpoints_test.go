package diff

import "testing"

// TestDiff51ResolverEndpoints: resolver endpoints are inbound, and query logs go to log groups.
func TestDiff51ResolverEndpoints(t *testing.T) {
	_, subnet, group := network(t)
	call := func(operation, body string) answer {
		return root.send(t, "route53resolver", "POST", "/", "", body, "Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", "Route53Resolver."+operation)
	}
	call("CreateResolverEndpoint", `{"CreatorRequestId":"diff-51","Direction":"OUTBOUND","SecurityGroupIds":["`+group+`"],"IpAddresses":[{"SubnetId":"`+subnet+`"},{"SubnetId":"`+subnet+`"}]}`).
		fault(t, 400, "InvalidRequestException", "Direction OUTBOUND is not supported by Cloister")
	call("CreateResolverQueryLogConfig", `{"Name":"q","CreatorRequestId":"diff-51","DestinationArn":"arn:aws:s3:::bucket"}`).
		fault(t, 400, "InvalidRequestException", "is not supported by Cloister: a CloudWatch Logs log group is")
	call("ListResolverRules", `{}`).fault(t, 400, "UnknownOperationException", "")
}
