package compat

import (
	"slices"
	"strings"
	"testing"
)

// TestTerraformNames applies hosted zones, records, an inbound resolver endpoint and a query log, plans
// again, asks the resolver, changes a record, and destroys it all. The CLI looks at the same things.
func TestTerraformNames(t *testing.T) {
	t.Parallel()
	f := terraform(t)
	d := own(t)
	f.initialise(t, d, "names")
	at := d.internet()
	f.apply(t)
	f.settled(t)
	output := func(name string) string { return f.output(t, name) }
	zone := output("zone")
	inside := d.at(output("subnet"), output("group"))
	inside.named(t, "www.corp.internal.test", []string{"10.40.0.9"})
	inside.named(t, "any.apps.corp.internal.test", []string{"10.40.0.9"})
	if got, _ := inside.dig(t, "sts.corp.internal.test"); len(got) != 2 || !strings.HasPrefix(got[0], "10.40.") {
		t.Errorf("the alias of the endpoint is %v", got)
	}
	inside.nameless(t, "none.corp.internal.test")
	at.nameless(t, "www.corp.internal.test")
	if out := inside.must(t, "dig", "+short", "t.corp.internal.test", "TXT"); strings.TrimSpace(out) != `"hello world"` {
		t.Errorf("the text is %s", out)
	}
	if out := inside.must(t, "dig", "+short", "@10.40.0.53", "www.corp.internal.test"); strings.TrimSpace(out) != "10.40.0.9" {
		t.Errorf("the inbound endpoint answers %s", out)
	}
	at.until(t, []string{"logs", "filter-log-events", "--log-group-name", "/dns/tfq", "--filter-pattern", `"none.corp.internal.test"`, "--query", "length(events) > `0`"}, "True")

	at.aws(t, "route53", "list-hosted-zones-by-vpc", "--vpc-id", output("other"), "--vpc-region", "us-east-1")
	if got := at.aws(t, "route53", "list-resource-record-sets", "--hosted-zone-id", zone, "--query", "length(ResourceRecordSets)"); got != "6" {
		t.Errorf("%s record sets", got)
	}
	if out, err := at.try("aws", "route53", "delete-hosted-zone", "--id", zone); err == nil || !strings.Contains(out, "(HostedZoneNotEmpty)") {
		t.Errorf("a zone with records is deleted: %v\n%s", err, out)
	}
	if out, err := at.try("aws", "route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch",
		`{"Changes":[{"Action":"CREATE","ResourceRecordSet":{"Name":"www.corp.internal.test","Type":"A","TTL":60,"ResourceRecords":[{"Value":"10.0.0.1"}]}}]}`); err == nil ||
		!strings.Contains(out, "(InvalidChangeBatch) when calling the ChangeResourceRecordSets operation: [Tried to create resource record set [name='www.corp.internal.test.', type='A'] but it already exists]") {
		t.Errorf("a record is made twice: %v\n%s", err, out)
	}
	for _, call := range [][]string{{"list-resolver-endpoints"}, {"list-resolver-query-log-configs"}, {"list-resolver-query-log-config-associations"}} {
		at.aws(t, append([]string{"route53resolver"}, call...)...)
	}

	f.apply(t, "address=10.40.0.10")
	f.settled(t, "address=10.40.0.10")
	inside.named(t, "www.corp.internal.test", []string{"10.40.0.10"})
	f.destroy(t)
	var left []string
	for _, call := range [][]string{{"route53", "list-hosted-zones", "--query", "HostedZones[]"}, {"route53resolver", "list-resolver-endpoints", "--query", "ResolverEndpoints[]"},
		{"ec2", "describe-network-interfaces", "--query", "NetworkInterfaces[]"}} {
		left = append(left, at.aws(t, call...))
	}
	if !slices.Equal(left, []string{"", "", ""}) {
		t.Errorf("after destroy there are %q", left)
	}
}
