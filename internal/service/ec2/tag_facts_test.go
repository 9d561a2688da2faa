package ec2

import (
	"maps"
	"testing"

	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/ec2"
)

// watchedTags collects what is told, by ARN.
func watchedTags(h *house) map[string]string {
	h.Helper()
	known := map[string]string{}
	err := h.WatchTags(h.Context(), region, func(arn string, tags []caller.Tag) {
		text := ""
		for _, t := range tags {
			text += t.Key + "=" + t.Value + " "
		}
		if known[arn] = text; text == "" {
			delete(known, arn)
		}
	})
	if err != nil {
		h.Fatal(err)
	}
	return known
}

func TestTagsAreToldForDecisions(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	g := h.group(v, "g")
	rule := *must[shape.DescribeSecurityGroupRulesResult](h, "DescribeSecurityGroupRules", &shape.DescribeSecurityGroupRulesRequest{
		Filters: []shape.Filter{filter("group-id", g)}}).SecurityGroupRules[0].SecurityGroupRuleId
	theirs := h.vpcOf(other, "10.1.0.0/16")
	pcx := *h.ask(account, v, other, theirs).VpcPeeringConnectionId
	must[struct{}](h, "CreateTags", &shape.CreateTagsRequest{Resources: []string{v}, Tags: []shape.Tag{tag("team", "red"), tag("a", "b")}})
	known := watchedTags(h)
	is := func(want map[string]string) {
		t.Helper()
		if !maps.Equal(known, want) {
			t.Errorf("told  %v\nwant %v", known, want)
		}
	}
	at := func(of, resource string) string { return "arn:aws:ec2:us-east-1:" + of + ":" + resource }
	all := map[string]string{at(account, "vpc/"+v): "a=b team=red "}
	is(all)

	must[struct{}](h, "CreateTags", &shape.CreateTagsRequest{Resources: []string{g, rule, pcx}, Tags: []shape.Tag{tag("x", "1")}})
	if _, err := try[struct{}](h, other, "CreateTags", &shape.CreateTagsRequest{Resources: []string{pcx}, Tags: []shape.Tag{tag("x", "2")}}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []string{"security-group/" + g, "security-group-rule/" + rule, "vpc-peering-connection/" + pcx} {
		all[at(account, r)] = "x=1 "
	}
	all[at(other, "vpc-peering-connection/"+pcx)] = "x=2 "
	is(all)

	must[struct{}](h, "DeleteTags", &shape.DeleteTagsRequest{Resources: []string{v}})
	must[shape.DeleteSecurityGroupResult](h, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupId: &g})
	delete(all, at(account, "vpc/"+v))
	delete(all, at(account, "security-group/"+g))
	delete(all, at(account, "security-group-rule/"+rule))
	is(all)
}
