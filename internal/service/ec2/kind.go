package ec2

import (
	"fmt"
	"strings"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
)

// kind is a kind of resource: where its records are and how AWS speaks of them.
type kind[T any, P interface {
	*T
	common() *head
}] struct {
	table     store.Table[T]
	name      string // as in ARNs and tag specifications
	prefix    string
	notFound  fault.Kind
	absent    string // the sentence of notFound
	malformed fault.Kind
	misshapen string // the sentence of malformed
}

func newKind[T any, P interface {
	*T
	common() *head
}](name, prefix, code, absent string) kind[T, P] {
	return kind[T, P]{
		table: store.NewTable[T]("ec2." + name), name: name, prefix: prefix,
		notFound: fault.Kind{Code: code + ".NotFound", Status: 400}, absent: absent,
		malformed: fault.Kind{Code: code + ".Malformed", Status: 400},
		misshapen: `Invalid id: "%s" (expecting "` + prefix + `...")`,
	}
}

func (k kind[T, P]) malformedAs(code, sentence string) kind[T, P] {
	k.malformed, k.misshapen = fault.Kind{Code: code, Status: 400}, sentence
	return k
}

// wellFormed tells whether an id could be of this kind: lower-case letters and digits after the prefix.
// AWS's are hexadecimal, but it does not insist.
func wellFormed(prefix, id string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	return ok && rest != "" && len(rest) <= 32 && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// valid says why an id cannot be of this kind.
func (k kind[T, P]) valid(id string) error {
	if !wellFormed(k.prefix, id) {
		return k.malformed.New(k.misshapen, id)
	}
	return nil
}

func (k kind[T, P]) missing(id string) error { return k.notFound.New(k.absent, id) }

// get gives an account's record, or the fault that says there is none.
func (k kind[T, P]) get(tx *store.Tx, account, id string) (P, error) {
	if err := k.valid(id); err != nil {
		return nil, err
	}
	v, err := k.table.Get(tx, store.Key(account, id))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", k.name, id, err)
	}
	if v == nil {
		return nil, k.missing(id)
	}
	return v, nil
}

// all gives every record of an account, or of all accounts for the empty one, by id.
func (k kind[T, P]) all(tx *store.Tx, account string) ([]P, error) {
	list, err := k.table.All(tx, prefixOf(account))
	return pointers[T, P](list), err
}

// kept is all for who looks only: nobody may change what it gives.
func (k kind[T, P]) kept(tx *store.Tx, account string) ([]P, error) {
	list, err := k.table.Kept(tx, prefixOf(account))
	return pointers[T, P](list), err
}

// prefixOf is what the keys of an account's records begin with, or of all for the empty one.
func prefixOf(account string) string {
	if account == "" {
		return ""
	}
	return store.Prefix(account)
}

func pointers[T any, P interface{ *T }](list []*T) []P {
	out := make([]P, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// where gives the records of an account that a test lets through.
func (k kind[T, P]) where(tx *store.Tx, account string, test func(P) bool) ([]P, error) {
	list, err := k.all(tx, account)
	if err != nil {
		return nil, err
	}
	out := list[:0]
	for _, v := range list {
		if test(v) {
			out = append(out, v)
		}
	}
	return out, nil
}

// byID gives the records of an account under their ids.
func (k kind[T, P]) byID(tx *store.Tx, account string) (map[string]P, error) {
	list, err := k.all(tx, account)
	out := make(map[string]P, len(list))
	for _, v := range list {
		out[v.common().ID] = v
	}
	return out, err
}

func (k kind[T, P]) put(tx *store.Tx, v P) error {
	h := v.common()
	return k.table.Put(tx, store.Key(h.Account, h.ID), v)
}

func (k kind[T, P]) remove(tx *store.Tx, v P) error {
	h := v.common()
	return k.table.Delete(tx, store.Key(h.Account, h.ID))
}

// begin makes the head of a new record.
func (k kind[T, P]) begin(tx *store.Tx, account string, tags map[string]string) head {
	return head{ID: newID(k.prefix), Account: account, Created: tx.Now, Tags: tags}
}
