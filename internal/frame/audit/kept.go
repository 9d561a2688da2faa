package audit

import (
	"cloister/internal/machine/store"
)

const (
	// Kept is how many denied calls of an account are kept in the store at most.
	Kept = 10000
	// KeptBytes is how long their records may be, all together.
	KeptBytes = 64 << 20
)

// row says which denied call of an account is the oldest; total sums an account's rows up.
type row struct {
	ID    string
	Bytes int
}

type total struct{ Count, Bytes int }

var (
	entries = store.NewTable[Entry]("audit_entry")
	rows    = store.NewTable[row]("audit_kept") // by account, time and id
	totals  = store.NewTable[total]("audit_total")
	// order is how an older version knew the oldest call of all accounts.
	order = store.NewTable[string]("audit_order")
)

// write keeps denied calls and removes the oldest of the same accounts beyond what is kept.
func write(tx *store.Tx, batch []*Entry) error {
	sums := map[string]*total{}
	for _, e := range batch {
		c, bytes, err := e.bounded()
		if err != nil {
			return err
		}
		if err := entries.Put(tx, store.Key("id", e.RequestID), c); err != nil {
			return err
		}
		if err := count(tx, sums, e, bytes); err != nil {
			return err
		}
	}
	for account, t := range sums {
		if err := trim(tx, account, t); err != nil {
			return err
		}
		if err := totals.Put(tx, account, t); err != nil {
			return err
		}
	}
	return nil
}

// count puts a row for an entry and adds it to its account's sum.
func count(tx *store.Tx, sums map[string]*total, e *Entry, bytes int) error {
	account := e.account()
	t := sums[account]
	if t == nil {
		var err error
		if t, err = totals.Get(tx, account); err != nil {
			return err
		}
		if t == nil {
			t = new(total)
		}
		sums[account] = t
	}
	t.Count++
	t.Bytes += bytes
	return rows.Put(tx, store.Key(account, e.Time.UTC().Format("2006-01-02T15:04:05.000000000Z"), e.RequestID), &row{e.RequestID, bytes})
}

// trim removes the oldest denied calls of an account.
func trim(tx *store.Tx, account string, t *total) error {
	for t.Count > Kept || t.Bytes > KeptBytes {
		old, err := rows.From(tx, store.Prefix(account), "", max(64, t.Count-Kept))
		if err != nil || len(old) == 0 {
			return err
		}
		for _, o := range old {
			if t.Count <= Kept && t.Bytes <= KeptBytes {
				break
			}
			if err := entries.Delete(tx, store.Key("id", o.Value.ID)); err != nil {
				return err
			}
			if err := rows.Delete(tx, o.Key); err != nil {
				return err
			}
			t.Count--
			t.Bytes -= o.Value.Bytes
		}
	}
	return nil
}

// adopt takes over what an older version kept.
func adopt(tx *store.Tx) error {
	old, err := order.From(tx, "", "", -1)
	if err != nil {
		return err
	}
	var batch []*Entry
	for _, o := range old {
		e, err := entries.Get(tx, store.Key("id", *o.Value))
		if err != nil {
			return err
		}
		switch {
		case e == nil:
		case e.account() == "":
			err = entries.Delete(tx, store.Key("id", *o.Value)) // nobody may read it
		default:
			batch = append(batch, e)
		}
		if err == nil {
			err = order.Delete(tx, o.Key)
		}
		if err != nil {
			return err
		}
	}
	return write(tx, batch)
}
