package fabrictest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"cloister/internal/engine/reach"
)

// isSilence says whether nothing came back at all.
func isSilence(err error) bool {
	var late net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) && late.Timeout()
}

// ask puts a question to a resolver over a connection, and demands what the law of names says.
func (m *matrix) ask(p reach.Probe, path *reach.Path) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := m.dialTo(ctx, p)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	vpc := m.index.VPC(p.From)
	if path.Interface != "" {
		vpc = m.index.VPC(path.Interface)
	}
	if p.To.Addr() == reach.PublicResolver {
		vpc = ""
	}
	d := &dns.Conn{Conn: c}
	if p.Protocol != reach.UDP {
		d.Conn = struct{ net.Conn }{c} // hides that it may be able to send datagrams too
	}
	if err := d.WriteMsg(new(dns.Msg).SetQuestion(serviceName+".", dns.TypeA)); err != nil {
		return err
	}
	reply, err := d.ReadMsg()
	if err != nil {
		return err
	}
	var got []netip.Addr
	for _, rr := range reply.Answer {
		if a, ok := rr.(*dns.A); ok {
			at, _ := netip.AddrFromSlice(a.A.To4())
			got = append(got, at)
		}
	}
	var want []netip.Addr
	if a := m.index.Resolve(vpc, serviceName); len(a.Chain) > 0 {
		want, _ = a.Chain[len(a.Chain)-1].Addresses(true)
	}
	if !same(got, want) {
		return fmt.Errorf("%s is %v, not %v", serviceName, got, want)
	}
	return nil
}
