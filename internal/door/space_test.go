package door

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"cloister/internal/engine/wire"
	"cloister/internal/frame/api"
	shapes "cloister/internal/value/model"
)

func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestLargeBodiesOfStrangersWaitForRoom(t *testing.T) {
	d := New(Config{Clock: time.Now})
	body := func(length int64) *exchange {
		return &exchange{request: &wire.Request{Body: &incoming{}, Length: length}}
	}
	leave, err := d.room(t.Context(), body(unproven/2), "a", unproven)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.room(over(), body(-1), "a", 1<<20); err == nil {
		t.Error("one sender has more than half of the room")
	}
	if _, err := d.room(over(), body(100), "a", 1<<20); err != nil {
		t.Errorf("a small body waits: %v", err)
	}
	leave()
	leave() // once is enough
	if d.bodies.taken != 0 || len(d.bodies.own) != 0 {
		t.Errorf("%d bytes are taken by nobody", d.bodies.taken)
	}
	if _, err := d.room(t.Context(), body(unproven/2), "a", unproven); err != nil {
		t.Errorf("room left is not there: %v", err)
	}
}

// Senders who fill all the room that they get leave enough for the body of another.
func TestNobodyIsKeptOutOfTheRoom(t *testing.T) {
	const most = 26 << 20
	s := newSpace(unproven)
	for _, who := range []string{"a", "b", "c", "d", "e"} {
		for n := 0; ; n++ {
			if _, err := s.take(over(), who, most); err != nil {
				if n == 0 && (who == "a" || who == "b") {
					t.Fatalf("%s gets nothing", who)
				}
				break
			}
		}
		if who == "b" { // two who take what they can
			leave, err := s.take(over(), "other", most)
			if err != nil {
				t.Fatal("another gets no room")
			}
			leave()
		}
	}
	if s.taken > s.all {
		t.Errorf("%d of %d bytes are taken", s.taken, s.all)
	}
}

// Who waits gets the room that is left.
func TestRoomThatIsLeftIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpace(100)
		leave, err := s.take(t.Context(), "a", 50)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		go func() {
			_, err := s.take(t.Context(), "a", 10)
			got <- err
		}()
		synctest.Wait()
		leave()
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
}

// Of one account so many calls are in hand at once, and no more; another's do not wait for them.
func TestAnAccountsCallsWaitTheirTurn(t *testing.T) {
	var u turns
	var ends []func()
	for range atOnce {
		end, err := u.take(over(), "a")
		if err != nil {
			end, err = u.take(t.Context(), "a")
		}
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	if _, err := u.take(over(), "a"); err == nil {
		t.Error("an account has more calls in hand")
	}
	for _, free := range []string{"b", ""} {
		end, err := u.take(t.Context(), free)
		if err != nil {
			t.Fatalf("%q waits: %v", free, err)
		}
		end()
	}
	ends[0]()
	if end, err := u.take(t.Context(), "a"); err != nil {
		t.Errorf("a turn that ended is not there: %v", err)
	} else {
		end()
	}
}

// What comes by wire waits its turn, and what a call has done in its name inside does not: it would wait for itself.
func TestWhoWaits(t *testing.T) {
	d := New(Config{Clock: time.Now})
	ran := 0
	call := func(id string, inside bool) *exchange {
		x := &exchange{service: &api.Service{Model: &shapes.Service{ID: id, Protocol: "query"}}, request: new(wire.Request)}
		x.Caller.Identity.Account = "111122223333"
		x.Call.Operation = &api.Operation{New: func() any { return nil }, Run: func(context.Context, *api.Call, any) (any, error) { ran++; return nil, nil }}
		if inside {
			x.request = nil
		}
		return x
	}
	for range atOnce {
		if _, err := d.turns.take(t.Context(), "111122223333"); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		service string
		inside  bool
		runs    int
	}{{"iam", false, 0}, {"iam", true, 1}, {"sagemakerruntime", false, 1}} {
		ran = 0
		if err := d.run(over(), call(c.service, c.inside)); ran != c.runs || (err == nil) != (c.runs == 1) {
			t.Errorf("%s inside %v ran %d times: %v", c.service, c.inside, ran, err)
		}
	}
}
