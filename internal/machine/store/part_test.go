package store_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"cloister/internal/machine/store"
)

func TestPartsHaveRecordsOfTheirOwn(t *testing.T) {
	whole := open(t, filepath.Join(t.TempDir(), "db"))
	part := whole.In("part")
	var told []string
	err := store.Watch(t.Context(), part, animals, func(key string, v *animal) func() {
		return func() { told = append(told, fmt.Sprint(key, v != nil)) }
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, whole, "cat", "dog")
	put(t, part, "dog", "eel")
	if a, b := fmt.Sprint(keys(t, whole, "", "", -1)), fmt.Sprint(keys(t, part, "", "", -1)); a != "[cat dog]" || b != "[dog eel]" {
		t.Errorf("%s and %s", a, b)
	}
	// One transaction sees both, and is durable in both or in neither; its hooks are one list.
	var order []string
	err = part.Update(t.Context(), func(tx *store.Tx) error {
		in := tx.In("")
		tx.After(func() { order = append(order, "part") })
		in.After(func() { order = append(order, "whole") })
		if n, err := animals.Count(in, ""); err != nil || n != 2 {
			t.Errorf("%d %v", n, err)
		}
		if err := animals.Delete(in, "cat"); err != nil {
			return err
		}
		return animals.DeleteAll(tx, "")
	})
	if err != nil || fmt.Sprint(order) != "[part whole]" {
		t.Error(order, err)
	}
	if a, b := fmt.Sprint(keys(t, whole, "", "", -1)), fmt.Sprint(keys(t, part, "", "", -1)); a != "[dog]" || b != "[]" {
		t.Errorf("%s and %s", a, b)
	}
	if fmt.Sprint(told) != "[dogtrue eeltrue dogfalse eelfalse]" {
		t.Errorf("the part's watcher was told %v", told)
	}
}
