package linux

import (
	"encoding/binary"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// Limits keep one workload from using up what a VPC has for all: entries of the connection table, and
// the resolver. Each is a dynamic set in which the kernel keeps a count for each link, made at its first
// packet.
//
// Connections are counted when a first packet has passed the test for known ones: what is established
// pays nothing. A UDP flow without an answer looks new at each packet and is told by not being in the
// table yet. Only links of workloads are counted: what comes from a gateway or a peering was counted where
// it began. Questions to the resolver are limited before conntrack and never enter its table.
const (
	chainResolve    = "lim_dns"
	chainAnswer     = "lim_answer"
	setPlain        = "lim_plain"     // links behind which is a workload
	setFlows        = "lim_flows"     // link, with the connections it began
	setQuestions    = "lim_questions" // link, with the rate of what it asks
	setStreams      = "lim_streams"   // link, with its connections to the resolver
	questionsSecond = 1024            // packets from one interface to the resolver, as AWS has it
	streamsEach     = 8
	rateMemory      = time.Minute // longer than any limit needs to be as if nothing had been asked
)

// One interface may have a flowShare-th of the connections that the kernel keeps for a VPC. It may not
// have more than flowMost, as the kernel counts by looking at each: at 8192, a new connection beyond them
// costs its maker 10 us.
const flowShare, flowLeast, flowMost = 32, 1024, 8192

// flowMax is how many connections an ordinary link may have at a time.
var flowMax = sync.OnceValue(func() int {
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_max")
	most, wrong := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || wrong != nil || most <= 0 {
		return flowLeast // conntrack's own default begins far above
	}
	return min(max(most/flowShare, flowLeast), flowMost)
})

// forgetSoon are settings of a namespace that forwards: what is over, or was never answered, does not stay
// in its table for long.
var forgetSoon = [][2]string{
	{"netfilter/nf_conntrack_tcp_timeout_time_wait", "5"}, {"netfilter/nf_conntrack_tcp_timeout_close", "5"},
	{"netfilter/nf_conntrack_tcp_timeout_syn_sent", "20"}, {"netfilter/nf_conntrack_tcp_timeout_syn_recv", "20"},
	{"netfilter/nf_conntrack_tcp_timeout_last_ack", "10"}, {"netfilter/nf_conntrack_tcp_timeout_fin_wait", "60"},
	{"netfilter/nf_conntrack_udp_timeout", "30"}, {"netfilter/nf_conntrack_udp_timeout_stream", "180"},
	{"netfilter/nf_conntrack_icmp_timeout", "10"}, {"netfilter/nf_conntrack_generic_timeout", "60"},
}

// addLimits adds the limits to a ruleset whose hooks are there; ids are those of the workloads.
func addLimits(r *ruleset, resolvers []netip.Addr, ids []string, links map[string]string) {
	plain := r.set(setPlain, setLink)
	for _, id := range ids {
		if link := links[id]; link != "" {
			plain[linkKey(link)] = ""
		}
	}
	flows := flowLimit(r)
	r.behindKnown("h_fwd", flows)
	r.behindKnown("h_in", flows, streamsLimit(r))
	addResolverLimits(r, resolvers)
}

// workloads are the links behind which others' programs run, not the fabric's own: interfaces, and the
// VPN gateway, behind which nobody else has counted.
func workloads(p *parts) []string {
	ids := make([]string, 0, len(p.interfaces)+1)
	if p.vpc.VPN != nil {
		ids = append(ids, wireKey(vpnLink))
	}
	for _, i := range p.interfaces {
		if i.Own() && !i.NAT && !i.Open {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

func hosts(list []network.Host) []string {
	ids := make([]string, 0, len(list))
	for _, h := range list {
		ids = append(ids, h.ID)
	}
	return ids
}

// behindKnown puts rules for first packets right behind the test for known ones.
func (r *ruleset) behindKnown(name string, rules ...rule) {
	c, known := r.chains[name], new(line).known().accept()
	at := 1 + slices.IndexFunc(c.rules, func(l rule) bool { return l.text == known.text })
	c.rules = slices.Insert(c.rules, at, rules...)
	r.chains[name] = c
}

// flowLimit is the rule that counts the connections which a link began.
func flowLimit(r *ruleset) rule {
	r.set(setFlows, setCounted)
	return new(line).fresh().plain().counted(setFlows, "ct over "+strconv.Itoa(flowMax()), connections(flowMax())).drop()
}

// streamsLimit counts connections to the resolver.
func streamsLimit(r *ruleset) rule {
	r.set(setStreams, setCounted)
	return new(line).fresh().member(false, setDNS).protocol(reach.TCP).
		counted(setStreams, "ct over "+strconv.Itoa(streamsEach), connections(streamsEach)).drop()
}

func connections(over int) expr.Any {
	return &expr.Connlimit{Count: uint32(over), Flags: expr.NFT_CONNLIMIT_F_INV}
}

// addResolverLimits limits what goes to a resolver and keeps it out of conntrack's table.
func addResolverLimits(r *ruleset, resolvers []netip.Addr) {
	r.set(setQuestions, setRated)
	raw := r.chains["h_raw"]
	var answers []rule
	for _, a := range resolvers {
		p := netip.PrefixFrom(a, 32)
		raw.rules = append(raw.rules, new(line).address(false, p).goTo(chainResolve))
		answers = append(answers, new(line).address(true, p).protocol(reach.UDP).untracked().accept())
	}
	r.chains["h_raw"] = raw
	rate := &expr.Limit{Type: expr.LimitTypePkts, Rate: questionsSecond, Unit: expr.LimitTimeSecond, Burst: questionsSecond, Over: true}
	r.chains[chainResolve] = chain{nil, []rule{
		new(line).counted(setQuestions, "over "+strconv.Itoa(questionsSecond)+"/s", rate).drop(),
		new(line).protocol(reach.UDP).untracked().accept(),
	}}
	r.chains[chainAnswer] = chain{&hook{at: nftables.ChainHookOutput, priority: nftables.ChainPriorityRaw}, answers}
}

// fresh matches packets of connections that are not in conntrack's table.
func (l *line) fresh() *line {
	const confirmed = 1 << 3 // IPS_CONFIRMED of linux/netfilter/nf_conntrack_common.h
	mask := binary.NativeEndian.AppendUint32(nil, confirmed)
	return l.add("ct fresh", &expr.Ct{Key: expr.CtKeySTATUS, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: make([]byte, 4)})
}

// plain matches packets from a workload's link.
func (l *line) plain() *line {
	return l.add("iifname @"+setPlain, &expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1}, &expr.Lookup{SourceRegister: 1, SetName: setPlain})
}

// counted matches packets of a link that is over its limit, which the set keeps.
func (l *line) counted(set, limit string, each expr.Any) *line {
	d := &expr.Dynset{SrcRegKey: 1, SetName: set, Operation: unix.NFT_DYNSET_OP_ADD, Exprs: []expr.Any{each}}
	if _, rate := each.(*expr.Limit); rate {
		d.Operation, d.Timeout = unix.NFT_DYNSET_OP_UPDATE, rateMemory
	}
	return l.add("iifname @"+set+" "+limit, &expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1}, d)
}

func (l *line) untracked() *line { return l.add("notrack", &expr.Notrack{}) }
