package linux

import (
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"cloister/internal/value/network"
)

// observe tells of a question that is answered, if the VPC's questions are logged.
func (q *asked) observe(now time.Time) {
	o := q.resolver.observer
	if o == nil || q.index == nil || !q.index.LogsQueries(q.resolver.vpc) {
		return
	}
	out := network.Query{
		VPC: q.resolver.vpc, Interface: q.index.Owner(q.resolver.vpc, q.source.Addr()), Source: q.source,
		Name: strings.ToLower(q.question.Name), Type: typeName(q.question.Qtype), Transport: "UDP",
		Code: dns.RcodeToString[q.reply.Rcode], Time: now,
	}
	if !q.packet {
		out.Transport = "TCP"
	}
	for _, r := range q.reply.Answer {
		kind := typeName(r.Header().Rrtype)
		out.Answers = append(out.Answers, network.Answer{Data: strings.TrimPrefix(r.String(), r.Header().String()), Type: kind})
	}
	o.Query(out)
}

func typeName(kind uint16) string {
	if name := dns.TypeToString[kind]; name != "" {
		return name
	}
	return fmt.Sprintf("TYPE%d", kind)
}
