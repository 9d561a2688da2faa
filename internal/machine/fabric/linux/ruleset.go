package linux

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"cloister/internal/value/network"
)

// A ruleset is the wanted content of one router's nftables table, plain enough to be compared: a rule
// is known by its text, which is stored with it in the kernel as its comment, so that what the kernel
// holds can be read back and compared in the same words.
type ruleset struct {
	sets   map[string]set_
	chains map[string]chain

	// While it is compiled: the VPC's groups, and the names of combinations of them.
	groups       map[string]*network.Group
	combinations map[combination]string
}

// set_ is a set or verdict map; the elements' values are chains to go to, empty in a plain set.
type set_ struct {
	kind     setKind
	elements map[string]string
}

type setKind int

const (
	setAddress     setKind = iota // an address
	setBound                      // a link's name and an address
	setGo                         // an address, and the chain to go to
	setLink                       // a link's name
	setLinkGo                     // a link's name, and the chain to go to
	setCounted                    // a link's name; the kernel adds them, with a count of connections
	setRated                      // a link's name; the kernel adds them, with a rate, and forgets them
	setTranslation                // an address, and the one that stands for it
	setUnknownKind                // as read back: never equal to a wanted one
)

type chain struct {
	hook  *hook // nil for a chain that is only gone to
	rules []rule
}

type hook struct {
	at       *nftables.ChainHook
	priority *nftables.ChainPriority
	drop     bool
	nat      bool
}

type rule struct {
	text  string
	exprs []expr.Any
}

func newRuleset() *ruleset {
	return &ruleset{sets: map[string]set_{}, chains: map[string]chain{}, combinations: map[combination]string{}}
}

func (r *ruleset) set(name string, kind setKind) map[string]string {
	s, ok := r.sets[name]
	if !ok {
		s = set_{kind, map[string]string{}}
		r.sets[name] = s
	}
	return s.elements
}

// addressKey and boundKey are elements as the kernel spells them.
func addressKey(a netip.Addr) string { b := a.As4(); return string(b[:]) }

func boundKey(link string, a netip.Addr) string {
	var b [unix.IFNAMSIZ + 4]byte
	copy(b[:], link)
	four := a.As4()
	copy(b[unix.IFNAMSIZ:], four[:])
	return string(b[:])
}

// line builds one rule: matches first, then the verdict; each part adds its words and expressions.
type line struct {
	words []string
	exprs []expr.Any
}

func (l *line) add(words string, exprs ...expr.Any) *line {
	l.words = append(l.words, words)
	l.exprs = append(l.exprs, exprs...)
	return l
}

// rule ends the line. A text too long for a comment is cut and told apart by its hash.
func (l *line) rule() rule {
	text := strings.Join(l.words, " ")
	if len(text) > 120 {
		text = text[:100] + "~" + hash(text, 16)
	}
	return rule{text, l.exprs}
}

// Offsets and lengths in an IPv4 header, as nft loads them.
func loadSource(register uint32) expr.Any {
	return &expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4}
}

func loadDestination(register uint32) expr.Any {
	return &expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4}
}

func load(source bool) (string, expr.Any) {
	if source {
		return "saddr", loadSource(1)
	}
	return "daddr", loadDestination(1)
}

// address matches the source (or destination) against a prefix.
func (l *line) address(source bool, p netip.Prefix) *line {
	side, payload := load(source)
	if p.Bits() == 0 {
		return l
	}
	base := p.Masked().Addr().As4()
	exprs := []expr.Any{payload}
	if p.Bits() < 32 {
		var mask [4]byte
		binary.BigEndian.PutUint32(mask[:], ^uint32(0)<<(32-p.Bits()))
		exprs = append(exprs, &expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask[:], Xor: make([]byte, 4)})
	}
	exprs = append(exprs, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: base[:]})
	return l.add(side+" "+p.String(), exprs...)
}

// member matches the source (or destination) against a set.
func (l *line) member(source bool, set string) *line {
	side, payload := load(source)
	return l.add(side+" @"+set, payload, &expr.Lookup{SourceRegister: 1, SetName: set})
}

// unbound matches a packet whose link and source address do not belong together.
func (l *line) unbound(set string) *line {
	return l.add("iifname . saddr != @"+set,
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1}, loadSource(2),
		&expr.Lookup{SourceRegister: 1, SetName: set, Invert: true})
}

// dispatch goes on with the chain that a verdict map has for the source (or destination).
func (l *line) dispatch(source bool, set string) *line {
	side, payload := load(source)
	return l.add(side+" vmap @"+set, payload,
		&expr.Lookup{SourceRegister: 1, DestRegister: 0, IsDestRegSet: true, SetName: set})
}

func (l *line) protocol(number int) *line {
	return l.add(fmt.Sprintf("proto %d", number),
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{byte(number)}})
}

// port matches the destination port.
func (l *line) port(from, to int) *line {
	load := &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}
	if from == to {
		return l.add(fmt.Sprintf("dport %d", from), load, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: two(from)})
	}
	return l.add(fmt.Sprintf("dport %d-%d", from, to), load,
		&expr.Cmp{Op: expr.CmpOpGte, Register: 1, Data: two(from)},
		&expr.Cmp{Op: expr.CmpOpLte, Register: 1, Data: two(to)})
}

// icmp matches a type or a code, the bytes at offset 0 and 1.
func (l *line) icmp(what string, offset uint32, value int) *line {
	return l.add(fmt.Sprintf("%s %d", what, value),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{byte(value)}})
}

// known matches packets of connections that were let in before, and errors about them.
func (l *line) known() *line {
	return l.state("ct known", expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED)
}

// sound matches packets that begin a connection or belong to one: neither an answer to nothing nor
// what is no packet of its protocol. Only such are translated.
func (l *line) sound() *line {
	return l.state("ct sound", expr.CtStateBitNEW|expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED)
}

func (l *line) state(words string, bits uint32) *line {
	mask := binary.NativeEndian.AppendUint32(nil, bits)
	return l.add(words,
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)})
}

func (l *line) accept() rule { return l.verdict("accept", expr.VerdictAccept, "") }
func (l *line) drop() rule   { return l.verdict("drop", expr.VerdictDrop, "") }

func (l *line) jump(chain string) rule { return l.verdict("jump "+chain, expr.VerdictJump, chain) }
func (l *line) goTo(chain string) rule { return l.verdict("goto "+chain, expr.VerdictGoto, chain) }

func (l *line) verdict(word string, kind expr.VerdictKind, chain string) rule {
	return l.add(word, &expr.Verdict{Kind: kind, Chain: chain}).rule()
}

func two(port int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(port)) }
