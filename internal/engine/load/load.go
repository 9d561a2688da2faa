// Package load decides how a load test goes: how many users there are when, when the test has seen enough, and
// what it has found.
//
// It promises that the same traffic gives the same levels and the same windows the same verdict. It must not know
// how requests are made, nor what time it is.
package load

import (
	"math"
	"slices"
	"time"
)

// Phase is traffic that begins with some users; PerMinute join them, evenly.
type Phase struct {
	Users, PerMinute int
	For              time.Duration
}

// Level is a number of users that stays for a while.
type Level struct {
	Users int
	For   time.Duration
}

// Peak is the most users that phases come to.
func Peak(phases []Phase) (most float64) {
	for _, p := range phases {
		most = max(most, float64(p.Users)+math.Ceil(float64(p.PerMinute)*p.For.Minutes())-1, float64(p.Users))
	}
	return most
}

// Levels are the phases one after another. Each begins anew with its own users.
func Levels(phases []Phase) (out []Level) {
	for _, p := range phases {
		left, users := p.For, p.Users
		for p.PerMinute > 0 && left > time.Minute/time.Duration(p.PerMinute) {
			step := time.Minute / time.Duration(p.PerMinute)
			out, left, users = append(out, Level{users, step}), left-step, users+1
		}
		if left > 0 {
			out = append(out, Level{users, left})
		}
	}
	return out
}

// Stairs are levels in which each has the same number of users more than the one before.
func Stairs(steps, users int, each time.Duration) (out []Phase) {
	for i := range steps {
		out = append(out, Phase{Users: users * (i + 1), For: each})
	}
	return out
}

// Window is what was seen while the number of users stayed the same.
type Window struct {
	Users            int
	Answered, Failed int
	PerMinute        float64
	// Latency is the percentile of the answers' times that is asked for.
	Latency time.Duration
	// CPU and Memory are percents of what the instance has, nil where nobody measures them.
	CPU, Memory *float64
}

// See makes a window of the times of its answers.
func See(users int, times []time.Duration, failures int, length time.Duration, percentile float64) Window {
	w := Window{Users: users, Answered: len(times), Failed: failures}
	if length > 0 {
		w.PerMinute = float64(len(times)) / length.Minutes()
	}
	if len(times) > 0 {
		slices.Sort(times)
		at := int(math.Ceil(percentile / 100 * float64(len(times))))
		w.Latency = times[min(max(at, 1), len(times))-1]
	}
	return w
}

// Conditions end a test before its traffic does. A zero is no condition.
type Conditions struct {
	PerMinute int
	Latency   time.Duration
	// Flat ends it once more users bring no more answers.
	Flat bool
}

const (
	// flatWindows in a row with more users and not more answers are flat; rise is what counts as more.
	flatWindows = 3
	rise        = 1.05
)

// Met tells whether the last window is enough.
func (c Conditions) Met(seen []Window) bool {
	if len(seen) == 0 {
		return false
	}
	last := seen[len(seen)-1]
	switch {
	case c.PerMinute > 0 && last.PerMinute >= float64(c.PerMinute):
		return true
	case c.Latency > 0 && last.Answered > 0 && last.Latency > c.Latency:
		return true
	}
	return c.Flat && flat(seen)
}

func flat(seen []Window) bool {
	n := len(seen) - flatWindows
	if n < 1 {
		return false
	}
	best := seen[0]
	for _, w := range seen[:n] {
		if w.PerMinute > best.PerMinute {
			best = w
		}
	}
	for _, w := range seen[n:] {
		if best.Answered == 0 || w.Users <= best.Users || w.PerMinute > best.PerMinute*rise {
			return false
		}
	}
	return true
}

// Best is the window with the most answers a minute among those that keep to the latency; if none does, the one
// that comes nearest. There is none where nothing was answered.
func (c Conditions) Best(seen []Window) (best Window, ok bool) {
	for _, w := range seen {
		if w.Answered == 0 {
			continue
		}
		keeps, kept := c.keeps(w), c.keeps(best)
		switch {
		case !ok, keeps && !kept, keeps && w.PerMinute > best.PerMinute, !keeps && !kept && w.Latency < best.Latency:
			best, ok = w, true
		}
	}
	return best, ok
}

func (c Conditions) keeps(w Window) bool { return c.Latency == 0 || w.Latency <= c.Latency }
