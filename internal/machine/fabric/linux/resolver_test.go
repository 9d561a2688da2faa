package linux

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// ask puts a question on the wire inside a namespace.
func ask(t testing.TB, f *Fabric, file, transport, server string, q *dns.Msg, wait time.Duration) (*dns.Msg, error) {
	t.Helper()
	var c net.Conn
	inNamespace(t, f.directory, file, func() (err error) {
		c, err = net.DialTimeout(transport, server, wait)
		return err
	})
	defer c.Close()
	c.SetDeadline(time.Now().Add(wait))
	stream := &dns.Conn{Conn: c, UDPSize: 4096}
	if err := stream.WriteMsg(q); err != nil {
		t.Fatal(err)
	}
	return stream.ReadMsg()
}

func question(name string, kind uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, kind) }

func TestResolverOnTheWire(t *testing.T) {
	f := start(t)
	apply(t, f, pairNetwork())
	for _, c := range []struct {
		file, transport, server string
		question                *dns.Msg
		code, answers           int
	}{
		{"cl.eni.eni-1", "udp4", "10.0.0.2:53", question("sts.example.", dns.TypeA), dns.RcodeSuccess, 1},
		{"cl.eni.eni-1", "tcp4", "10.0.0.2:53", question("STS.example.", dns.TypeA), dns.RcodeSuccess, 1},
		{"cl.eni.eni-1", "udp4", "169.254.169.253:53", question("sts.example.", dns.TypeA), dns.RcodeSuccess, 1},
		{"cl.eni.eni-1", "tcp4", "169.254.169.253:53", question("sts.example.", dns.TypeANY), dns.RcodeSuccess, 1},
		{"cl.eni.eni-1", "udp4", "10.0.0.2:53", question("sts.example.", dns.TypeAAAA), dns.RcodeSuccess, 0},
		{"cl.eni.eni-1", "udp4", "10.0.0.2:53", question("sts.example.", dns.TypeMX), dns.RcodeSuccess, 0},
		{"cl.eni.eni-1", "udp4", "10.0.0.2:53", question("none.example.", dns.TypeA), dns.RcodeSuccess, 0},
		{"cl.eni.eni-1", "udp4", "10.0.0.2:53", question("unknown.example.", dns.TypeA), dns.RcodeNameError, 0},
		{"cl.eni.eni-1", "udp4", "10.0.0.2:53", question("5.1.0.10.in-addr.arpa.", dns.TypePTR), dns.RcodeNameError, 0},
		{"cl.eni.eni-1", "udp4", "10.0.0.2:53", question("sts.example.", dns.TypeA).SetEdns0(4096, true), dns.RcodeSuccess, 1},
		{"cl.eni.eni-1", "tcp4", "10.0.0.2:53", question("many.example.", dns.TypeA), dns.RcodeSuccess, 40},
		{"cl.eni.eni-1", "udp4", "10.0.0.2:53", question("many.example.", dns.TypeA).SetEdns0(4096, false), dns.RcodeSuccess, 40},
		{"cl.eni.eni-3", "udp4", "10.0.0.2:53", question("sts.example.", dns.TypeA), dns.RcodeSuccess, 1},
		{"cl.host.host-1", "udp4", "192.0.2.53:53", question("sts.example.", dns.TypeA), dns.RcodeSuccess, 1},
		{"cl.host.host-1", "tcp4", "192.0.2.53:53", question("none.example.", dns.TypeA), dns.RcodeNameError, 0},
	} {
		reply, err := ask(t, f, c.file, c.transport, c.server, c.question, 10*time.Second)
		if err != nil {
			t.Errorf("%s asks %s by %s for %s: %v", c.file, c.server, c.transport, c.question.Question[0].Name, err)
			continue
		}
		if reply.Rcode != c.code || len(reply.Answer) != c.answers || reply.Id != c.question.Id {
			t.Errorf("%s asks %s by %s and gets\n%v", c.file, c.server, c.transport, reply)
		}
		if (reply.IsEdns0() != nil) != (c.question.IsEdns0() != nil) {
			t.Errorf("EDNS of question and reply differ: %v", reply)
		}
	}
	private, _ := ask(t, f, "cl.eni.eni-1", "udp4", "10.0.0.2:53", question("sts.example.", dns.TypeA), 10*time.Second)
	public, _ := ask(t, f, "cl.host.host-1", "udp4", "192.0.2.53:53", question("sts.example.", dns.TypeA), 10*time.Second)
	if private.Answer[0].(*dns.A).A.String() != "10.0.1.10" || public.Answer[0].(*dns.A).A.String() != "203.0.113.10" {
		t.Errorf("inside %v, outside %v", private.Answer, public.Answer)
	}
	if reply, _ := ask(t, f, "cl.eni.eni-1", "udp4", "10.0.0.2:53", question("many.example.", dns.TypeA), 10*time.Second); reply == nil || !reply.Truncated {
		t.Errorf("a long answer without EDNS is not cut: %v", reply)
	}
}

