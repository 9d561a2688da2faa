package policy

import (
	"encoding/base64"
	"net/netip"
	"strings"
)

// condition is one key under one operator, its values parsed when the document was.
type condition struct {
	written  string // the operator as the document spells it
	operator operator
	key      keyName
	operands []operand
}

// operand is one wanted value, in the form that its operator compares.
type operand struct {
	written string
	pieces  []piece // text with variables or wildcards
	dynamic bool    // pieces hold variables
	glob    glob
	arn     arnPattern
	decimal decimal
	instant instant
	network netip.Prefix
	binary  string
	truth   bool
	bad     bool // no value of the operator's class
}

func newOperand(text string, o operator, variables bool) operand {
	v := operand{written: text}
	if o.variables() {
		l := language{wildcards: o.class == likeClass || o.class == arnClass, variables: variables}
		v.pieces = parsePieces(text, l)
		v.dynamic = hasVariables(v.pieces)
	}
	ok := true
	switch o.class {
	case stringClass, likeClass:
		v.glob = newGlob(v.pieces)
	case foldClass:
		if !v.dynamic {
			v.binary, _ = expand(v.pieces, nil)
		}
	case arnClass:
		if !v.dynamic {
			v.arn = newARNPattern(v.pieces)
		}
	case numericClass:
		v.decimal, ok = parseDecimal(text)
	case dateClass:
		v.instant, ok = parseInstant(text)
	case boolClass:
		if !v.dynamic {
			plain, _ := expand(v.pieces, nil)
			v.truth, ok = parseBool(plain)
		}
	case nullClass:
		v.truth, ok = parseBool(text)
	case ipClass:
		v.network, ok = parseRange(text)
	case binaryClass:
		raw, err := base64.StdEncoding.DecodeString(text)
		v.binary, ok = string(raw), err == nil
	}
	v.bad = !ok
	return v
}

// holds answers the whole condition for a request.
func (d *condition) holds(c *Context) bool {
	v := c.find(&d.key)
	if d.operator.class == nullClass {
		return d.null(v == nil)
	}
	if v == nil {
		return d.missing()
	}
	switch {
	case d.operator.quantifier != noQuantifier:
		return d.quantified(v, c)
	case !v.many():
		return d.single(v.text, c)
	}
	return d.set(c.lists[v.list-1], c)
}

// null is the Null operator: some wanted value says whether the key is absent.
func (d *condition) null(absent bool) bool {
	for i := range d.operands {
		if !d.operands[i].bad && d.operands[i].truth == absent {
			return true
		}
	}
	return false
}

// missing is the answer when the request has no such key. Documentation contradicts itself on
// ForAnyValue with IfExists: the suffix wins here, and only here.
func (d *condition) missing() bool {
	switch {
	case d.operator.ifExists:
		return true
	case d.operator.quantifier != noQuantifier:
		return d.operator.quantifier == forAllValues
	}
	return d.operator.negated
}

// set answers a key of several values without a quantifier, which AWS leaves open: any value may
// satisfy a positive operator, and every value must satisfy a negated one.
func (d *condition) set(list []string, c *Context) bool {
	for _, text := range list {
		if d.single(text, c) != d.operator.negated {
			return !d.operator.negated
		}
	}
	return d.operator.negated
}

// quantified is set arithmetic; a set of nothing but empty strings counts as empty.
func (d *condition) quantified(v *value, c *Context) bool {
	all := d.operator.quantifier == forAllValues
	var room [1]string
	list := c.all(v, &room)
	if empty(list) {
		return all
	}
	for _, text := range list {
		if d.single(text, c) != all {
			return !all
		}
	}
	return all
}

func empty(list []string) bool {
	for _, text := range list {
		if text != "" {
			return false
		}
	}
	return true
}

// single answers for one value: some operand matches it, or for a negated operator none does. A
// negated operator over numbers, dates, addresses and ARNs holds only between two of them.
func (d *condition) single(text string, c *Context) bool {
	subject, ok := d.parse(text)
	if !ok {
		return false
	}
	for i := range d.operands {
		operand := &d.operands[i]
		if operand.bad {
			if d.operator.negated {
				return false
			}
			continue
		}
		if operand.match(&subject, d.operator, c) {
			return !d.operator.negated
		}
	}
	return d.operator.negated
}

// subject is a request's value, in the form that the operator compares.
type subject struct {
	text    string
	arn     [segments]string
	decimal decimal
	instant instant
	address netip.Addr
	truth   bool
}

func (d *condition) parse(text string) (s subject, ok bool) {
	s.text, ok = text, true
	switch d.operator.class {
	case numericClass:
		s.decimal, ok = parseDecimal(text)
	case dateClass:
		s.instant, ok = parseInstant(text)
	case boolClass:
		s.truth, ok = parseBool(text)
	case ipClass:
		s.address, ok = parseAddress(text)
	case arnClass:
		ok = splitARN(text, &s.arn) && s.arn[0] == "arn"
	}
	return s, ok
}

func (v *operand) match(s *subject, o operator, c *Context) bool {
	switch o.class {
	case numericClass:
		return o.relation.holds(s.decimal.compare(v.decimal))
	case dateClass:
		return o.relation.holds(s.instant.compare(v.instant))
	case ipClass:
		return v.network.Contains(s.address)
	case binaryClass:
		raw, err := base64.StdEncoding.DecodeString(s.text)
		return s.text == v.binary || err == nil && string(raw) == v.binary
	case arnClass:
		return v.matchARN(s, c)
	case foldClass:
		want, ok := v.binary, true
		if v.dynamic {
			want, ok = expand(v.pieces, c)
		}
		return ok && strings.EqualFold(want, s.text)
	case boolClass:
		if !v.dynamic {
			return s.truth == v.truth
		}
		text, _ := expand(v.pieces, c)
		truth, ok := parseBool(text)
		return ok && truth == s.truth
	}
	return v.glob.match(s.text, c)
}

// matchARN allows for a variable whose value holds colons, even a whole ARN.
func (v *operand) matchARN(s *subject, c *Context) bool {
	arn := &v.arn
	if v.dynamic {
		pieces, ok := substitute(v.pieces, c)
		if !ok {
			return false
		}
		filled := newARNPattern(pieces)
		arn = &filled
	}
	return arn.all || arn.given == segments && arn.match(&s.arn, c)
}
