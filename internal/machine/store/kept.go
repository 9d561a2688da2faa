package store

import (
	"database/sql"
	"fmt"
	"sync"
)

// Kept gives what All does, of records that nobody may change: a document that is as it was when somebody asked before is not
// read again. For those who look at all of a long table again and again.
func (t Table[T]) Kept(tx *Tx, prefix string) ([]*T, error) {
	query, args := t.between(tx, prefix, prefix)
	rows, err := tx.tx.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", t.name, err)
	}
	defer rows.Close()
	known := tx.db.keptOf(t.in(tx.part))
	known.Lock()
	defer known.Unlock()
	// Who looks at the whole table takes along what is in it, and leaves behind what is not any more.
	now := known.by
	if prefix == "" {
		now = make(map[string]kept, len(known.by))
		defer func() { known.by = now }()
	}
	var out []*T
	for rows.Next() {
		var key, doc sql.RawBytes
		if err := rows.Scan(&key, &doc); err != nil {
			return nil, fmt.Errorf("list %s: %w", t.name, err)
		}
		k, is := known.by[string(key)]
		if !is || k.doc != string(doc) {
			v, err := t.decode(doc)
			if err != nil {
				return nil, err
			}
			k = kept{string(key), string(doc), v}
		}
		now[k.key] = k
		out = append(out, k.value.(*T))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list %s: %w", t.name, err)
	}
	return out, nil
}

// kept is a document and what it says.
type kept struct {
	key, doc string
	value    any
}

// keptTable is what was read of a table, by key.
type keptTable struct {
	sync.Mutex
	by map[string]kept
}

func (d *shared) keptOf(table string) *keptTable {
	t, _ := d.kept.LoadOrStore(table, &keptTable{by: map[string]kept{}})
	return t.(*keptTable)
}
