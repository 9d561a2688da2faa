package linux

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// tableName carries the version of the rules' layout: a table of another version is replaced whole,
// as its rules' texts may mean other expressions.
const tableName = "cloister1"

// table is one router's nftables table: what it holds, and the socket to change it.
type table struct {
	namespace int
	conn      *nftables.Conn
	room      int // messages that fit into a batch
	have      *ruleset
}

var setIDs atomic.Uint32

var theTable = &nftables.Table{Name: tableName, Family: nftables.TableFamilyIPv4}

// connect opens the socket. Each message of a batch is answered, so both buffers bound a batch; an
// ordinary user's cannot exceed the host's maximum.
func (t *table) connect() error {
	if t.conn != nil {
		return nil
	}
	const want = 4 << 20
	t.room = 100
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(t.namespace),
		nftables.WithSockOptions(func(c *netlink.Conn) error {
			c.SetReadBuffer(want)
			c.SetWriteBuffer(want)
			raw, err := c.SyscallConn()
			if err != nil {
				return err
			}
			return raw.Control(func(fd uintptr) {
				r, _ := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
				w, _ := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF)
				t.room = max(t.room, min(r, w)/2048)
			})
		}))
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	t.conn = conn
	return nil
}

// close gives the socket back; what the table holds is then unknown.
func (t *table) close() {
	if t.conn != nil {
		t.conn.CloseLasting()
	}
	t.conn, t.have = nil, nil
}

