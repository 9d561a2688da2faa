package reconcile_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloister/internal/frame/reconcile"
)

func TestOneWorkerAKeyAndNoAddIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var inside [3]atomic.Int32
		var seen [3]atomic.Int32
		q := reconcile.New("test", slog.Default(), func(ctx context.Context, key string) (time.Duration, error) {
			i := key[0] - '0'
			if inside[i].Add(1) != 1 {
				t.Errorf("two workers hold key %s", key)
			}
			time.Sleep(time.Second)
			seen[i].Add(1)
			inside[i].Add(-1)
			return 0, nil
		})
		var wg sync.WaitGroup
		wg.Go(func() { q.Run(ctx, 2) })
		for _, k := range []string{"0", "1", "2", "0"} {
			q.Add(k)
		}
		time.Sleep(500 * time.Millisecond)
		q.Add("0") // while it is being worked on: must run once more
		q.Add("0") // but only once
		time.Sleep(time.Minute)
		cancel()
		wg.Wait()
		for i, want := range []int32{2, 1, 1} {
			if got := seen[i].Load(); got != want {
				t.Errorf("key %d was worked on %d times, want %d", i, got, want)
			}
		}
	})
}

func TestFailuresAreTriedAgainWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var at []time.Time
		q := reconcile.New("test", slog.New(slog.DiscardHandler), func(ctx context.Context, key string) (time.Duration, error) {
			at = append(at, time.Now())
			if len(at) < 4 {
				return 0, errors.New("sad")
			}
			return 0, nil
		})
		var wg sync.WaitGroup
		wg.Go(func() { q.Run(ctx, 1) })
		q.Add("x")
		time.Sleep(time.Hour)
		cancel()
		wg.Wait()
		if len(at) != 4 {
			t.Fatalf("tried %d times, want 4", len(at))
		}
		if a, b := at[1].Sub(at[0]), at[2].Sub(at[1]); b <= a {
			t.Errorf("pauses %v then %v do not grow", a, b)
		}
	})
}

func TestAKeyThatAsksAgainIsGivenAgainAndAddIsQuicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		var n atomic.Int32
		var last atomic.Int64
		q := reconcile.New("test", slog.Default(), func(ctx context.Context, key string) (time.Duration, error) {
			last.Store(int64(time.Since(start)))
			if n.Add(1) < 3 {
				return time.Hour, nil
			}
			return 0, nil
		})
		var wg sync.WaitGroup
		wg.Go(func() { q.Run(ctx, 1) })
		q.Add("x")
		time.Sleep(time.Minute)
		q.Add("x") // does not wait for the hour
		time.Sleep(time.Minute)
		if n := n.Load(); n != 2 {
			t.Errorf("after Add: worked %d times, want 2", n)
		}
		time.Sleep(3 * time.Hour)
		cancel()
		wg.Wait()
		if n, last := n.Load(), time.Duration(last.Load()); n != 3 || last != time.Hour+time.Minute {
			t.Errorf("worked %d times, last at %v; want 3, the last an hour after the second", n, last)
		}
	})
}
