package door

import (
	"io"
	"testing"
	"time"

	"cloister/internal/engine/wire"
	"cloister/internal/value/caller"
)

// Whoever asks for large answers and does not take them is told to wait, and nobody else.
func TestAnswersThatNobodyTakesAreBounded(t *testing.T) {
	d := New(Config{Clock: time.Now})
	of := func(account string) *exchange {
		x := &exchange{request: &wire.Request{}}
		x.Caller.Identity = caller.Identity{Account: account}
		return x
	}
	var all []io.Closer
	fill := func(account string) {
		for n := 0; d.listens(over(), of(account)) == nil; n++ {
			if n > 100 {
				t.Fatalf("%s has as many answers lying as he likes", account)
			}
			w := &wire.Response{Bytes: make([]byte, 20<<20)}
			d.lay(of(account), w)
			if w.Bytes != nil || w.Length != 20<<20 {
				t.Fatal("a large answer is not counted")
			}
			all = append(all, w.Body)
		}
	}
	fill("1")
	fill("2")
	if d.unsent.taken > unread+2*20<<20 {
		t.Errorf("%d bytes lie in memory", d.unsent.taken)
	}
	if err := d.listens(over(), of("3")); err != nil {
		t.Errorf("another account waits for them: %v", err)
	}
	for _, c := range all {
		c.Close()
		c.Close() // once is enough
	}
	if err := d.listens(over(), of("1")); err != nil || d.unsent.taken != 0 || len(d.unsent.own) != 0 {
		t.Errorf("%v, %d bytes are nobody's", err, d.unsent.taken)
	}
	small := &wire.Response{Bytes: make([]byte, prefetch)}
	if d.lay(of("1"), small); small.Body != nil {
		t.Error("a small answer is counted")
	}
}
