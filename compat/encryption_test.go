package compat

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTrafficBetweenContainersIsEncrypted has two containers of a job exchange what a capture in the router of their
// VPC knows in the clear. Of a job that asks for encryption it sees one UDP port and no word; nothing else passes between the
// two, also while the server is dead.
func TestTrafficBetweenContainersIsEncrypted(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t)
	d.provide(t)
	i, err := d.instance()
	if err != nil {
		t.Fatal(err)
	}
	spaces := filepath.Join(i.Run, "netns")
	two := []string{"--resource-config", "InstanceType=ml.m5.large,InstanceCount=2,VolumeSizeInGB=1"}
	sealed := append(two, "--enable-inter-container-traffic-encryption")
	self := func(action string, rule ...string) {
		v.ec2(t, action, append([]string{"GroupId", v.group, "IpPermissions.1.Groups.1.GroupId", v.group}, rule...)...)
	}

	self("AuthorizeSecurityGroupIngress", "IpPermissions.1.IpProtocol", "-1")
	seen := capture(t, filepath.Join(spaces, "cl.vpc."+v.id))
	v.job(t, "clear", probe, "meet=60", two...)
	apart := v.job(t, "apart", probe, "meet=60,hostile=yes,targets=10.0.0.4:9 10.0.0.5:9", "--enable-network-isolation", "--enable-inter-container-traffic-encryption",
		"--resource-config", `{"InstanceGroups":[{"InstanceGroupName":"a","InstanceType":"ml.m5.large","InstanceCount":1},{"InstanceGroupName":"b","InstanceType":"ml.c5.xlarge","InstanceCount":1}],"VolumeSizeInGB":1}`)
	v.completed(t, "clear")
	if frames := seen(); !frames.hold("algo-1\n") || !frames.hold("algo-2\n") {
		t.Error("a capture does not see what the hosts of a job without encryption say to each other")
	}

	// The rules that AWS asks for do here.
	self("RevokeSecurityGroupIngress", "IpPermissions.1.IpProtocol", "-1")
	self("AuthorizeSecurityGroupIngress", "IpPermissions.1.IpProtocol", "udp", "IpPermissions.1.FromPort", "500", "IpPermissions.1.ToPort", "500")
	self("AuthorizeSecurityGroupIngress", "IpPermissions.1.IpProtocol", "50")
	seen = capture(t, filepath.Join(spaces, "cl.vpc."+v.id))
	job := v.job(t, "sealed", probe, "meet=60,seconds=9", sealed...)
	d.stage(t, job, "Training")
	waitFor(t, "the hosts were not told their credentials", func() bool { // which nobody tells while the server is dead
		return strings.Count(strings.Join(v.log(t, job), "\n"), "credentials: 200 ") == 2
	})
	hosts := v.sealedHosts(t, job, spaces)
	hosts.meet(t)
	if n := d.opened("/dev/net/tun"); n < 2 {
		t.Errorf("the server has %d tunnels open", n)
	}
	d.crash(t)
	hosts.apart(t)
	d.restart(t)
	hosts.meet(t)
	v.completed(t, job)
	frames := seen()
	if frames.hold("algo-1\n") || frames.hold("algo-2\n") {
		t.Error("a capture sees what the hosts of a job with encryption say to each other")
	}
	if kinds := frames.between(hosts); len(kinds) != 1 || kinds["17 to port 500"] < 8 {
		t.Errorf("between the hosts a capture sees %v", kinds)
	}
	for _, of := range []string{job, apart} {
		v.completed(t, of)
		log := strings.Join(v.log(t, of), "\n")
		if strings.Count(log, "met all 2: the sum is 3") != 2 || !strings.Contains(log, "algo-2 at 169.254.192.2:7077 says 2") || of == job && strings.Count(log, "credentials: 200 of "+role+", whole: true") != 2 {
			t.Errorf("%s:\n%s", of, log)
		}
		for line := range strings.Lines(log) {
			if strings.Contains(line, "forbidden: ") && !strings.Contains(line, ": refused: ") {
				t.Error(line)
			}
		}
		for _, direct := range []string{"10.0.0.4:9", "10.0.0.5:9"} { // of both hosts, one is at home there
			if of == apart && (strings.Count(log, direct+": connect: connection refused") != 1 || strings.Count(log, direct+": i/o timeout") != 1) {
				t.Errorf("what came of %s:\n%s", direct, log)
			}
		}
	}
	waitFor(t, "tunnels of ended jobs are open", func() bool { return d.opened("/dev/net/tun") == 0 })
	self("RevokeSecurityGroupIngress", "IpPermissions.1.IpProtocol", "udp", "IpPermissions.1.FromPort", "500", "IpPermissions.1.ToPort", "500")
	out, err := v.command("why", "--job", job).CombinedOutput()
	if rule := "add an inbound rule to " + v.group + " for UDP to port 500 from itself (" + v.group + ")"; err != nil || strings.Count(string(out), rule) != 4 {
		t.Errorf("why --job %s: %v\n%s", job, err, out)
	}
}

