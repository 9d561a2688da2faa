package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExecTellsWhatIsNotThere: a profile or a region that nobody has is told of, with what to do, and not left to the program.
func TestExecTellsWhatIsNotThere(t *testing.T) {
	f, i := place{t.TempDir()}, instance{Regions: []string{"us-east-1", "eu-west-1"}}
	for name, text := range map[string]string{
		"credentials": "[default]\naws_access_key_id = A\n[ alice ]\naws_access_key_id = B\n", "config": "[profile via]\nrole_arn = arn:aws:iam::123456789012:role/r\n",
	} {
		if err := os.WriteFile(f.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		e     execCommand
		wrong string
	}{
		{execCommand{}, ""},
		{execCommand{As: "alice", Region: "eu-west-1"}, ""},
		{execCommand{As: "via"}, ""},
		{execCommand{As: "bob"}, `has no profile "bob": add one with ` + "`AWS_SHARED_CREDENTIALS_FILE=" + f.credentials() + " aws configure --profile bob`"},
		{execCommand{As: "profile via"}, "has no profile"},
		{execCommand{Region: "eu-west-2"}, "this Cloister serves us-east-1, eu-west-1 and not eu-west-2: add it to `regions:`"},
	} {
		if err := c.e.known(f, i); (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%+v: %v", c.e, err)
		}
	}
	if _, err := (&connectCommand{Namespace: "no-such-namespace"}).inside(); err == nil || !strings.Contains(err.Error(), "make one with `ip netns add NAME`") {
		t.Error(err)
	}
}

// TestLengthsOfTime: a setting that is none is named.
func TestLengthsOfTime(t *testing.T) {
	dir := t.TempDir()
	for text, wrong := range map[string]string{"flow_logs: 90s\nidle_timeout: \"5m\"\n": "", "flow_logs: soon\n": `"soon" is no length of time, as 60s and 5m are`, "idle_timeout: 60\n": `"60" is no`} {
		if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := readConfig(dir, config{})
		if (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v", text, err)
		}
		if err == nil && (c.FlowLogs.Seconds() != 90 || c.IdleTimeout.Minutes() != 5) {
			t.Errorf("%+v", c)
		}
	}
}
