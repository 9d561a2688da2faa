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

// ask puts questions to a resolver over a connection, and demands what the law of names says.
func (m *matrix) ask(p reach.Probe, path *reach.Path) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := m.dialTo(ctx, p)
	if err != nil {
		return err
	}
	defer c.Close()
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
	for _, name := range asked {
		c.SetDeadline(time.Now().Add(patience))
		if err := m.question(d, vpc, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// question asks for the addresses of one name.
func (m *matrix) question(d *dns.Conn, vpc, name string) error {
	if err := d.WriteMsg(new(dns.Msg).SetQuestion(name+".", dns.TypeA)); err != nil {
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
	want := tell(m.n, vpc, name)
	if !same(got, want.addresses) || reply.Rcode != want.code {
		return fmt.Errorf("is %v (%s), not %v (%s)", got, dns.RcodeToString[reply.Rcode], want.addresses, dns.RcodeToString[want.code])
	}
	return nil
}

// lookups compares what every name means to a namespace, and gives the addresses of some names.
func (m *matrix) lookups(id string) (found [][]netip.Addr) {
	vpc := m.index.VPC(id)
	for _, name := range asked {
		want := told{}
		if m.resolves(vpc) {
			want = tell(m.n, vpc, name)
		}
		if got := m.Lookup(id, name); !same(got, want.addresses) {
			m.t.Errorf("%s asks for %s and gets %v, not %v", id, name, got, want.addresses)
		}
		for what, is := range map[string]bool{
			"looked up": len(want.addresses) > 0, "a zone's name": want.zone && len(want.addresses) > 0, "a zone's wildcard": want.wildcard,
			"a zone's alias": want.zone && want.aliases > 0 && len(want.addresses) > 0, "through three aliases": want.aliases > 2 && len(want.addresses) > 0,
			"aliases that loop": want.code == dns.RcodeServerFailure, "not in its zone": want.zone && want.code == dns.RcodeNameError,
			"hidden by a zone": want.hidden,
		} {
			if is {
				m.counts[what]++
			}
		}
		if len(want.addresses) > 0 {
			found = append(found, want.addresses)
		}
	}
	return found
}

// resolves says whether a VPC has a resolver; the internet has.
func (m *matrix) resolves(vpc string) bool {
	for _, v := range m.n.VPCs {
		if v.ID == vpc {
			return v.Resolve
		}
	}
	return true
}
