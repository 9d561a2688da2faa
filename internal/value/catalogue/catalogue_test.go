package catalogue_test

import (
	"net/netip"
	"strings"
	"testing"

	"cloister/internal/value/catalogue"
)

func TestByHost(t *testing.T) {
	for host, want := range map[string][2]string{
		"api.sagemaker.us-east-1.amazonaws.com":                                        {"sagemaker", ""},
		"runtime.sagemaker.us-east-1.amazonaws.com":                                    {"sagemakerruntime", ""},
		"vpce-0a1b-x1y2z3w4.api.sagemaker.us-east-1.vpce.amazonaws.com":                {"sagemaker", ""},
		"vpce-0a1b-x1y2z3w4-us-east-1a.runtime.sagemaker.us-east-1.vpce.amazonaws.com": {"sagemakerruntime", ""},
		"s3.amazonaws.com":                                               {"s3", ""},
		"s3.us-east-1.amazonaws.com":                                     {"s3", ""},
		"my.bucket.s3.us-east-1.amazonaws.com":                           {"s3", "my.bucket"},
		"bucket.s3.amazonaws.com":                                        {"s3", "bucket"},
		"sts.amazonaws.com":                                              {"sts", ""},
		"iam.amazonaws.com":                                              {"iam", ""},
		"api.sagemaker.us-west-2.amazonaws.com":                          {"", ""},
		"evil.com":                                                       {"", ""},
		"a.b.api.sagemaker.us-east-1.vpce.amazonaws.com":                 {"", ""},
		"bucket.vpce-0a-x1.s3.us-east-1.vpce.amazonaws.com":              {"s3", ""},
		"my.data.bucket.vpce-0a-x1.s3.us-east-1.vpce.amazonaws.com":      {"s3", "my.data"},
		"other.vpce-0a-x1.s3.us-east-1.vpce.amazonaws.com":               {"", ""},
		"vpce-0a-x1.runtime-fips.sagemaker.us-east-1.vpce.amazonaws.com": {"sagemakerruntime", ""},
		"vpce-0a-x1.studio.us-east-1.vpce.sagemaker.aws":                 {"studio", ""},
		"d-1.studio.us-east-1.sagemaker.aws":                             {"studio", "d-1"},
		"abc.execute-api.us-east-1.amazonaws.com":                        {"execute-api", "abc"},
		".s3.us-east-1.amazonaws.com":                                    {"", ""},
	} {
		s, label, ok := catalogue.ByHost("us-east-1", host)
		if !ok {
			s = &catalogue.Service{}
		}
		if s.ID != want[0] || label != want[1] {
			t.Errorf("ByHost(%q) = %q, %q; want %q", host, s.ID, label, want)
		}
	}
}

func TestEveryServiceHasADoorOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	for _, s := range catalogue.Services {
		if other := seen[s.Door.String()]; other != "" {
			t.Errorf("%s and %s share the door %s", s.ID, other, s.Door)
		}
		seen[s.Door.String()] = s.ID
	}
	for i := range catalogue.Services {
		if s := &catalogue.Services[i]; s.Gateway && !s.Prefixes[0].Contains(s.Door) {
			t.Errorf("the door of %s is outside its prefix list", s.ID)
		}
	}
}

// Facts 4.4 and seed 000: names of endpoint services, and the region that offers none for SageMaker.
func TestEndpointServices(t *testing.T) {
	for name, id := range map[string]string{
		"com.amazonaws.us-east-1.sagemaker.api": "sagemaker", "com.amazonaws.us-east-1.sagemaker.runtime-fips": "sagemakerruntime",
		"aws.sagemaker.us-east-1.studio": "studio", "aws.sagemaker.us-east-1.notebook": "notebook",
		"com.amazonaws.us-east-1.dynamodb": "dynamodb", "com.amazonaws.us-east-1.ecr.dkr": "ecrdkr",
		"com.amazonaws.s3-global.accesspoint": "s3-global.accesspoint",
		"com.amazonaws.us-east-1.iam":         "", "com.amazonaws.us-east-1.": "", "": "",
	} {
		row, ok := catalogue.ByEndpoint("us-east-1", name)
		if ok != (id != "") || ok && row.ID != id {
			t.Errorf("%s is %+v", name, row)
		}
	}
	for i := range catalogue.Services {
		s := &catalogue.Services[i]
		sagemaker := strings.Contains(s.Endpoint, "sagemaker.api") || strings.Contains(s.Endpoint, "sagemaker.runtime") || strings.HasPrefix(s.Endpoint, "aws.sagemaker")
		if _, ok := catalogue.ByEndpoint("us-gov-west-1", s.EndpointName("us-gov-west-1")); ok != (s.Endpoint != "" && !sagemaker) {
			t.Errorf("us-gov-west-1 offers %s: %v", s.Endpoint, ok)
		}
		if s.Endpoint != "" && !s.Interface && !s.Gateway {
			t.Errorf("%s is an endpoint service of no type", s.Endpoint)
		}
	}
}

func TestPrefixLists(t *testing.T) {
	for region, id := range map[string]string{"us-east-1": "pl-63a5400a", "ap-northeast-1": "pl-61a54008", "nowhere-1": "pl-63a5400a"} {
		if row, ok := catalogue.ByPrefixList(region, id); !ok || row.ID != "s3" {
			t.Errorf("%s in %s is %+v", id, region, row)
		}
	}
	if row, ok := catalogue.ByPrefixList("us-west-1", "pl-6ea54007"); !ok || row.ID != "dynamodb" {
		t.Errorf("ids mean something within a region only: %+v", row)
	}
	if _, ok := catalogue.ByPrefixList("us-east-1", ""); ok {
		t.Error("no id is a list")
	}
}

func TestRangesOfRegions(t *testing.T) {
	seen := map[netip.Prefix]string{}
	for i := range catalogue.Services {
		row := &catalogue.Services[i]
		for _, region := range catalogue.Regions {
			ranges := row.Ranges(region)
			if (len(ranges) > 0) != row.Gateway {
				t.Fatalf("%s in %s has the ranges %v", row.ID, region, ranges)
			}
			for _, p := range ranges {
				for old, whose := range seen {
					if old.Overlaps(p) {
						t.Errorf("%s of %s in %s and %s of %s", p, row.ID, region, old, whose)
					}
				}
				seen[p] = row.ID + " in " + region
			}
			if at := row.Address(region); row.Gateway && !ranges[0].Contains(at) || !row.Gateway && at != row.Door {
				t.Errorf("the door of %s in %s is %s", row.ID, region, at)
			}
		}
	}
	s3, _ := catalogue.ByID("s3")
	if at := s3.Address("us-east-1"); at != s3.Door || s3.Ranges("us-east-1")[0].String() != "52.216.0.0/15" || s3.Address("moon-1") != s3.Door {
		t.Errorf("us-east-1 and unknown regions have the door %s", at)
	}
}
