package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"cloister/internal/machine/store"
)

// Those that share a commit see each other, and one that fails, panics or is too late takes back its own only.
func TestSharedUpdatesKeepTheirPromises(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db := open(t, path)
	sad := errors.New("sad")
	late, cancel := context.WithCancel(context.Background())
	cancel()
	var hooked []string // hooks run one after another
	add := func(ctx context.Context, name string, end func() error) error {
		return db.UpdateShared(ctx, func(tx *store.Tx) error {
			all, err := animals.Count(tx, "")
			if err != nil {
				return err
			}
			tx.After(func() { hooked = append(hooked, name) })
			if err := animals.Put(tx, fmt.Sprintf("%03d", all), &animal{name}); err != nil {
				return err
			}
			return end()
		})
	}
	fine := func() error { return nil }
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			name := fmt.Sprint(i)
			if err := add(t.Context(), name, fine); err != nil {
				t.Error(err)
			}
			if err := add(t.Context(), "failed", func() error { return sad }); !errors.Is(err, sad) {
				t.Errorf("a failed one gave %v", err)
			}
			if err := add(late, "late", fine); !errors.Is(err, context.Canceled) {
				t.Errorf("a late one gave %v", err)
			}
			within, cancel := context.WithCancel(t.Context())
			if err := add(within, "cut", func() error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
				t.Errorf("one that was cut off gave %v", err)
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Error("a panic was lost")
					}
				}()
				add(t.Context(), "panic", func() error { panic("no") }) //nolint:errcheck // it gives none
			}()
			// What has returned is durable, also for who reads by another connection, and for Update.
			found := false
			for _, n := range keys(t, db, "", "", -1) {
				found = found || n == name
			}
			if !found {
				t.Errorf("%s has returned and is not there", name)
			}
		})
		if i%10 == 0 {
			wg.Go(func() {
				err := db.Update(t.Context(), func(tx *store.Tx) error {
					all, err := animals.Count(tx, "")
					if err == nil && all != len(hooked) {
						t.Errorf("an Update sees %d records, and %d hooks have run", all, len(hooked))
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	db.Close()
	if got := keys(t, open(t, path), "", "", -1); fmt.Sprint(got) != fmt.Sprint(hooked) || len(got) != 100 {
		t.Errorf("records %v\nhooks %v", got, hooked)
	}
}

// Alone, a shared one is durable when it returns: nobody comes for it.
func TestASharedUpdateWaitsForNobody(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	for i := range 3 {
		err := db.UpdateShared(t.Context(), func(tx *store.Tx) error { return animals.Put(tx, fmt.Sprint(i), &animal{"x"}) })
		if err != nil {
			t.Fatal(err)
		}
		if got := keys(t, db, "", "", -1); len(got) != i+1 {
			t.Errorf("%d records, want %d", len(got), i+1)
		}
	}
}
