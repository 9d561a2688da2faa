package compat

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// tick is a client that holds one connection and says something every 50 ms; it ends with an error when
// it is not answered within five seconds.
const tick = `import socket, sys, time
c = socket.create_connection((sys.argv[1], 7777), 10)
c.settimeout(5)
n = 0
print("connected", flush=True)
while True:
    c.sendall(b"x")
    if c.recv(1) != b"x":
        sys.exit("the connection ended after %d ticks" % n)
    n += 1
    time.sleep(0.05)
`

const repeats = `import socketserver
class H(socketserver.BaseRequestHandler):
    def handle(self):
        while True:
            b = self.request.recv(64)
            if not b: return
            self.request.sendall(b)
socketserver.ThreadingTCPServer.allow_reuse_address = True
s = socketserver.ThreadingTCPServer(("", 7777), H)
print("serving", flush=True)
s.serve_forever()
`

// leastSteps are what a walk must go to prove something.
const leastSteps = 40

// TestWalk changes networks by chance through the API, with traffic running beside, and kills the server
// again and again: the traffic goes on, and in the end the kernel is what the records alone would make.
func TestWalk(t *testing.T) {
	t.Parallel()
	python := needBoto3(t)
	for _, p := range []string{"nft", "nsenter", "ip"} {
		needProgram(t, p)
	}
	d := own(t)
	v := d.vpc(t)
	v.permit(t, v.group, "7777")
	server := v.inside()
	stopServer := server.background(t, "serving", python, "-u", "-c", repeats)
	address := d.internet().aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=vpc-id,Values="+v.id, "--query", "NetworkInterfaces[0].PrivateIpAddress")
	client := v.at(v.subnets[1], v.group)
	stopClient := client.background(t, "connected", python, "-u", "-c", tick, address)

	seed := rand.Uint64() >> 1
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	stop := filepath.Join(t.TempDir(), "stop")
	order, err := json.Marshal(map[string]any{"seed": seed, "vpc": v.id, "subnet": v.subnets[0], "stop": stop, "least": leastSteps})
	if err != nil {
		t.Fatal(err)
	}
	walker := d.internet().command(python, "boto3/walk.py", string(order))
	var said strings.Builder
	walker.Stdout, walker.Stderr = &said, &said
	if err := walker.Start(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		time.Sleep(2*time.Second + time.Duration(r.IntN(1500))*time.Millisecond)
		d.crash(t)
		d.restart(t)
	}
	time.Sleep(2 * time.Second)
	if err := os.WriteFile(stop, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := walker.Wait(); err != nil {
		t.Errorf("the walk: %v\n%s\nthe server: %s", err, &said, d.lastWords())
	}
	t.Logf("the walk: %s", strings.TrimSpace(said.String()))
	var sum struct{ Done int }
	if err := json.Unmarshal([]byte(said.String()), &sum); err != nil || sum.Done < leastSteps {
		t.Errorf("the walk went %d steps: it proves too little (%v)", sum.Done, err)
	}
	stopClient()
	stopServer()

	i, err := d.instance()
	if err != nil {
		t.Fatal(err)
	}
	walked := settledKernel(t, i.Run)
	d.crash(t)
	d.restart(t)
	if again := settledKernel(t, i.Run); again != walked {
		t.Errorf("a new process changed the kernel:\n%s\nthe server: %s", differing(walked, again), d.lastWords())
	}
	d.crash(t)
	if out, err := d.command("purge").CombinedOutput(); err != nil {
		t.Fatalf("purge: %v\n%s", err, out)
	}
	if left := leftovers(d.data, i.Run); len(left) > 0 {
		t.Errorf("left behind by purge:\n%s", strings.Join(left, "\n"))
	}
	d.restart(t)
	if fresh := settledKernel(t, i.Run); fresh != walked {
		t.Errorf("the kernel was not what the records make:\n%s\nthe server: %s", differing(fresh, walked), d.lastWords())
	}
}

// background runs a program at a place until the function given is called, which demands that it still
// ran; it is there when the program has said a word.
func (p place) background(t *testing.T, word string, args ...string) (stop func()) {
	t.Helper()
	cmd := p.command(args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, word) {
		cmd.Process.Kill() //nolint:errcheck // it failed already
		t.Fatalf("%s: %v %q\n%s", args[0], err, line, &said)
	}
	go func() {
		io.Copy(io.Discard, lines) //nolint:errcheck // until it ends
		cmd.Wait()                 //nolint:errcheck // how is asked below
		close(ended)
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		select {
		case <-ended:
			t.Errorf("%s ended by itself: %v\n%s", args[0], cmd.ProcessState, &said)
		default:
			cmd.Process.Signal(os.Interrupt) //nolint:errcheck // or it ends now
			<-ended
		}
	}
	t.Cleanup(stop)
	return stop
}

var (
	linkChance = regexp.MustCompile(`\b(cl[0-9a-v]{9})[0-9a-f]{4}\b`)
	counted    = regexp.MustCompile(`(set lim_(?:flows|questions|streams) \{[^}]*?)elements = \{[^}]*\}`)
	linkNumber = regexp.MustCompile(`@if[0-9]+|link-netns\S* \S+`)
)

// settledKernel writes down what all namespaces of a Cloister hold, without what differs by chance, when it
// does not change any more.
func settledKernel(t *testing.T, run string) string {
	t.Helper()
	last := ""
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(700 * time.Millisecond) {
		now := kernel(t, run)
		if now == last {
			return now
		}
		last = now
	}
	t.Fatal("the kernel does not come to rest")
	return ""
}

func kernel(t *testing.T, run string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(run, "netns", "cl.*"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		out, err := exec.Command("nsenter", "--net="+file, "sh", "-c", "ip -4 -o addr; ip -4 rule; ip -4 route show table all; nft list ruleset").CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", file, err, out)
		}
		text := counted.ReplaceAllString(linkChance.ReplaceAllString(string(out), "$1"), "$1")
		words := strings.FieldsFunc(linkNumber.ReplaceAllString(text, ""), func(r rune) bool { return strings.ContainsRune(" \t\n,{}", r) })
		words = slices.DeleteFunc(words, func(w string) bool { return regexp.MustCompile(`^[0-9]+:$`).MatchString(w) }) // the kernel's numbers
		slices.Sort(words)
		fmt.Fprintf(&all, "%s\n%s\n", filepath.Base(file), strings.Join(words, "\n"))
	}
	return all.String()
}

// differing says which words one has and the other has not, by namespace.
func differing(want, got string) string {
	count, file := map[string]int{}, ""
	for by, text := range map[int]string{-1: want, 1: got} {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "cl.") {
				file = strings.TrimSpace(line)
			}
			count[file+" "+strings.TrimSpace(line)] += by
		}
	}
	var out []string
	for k, n := range count {
		if n != 0 {
			out = append(out, fmt.Sprintf("%+d %s", n, k))
		}
	}
	slices.Sort(out)
	return strings.Join(out[:min(len(out), 60)], "\n")
}
