package main

import (
	"runtime"
	"strings"
	"testing"
)

func TestOfAListTheImageForThisMachineIsTaken(t *testing.T) {
	here := `{"digest":"sha256:here","platform":{"os":"linux","architecture":"` + runtime.GOARCH + `"}}`
	for raw, want := range map[string]string{
		`{"config":{}}`: "", `{"manifests":[{"digest":"a","platform":{"os":"windows","architecture":"` + runtime.GOARCH + `"}},` + here + `]}`: "sha256:here",
	} {
		if got, list, err := fitting([]byte(raw)); err != nil || got != want || list != (want != "") {
			t.Errorf("%s: %s, %v, %v", raw, got, list, err)
		}
	}
	for _, raw := range []string{`{"manifests":[]}`, `{"manifests":[{"digest":"a"}]}`} {
		if _, _, err := fitting([]byte(raw)); err == nil || !strings.Contains(err.Error(), "no variant for linux/"+runtime.GOARCH) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	if _, _, err := fitting([]byte("{")); err == nil {
		t.Error("no JSON was read")
	}
}

func TestNamesInECR(t *testing.T) {
	for name, want := range map[string][]string{
		"111122223333.dkr.ecr.us-east-1.amazonaws.com/a/b:1":                               {"111122223333", "us-east-1", "a/b", "1", ""},
		"111122223333.dkr.ecr.us-east-1.amazonaws.com/a":                                   {"111122223333", "us-east-1", "a", "", ""},
		"111122223333.dkr.ecr.us-east-1.amazonaws.com/a@sha256:" + strings.Repeat("0", 64): {"111122223333", "us-east-1", "a", "", "sha256:" + strings.Repeat("0", 64)},
		"11112222333.dkr.ecr.us-east-1.amazonaws.com/a":                                    nil, "111122223333.dkr.ecr.us-east-1.amazonaws.com.evil/a": nil, "x111122223333.dkr.ecr.us-east-1.amazonaws.com/a": nil,
		"111122223333-dkr-ecr-us-east-1-amazonaws-com/a": nil,
	} {
		got := ecrForm.FindStringSubmatch(name)
		if len(got) == 0 && want == nil {
			continue
		}
		if len(got) == 0 || strings.Join(got[1:], "|") != strings.Join(want, "|") {
			t.Errorf("%s is %q", name, got)
		}
	}
}
