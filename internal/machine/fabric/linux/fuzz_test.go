package linux

import (
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"cloister/internal/engine/reach"
)

// FuzzAnswer feeds the resolver what a hostile workload may send: it must answer with one well-formed
// reply to the same question, or not at all.
func FuzzAnswer(f *testing.F) {
	for _, q := range []*dns.Msg{question("sts.example.", dns.TypeA), question("many.example.", dns.TypeANY).SetEdns0(512, true), {}} {
		b, err := q.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	x, err := reach.NewIndex(pairNetwork())
	if err != nil {
		f.Fatal(err)
	}
	var index atomic.Pointer[reach.Index]
	index.Store(x)
	r := &resolver{vpc: "vpc-1", index: &index, recursor: newRecursor()}
	f.Fuzz(func(t *testing.T, message []byte) {
		asked := r.read(message, netip.AddrPort{}, true)
		if asked == nil {
			return
		}
		reply := asked.finish()
		var q, m dns.Msg
		if err := m.Unpack(reply); err != nil {
			t.Fatalf("the reply to %x is malformed: %v", message, err)
		}
		if err := q.Unpack(message); err != nil || !m.Response || m.Id != q.Id || len(m.Question) != 1 || m.Question[0] != q.Question[0] {
			t.Errorf("%v\nis answered\n%v", &q, &m)
		}
		if len(reply) > 1232 {
			t.Errorf("a packet of %d bytes", len(reply))
		}
	})
}
