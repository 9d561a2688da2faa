package compat

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// outside is a host that no Cloister has made: a network namespace joined to this machine by a cable of the
// test's own, and behind it a second one that only it can reach.
type outside struct {
	host, behind string // namespaces
	here         string // this machine's address on the cable
}

// newOutside makes one; it is gone after the test.
func newOutside(t *testing.T) *outside {
	t.Helper()
	needRoot(t)
	needProgram(t, "ip")
	n := os.Getpid() % 100000
	here, there := freeCable(t)
	o := &outside{fmt.Sprintf("outside%d", n), fmt.Sprintf("behind%d", n), here}
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	t.Cleanup(func() {
		for _, ns := range []string{o.host, o.behind} { // and the cables with them
			if out, err := exec.Command("ip", "netns", "del", ns).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		}
	})
	ip("netns", "add", o.host)
	ip("netns", "add", o.behind)
	cable := fmt.Sprintf("ct%d", n)
	ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", o.host)
	ip("address", "add", o.here+"/30", "dev", cable)
	ip("link", "set", cable, "up")
	ip("-n", o.host, "address", "add", there+"/30", "dev", "eth0")
	ip("-n", o.host, "link", "set", "eth0", "up")
	ip("-n", o.host, "link", "set", "lo", "up")
	ip("-n", o.host, "link", "add", "lan", "type", "veth", "peer", "name", "eth0", "netns", o.behind)
	ip("-n", o.host, "address", "add", "10.99.0.1/24", "dev", "lan")
	ip("-n", o.host, "link", "set", "lan", "up")
	ip("-n", o.behind, "address", "add", "10.99.0.7/24", "dev", "eth0")
	ip("-n", o.behind, "link", "set", "eth0", "up")
	ip("-n", o.behind, "route", "add", "default", "via", "10.99.0.1")
	ip("netns", "exec", o.host, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
	return o
}

// freeCable gives the two addresses of a cable, of a range that no interface of this machine has.
func freeCable(t *testing.T) (here, there string) {
	t.Helper()
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for k := range 64 {
		here, there = fmt.Sprintf("10.254.%d.1", 190+k), fmt.Sprintf("10.254.%d.2", 190+k)
		taken := false
		for _, a := range own {
			if n, ok := a.(*net.IPNet); ok && n.Contains(net.ParseIP(here)) {
				taken = true
			}
		}
		if !taken {
			return here, there
		}
	}
	t.Skip("this machine has all the networks that the test would use")
	return "", ""
}

// command is a program on the host, or behind it, with the keys of a Cloister's root.
func (o *outside) command(d *daemon, namespace string, args ...string) *exec.Cmd {
	cmd := exec.Command("ip", append([]string{"netns", "exec", namespace}, args...)...)
	i, _ := d.instance()
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(d.data, "credentials"), "AWS_CA_BUNDLE="+i.CA, "AWS_REGION="+region,
		"AWS_DEFAULT_REGION="+region, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1")
	return cmd
}

func (o *outside) try(d *daemon, namespace string, args ...string) (string, error) {
	out, err := o.command(d, namespace, args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// reaches says whether a TCP connection to an address is made.
func (o *outside) reaches(d *daemon, namespace, address string) bool {
	_, err := o.try(d, namespace, "timeout", "2", "bash", "-c", dialling(address))
	return err == nil
}

// dialling is a shell's line that fails when there is no connection to an address.
func dialling(address string) string {
	return "exec 3<>/dev/tcp/" + strings.Replace(address, ":", "/", 1)
}

// connect runs cloister connect on the host until the test's end, by a configuration.
func (o *outside) connect(t *testing.T, d *daemon, configuration string) (said *bytes.Buffer) {
	t.Helper()
	cmd := o.command(d, o.host, d.binary, "connect", "--configuration", "-")
	said = &bytes.Buffer{}
	cmd.Stdin, cmd.Stdout = strings.NewReader(configuration), nil
	log, err := os.Create(filepath.Join(t.TempDir(), "connect.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt) //nolint:errcheck // it may have ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("connect ended: %v", err)
		}
		if out, err := o.try(d, o.host, "ip", "link", "show", "cloister0"); err == nil {
			t.Errorf("connect left %s", out)
		}
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("connect said:\n%s", said)
		}
	})
	waitFor(t, "connect does not connect", func() bool {
		b, _ := os.ReadFile(log.Name())
		said.Reset()
		said.Write(b)
		return bytes.Contains(b, []byte("connected"))
	})
	return said
}

// waitFor waits until something is so.
func waitFor(t *testing.T, complaint string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(complaint)
		}
	}
}
