package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Table is a kind of record. Declare it as a variable beside the record type.
type Table[T any] struct{ name string }

// NewTable names a table. The name is written into the database: changing it loses the records.
func NewTable[T any](name string) Table[T] { return Table[T]{name} }

// in is the table's name in a part of the database: no name that a program gives holds the separator.
func (t Table[T]) in(part string) string {
	if part == "" {
		return t.name
	}
	return part + separator + t.name
}

// separator stands between the parts of a key; it sorts before every printable character, so all
// keys of a prefix stand together.
const separator = "\x1f"

// Key joins parts into a key. Only the last part may hold the separator.
func Key(parts ...string) string { return strings.Join(parts, separator) }

// Split gives the two parts of a key that was joined of two.
func Split(key string) (first, last string) {
	first, last, _ = strings.Cut(key, separator)
	return first, last
}

// Prefix is what all keys that begin with these parts begin with.
func Prefix(parts ...string) string {
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, separator) + separator
}

// Entry is a record with its key.
type Entry[T any] struct {
	Key   string
	Value *T
}

// Get gives the record under key, or nil when there is none.
func (t Table[T]) Get(tx *Tx, key string) (*T, error) {
	var doc []byte
	err := tx.tx.QueryRowContext(tx.ctx, `select doc from record where kind = $1 and key = $2`, t.in(tx.part), []byte(key)).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", t.name, err)
	}
	return t.decode(doc)
}

// Put writes the record under key, over whatever was there.
func (t Table[T]) Put(tx *Tx, key string, v *T) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("put %s: %w", t.name, err)
	}
	_, err = tx.tx.ExecContext(tx.ctx, `insert into record (kind, key, doc) values ($1, $2, $3)
		on conflict (kind, key) do update set doc = excluded.doc`, t.in(tx.part), []byte(key), string(doc))
	if err != nil {
		return fmt.Errorf("put %s: %w", t.name, err)
	}
	tx.tell(t.in(tx.part), key, v)
	return nil
}

// Delete removes the record under key; it is no error if there is none.
func (t Table[T]) Delete(tx *Tx, key string) error {
	_, err := tx.tx.ExecContext(tx.ctx, `delete from record where kind = $1 and key = $2`, t.in(tx.part), []byte(key))
	if err != nil {
		return fmt.Errorf("delete %s: %w", t.name, err)
	}
	tx.tell(t.in(tx.part), key, nil)
	return nil
}

// All gives every record whose key begins with prefix, in key order.
func (t Table[T]) All(tx *Tx, prefix string) ([]*T, error) {
	es, err := t.From(tx, prefix, "", -1)
	if err != nil {
		return nil, err
	}
	out := make([]*T, len(es))
	for i, e := range es {
		out[i] = e.Value
	}
	return out, nil
}

// From gives up to limit records (all when negative) whose key begins with prefix and is not before
// from, in key order. To go on, pass After of the last key.
func (t Table[T]) From(tx *Tx, prefix, from string, limit int) ([]Entry[T], error) {
	query, args := t.between(tx, prefix, from)
	if limit >= 0 {
		query += fmt.Sprintf(` limit %d`, limit)
	}
	return t.entries(tx, query, args)
}

// between asks for keys and documents of those whose key begins with prefix and is not before from, in key order.
func (t Table[T]) between(tx *Tx, prefix, from string) (query string, args []any) {
	query, args = `select key, doc from record where kind = $1 and key >= $2`, []any{t.in(tx.part), []byte(max(from, prefix))}
	if end := after(prefix); end != nil {
		query, args = query+` and key < $3`, append(args, end)
	}
	return query + ` order by key`, args
}

// entries runs a query for keys and documents.
func (t Table[T]) entries(tx *Tx, query string, args []any) ([]Entry[T], error) {
	rows, err := tx.tx.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", t.name, err)
	}
	defer rows.Close()
	var out []Entry[T]
	for rows.Next() {
		var key, doc []byte
		if err := rows.Scan(&key, &doc); err != nil {
			return nil, fmt.Errorf("list %s: %w", t.name, err)
		}
		v, err := t.decode(doc)
		if err != nil {
			return nil, err
		}
		out = append(out, Entry[T]{string(key), v})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list %s: %w", t.name, err)
	}
	return out, nil
}

// Last gives up to limit records whose key begins with prefix and is not before from but before to
// (no bound when it is empty), in the reverse of key order.
func (t Table[T]) Last(tx *Tx, prefix, from, to string, limit int) ([]Entry[T], error) {
	end := after(prefix)
	if to != "" && (end == nil || to < string(end)) {
		end = []byte(to)
	}
	query := `select key, doc from record where kind = $1 and key >= $2`
	args := []any{t.in(tx.part), []byte(max(from, prefix))}
	if end != nil {
		query += ` and key < $3`
		args = append(args, end)
	}
	return t.entries(tx, query+fmt.Sprintf(` order by key desc limit %d`, limit), args)
}

// After is the least key that sorts after key.
func After(key string) string { return key + "\x00" }

// AfterPrefix is the least key that sorts after every key beginning with prefix; "" when there is none.
func AfterPrefix(prefix string) string { return string(after(prefix)) }

// after gives the least key above all that begin with prefix; nil when nothing is.
func after(prefix string) []byte {
	b := []byte(prefix)
	for len(b) > 0 {
		if b[len(b)-1] < 0xff {
			b[len(b)-1]++
			return b
		}
		b = b[:len(b)-1]
	}
	return nil
}

func (t Table[T]) decode(doc []byte) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(doc, v); err != nil {
		return nil, fmt.Errorf("read %s: %w", t.name, err)
	}
	return v, nil
}

// Count tells how many records have a key that begins with prefix.
func (t Table[T]) Count(tx *Tx, prefix string) (int, error) {
	query, args := `select count(*) from record where kind = $1 and key >= $2`, []any{t.in(tx.part), []byte(prefix)}
	if end := after(prefix); end != nil {
		query, args = query+` and key < $3`, append(args, end)
	}
	var n int
	if err := tx.tx.QueryRowContext(tx.ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count %s: %w", t.name, err)
	}
	return n, nil
}

// DeleteAll removes every record whose key begins with prefix.
func (t Table[T]) DeleteAll(tx *Tx, prefix string) error {
	var gone []Entry[T]
	if len(tx.told[t.in(tx.part)]) > 0 {
		var err error
		if gone, err = t.From(tx, prefix, "", -1); err != nil {
			return err
		}
	}
	query, args := `delete from record where kind = $1 and key >= $2`, []any{t.in(tx.part), []byte(prefix)}
	if end := after(prefix); end != nil {
		query, args = query+` and key < $3`, append(args, end)
	}
	if _, err := tx.tx.ExecContext(tx.ctx, query, args...); err != nil {
		return fmt.Errorf("delete %s: %w", t.name, err)
	}
	for _, e := range gone {
		tx.tell(t.in(tx.part), e.Key, nil)
	}
	return nil
}