// opened counts the server's descriptors of a file.
func (d *daemon) opened(name string) (n int) {
	all, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", d.process.Process.Pid))
	for _, fd := range all {
		if of, err := os.Readlink(fd); err == nil && of == name {
			n++
		}
	}
	return n
}

// frames are what passed at a place.
type frames [][]byte

// capture takes all that passes in a network namespace, until it is asked for it.
func capture(t *testing.T, namespace string) func() frames {
	t.Helper()
	var fd int
	err := inside(namespace, func() (err error) {
		const all = 0x0300 // ETH_P_ALL as the network has it
		fd, err = syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, all)
		return err
	})
	if err == nil {
		err = errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, 33 /* SO_RCVBUFFORCE */, 16<<20),
			syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 100000}))
	}
	if err != nil {
		t.Fatal(err)
	}
	end, ended := make(chan struct{}), make(chan frames)
	go func() {
		defer syscall.Close(fd)
		var got frames
		for frame := make([]byte, 1<<16); ; {
			n, _, err := syscall.Recvfrom(fd, frame, 0)
			if err == nil {
				got = append(got, bytes.Clone(frame[:n]))
				continue
			}
			select {
			case <-end:
				ended <- got
				return
			default:
			}
		}
	}()
	return func() frames { close(end); return <-ended }
}

func (f frames) hold(text string) bool {
	for _, frame := range f {
		if bytes.Contains(frame, []byte(text)) {
			return true
		}
	}
	return false
}

// between counts what passed between hosts, by what it was.
func (f frames) between(hosts sealedHosts) map[string]int {
	at, kinds := map[string]bool{}, map[string]int{}
	for _, h := range hosts {
		at[h.address] = true
	}
	for _, frame := range f {
		if len(frame) >= 38 && frame[12] == 8 && frame[13] == 0 && at[net.IP(frame[26:30]).String()] && at[net.IP(frame[30:34]).String()] {
			kinds[fmt.Sprintf("%d to port %d", frame[23], binary.BigEndian.Uint16(frame[36:38]))]++
		}
	}
	return kinds
}

// sealedHosts are the hosts of a job: the namespace of each, and where that is.
type sealedHosts []struct{ namespace, address string }

func (v *vpc) sealedHosts(t *testing.T, job, spaces string) (hosts sealedHosts) {
	t.Helper()
	said := v.ec2(t, "DescribeNetworkInterfaces", "Filter.1.Name", "description", "Filter.1.Value.1", "*Training Job*/"+job+" *")
	addresses := all(said, "privateIpAddress")
	for n, id := range all(said, "networkInterfaceId") {
		hosts = append(hosts, struct{ namespace, address string }{filepath.Join(spaces, "cl.eni."+id), addresses[n*len(addresses)/2]})
	}
	if len(hosts) != 2 || hosts[0].address == hosts[1].address {
		t.Fatalf("hosts %v in %s", hosts, said)
	}
	return hosts
}

// meet asks that the hosts reach each other behind their tunnels, where nobody listens at the port, and not besides.
func (h sealedHosts) meet(t *testing.T) {
	t.Helper()
	for _, from := range h {
		for _, inner := range []string{"169.254.192.1:9", "169.254.192.2:9"} {
			if err := dialIn(from.namespace, inner, 30*time.Second); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("from %s to %s: %v", from.address, inner, err)
			}
		}
	}
	h.apart(t)
}

// apart asks that neither gets to the other's own address.
func (h sealedHosts) apart(t *testing.T) {
	t.Helper()
	for i, from := range h {
		var late net.Error
		if err := dialIn(from.namespace, h[1-i].address+":9", 300*time.Millisecond); !errors.As(err, &late) || !late.Timeout() {
			t.Errorf("from %s straight to %s: %v", from.address, h[1-i].address, err)
		}
	}
}

// dialIn connects from inside a network namespace, and says how that ended.
func dialIn(namespace, to string, wait time.Duration) error {
	return inside(namespace, func() error {
		c, err := net.DialTimeout("tcp4", to, wait)
		if err == nil {
			c.Close()
		}
		return err
	})
}

// setns is the number of a system call that the syscall package does not have.
var setns = map[string]uintptr{"amd64": 308, "arm64": 268}

// inside runs do in a network namespace, on a thread that then ends.
func inside(namespace string, do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		f, err := os.Open(namespace)
		if err != nil {
			done <- err
			return
		}
		defer f.Close()
		if _, _, errno := syscall.RawSyscall(setns[runtime.GOARCH], f.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
			done <- fmt.Errorf("enter %s: %w", namespace, errno)
			return
		}
		done <- do()
	}()
	return <-done
}
