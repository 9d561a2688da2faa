package sigv4

import (
	"bytes"
	"strconv"
	"testing"
)

func TestKeysAreBoundedAndForgetTheOldest(t *testing.T) {
	k := newKeys(3)
	first := k.get("secret", "20261121", "r", "s")
	for i := range 10 {
		k.get("secret"+strconv.Itoa(i), "20261121", "r", "s")
		if k.get("secret", "20261121", "r", "s") != first {
			t.Fatal("the key used last was forgotten")
		}
	}
	if len(k.byID) != 3 || k.recent.Len() != 3 {
		t.Errorf("%d and %d keys", len(k.byID), k.recent.Len())
	}
	for i := range 3 {
		k.get("other"+strconv.Itoa(i), "20261121", "r", "s")
	}
	if again := k.get("secret", "20261121", "r", "s"); again == first {
		t.Error("the oldest key was kept")
	} else if !bytes.Equal(again.sign(nil, []byte("x")), first.sign(nil, []byte("x"))) {
		t.Error("a key derived again is another one")
	}
}

func TestKeysDiffer(t *testing.T) {
	k := newKeys(16)
	seen := map[string]bool{}
	for _, s := range [][4]string{{"a", "d", "r", "s"}, {"ab", "d", "r", "s"}, {"a", "e", "r", "s"}, {"a", "d", "rs", ""}, {"a", "d", "", "rs"}, {"b", "d", "r", "s"}} {
		seen[string(k.get(s[0], s[1], s[2], s[3]).sign(nil, []byte("x")))] = true
	}
	if len(seen) != 6 || len(k.byID) != 6 {
		t.Errorf("%d keys, %d remembered", len(seen), len(k.byID))
	}
}
