package catalogue_test

import (
	"testing"

	"cloister/internal/value/catalogue"
)

func TestByHost(t *testing.T) {
	for host, want := range map[string][2]string{
		"api.sagemaker.us-east-1.amazonaws.com":                                        {"sagemaker", ""},
		"runtime.sagemaker.us-east-1.amazonaws.com":                                    {"sagemakerruntime", ""},
		"vpce-0a1b-x1y2z3w4.api.sagemaker.us-east-1.vpce.amazonaws.com":                {"sagemaker", ""},
		"vpce-0a1b-x1y2z3w4-us-east-1a.runtime.sagemaker.us-east-1.vpce.amazonaws.com": {"sagemakerruntime", ""},
		"s3.amazonaws.com":                               {"s3", ""},
		"s3.us-east-1.amazonaws.com":                     {"s3", ""},
		"my.bucket.s3.us-east-1.amazonaws.com":           {"s3", "my.bucket"},
		"bucket.s3.amazonaws.com":                        {"s3", "bucket"},
		"sts.amazonaws.com":                              {"sts", ""},
		"iam.amazonaws.com":                              {"iam", ""},
		"api.sagemaker.us-west-2.amazonaws.com":          {"", ""},
		"evil.com":                                       {"", ""},
		"a.b.api.sagemaker.us-east-1.vpce.amazonaws.com": {"", ""},
		".s3.us-east-1.amazonaws.com":                    {"", ""},
	} {
		s, label, _ := catalogue.ByHost("us-east-1", host)
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
	s3, _ := catalogue.ByID("s3")
	if !catalogue.S3Prefixes[0].Contains(s3.Door) {
		t.Error("S3's door is outside its prefix list")
	}
}
