package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ask is one call of SageMaker's.
type ask struct {
	operation string
	in        any
}

// calls makes many calls one after another by one curl, as the account's root, and gives their answers: an answer that
// is an error has a member "__type".
func (d *daemon) calls(t testing.TB, asks ...ask) (answers []map[string]any) {
	t.Helper()
	return d.callsOf(t, "sagemaker", "SageMaker", asks...)
}

// callsOf does so with another service that speaks JSON.
func (d *daemon) callsOf(t testing.TB, service, target string, asks ...ask) (answers []map[string]any) {
	t.Helper()
	var requests []string
	for _, a := range asks {
		in, err := json.Marshal(a.in)
		if err != nil {
			t.Fatal(err)
		}
		requests = append(requests, fmt.Sprintf("header = \"Content-Type: application/x-amz-json-1.1\"\nheader = \"X-Amz-Target: %s.%s\"\ndata-binary = %q\nurl = \"https://%s/\"\n",
			target, a.operation, in, d.listen))
	}
	for _, said := range d.batch(t, service, requests) {
		one := map[string]any{}
		if err := json.Unmarshal([]byte(said), &one); err != nil && said != "" {
			t.Fatalf("%v: %s\nthe server: %s", err, said, d.lastWords())
		}
		answers = append(answers, one)
	}
	return answers
}

// objects reads objects of the tests' bucket.
func (d *daemon) objects(t testing.TB, keys []string) map[string]string {
	t.Helper()
	var requests []string
	for _, k := range keys {
		requests = append(requests, fmt.Sprintf("header = \"x-amz-content-sha256: UNSIGNED-PAYLOAD\"\nurl = \"https://%s/%s/%s\"\n", d.listen, bucket, k))
	}
	out := map[string]string{}
	for i, said := range d.batch(t, "s3", requests) {
		out[keys[i]] = said
	}
	return out
}

// batch makes requests, each written as in a configuration of curl's, by one curl, and gives the answers.
func (d *daemon) batch(t testing.TB, service string, requests []string) (answers []string) {
	t.Helper()
	keys, err := os.ReadFile(filepath.Join(d.data, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	i, err := d.instance()
	id, secret := keyID.FindSubmatch(keys), keySecret.FindSubmatch(keys)
	if err != nil || id == nil || secret == nil {
		t.Fatalf("no keys or no instance: %v", err)
	}
	dir := t.TempDir()
	var config strings.Builder
	for n, r := range requests {
		if n > 0 {
			config.WriteString("next\n")
		}
		fmt.Fprintf(&config, "silent\nshow-error\nmax-time = 60\ncacert = %q\naws-sigv4 = \"aws:amz:%s:%s\"\nuser = \"%s:%s\"\noutput = %q\n%s",
			i.CA, d.region(), service, id[1], secret[1], filepath.Join(dir, fmt.Sprint(n)), r)
	}
	at := filepath.Join(dir, "requests")
	if err := os.WriteFile(at, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("curl", "-K", at).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\nthe server: %s", err, out, d.lastWords())
	}
	for n := range requests {
		said, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(n)))
		if err != nil && !os.IsNotExist(err) { // nothing was answered
			t.Fatal(err)
		}
		answers = append(answers, string(said))
	}
	return answers
}
