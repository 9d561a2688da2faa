package load

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLevels(t *testing.T) {
	for name, c := range map[string]struct {
		phases []Phase
		want   []Level
		peak   float64
	}{
		"steady":         {[]Phase{{2, 0, time.Minute}}, []Level{{2, time.Minute}}, 2},
		"joined":         {[]Phase{{1, 2, 70 * time.Second}}, []Level{{1, 30 * time.Second}, {2, 30 * time.Second}, {3, 10 * time.Second}}, 3},
		"to the second":  {[]Phase{{1, 2, time.Minute}}, []Level{{1, 30 * time.Second}, {2, 30 * time.Second}}, 2},
		"begun anew":     {[]Phase{{3, 0, time.Second}, {1, 0, time.Second}}, []Level{{3, time.Second}, {1, time.Second}}, 3},
		"stairs":         {Stairs(2, 3, time.Minute), []Level{{3, time.Minute}, {6, time.Minute}}, 6},
		"shorter than a": {[]Phase{{1, 1, time.Second}}, []Level{{1, time.Second}}, 1},
		"none":           {nil, nil, 0},
	} {
		if d := cmp.Diff(c.want, Levels(c.phases)); d != "" || Peak(c.phases) != c.peak {
			t.Errorf("%s: peak %v %s", name, Peak(c.phases), d)
		}
	}
}

func TestSee(t *testing.T) {
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration(100-i)*time.Millisecond)
	}
	for p, want := range map[float64]time.Duration{50: 50, 95: 95, 99: 99, 100: 100, 0: 1} {
		w := See(2, slices.Clone(times), 3, 30*time.Second, p)
		if w.Latency != want*time.Millisecond || w.PerMinute != 200 || w.Answered != 100 || w.Failed != 3 || w.Users != 2 {
			t.Errorf("%v: %+v", p, w)
		}
	}
	if w := See(1, nil, 0, 0, 95); w != (Window{Users: 1}) {
		t.Errorf("%+v", w)
	}
}

// windows are made of users, answers a minute and milliseconds.
func windows(of ...[3]int) (out []Window) {
	for _, w := range of {
		out = append(out, Window{Users: w[0], Answered: w[1], PerMinute: float64(w[1]), Latency: time.Duration(w[2]) * time.Millisecond})
	}
	return out
}

func TestConditions(t *testing.T) {
	late := Conditions{Latency: 100 * time.Millisecond}
	for name, c := range map[string]struct {
		of   Conditions
		seen []Window
		met  bool
		best float64
	}{
		"nothing seen":     {late, nil, false, 0},
		"nothing answered": {late, windows([3]int{1, 0, 0}), false, 0},
		"fast enough":      {late, windows([3]int{1, 10, 100}, [3]int{2, 20, 99}), false, 20},
		"too slow":         {late, windows([3]int{1, 10, 50}, [3]int{2, 20, 101}), true, 10},
		"always too slow":  {late, windows([3]int{1, 10, 150}, [3]int{2, 20, 300}), true, 10},
		"slow, then not":   {late, windows([3]int{1, 30, 150}, [3]int{1, 5, 100}), false, 5},
		"many":             {Conditions{PerMinute: 20}, windows([3]int{1, 20, 1}), true, 20},
		"not as many":      {Conditions{PerMinute: 21}, windows([3]int{1, 20, 1}), false, 20},
		"flat":             {Conditions{Flat: true}, windows([3]int{1, 100, 1}, [3]int{2, 104, 2}, [3]int{3, 105, 3}, [3]int{4, 99, 4}), true, 105},
		"flat, go on":      {Conditions{}, windows([3]int{1, 100, 1}, [3]int{2, 104, 2}, [3]int{3, 105, 3}, [3]int{4, 99, 4}), false, 105},
		"rising":           {Conditions{Flat: true}, windows([3]int{1, 100, 1}, [3]int{2, 104, 2}, [3]int{3, 106, 3}, [3]int{4, 99, 4}), false, 106},
		"the same users":   {Conditions{Flat: true}, windows([3]int{1, 100, 1}, [3]int{1, 100, 1}, [3]int{1, 100, 1}, [3]int{1, 100, 1}), false, 100},
		"too early":        {Conditions{Flat: true}, windows([3]int{1, 100, 1}, [3]int{2, 100, 1}, [3]int{3, 100, 1}), false, 100},
		"silent":           {Conditions{Flat: true}, windows([3]int{1, 0, 0}, [3]int{2, 0, 0}, [3]int{3, 0, 0}, [3]int{4, 0, 0}), false, 0},
	} {
		best, ok := c.of.Best(c.seen)
		if got := c.of.Met(c.seen); got != c.met || best.PerMinute != c.best || ok != (c.best > 0) {
			t.Errorf("%s: met %v, best %+v", name, got, best)
		}
	}
}
