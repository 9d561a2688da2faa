package compat

import (
	"bufio"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// calls is a loop of calls at a place, each by a connection of its own, with what came of each.
type calls struct {
	sync.Mutex
	answers []string // "ok" or "no"
}

func (c *calls) count() int {
	c.Lock()
	defer c.Unlock()
	return len(c.answers)
}

// after waits for n more answers than there were, and gives them; one call may be in hand already, so
// the first answer does not count.
func (c *calls) after(t *testing.T, before, n int) []string {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c.count() > before+n {
			c.Lock()
			defer c.Unlock()
			return c.answers[before+1 : before+1+n]
		}
	}
	t.Fatalf("the loop of calls stands still after %d", c.count())
	return nil
}

// loop calls a host until the test ends.
func (p place) loop(t *testing.T, host string) *calls {
	t.Helper()
	cmd := p.command("bash", "-c", `while :; do curl -s -o /dev/null --connect-timeout 0.5 --max-time 3 "$0" && echo ok || echo no; sleep 0.05; done`, "https://"+host+"/")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := new(calls)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.Lock()
			c.answers = append(c.answers, lines.Text())
			c.Unlock()
		}
		cmd.Wait() //nolint:errcheck // we end it
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		<-ended
	})
	return c
}

// TestGroupRule takes the endpoint's rule away under a loop of calls and puts it back, twice.
func TestGroupRule(t *testing.T) {
	t.Parallel()
	needProgram(t, "curl")
	d := own(t)
	v := d.vpc(t, "sts")
	caller := v.newGroup(t, "caller")
	loop := d.at(v.subnets[0], caller).loop(t, "sts."+region+".amazonaws.com")
	all := func(what, want string) {
		t.Helper()
		if got := strings.Join(loop.after(t, loop.count(), 4), " "); got != strings.Repeat(want+" ", 3)+want {
			t.Fatalf("%s: the calls went %s", what, got)
		}
	}
	all("before", "ok")
	for range 2 {
		v.forbid(t, v.group, "443")
		all("rule removed", "no")
		v.permit(t, v.group, "443")
		all("rule added back", "ok")
	}
}
