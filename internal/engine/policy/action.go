package policy

import "strings"

// action is one action pattern, folded.
type action struct {
	text    string // "service:name", "*", or with wildcards
	written string
}

// vendor gives the part before the colon, false when it is missing or holds a wildcard.
func (a *action) vendor() (string, bool) {
	vendor, _, ok := strings.Cut(a.text, ":")
	return vendor, ok && !strings.ContainsAny(vendor, "*?")
}

func (a *action) exact() bool { return !strings.ContainsAny(a.text, "*?") }

// everything tells whether the pattern is "*" however often written; "*:*" is as wide.
func (a *action) everything() bool {
	return a.text == "*:*" || strings.Trim(a.text, "*") == ""
}

// actionName is the action of a request, with the hashes that every index is asked by.
type actionName struct {
	text          string
	hash, service uint64
}

func nameAction(text string) actionName {
	a := actionName{text: text, hash: fnvOffset}
	for i := 0; i < len(text); i++ {
		c := foldByte(text[i])
		if c == ':' && a.service == 0 {
			a.service = a.hash
		}
		a.hash = (a.hash ^ uint64(c)) * fnvPrime
	}
	return a
}

// matchAction is a wildcard match of a folded pattern that ignores the text's case. On a mismatch it
// returns to the last star only, so its cost is bounded by the product of the lengths.
func matchAction(pattern, text string) bool {
	p, t, star, from := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == foldByte(text[t])):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// index finds the statements of one document that may be about an action, so that a decision reads
// those alone: a principal's policies name thousands of actions and a request is one.
type index struct {
	exact    []exactEntry    // open addressing, a power of two long
	services []serviceEntry  // open addressing, a power of two long
	loose    []looseAction   // patterns whose service is a wildcard
	always   []uint16        // statements with "*" or NotAction
	ids      [][]uint16      // statements by exactEntry
	globs    [][]looseAction // patterns by serviceEntry
}

type exactEntry struct {
	hash uint64
	name string
	ids  uint32 // 1 + place in index.ids; 0 in an empty slot
}

type serviceEntry struct {
	hash  uint64
	globs uint32 // 1 + place in index.globs; 0 in an empty slot
}

type looseAction struct {
	pattern   string
	statement uint16
}

func newIndex(statements []statement) *index {
	x := &index{}
	exact, globs := map[string]int{}, map[string]int{}
	for i := range statements {
		s := &statements[i]
		id := uint16(i)
		if s.notAction || s.anyAction {
			x.always = append(x.always, id)
			continue
		}
		for j := range s.actions {
			a := &s.actions[j]
			vendor, ok := a.vendor()
			switch {
			case a.exact():
				at := place(exact, a.text, &x.ids)
				x.ids[at] = append(x.ids[at], id)
			case ok:
				at := place(globs, vendor, &x.globs)
				x.globs[at] = append(x.globs[at], looseAction{a.text, id})
			default:
				x.loose = append(x.loose, looseAction{a.text, id})
			}
		}
	}
	x.exact = make([]exactEntry, tableSize(len(exact)))
	for name, at := range exact {
		h := foldHash(name)
		i := h & uint64(len(x.exact)-1)
		for x.exact[i].ids != 0 {
			i = (i + 1) & uint64(len(x.exact)-1)
		}
		x.exact[i] = exactEntry{h, name, uint32(at + 1)}
	}
	x.services = make([]serviceEntry, tableSize(len(globs)))
	for vendor, at := range globs {
		h := foldHash(vendor)
		i := h & uint64(len(x.services)-1)
		for x.services[i].globs != 0 {
			i = (i + 1) & uint64(len(x.services)-1)
		}
		x.services[i] = serviceEntry{h, uint32(at + 1)}
	}
	return x
}

// place gives name a place in rows.
func place[T any](places map[string]int, name string, rows *[]T) int {
	at, ok := places[name]
	if !ok {
		var row T
		at = len(*rows)
		places[name] = at
		*rows = append(*rows, row)
	}
	return at
}

// tableSize keeps half of a table empty, so that a search for what is absent ends.
func tableSize(n int) int {
	size := 1
	for size < 2*n+1 {
		size *= 2
	}
	return size
}

// mark sets the bits of the statements that may be about the action. A service's patterns are kept
// by hash alone: another service with the same hash costs a match that fails, never a wrong answer.
func (x *index) mark(a *actionName, bits []uint64) {
	for _, id := range x.always {
		bits[id/64] |= 1 << (id % 64)
	}
	for i, mask := a.hash, uint64(len(x.exact)-1); ; i++ {
		e := &x.exact[i&mask]
		if e.ids == 0 {
			break
		}
		if e.hash == a.hash && foldEqual(e.name, a.text) {
			for _, id := range x.ids[e.ids-1] {
				bits[id/64] |= 1 << (id % 64)
			}
			break
		}
	}
	for i, mask := a.service, uint64(len(x.services)-1); ; i++ {
		e := &x.services[i&mask]
		if e.globs == 0 {
			break
		}
		if e.hash == a.service {
			markLoose(x.globs[e.globs-1], a, bits)
		}
	}
	markLoose(x.loose, a, bits)
}

func markLoose(patterns []looseAction, a *actionName, bits []uint64) {
	for i := range patterns {
		if matchAction(patterns[i].pattern, a.text) {
			bits[patterns[i].statement/64] |= 1 << (patterns[i].statement % 64)
		}
	}
}
