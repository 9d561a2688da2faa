package ec2

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	shape "cloister/internal/value/shape/ec2"
)

func TestGlobAgreesWithRegularExpressions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?\\]{0,8}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab*?\\]{0,10}`).Draw(t, "s")
		var re strings.Builder
		for i := 0; i < len(pattern); i++ {
			switch c := pattern[i]; {
			case c == '\\' && i+1 < len(pattern):
				i++
				re.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
			case c == '*':
				re.WriteString(".*")
			case c == '?':
				re.WriteString(".")
			default:
				re.WriteString(regexp.QuoteMeta(string(c)))
			}
		}
		if want := regexp.MustCompile("^(?s:" + re.String() + ")$").MatchString(s); glob(pattern, s) != want {
			t.Fatalf("glob(%q, %q) = %v", pattern, s, !want)
		}
	})
}

func filter(name string, values ...string) shape.Filter {
	return shape.Filter{Name: &name, Values: values}
}

func TestFilters(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	must[struct{}](h, "CreateTags", &shape.CreateTagsRequest{Resources: []string{v}, Tags: []shape.Tag{{Key: new("Name"), Value: new("train-1")}}})
	for i, c := range []struct {
		filters []shape.Filter
		want    string
	}{
		{nil, v + w},
		{[]shape.Filter{filter("cidr", "10.0.0.0/16")}, v},
		{[]shape.Filter{filter("cidr", "10.?.0.0/16")}, v + w},
		{[]shape.Filter{filter("cidr", "192.*", "10.1*")}, w},
		{[]shape.Filter{filter("tag:Name", "train-*")}, v},
		{[]shape.Filter{filter("tag:name", "train-*")}, ""},
		{[]shape.Filter{filter("tag-key", "Name")}, v},
		{[]shape.Filter{filter("tag-key", "Name"), filter("cidr", "10.1.0.0/16")}, ""},
		{[]shape.Filter{filter("is-default", "false")}, v + w},
		{[]shape.Filter{filter("vpc-id", w)}, w},
	} {
		var got []string
		for _, x := range must[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{Filters: c.filters}).Vpcs {
			got = append(got, *x.VpcId)
		}
		if len(strings.Join(got, "")) != len(c.want) || len(got) == 1 && got[0] != c.want {
			t.Errorf("case %d: %v, want %s", i, got, c.want)
		}
	}
	refused[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{Filters: []shape.Filter{filter("colour", "red")}},
		"InvalidParameterValue", "The filter 'colour' is invalid")
	refused[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{Filters: []shape.Filter{filter("vpc-id")}},
		"InvalidParameterValue", "The filter 'vpc-id' is invalid")
}

func TestPagesTogetherAreTheWhole(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	all := map[string]bool{}
	for i := range 7 {
		all[h.subnet(v, fmt.Sprintf("10.0.%d.0/24", i), "")] = true
	}
	in := &shape.DescribeSubnetsRequest{MaxResults: new(int32(3))}
	sizes := ""
	for {
		out := must[shape.DescribeSubnetsResult](h, "DescribeSubnets", in)
		sizes += fmt.Sprint(len(out.Subnets), " ")
		for _, n := range out.Subnets {
			if !all[*n.SubnetId] {
				t.Errorf("%s is shown twice, or never made", *n.SubnetId)
			}
			delete(all, *n.SubnetId)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if sizes != "3 3 1 " || len(all) != 0 {
		t.Errorf("pages of %s, %d never shown", sizes, len(all))
	}
	refused[shape.DescribeSubnetsResult](h, "DescribeSubnets", &shape.DescribeSubnetsRequest{NextToken: new("§")}, "InvalidNextToken", "")
}
