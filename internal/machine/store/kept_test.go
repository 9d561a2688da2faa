package store_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"cloister/internal/machine/store"
)

// What Kept gives is what All gives, in whatever transaction and after whatever happened, and the same value while the document is.
func TestKeptIsAll(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	sad := errors.New("sad")
	same := func(tx *store.Tx, prefix string) []*animal {
		t.Helper()
		kept, err := animals.Kept(tx, prefix)
		if err != nil {
			t.Error(err)
		}
		all, err := animals.All(tx, prefix)
		if err != nil || len(all) != len(kept) {
			t.Errorf("%d and %d, %v", len(all), len(kept), err)
			return nil
		}
		for i := range all {
			if *all[i] != *kept[i] {
				t.Errorf("kept %v, is %v", *kept[i], *all[i])
			}
		}
		return kept
	}
	look := func(prefix string) (kept []*animal) {
		t.Helper()
		if err := db.View(t.Context(), func(tx *store.Tx) error { kept = same(tx, prefix); return nil }); err != nil {
			t.Error(err)
		}
		return kept
	}
	change := func(end error, f func(tx *store.Tx) error) {
		t.Helper()
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			if err := f(tx); err != nil {
				return err
			}
			same(tx, "") // what is not yet durable is seen within
			same(tx, "b")
			return end
		})
		if !errors.Is(err, end) {
			t.Error(err)
		}
	}
	look("")
	change(nil, func(tx *store.Tx) error {
		return errors.Join(animals.Put(tx, "a", &animal{"ape"}), animals.Put(tx, "b", &animal{"bee"}), animals.Put(tx, "bb", &animal{"bug"}))
	})
	first := look("")
	if again := look(""); len(again) != 3 || again[1] != first[1] {
		t.Errorf("read again: %v, %v", first, again)
	}
	change(sad, func(tx *store.Tx) error { return animals.Put(tx, "b", &animal{"bat"}) })
	look("b")
	change(nil, func(tx *store.Tx) error { return animals.Put(tx, "b", &animal{"bear"}) })
	if got := look("b"); got[0].Name != "bear" || first[1].Name != "bee" {
		t.Errorf("%v, once %v", got[0], first[1])
	}
	change(nil, func(tx *store.Tx) error { return animals.Delete(tx, "b") })
	look("")
	change(nil, func(tx *store.Tx) error { return animals.DeleteAll(tx, "") })
	look("")
	change(nil, func(tx *store.Tx) error { return animals.Put(tx, "b", &animal{"bee"}) })
	look("")
	other := db.In("other")
	if err := other.View(t.Context(), func(tx *store.Tx) error { same(tx, ""); return nil }); err != nil {
		t.Error(err)
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if i%5 == 0 {
				change(nil, func(tx *store.Tx) error { return animals.Put(tx, "b", &animal{string(rune('a' + i%26))}) })
			}
			look([]string{"", "b"}[i%2])
		})
	}
	wg.Wait()
}
