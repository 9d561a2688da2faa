package compat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConditionsByWire puts each printed condition about the way of a call to the test by real packets: through the
// endpoint and the VPC that it names, through another endpoint of the same VPC, from another VPC, and from the
// internet. The pages write it about actions of Studio and MLflow, which are not here: it stands on actions that are.
func TestConditionsByWire(t *testing.T) {
	t.Parallel()
	d := own(t)
	at := d.internet()
	a, b := d.vpc(t, "sagemaker.api"), d.vpc(t, "sagemaker.api")
	second := one(t, d.ec2(t, "CreateVpcEndpoint", "VpcId", a.id, "VpcEndpointType", "Interface", "ServiceName", "com.amazonaws."+region+".sagemaker.api",
		"SubnetId.1", a.subnets[0], "SecurityGroupId.1", a.group, "PrivateDnsEnabled", "false"), "vpcEndpointId")
	a.available(t, second)
	name := at.aws(t, "ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids", second, "--query", "VpcEndpoints[0].DnsEntries[0].DnsName")
	from := at.must(t, "sh", "-c", "ip -4 -o addr show scope global | sed 's/.*inet \\([0-9.]*\\).*/\\1/' | head -1")
	from = strings.TrimSpace(from)

	type way struct {
		name string
		from place
		args []string
	}
	ways := []way{
		{"right", a.at(a.subnets[0], a.group), nil}, {"other endpoint", a.at(a.subnets[0], a.group), []string{"--endpoint-url", "https://" + name}},
		{"other VPC", b.at(b.subnets[0], b.group), nil}, {"internet", at, nil},
	}
	tried := map[string]bool{}
	for file, want := range map[string]string{
		"001-p108": "right, other endpoint", "001-p120": "right, other endpoint", // aws:SourceVpc
		"001-p114": "right",                            // aws:SourceVpce
		"001-p110": "internet", "001-p116": "internet", // aws:SourceIp, which no call by an endpoint has
		"001-p111": "right, other endpoint", "001-p117": "right, other endpoint", // aws:VpcSourceIp and aws:SourceVpc
		"001-p149": "right", // a Deny but by the endpoint
	} {
		policy := printed(t, file, strings.NewReplacer("vpc-111bbaaa", a.id, "vpce-111bbaaa", a.endpoints["sagemaker.api"], "vpce-1a2b3c4d", a.endpoints["sagemaker.api"],
			"192.0.2.0/24", map[bool]string{true: from + "/32", false: "10.0.1.0/24"}[want == "internet"], "203.0.113.0/24", "203.0.113.7/32"))
		if tried[policy] {
			continue // another page asks for the same
		}
		tried[policy] = true
		user := d.user(t, file, policy)
		var let []string
		for _, w := range ways {
			out, err := w.from.as(user).try(append([]string{"aws", "sagemaker", "list-training-jobs", "--query", "length(TrainingJobSummaries)"}, w.args...)...)
			switch {
			case err == nil:
				let = append(let, w.name)
			case !strings.Contains(out, "AccessDeniedException"):
				t.Errorf("%s, %s: %v %s", file, w.name, err, out)
			}
		}
		if got := strings.Join(let, ", "); got != want {
			t.Errorf("%s lets in %q, wanted %q", file, got, want)
		}
	}
}

// printed is a policy of the seed's, as an identity policy about listing training jobs.
func printed(t *testing.T, file string, fill *strings.Replacer) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "internal", "engine", "policy", "testdata", "printed", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Version   string
		Statement []map[string]any
	}
	if err := json.Unmarshal([]byte(fill.Replace(string(text))), &doc); err != nil {
		t.Fatal(err)
	}
	for _, s := range doc.Statement {
		delete(s, "Principal")
		delete(s, "Sid")
		s["Action"], s["Resource"] = "sagemaker:ListTrainingJobs", "*"
		if s["Effect"] == "Deny" {
			doc.Statement = append(doc.Statement, map[string]any{"Effect": "Allow", "Action": "*", "Resource": "*"})
		}
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
