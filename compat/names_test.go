package compat

import (
	"bufio"
	"io"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dig asks the place's resolver for the addresses of a name, sorted; missing tells NXDOMAIN.
func (p place) dig(t *testing.T, name string) (addresses []string, missing bool) {
	t.Helper()
	out := p.must(t, "dig", "+noall", "+comments", "+answer", "+tries=1", "+time=3", name, "A")
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 5 && f[3] == "A" {
			addresses = append(addresses, f[4])
		}
	}
	slices.Sort(addresses)
	return addresses, strings.Contains(out, "status: NXDOMAIN")
}

// named fails unless a name gives just these addresses.
func (p place) named(t *testing.T, name string, want []string) {
	t.Helper()
	if got, _ := p.dig(t, name); !slices.Equal(got, want) {
		t.Errorf("%v: %s is %v, wanted %v", p.flags, name, got, want)
	}
}

// public fails unless a name gives addresses that lie outside the VPC.
func (p place) public(t *testing.T, name string) {
	t.Helper()
	got, _ := p.dig(t, name)
	if len(got) == 0 {
		t.Errorf("%v: %s has no address", p.flags, name)
	}
	for _, a := range got {
		if netip.MustParseAddr(a).IsPrivate() {
			t.Errorf("%v: %s is %v, which is not public", p.flags, name, got)
		}
	}
}

// nameless fails unless there is no such name.
func (p place) nameless(t *testing.T, name string) {
	t.Helper()
	if got, missing := p.dig(t, name); !missing {
		t.Errorf("%v: %s is still a name: %v", p.flags, name, got)
	}
}

// TestNames follows the names of an endpoint through its life.
func TestNames(t *testing.T) {
	t.Parallel()
	needProgram(t, "dig")
	needProgram(t, "openssl")
	d := own(t)
	v := d.vpc(t, "sts")
	other := d.vpc(t)
	id := v.endpoints["sts"]
	at, inside, elsewhere := d.internet(), v.inside(), []place{d.internet(), other.inside()}
	query := func(q string) []string {
		fields := strings.Fields(at.aws(t, "ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids", id, "--query", q))
		slices.Sort(fields)
		return fields
	}
	const name = "sts." + region + ".amazonaws.com"
	interfaces := query("VpcEndpoints[0].NetworkInterfaceIds")
	addresses := map[string]string{} // by zone
	var all []string
	for _, i := range interfaces {
		f := strings.Fields(at.aws(t, "ec2", "describe-network-interfaces", "--network-interface-ids", i, "--query", "NetworkInterfaces[0].[AvailabilityZone,PrivateIpAddress]"))
		addresses[f[0]], all = f[1], append(all, f[1])
	}
	slices.Sort(all)
	if len(all) != 2 {
		t.Fatalf("the endpoint has interfaces %v at %v, not one a subnet", interfaces, all)
	}
	var own []string
	for _, n := range query("VpcEndpoints[0].DnsEntries[].DnsName") {
		if strings.HasPrefix(n, id) {
			own = append(own, n)
		}
	}
	if len(own) != 3 {
		t.Fatalf("own names %v, wanted one of the region and two of zones", own)
	}
	// An endpoint's own names are in public DNS with their private addresses, which lead nowhere elsewhere.
	for _, n := range own {
		for _, p := range append(elsewhere, inside) {
			p.named(t, n, wanted(n, addresses, all))
		}
	}
	inside.named(t, name, all)
	for _, p := range elsewhere {
		p.public(t, name)
	}

	at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", id, "--no-private-dns-enabled", "--query", "Return")
	inside.public(t, name)
	inside.named(t, own[0], wanted(own[0], addresses, all))
	at.aws(t, "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", id, "--private-dns-enabled", "--query", "Return")
	inside.named(t, name, all)

	held := v.hold(t, name)
	at.aws(t, "ec2", "delete-vpc-endpoints", "--vpc-endpoint-ids", id, "--query", "Unsuccessful")
	select {
	case <-held:
	case <-time.After(10 * time.Second):
		t.Error("a connection through the deleted endpoint is still open after 10 seconds")
	}
	for _, p := range append(elsewhere, inside) {
		p.public(t, name)
		for _, n := range own {
			p.nameless(t, n)
		}
	}
}

// wanted is what a name of the endpoint's own gives.
func wanted(name string, zones map[string]string, all []string) []string {
	for zone, a := range zones {
		if strings.Contains(name, "-"+zone+".") {
			return []string{a}
		}
	}
	return all
}

// hold opens a TLS connection, sees that it answers, and leaves it open; the channel closes when the
// connection does.
func (v *vpc) hold(t *testing.T, host string) <-chan struct{} {
	t.Helper()
	cmd := v.inside().command("openssl", "s_client", "-quiet", "-verify_quiet", "-verify_return_error", "-servername", host, "-connect", host+":443")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM) }) //nolint:errcheck // it should have ended
	if _, err := io.WriteString(in, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer := bufio.NewReader(out)
	line, err := answer.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 ") {
		t.Fatalf("the connection to hold gave %q: %v", line, err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		io.Copy(io.Discard, answer) //nolint:errcheck // the end is what counts
		cmd.Wait()                  //nolint:errcheck // a cut connection is no success
	}()
	select {
	case <-closed:
		t.Fatal("the connection to hold was closed at once")
	case <-time.After(time.Second):
	}
	return closed
}