func TestResolverIgnoresNonsense(t *testing.T) {
	f := start(t)
	apply(t, f, pairNetwork())
	var c net.Conn
	inNamespace(t, f.directory, "cl.eni.eni-1", func() (err error) {
		c, err = net.Dial("udp4", "10.0.0.2:53")
		return err
	})
	defer c.Close()
	answer := question("sts.example.", dns.TypeA)
	answer.Response = true
	two := question("sts.example.", dns.TypeA)
	two.Question = append(two.Question, two.Question[0])
	for _, m := range []*dns.Msg{answer, two, {}} {
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		c.Write(b)
	}
	for _, b := range [][]byte{nil, {1}, make([]byte, 11), []byte("GET / HTTP/1.1\r\n\r\n"), make([]byte, 4000)} {
		c.Write(b)
	}
	// What comes first must be the answer to the question that follows the nonsense.
	good := question("sts.example.", dns.TypeA)
	c.SetDeadline(time.Now().Add(10 * time.Second))
	stream := &dns.Conn{Conn: c}
	if err := stream.WriteMsg(good); err != nil {
		t.Fatal(err)
	}
	reply, err := stream.ReadMsg()
	if err != nil || reply.Id != good.Id || len(reply.Answer) != 1 {
		t.Errorf("after nonsense: %v %v", reply, err)
	}
}

func TestResolverThatIsOff(t *testing.T) {
	f := start(t)
	n := pairNetwork()
	n.VPCs[0].Resolve = false
	apply(t, f, n)
	_, err := ask(t, f, "cl.eni.eni-1", "udp4", "10.0.0.2:53", question("sts.example.", dns.TypeA), 150*time.Millisecond)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a resolver that is off answers: %v", err)
	}
	apply(t, f, pairNetwork())
	if _, err := ask(t, f, "cl.eni.eni-1", "udp4", "10.0.0.2:53", question("sts.example.", dns.TypeA), 10*time.Second); err != nil {
		t.Errorf("a resolver that is on again: %v", err)
	}
}

func TestOneClientCannotKeepAllStreams(t *testing.T) {
	f := start(t)
	apply(t, f, pairNetwork())
	inNamespace(t, f.directory, "cl.eni.eni-1", func() error {
		for range 2 * streamLimit {
			c, err := net.DialTimeout("tcp4", "10.0.0.2:53", 5*time.Millisecond)
			if err != nil {
				continue // it has had its part
			}
			t.Cleanup(func() { c.Close() })
		}
		return nil
	})
	for _, network := range []string{"udp4", "tcp4"} {
		if _, err := ask(t, f, "cl.eni.eni-3", network, "10.0.0.2:53", question("sts.example.", dns.TypeA), 10*time.Second); err != nil {
			t.Error(network, err)
		}
	}
}
