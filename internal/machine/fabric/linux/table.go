package linux

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// tableName carries the version of the rules' layout: a table of another version is replaced whole,
// as its rules' texts may mean other expressions.
const tableName = "cloister1"

// table is one router's nftables table: what it holds, and the socket to change it.
type table struct {
	namespace int
	socket    *nfSocket
	room      int // bytes that fit into a batch
	have      *ruleset
}

var theTable = &nftables.Table{Name: tableName, Family: nftables.TableFamilyIPv4}

// close gives the socket back; what the table holds is then unknown.
func (t *table) close() {
	if t.socket != nil {
		t.socket.close()
	}
	t.socket, t.have = nil, nil
}

// load finds out what the table holds, if that is not known.
func (t *table) load() (err error) {
	if t.socket == nil {
		if t.socket, t.room, err = openNF(t.namespace); err != nil {
			return err
		}
	}
	if t.have != nil {
		return nil
	}
	if err := t.read(); err != nil {
		t.close()
		return err
	}
	return nil
}

// apply makes the table equal to want. After an error its content is unknown and is read back first.
func (t *table) apply(want *ruleset) error {
	if err := t.load(); err != nil {
		return err
	}
	if err := t.change(want); err != nil {
		t.close()
		return err
	}
	t.have = want
	return nil
}

// change sends what differs, in an order in which every reference exists when it is made and is gone
// when its target goes. Mostly that is one batch, which the kernel takes as a whole. New chains come in one
// of their own before: the kernel gives a packet under way the rules of one moment but the elements of
// the next, and so might lead it to a chain that has no rules yet for it. A change too large for one
// batch is cut only between two chains or sets: what no longer leads anywhere, then chains, then elements.
func (t *table) change(want *ruleset) error {
	b := &batch{socket: t.socket, room: t.room}
	t.addSets(b, want)
	if t.addChains(b, want) {
		t.writeChains(b, want, true)
		if err := b.flush(); err != nil {
			return err
		}
	}
	t.removeElements(b, want)
	t.writeChains(b, want, false)
	t.addElements(b, want)
	t.removeRest(b, want)
	return b.flush()
}

func (t *table) addSets(b *batch, want *ruleset) {
	for _, name := range slices.Sorted(maps.Keys(want.sets)) {
		old, there := t.have.sets[name]
		if kind := want.sets[name].kind; !there || old.kind != kind {
			b.begin()
			b.addSet(name, kind)
			b.end()
		}
	}
}

func (t *table) removeElements(b *batch, want *ruleset) {
	for _, name := range slices.Sorted(maps.Keys(t.have.sets)) {
		b.elements(unix.NFT_MSG_DELSETELEM, name, t.have.sets[name], want.sets[name].elements)
	}
}

func (t *table) addElements(b *batch, want *ruleset) {
	for _, name := range slices.Sorted(maps.Keys(want.sets)) {
		b.elements(unix.NFT_MSG_NEWSETELEM, name, want.sets[name], t.have.sets[name].elements)
	}
}

// addChains makes the missing chains that are gone to; hooks come with their rules, as one that is
// still empty would drop everything.
func (t *table) addChains(b *batch, want *ruleset) (some bool) {
	for _, name := range slices.Sorted(maps.Keys(want.chains)) {
		if _, there := t.have.chains[name]; !there && want.chains[name].hook == nil {
			b.begin()
			b.addChain(name, nil)
			b.end()
			some = true
		}
	}
	return some
}

// writeChains fills the chains that addChains made, or brings the others in order.
func (t *table) writeChains(b *batch, want *ruleset, fresh bool) {
	same := func(a, b rule) bool { return a.text == b.text }
	for _, name := range slices.Sorted(maps.Keys(want.chains)) {
		c := want.chains[name]
		old, there := t.have.chains[name]
		if fresh != (!there && c.hook == nil) || fresh && len(c.rules) == 0 || there && slices.EqualFunc(old.rules, c.rules, same) {
			continue
		}
		// A chain is rewritten in one piece. One that no batch can hold is, for a moment, shorter than
		// it should be: then less is accepted, not more.
		b.begin()
		if there {
			b.emptyChain(name)
		} else if c.hook != nil {
			b.addChain(name, c.hook)
		}
		for i, r := range c.rules {
			if i > 0 && len(b.buffer)-b.whole > b.room {
				b.end()
				b.begin()
			}
			b.addRule(name, r)
		}
		b.end()
	}
}

