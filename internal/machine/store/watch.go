package store

import "context"

// watcher is told of a change; what it gives back happens as Tx.After's functions do.
type watcher func(key string, v any) (then func())

// Watch tells about every record of a table: those there are, before it returns, and each one that a
// transaction puts or deletes (nil), while the transaction goes on. What told gives back, if anything, happens when that is
// durable, in the order of commits, and must be quick and must not call the DB. It keeps something in
// memory true to the records without each of their writers knowing of it.
func Watch[T any](ctx context.Context, d *DB, t Table[T], told func(key string, v *T) (then func())) error {
	defer d.alone()() // no commit is missed and none is told twice
	var all []Entry[T]
	if err := d.View(ctx, func(tx *Tx) (err error) { all, err = t.From(tx, "", "", -1); return err }); err != nil {
		return err
	}
	for _, e := range all {
		if then := told(e.Key, e.Value); then != nil {
			then()
		}
	}
	if d.watched == nil {
		d.watched = map[string][]watcher{}
	}
	table := t.in(d.part)
	d.watched[table] = append(d.watched[table], func(key string, v any) func() {
		value, _ := v.(*T)
		return told(key, value)
	})
	return nil
}

func (tx *Tx) tell(table, key string, v any) {
	for _, w := range tx.told[table] {
		if then := w(key, v); then != nil {
			tx.After(then)
		}
	}
}
