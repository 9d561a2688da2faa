package compat

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// place is where a customer's program runs: on Cloister's internet or at an interface in a subnet.
type place struct {
	*daemon
	flags []string
}

// internet is Cloister's internet, outside every VPC.
func (d *daemon) internet() place { return place{d, []string{"--internet", "--region", d.region()}} }

// at is an interface of its own in a subnet.
func (d *daemon) at(subnet, group string) place {
	return place{d, []string{"--subnet", subnet, "--security-group", group}}
}

// as gives the place with another profile's keys.
func (p place) as(profile string) place {
	return place{p.daemon, append(p.flags[:len(p.flags):len(p.flags)], "--as", profile)}
}

// command is a program at the place, not yet started.
func (p place) command(args ...string) *exec.Cmd {
	return p.daemon.command(append(append([]string{"exec"}, append(p.flags[:len(p.flags):len(p.flags)], "--")...), args...)...)
}

// try runs a program and gives what it wrote, both streams together.
func (p place) try(args ...string) (string, error) {
	out, err := p.command(args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// must runs a program that has to succeed, and gives its standard output.
func (p place) must(t testing.TB, args ...string) string {
	t.Helper()
	cmd := p.command(args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s\nthe server: %s", strings.Join(args, " "), err, &out, &said, p.lastWords())
	}
	return strings.TrimSpace(out.String())
}

// aws runs the AWS CLI with text as its output.
func (p place) aws(t testing.TB, args ...string) string {
	t.Helper()
	return p.must(t, append(append([]string{"aws"}, args...), "--output", "text")...)
}

// until asks again until the answer is one of those wanted, which it gives.
func (p place) until(t testing.TB, args []string, wanted ...string) string {
	t.Helper()
	var last string
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		last = p.aws(t, args...)
		for _, w := range wanted {
			if last == w {
				return last
			}
		}
	}
	t.Fatalf("%s stays %q, wanted %q\nthe server: %s", strings.Join(args, " "), last, wanted, p.lastWords())
	return ""
}