// removeRest removes chains and sets that are wanted no more: hooks first and whole, as an empty one
// might drop everything; then the others, emptied before any goes, as they may refer to each other.
func (t *table) removeRest(b *batch, want *ruleset) {
	var gone []string
	for _, name := range slices.Sorted(maps.Keys(t.have.chains)) {
		if _, stays := want.chains[name]; stays {
			continue
		}
		if t.have.chains[name].hook == nil {
			gone = append(gone, name)
			continue
		}
		b.begin()
		b.removeChain(name)
		b.end()
	}
	for _, each := range []func(string){b.emptyChain, b.removeChain} {
		for _, name := range gone {
			b.begin()
			each(name)
			b.end()
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.have.sets)) {
		if _, stays := want.sets[name]; !stays {
			b.begin()
			b.removeSet(name)
			b.end()
		}
	}
}

// The messages, with what libnftnl puts into each.

const create = unix.NLM_F_CREATE

func (b *batch) addChain(name string, h *hook) {
	b.message(unix.NFT_MSG_NEWCHAIN, create, "add chain "+name)
	b.text(unix.NFTA_CHAIN_TABLE, tableName)
	b.text(unix.NFTA_CHAIN_NAME, name)
	if h != nil {
		b.nest(unix.NFTA_CHAIN_HOOK)
		b.number(unix.NFTA_HOOK_HOOKNUM, uint32(*h.at))
		b.number(unix.NFTA_HOOK_PRIORITY, uint32(*h.priority))
		b.close()
		policy, kind := nftables.ChainPolicyAccept, nftables.ChainTypeFilter
		if h.drop {
			policy = nftables.ChainPolicyDrop
		}
		if h.nat {
			kind = nftables.ChainTypeNAT
		}
		b.number(unix.NFTA_CHAIN_POLICY, uint32(policy))
		b.text(unix.NFTA_CHAIN_TYPE, string(kind))
	}
	b.done()
}

func (b *batch) removeChain(name string) {
	b.message(unix.NFT_MSG_DELCHAIN, 0, "remove chain "+name)
	b.text(unix.NFTA_CHAIN_TABLE, tableName)
	b.text(unix.NFTA_CHAIN_NAME, name)
	b.done()
}

func (b *batch) emptyChain(name string) {
	b.message(unix.NFT_MSG_DELRULE, 0, "empty chain "+name)
	b.text(unix.NFTA_RULE_TABLE, tableName)
	b.text(unix.NFTA_RULE_CHAIN, name)
	b.done()
}

func (b *batch) addRule(chain string, r rule) {
	b.message(unix.NFT_MSG_NEWRULE, create|unix.NLM_F_APPEND, chain+": "+r.text)
	b.text(unix.NFTA_RULE_TABLE, tableName)
	b.text(unix.NFTA_RULE_CHAIN, chain)
	b.nest(unix.NFTA_RULE_EXPRESSIONS)
	for _, e := range r.exprs {
		raw, err := expr.Marshal(unix.NFPROTO_IPV4, e)
		if err != nil {
			b.err = errors.Join(b.err, fmt.Errorf("%s: %s: %w", chain, r.text, err))
		}
		b.bytes(unix.NLA_F_NESTED|unix.NFTA_LIST_ELEM, raw)
	}
	b.close()
	b.bytes(unix.NFTA_RULE_USERDATA, userdata.AppendString(nil, userdata.TypeComment, r.text))
	b.done()
}

var errStrange = errors.New("not as this fabric makes it")
