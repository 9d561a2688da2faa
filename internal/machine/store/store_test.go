package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cloister/internal/machine/store"
)

type animal struct{ Name string }

var animals = store.NewTable[animal]("animal")

func open(t testing.TB, path string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func put(t testing.TB, db *store.DB, keys ...string) {
	t.Helper()
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		for _, k := range keys {
			if err := animals.Put(tx, k, &animal{k}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func keys(t testing.TB, db *store.DB, prefix, from string, limit int) (out []string) {
	t.Helper()
	err := db.View(context.Background(), func(tx *store.Tx) error {
		es, err := animals.From(tx, prefix, from, limit)
		for _, e := range es {
			out = append(out, e.Value.Name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecordsAreFoundByKeyAndPrefix(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	put(t, db, store.Key("a", "2"), store.Key("a", "1"), store.Key("ab", "1"), store.Key("b", "ü\xff"), "\xff\xff")
	for _, c := range []struct {
		prefix, from string
		limit        int
		want         []string
	}{
		{"", "", -1, []string{store.Key("a", "1"), store.Key("a", "2"), store.Key("ab", "1"), store.Key("b", "ü\ufffd"), "\ufffd\ufffd"}},
		{store.Prefix("a"), "", -1, []string{store.Key("a", "1"), store.Key("a", "2")}},
		{store.Prefix("a"), "", 1, []string{store.Key("a", "1")}},
		{store.Prefix("a"), store.After(store.Key("a", "1")), -1, []string{store.Key("a", "2")}},
		{"\xff", "", -1, []string{"\ufffd\ufffd"}},
		{store.Prefix("c"), "", -1, nil},
	} {
		if got := keys(t, db, c.prefix, c.from, c.limit); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("From(%q, %q, %d) = %q, want %q", c.prefix, c.from, c.limit, got, c.want)
		}
	}
}

func TestLastReadsBackwards(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	a := func(n string) string { return store.Key("a", n) }
	put(t, db, a("1"), a("2"), a("3"), a("4"), store.Key("b", "1"))
	for _, c := range []struct {
		from, to string
		limit    int
		want     []string
	}{
		{"", "", 10, []string{a("4"), a("3"), a("2"), a("1")}},
		{"", "", 2, []string{a("4"), a("3")}},
		{"", a("3"), 10, []string{a("2"), a("1")}},
		{a("2"), a("4"), 10, []string{a("3"), a("2")}},
		{"", "zzz", 1, []string{a("4")}},
		{a("5"), "", 1, nil},
	} {
		var got []string
		err := db.View(context.Background(), func(tx *store.Tx) error {
			es, err := animals.Last(tx, store.Prefix("a"), c.from, c.to, c.limit)
			for _, e := range es {
				got = append(got, e.Key)
			}
			return err
		})
		if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
			t.Errorf("Last(%q, %q, %d) = %q, %v; want %q", c.from, c.to, c.limit, got, err, c.want)
		}
	}
}

func TestAFailedUpdateLeavesNothingAndRunsNoHook(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	sad := errors.New("sad")
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		tx.After(func() { t.Error("hook of a failed update ran") })
		if err := animals.Put(tx, "x", &animal{"x"}); err != nil {
			return err
		}
		return sad
	})
	if !errors.Is(err, sad) {
		t.Fatalf("Update = %v, want %v", err, sad)
	}
	if got := keys(t, db, "", "", -1); got != nil {
		t.Errorf("after a failed update: %q", got)
	}
}

func TestOnlyItsOwnerReadsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	put(t, open(t, path), "x")
	for _, name := range []string{path, path + "-wal"} {
		at, err := os.Stat(name)
		if err != nil || at.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", name, at.Mode(), err)
		}
	}
}

func TestAViewCannotWrite(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	err := db.View(context.Background(), func(tx *store.Tx) error { return animals.Put(tx, "x", &animal{"x"}) })
	if err == nil {
		t.Error("a view wrote a record")
	}
}

func TestUpdatesAreOneAfterAnotherWithTheirHooks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db := open(t, path)
	var order []int
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			err := db.Update(context.Background(), func(tx *store.Tx) error {
				all, err := animals.All(tx, "")
				if err != nil {
					return err
				}
				tx.After(func() { order = append(order, len(all)) })
				return animals.Put(tx, fmt.Sprintf("%03d", len(all)), &animal{"n"})
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, n := range order {
		if i != n {
			t.Fatalf("hooks ran in order %v", order)
		}
	}
	db.Close()
	if got := keys(t, open(t, path), "", "", -1); len(got) != 50 {
		t.Errorf("a second open finds %d records, want 50", len(got))
	}
}

func TestGetAndDelete(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	put(t, db, "x")
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		if v, err := animals.Get(tx, "x"); err != nil || v == nil || v.Name != "x" {
			t.Errorf("Get x = %v, %v", v, err)
		}
		if err := errors.Join(animals.Delete(tx, "x"), animals.Delete(tx, "never")); err != nil {
			t.Error(err)
		}
		if v, err := animals.Get(tx, "x"); err != nil || v != nil {
			t.Errorf("Get after Delete = %v, %v", v, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkUpdate(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "db"))
	for b.Loop() {
		put(b, db, "x")
	}
}

func TestWatchTellsEveryCommittedChangeInOrder(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	put(t, db, "a", "b/1")
	known := map[string]string{}
	told := func(key string, v *animal) func() {
		name := "gone"
		if v != nil {
			name = v.Name
		}
		if name == "silent" {
			return nil
		}
		return func() { known[key] = name }
	}
	if err := store.Watch(t.Context(), db, animals, told); err != nil {
		t.Fatal(err)
	}
	if known["a"] != "a" || known["b/1"] != "b/1" {
		t.Errorf("of what was there it knows %v", known)
	}
	other := store.NewTable[animal]("other")
	failed := errors.New("no")
	for _, f := range []func(*store.Tx) error{
		func(tx *store.Tx) error {
			v := &animal{"first"}
			err := errors.Join(animals.Put(tx, "c", v), other.Put(tx, "d", v), animals.Put(tx, "e", &animal{"silent"}))
			v.Name = "changed after"
			return err
		},
		func(tx *store.Tx) error { return errors.Join(animals.Put(tx, "a", &animal{"never"}), failed) },
		func(tx *store.Tx) error {
			return errors.Join(animals.Put(tx, "a", &animal{"once"}), animals.Put(tx, "a", &animal{"twice"}), animals.DeleteAll(tx, "b"))
		},
		func(tx *store.Tx) error { return animals.Delete(tx, "c") },
	} {
		if err := db.Update(t.Context(), f); err != nil && !errors.Is(err, failed) {
			t.Fatal(err)
		}
		if known["c"] == "changed after" {
			t.Error("it was told of what was not written")
		}
	}
	if got := fmt.Sprint(known); got != "map[a:twice b/1:gone c:gone]" {
		t.Error(got)
	}
	db.Close()
	if err := store.Watch(t.Context(), db, animals, told); err == nil {
		t.Error("a closed database is watched")
	}
}

func TestSplitTakesAKeyApart(t *testing.T) {
	if a, b := store.Split(store.Key("a", "b")); a != "a" || b != "b" {
		t.Errorf("%q, %q", a, b)
	}
}
