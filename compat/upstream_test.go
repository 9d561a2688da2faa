package compat

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestUpstream calls services that are not Cloister's own by endpoints of both kinds: to those with an
// upstream the call goes on, if the endpoint's policy and the caller's allow it; the others say what to do.
func TestUpstream(t *testing.T) {
	t.Parallel()
	needRoot(t)
	var calls atomic.Int32
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for name, want := range map[string]string{"X-Cloister-Principal": "arn:aws:iam::" + account + ":user/reader", "X-Cloister-Vpc": "vpc-"} {
			if !strings.HasPrefix(r.Header.Get(name), want) {
				t.Errorf("%s is %q", name, r.Header.Get(name))
			}
		}
		if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
			t.Error("the signature did not go on")
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fmt.Fprintf(w, `{"SecretString":%q,"TableNames":[%q]}`, r.Header.Get("X-Amz-Target")+" "+string(body), r.Host+r.URL.RequestURI())
	}))
	t.Cleanup(upstream.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("services:\n  secretsmanager: %s\n  dynamodb: %s\n  kms: %s\n", upstream.URL, upstream.URL, gone.URL)
	if err := os.WriteFile(filepath.Join(d.data, "config.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	d.run(t)
	v := d.vpc(t, "secretsmanager", "kms", "ssm", "sns", "apigateway")
	at := d.internet()
	tables := one(t, d.ec2(t, "CreateVpcEndpoint", "VpcId", v.id, "ServiceName", "com.amazonaws."+region+".dynamodb", "RouteTableId.1", v.table), "vpcEndpointId")
	reader := d.user(t, "reader", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["secretsmanager:Get*","dynamodb:*","kms:*","ssm:*","sns:*","apigateway:*"],"Resource":"*"},
		{"Effect":"Deny","Action":"dynamodb:DeleteTable","Resource":"*"}]}`)
	inside := v.inside().as(reader)

	secret := []string{"secretsmanager", "get-secret-value", "--secret-id", "database", "--query", "SecretString"}
	list := []string{"dynamodb", "list-tables", "--query", "TableNames"}
	if got := inside.aws(t, secret...); got != `secretsmanager.GetSecretValue {"SecretId": "database"}` {
		t.Errorf("the upstream got %s", got)
	}
	if got := inside.aws(t, list...); got != "dynamodb."+region+".amazonaws.com/" {
		t.Errorf("the upstream of the gateway endpoint was called by %s", got)
	}

	reached := calls.Load()
	refused := func(what, want string, args ...string) {
		t.Helper()
		if out, err := inside.try(append([]string{"aws"}, args...)...); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v %s, wanted %s", what, err, out, want)
		}
	}
	refused("what the caller's policy does not allow", "because no identity-based policy allows the secretsmanager:DeleteSecret action", "secretsmanager", "delete-secret", "--secret-id", "database")
	refused("what it denies", "with an explicit deny in an identity-based policy", "dynamodb", "delete-table", "--table-name", "table")
	none := `{"Statement":[{"Effect":"Allow","Principal":"*","Action":["secretsmanager:DescribeSecret","dynamodb:GetItem"],"Resource":"*"}]}`
	for _, id := range []string{v.endpoints["secretsmanager"], tables} {
		d.ec2(t, "ModifyVpcEndpoint", "VpcEndpointId", id, "PolicyDocument", none)
	}
	refused("what the interface endpoint's policy does not allow", "because no VPC endpoint policy allows the secretsmanager:GetSecretValue action", secret...)
	refused("what the gateway endpoint's policy does not allow", "because no VPC endpoint policy allows the dynamodb:ListTables action", list...)
	refused("an upstream that is not there", "(ServiceUnavailableException)", "kms", "list-keys")
	refused("an upstream that is not there", "The upstream of kms does not answer (the setting services: {kms: …} says where it is)", "kms", "list-keys")
	if n := calls.Load(); n != reached {
		t.Errorf("%d refused calls reached the upstream", n-reached)
	}

	// Without an upstream: in JSON, in the query protocol, and in REST.
	for service, call := range map[string][]string{"ssm": {"describe-parameters"}, "sns": {"list-topics"}, "apigateway": {"get-rest-apis"}} {
		refused(service+" without an upstream", "name an upstream in the configuration: services: {"+service+": https://", append([]string{service}, call...)...)
		refused(service+" without an upstream", "(NotImplementedException)", append([]string{service}, call...)...)
	}
	// From the internet there is no endpoint whose policy could stand in the way.
	if out, err := at.as(reader).try("aws", "kms", "list-keys"); err == nil || !strings.Contains(out, "(ServiceUnavailableException)") {
		t.Errorf("from the internet: %v %s", err, out)
	}
}
