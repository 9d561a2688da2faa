package compat

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSeedExamples runs every example command of the pages that Cloister comes from (seeds 000 and 002),
// with the placeholders filled, and asks of each answer what the page shows of it.
func TestSeedExamples(t *testing.T) {
	t.Parallel()
	needRoot(t)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"Name":"database","SecretString":"said to %s"}`, r.Header.Get("X-Amz-Target"))
	}))
	t.Cleanup(upstream.Close)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.data, "config.yaml"), []byte("services:\n  secretsmanager: "+upstream.URL+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.run(t)
	v := d.vpc(t, "sagemaker.api", "sagemaker.runtime")
	d.provide(t)
	at, inside := d.internet(), v.inside()
	second := at.aws(t, "ec2", "create-route-table", "--vpc-id", v.id, "--query", "RouteTable.RouteTableId")

	// Seed 002: a gateway endpoint and an interface endpoint, as printed.
	var made struct{ VpcEndpoint map[string]any }
	say := func(place place, args ...string) string {
		t.Helper()
		return place.must(t, append([]string{"aws"}, args...)...)
	}
	at.aws(t, "ec2", "delete-vpc-endpoints", "--vpc-endpoint-ids", v.gateway, "--query", "Unsuccessful")
	if err := json.Unmarshal([]byte(say(at, "ec2", "create-vpc-endpoint", "--vpc-id", v.id, "--vpc-endpoint-type", "Gateway", "--service-name", "com.amazonaws.us-east-1.s3",
		"--route-table-ids", v.table, second, "--output", "json")), &made); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"VpcEndpointType": "Gateway", "VpcId": v.id, "ServiceName": "com.amazonaws.us-east-1.s3", "State": "available"} {
		if made.VpcEndpoint[key] != want {
			t.Errorf("the gateway endpoint's %s is %v, not %v", key, made.VpcEndpoint[key], want)
		}
	}
	if got := fmt.Sprint(made.VpcEndpoint["RouteTableIds"]); !strings.Contains(got, v.table) || !strings.Contains(got, second) {
		t.Errorf("the gateway endpoint's tables are %s", got)
	}
	made.VpcEndpoint = nil
	if err := json.Unmarshal([]byte(say(at, "ec2", "create-vpc-endpoint", "--vpc-id", v.id, "--vpc-endpoint-type", "Interface", "--service-name", "com.amazonaws.us-east-1.secretsmanager",
		"--subnet-ids", v.subnets[0], v.subnets[1], "--security-group-ids", v.group, "--private-dns-enabled", "--output", "json")), &made); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"VpcEndpointType": "Interface", "VpcId": v.id, "ServiceName": "com.amazonaws.us-east-1.secretsmanager", "State": "pending", "PrivateDnsEnabled": true} {
		if made.VpcEndpoint[key] != want {
			t.Errorf("the interface endpoint's %s is %v, not %v", key, made.VpcEndpoint[key], want)
		}
	}
	v.available(t, made.VpcEndpoint["VpcEndpointId"].(string))
	if got := inside.aws(t, "secretsmanager", "get-secret-value", "--secret-id", "database", "--query", "SecretString"); got != "said to secretsmanager.GetSecretValue" {
		t.Errorf("the secret is %q", got)
	}

	// Seed 000: the calls by an endpoint's own name.
	v.completed(t, v.job(t, "seed", kmeans, "k=10,feature_dim=64"))
	v.deploy(t, "seed", "myEndpoint")
	url := func(service string) string {
		name := map[string]string{"api": "sagemaker.api", "runtime": "sagemaker.runtime"}[service]
		names := at.aws(t, "ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids", v.endpoints[name], "--query", "VpcEndpoints[0].DnsEntries[0].DnsName")
		if !strings.HasPrefix(names, v.endpoints[name]) || !strings.HasSuffix(names, "."+service+".sagemaker.us-east-1.vpce.amazonaws.com") {
			t.Errorf("the endpoint's name is %s", names)
		}
		return "https://" + names
	}
	if got := say(inside, "sagemaker", "list-notebook-instances", "--endpoint-url", url("api"), "--output", "json"); !strings.Contains(got, `"NotebookInstances": []`) {
		t.Errorf("the notebook instances are %s", got)
	}
	if got := say(inside, "sagemaker", "list-training-jobs", "--endpoint-url", url("api"), "--output", "json"); !strings.Contains(got, `"TrainingJobName": "seed"`) {
		t.Errorf("the training jobs are %s", got)
	}
	output := filepath.Join(t.TempDir(), "Output_File")
	body := filepath.Join(t.TempDir(), "body.csv") // version 2 of the CLI takes a text for base64
	if err := os.WriteFile(body, []byte(strings.TrimSuffix(strings.Repeat("0,", 64), ",")), 0o600); err != nil {
		t.Fatal(err)
	}
	say(inside, "sagemaker-runtime", "invoke-endpoint", "--endpoint-url", url("runtime"), "--endpoint-name", "myEndpoint", "--body", "fileb://"+body, "--content-type", "text/csv",
		output)
	if got, err := os.ReadFile(output); err != nil || !strings.Contains(string(got), "closest_cluster") {
		t.Errorf("the endpoint said %q, %v", got, err)
	}

	// Its endpoint policy: this one endpoint may be invoked, and nothing else.
	policy := `{"Statement":[{"Action":"sagemaker:InvokeEndpoint","Effect":"Allow","Resource":"arn:aws:sagemaker:us-east-1:` + account + `:endpoint/myEndpoint","Principal":"*"}]}`
	for _, id := range v.endpoints {
		at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", id, "--policy-document", policy, "--query", "Return")
	}
	say(inside, "sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "myEndpoint", "--body", "fileb://"+body, "--content-type", "text/csv", output)
	for what, args := range map[string][]string{
		"another endpoint":   {"sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "other", "--body", "fileb://" + body, output},
		"CreateTrainingJob":  {"sagemaker", "create-endpoint", "--endpoint-name", "e", "--endpoint-config-name", "myEndpoint"},
		"list-training-jobs": {"sagemaker", "list-training-jobs"},
	} {
		if out, err := inside.try(append([]string{"aws"}, args...)...); err == nil || !strings.Contains(out, "AccessDenied") {
			t.Errorf("%s is not denied by the endpoint policy: %v %s", what, err, out)
		}
	}
	say(at, "sagemaker", "list-training-jobs") // from outside the VPC they may
}

// TestBestPractices shows of each best practice of seed 002 what it protects from.
func TestBestPractices(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t)
	at, inside := d.internet(), v.inside()
	reach := func(p place, url string) bool {
		_, err := p.try("curl", "-s", "-o", "/dev/null", "--connect-timeout", "1", "--max-time", "5", url)
		return err == nil
	}
	const s3, sts = "https://s3.us-east-1.amazonaws.com/", "https://sts.us-east-1.amazonaws.com/"
	at.aws(t, "s3", "mb", "s3://ours")
	at.aws(t, "s3", "mb", "s3://theirs")

	// "Always add a gateway endpoint for S3": a private subnet reaches S3 without a way to the internet.
	if !reach(inside, s3) {
		t.Error("S3 is not reached through the gateway endpoint")
	}
	at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", v.gateway, "--remove-route-table-ids", v.table, "--query", "Return")
	if reach(inside, s3) {
		t.Error("S3 is reached without a gateway endpoint")
	}
	at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", v.gateway, "--add-route-table-ids", v.table, "--query", "Return")

	// "Only create interface endpoints for services you actually use": what has none is not reached.
	if reach(inside, sts) {
		t.Error("STS is reached without an endpoint")
	}
	endpoint := v.endpoint(t, "sts")
	v.available(t, endpoint)
	if !reach(inside, sts) {
		t.Error("STS is not reached by its endpoint")
	}

	// "Spread interface endpoints across multiple Availability Zones": without one, the other serves.
	at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", endpoint, "--remove-subnet-ids", v.subnets[0], "--query", "Return")
	if !reach(inside, sts) {
		t.Error("the endpoint's other zone does not serve")
	}
	at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", endpoint, "--add-subnet-ids", v.subnets[0], "--query", "Return")
	v.available(t, endpoint)

	// "Lock down the interface endpoint security group": 443 from one subnet's range alone.
	tight := v.newGroup(t, "tight")
	at.aws(t, "ec2", "authorize-security-group-ingress", "--group-id", tight, "--protocol", "tcp", "--port", "443", "--cidr", "10.0.1.0/24", "--query", "Return")
	at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", endpoint, "--add-security-group-ids", tight, "--remove-security-group-ids", v.group, "--query", "Return")
	if !reach(inside, sts) {
		t.Error("the range that is let in does not reach the endpoint")
	}
	if reach(v.at(v.subnets[1], v.group), sts) {
		t.Error("a range that is not let in reaches the endpoint")
	}

	// "Attach an endpoint policy to restrict which buckets": the other bucket is denied, this one is not.
	at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", v.gateway, "--query", "Return", "--policy-document",
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::ours","arn:aws:s3:::ours/*"]}]}`)
	inside.aws(t, "s3", "ls", "s3://ours")
	if out, err := inside.try("aws", "s3", "ls", "s3://theirs"); err == nil || !strings.Contains(out, "AccessDenied") {
		t.Errorf("the other bucket is listed: %v %s", err, out)
	}

	// "Keep private DNS enabled": without it the service's own name leads outside.
	at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", endpoint, "--no-private-dns-enabled", "--query", "Return")
	v.available(t, endpoint)
	if reach(inside, sts) {
		t.Error("the service's name leads to the endpoint without private DNS")
	}
	own := at.aws(t, "ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids", endpoint, "--query", "VpcEndpoints[0].DnsEntries[0].DnsName")
	if !reach(inside, "https://"+own+"/") {
		t.Error("the endpoint's own name does not lead to it")
	}
}
