package compat

import (
	"regexp"
	"strings"
	"testing"
)

var requestID = regexp.MustCompile(`request ID: ([0-9A-Za-z-]+)`)

// TestGatewayPolicy denies the bucket at the gateway endpoint and reads in the job's record, and in
// cloister why, what came of it.
func TestGatewayPolicy(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t)
	d.provide(t)
	at := d.internet()
	v.completed(t, v.job(t, "gateway-before", kmeans, "k=10,feature_dim=64"))

	const deny = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},
 {"Sid":"NotThisBucket","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"]}]}`
	at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", v.gateway, "--policy-document", deny, "--query", "Return")
	denied := v.job(t, "gateway-denied", kmeans, "k=10,feature_dim=64")
	status, reason := v.settled(t, denied)
	if status != "Failed" || !strings.HasPrefix(reason, "ClientError: Data download failed:") || !strings.Contains(reason, "403 Forbidden") {
		t.Errorf("the job ended %s: %s", status, reason)
	}
	message := at.aws(t, describe(denied, "SecondaryStatusTransitions[-1].StatusMessage")...)
	id := requestID.FindStringSubmatch(message)
	if id == nil {
		t.Fatalf("no request id in %q", message)
	}
	out, err := d.command("why", id[1]).CombinedOutput()
	if err != nil {
		t.Fatalf("why: %v\n%s", err, out)
	}
	for _, want := range []string{v.gateway, "gateway endpoint", "VPC endpoint policy", "NotThisBucket", "assumed-role/execution"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("why does not say %q:\n%s", want, out)
		}
	}

	at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", v.gateway, "--reset-policy", "--query", "Return")
	v.completed(t, v.job(t, "gateway-after", kmeans, "k=10,feature_dim=64"))
}