// load finds out what the table holds, if that is not known.
func (t *table) load() error {
	if err := t.connect(); err != nil || t.have != nil {
		return err
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
// when its target goes. Mostly that is one batch, which the kernel takes as a whole. A larger change is
// cut only between two chains or sets: first what no longer leads anywhere, then chains, then elements.
func (t *table) change(want *ruleset) error {
	b := &batch{table: t}
	t.addSets(b, want)
	t.removeElements(b, want)
	t.addChains(b, want)
	t.writeChains(b, want)
	t.addElements(b, want)
	t.removeRest(b, want)
	return b.flush()
}

func (t *table) addSets(b *batch, want *ruleset) {
	for _, name := range slices.Sorted(maps.Keys(want.sets)) {
		old, there := t.have.sets[name]
		kind := want.sets[name].kind
		if there && old.kind == kind {
			continue
		}
		b.add(1, func(c *nftables.Conn) error { return c.AddSet(newSet(name, kind), nil) })
	}
}

func newSet(name string, kind setKind) *nftables.Set {
	s := &nftables.Set{Table: theTable, Name: name, ID: setIDs.Add(1), KeyType: nftables.TypeIPAddr}
	switch kind {
	case setBound:
		s.KeyType = nftables.MustConcatSetType(nftables.TypeIFName, nftables.TypeIPAddr)
		s.Concatenation = true
	case setGo:
		s.IsMap, s.DataType = true, nftables.TypeVerdict
	case setLink:
		s.KeyType = nftables.TypeIFName
	case setTranslation:
		s.IsMap, s.DataType = true, nftables.TypeIPAddr
	case setLinkGo:
		s.KeyType, s.IsMap, s.DataType = nftables.TypeIFName, true, nftables.TypeVerdict
	case setCounted:
		s.KeyType, s.Dynamic, s.Size = nftables.TypeIFName, true, 65535
	case setRated:
		s.KeyType, s.Dynamic, s.Size, s.HasTimeout, s.Timeout = nftables.TypeIFName, true, 65535, true, rateMemory
	}
	return s
}

func (t *table) removeElements(b *batch, want *ruleset) {
	for _, name := range slices.Sorted(maps.Keys(t.have.sets)) {
		now, stays := want.sets[name]
		var gone []nftables.SetElement
		for key, value := range t.have.sets[name].elements {
			if to, ok := now.elements[key]; !stays || !ok || to != value {
				gone = append(gone, element(t.have.sets[name].kind, key, value))
			}
		}
		b.elements(name, t.have.sets[name].kind, gone, (*nftables.Conn).SetDeleteElements)
	}
}

func (t *table) addElements(b *batch, want *ruleset) {
	for _, name := range slices.Sorted(maps.Keys(want.sets)) {
		old := t.have.sets[name]
		var fresh []nftables.SetElement
		for key, value := range want.sets[name].elements {
			if to, ok := old.elements[key]; !ok || to != value {
				fresh = append(fresh, element(want.sets[name].kind, key, value))
			}
		}
		b.elements(name, want.sets[name].kind, fresh, (*nftables.Conn).SetAddElements)
	}
}

func element(kind setKind, key, value string) nftables.SetElement {
	e := nftables.SetElement{Key: []byte(key)}
	if kind == setTranslation {
		e.Val = []byte(value)
	} else if value != "" {
		e.VerdictData = &expr.Verdict{Kind: expr.VerdictGoto, Chain: value}
	}
	return e
}

// addChains makes the missing chains that are gone to; hooks come with their rules, as one that is
// still empty would drop everything.
func (t *table) addChains(b *batch, want *ruleset) {
	for _, name := range slices.Sorted(maps.Keys(want.chains)) {
		if _, there := t.have.chains[name]; !there && want.chains[name].hook == nil {
			b.add(1, func(c *nftables.Conn) error { c.AddChain(newChain(name, nil)); return nil })
		}
	}
}

func newChain(name string, h *hook) *nftables.Chain {
	c := &nftables.Chain{Table: theTable, Name: name}
	if h != nil {
		policy := nftables.ChainPolicyAccept
		if h.drop {
			policy = nftables.ChainPolicyDrop
		}
		c.Hooknum, c.Priority, c.Type, c.Policy = h.at, h.priority, nftables.ChainTypeFilter, &policy
		if h.nat {
			c.Type = nftables.ChainTypeNAT
		}
	}
	return c
}

func (t *table) writeChains(b *batch, want *ruleset) {
	same := func(a, b rule) bool { return a.text == b.text }
	for _, name := range slices.Sorted(maps.Keys(want.chains)) {
		rules := want.chains[name].rules
		old, there := t.have.chains[name]
		if (there || len(rules) == 0 && want.chains[name].hook == nil) && slices.EqualFunc(old.rules, rules, same) {
			continue
		}
		// A chain is rewritten in one piece. One that no batch can hold is, for a moment, shorter than
		// it should be: then less is accepted, not more.
		first := rules[:min(len(rules), t.room-1)]
		b.add(1+len(first), func(c *nftables.Conn) error {
			if there {
				c.FlushChain(&nftables.Chain{Table: theTable, Name: name})
			} else if h := want.chains[name].hook; h != nil {
				c.AddChain(newChain(name, h))
			}
			return appendRules(c, name, first)
		})
		for part := range slices.Chunk(rules[len(first):], t.room) {
			b.add(len(part), func(c *nftables.Conn) error { return appendRules(c, name, part) })
		}
	}
}

func appendRules(c *nftables.Conn, chain string, rules []rule) error {
	at := &nftables.Chain{Table: theTable, Name: chain}
	for _, r := range rules {
		c.AddRule(&nftables.Rule{Table: theTable, Chain: at, Exprs: r.exprs,
			UserData: userdata.AppendString(nil, userdata.TypeComment, r.text)})
	}
	return nil
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
		b.add(1, func(c *nftables.Conn) error { c.DelChain(&nftables.Chain{Table: theTable, Name: name}); return nil })
	}
	for _, name := range gone {
		b.add(1, func(c *nftables.Conn) error { c.FlushChain(&nftables.Chain{Table: theTable, Name: name}); return nil })
	}
	for _, name := range gone {
		b.add(1, func(c *nftables.Conn) error { c.DelChain(&nftables.Chain{Table: theTable, Name: name}); return nil })
	}
	for _, name := range slices.Sorted(maps.Keys(t.have.sets)) {
		if _, stays := want.sets[name]; !stays {
			b.add(1, func(c *nftables.Conn) error { c.DelSet(&nftables.Set{Table: theTable, Name: name}); return nil })
		}
	}
}

// batch collects changes and sends them when its table's buffers would be full.
type batch struct {
	table *table
	count int
	err   error
}

// add takes changes that belong together, of so many messages.
func (b *batch) add(messages int, change func(*nftables.Conn) error) {
	if b.count > 0 && b.count+messages > b.table.room {
		b.flush()
	}
	if b.err == nil {
		b.err = change(b.table.conn)
	}
	b.count += messages
}

// elements adds a message for every few hundred elements, as many as its length field can hold.
func (b *batch) elements(set string, kind setKind, list []nftables.SetElement, change func(*nftables.Conn, *nftables.Set, []nftables.SetElement) error) {
	for part := range slices.Chunk(list, 400) {
		b.add(1+len(part)/16, func(c *nftables.Conn) error {
			s := newSet(set, kind)
			s.ID = 0
			return change(c, s, part)
		})
	}
}

func (b *batch) flush() error {
	if b.err == nil && b.count > 0 {
		if err := b.table.conn.Flush(); err != nil {
			b.err = fmt.Errorf("change rules: %w", err)
		}
	}
	b.count = 0
	return b.err
}

var errStrange = errors.New("not as this fabric makes it")
