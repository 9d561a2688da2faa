package compat

import (
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	keyID     = regexp.MustCompile(`aws_access_key_id = (\S+)`)
	keySecret = regexp.MustCompile(`aws_secret_access_key = (\S+)`)
)

// ec2 makes one EC2 call as the account's root, from the host, by curl, which signs and is there at once: for what
// a test needs and does not show. It gives the answer's XML.
func (d *daemon) ec2(t testing.TB, action string, params ...string) string {
	t.Helper()
	said, ok := d.ec2Try(t, action, params...)
	if !ok {
		t.Fatalf("%s %s: %s\nthe server: %s", action, strings.Join(params, " "), said, d.lastWords())
	}
	return said
}

// ec2Try is ec2 for a call that may be refused.
func (d *daemon) ec2Try(t testing.TB, action string, params ...string) (said string, ok bool) {
	t.Helper()
	args := []string{"--data-urlencode", "Action=" + action, "--data-urlencode", "Version=2016-11-15"}
	for n := 0; n+1 < len(params); n += 2 {
		args = append(args, "--data-urlencode", params[n]+"="+params[n+1])
	}
	out, err := d.curl(t, "ec2", args...)
	return out, err == nil && !strings.Contains(out, "<Errors>")
}

// curl makes a signed call as the account's root, from the host.
func (d *daemon) curl(t testing.TB, service string, args ...string) (string, error) {
	t.Helper()
	return d.signed(t, service, append(args, "https://"+d.listen+"/")...)
}

// signed is curl with the addresses among its arguments.
func (d *daemon) signed(t testing.TB, service string, args ...string) (string, error) {
	t.Helper()
	keys, err := os.ReadFile(filepath.Join(d.data, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	id, secret := keyID.FindSubmatch(keys), keySecret.FindSubmatch(keys)
	i, err := d.instance()
	if err != nil || id == nil || secret == nil {
		t.Fatalf("no keys or no instance: %v", err)
	}
	args = append([]string{"-sS", "--max-time", "60", "--cacert", i.CA, "--aws-sigv4", "aws:amz:" + d.region() + ":" + service,
		"--user", string(id[1]) + ":" + string(secret[1])}, args...)
	out, err := exec.Command("curl", args...).CombinedOutput()
	return string(out), err
}

// s3 makes one call for a key of the tests' bucket, or for the bucket itself, as ec2 does. It has to succeed, and what it is
// answered is given.
func (d *daemon) s3(t testing.TB, key string, args ...string) string {
	t.Helper()
	out, err := d.signed(t, "s3", append(args, "--fail-with-body", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "https://"+d.listen+"/"+bucket+key)...)
	if err != nil {
		t.Fatalf("s3 %s: %v %s\nthe server: %s", key, err, out, d.lastWords())
	}
	return out
}

// iam makes one call, as ec2 does; it has to succeed.
func (d *daemon) iam(t testing.TB, action string, params ...string) string {
	t.Helper()
	args := []string{"--fail-with-body", "--data-urlencode", "Action=" + action, "--data-urlencode", "Version=2010-05-08"}
	for n := 0; n+1 < len(params); n += 2 {
		args = append(args, "--data-urlencode", params[n]+"="+params[n+1])
	}
	out, err := d.curl(t, "iam", args...)
	if err != nil {
		t.Fatalf("%s: %v %s\nthe server: %s", action, err, out, d.lastWords())
	}
	return out
}

// call makes one call of a service whose calls are JSON, as ec2 does, and gives its answer; nil when there is none, as when the
// server does not answer.
func (d *daemon) call(t testing.TB, service, target, in string) map[string]any {
	t.Helper()
	said, err := d.curl(t, service, "-H", "Content-Type: application/x-amz-json-1.1", "-H", "X-Amz-Target: "+target, "--data-binary", in)
	out := map[string]any{}
	if err != nil || said != "" && json.Unmarshal([]byte(said), &out) != nil {
		return nil
	}
	return out
}

// sagemaker makes one call, as ec2 does, and gives a member of its answer; "" when that is not there.
func (d *daemon) sagemaker(t testing.TB, operation, in, member string) string {
	t.Helper()
	text, _ := d.call(t, "sagemaker", "SageMaker."+operation, in)[member].(string)
	return text
}

// reaches waits until a job's, or an endpoint's, member is one of those wanted, which it gives. It asks often and
// costs little.
func (d *daemon) reaches(t testing.TB, operation, in, member string, wanted ...string) string {
	t.Helper()
	var last string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if last = d.sagemaker(t, operation, in, member); slices.Contains(wanted, last) {
			return last
		}
	}
	t.Fatalf("%s %s: %s stays %q, wanted %q\nthe server: %s", operation, in, member, last, wanted, d.lastWords())
	return ""
}

// stage waits for a training job's secondary status.
func (d *daemon) stage(t testing.TB, job string, wanted ...string) string {
	t.Helper()
	return d.reaches(t, "DescribeTrainingJob", `{"TrainingJobName":"`+job+`"}`, "SecondaryStatus", wanted...)
}

// in is the same Cloister as seen from another region.
func (d *daemon) in(region string) *daemon {
	there := *d
	there.other = region
	return &there
}

// region is what this Cloister serves.
func (d *daemon) region() string {
	if d.other != "" {
		return d.other
	}
	for i, f := range d.flags {
		if f == "--region" {
			return d.flags[i+1]
		}
	}
	return region
}

// all gives the text of every element of a name in an XML answer.
func all(xml, element string) (out []string) {
	for _, m := range regexp.MustCompile("<"+element+">([^<]*)</"+element+">").FindAllStringSubmatch(xml, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	return out
}

// one gives the text of the first element of a name, which there must be.
func one(t testing.TB, xml, element string) string {
	t.Helper()
	found := all(xml, element)
	if len(found) == 0 {
		t.Fatalf("no %s in %s", element, xml)
	}
	return found[0]
}
