package compat

import (
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
	keys, err := os.ReadFile(filepath.Join(d.data, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	id, secret := keyID.FindSubmatch(keys), keySecret.FindSubmatch(keys)
	i, err := d.instance()
	if err != nil || id == nil || secret == nil {
		t.Fatalf("no keys or no instance: %v", err)
	}
	args := []string{"-sS", "--max-time", "60", "--cacert", i.CA, "--aws-sigv4", "aws:amz:" + d.region() + ":ec2", "--user", string(id[1]) + ":" + string(secret[1]),
		"--data-urlencode", "Action=" + action, "--data-urlencode", "Version=2016-11-15"}
	for n := 0; n+1 < len(params); n += 2 {
		args = append(args, "--data-urlencode", params[n]+"="+params[n+1])
	}
	out, err := exec.Command("curl", append(args, "https://"+d.listen+"/")...).CombinedOutput()
	return string(out), err == nil && !strings.Contains(string(out), "<Errors>")
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
