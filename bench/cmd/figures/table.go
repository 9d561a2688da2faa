package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// row is one figure beside its target and its peer.
type row struct{ figure, ours, target, peer, ratio, verdict string }

type table []row

// add writes a row; met is nil where there is no target.
func (t *table) add(figure, ours, target, peer, ratio string, met *bool) {
	verdict := ""
	if met != nil {
		verdict = "missed"
		if *met {
			verdict = "met"
		}
	}
	*t = append(*t, row{figure, ours, target, peer, ratio, verdict})
}

// print writes a table that is Markdown too.
func (t table) print(w io.Writer) {
	head := row{"figure", "Cloister", "target", "peer, same run", "ratio", ""}
	width := [6]int{}
	for _, r := range append(table{head}, t...) {
		for i, c := range r.cells() {
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	line := func(r row) {
		fmt.Fprint(w, "|")
		for i, c := range r.cells() {
			fmt.Fprintf(w, " %s%s |", c, strings.Repeat(" ", width[i]-len([]rune(c))))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\n%d cores, load %s, %s\n\n", runtime.NumCPU(), loadAverage(), runtime.Version())
	line(head)
	fmt.Fprint(w, "|")
	for _, n := range width {
		fmt.Fprint(w, strings.Repeat("-", n+2), "|")
	}
	fmt.Fprintln(w)
	for _, r := range t {
		line(r)
	}
}

func (r row) cells() [6]string {
	return [6]string{r.figure, r.ours, r.target, r.peer, r.ratio, r.verdict}
}

func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:1], " ")
}

// median is the middle one, or the mean of the two in the middle.
func median[T float64 | time.Duration](all []T) T {
	if len(all) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(all))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// spread is a median with the least and the most.
func spread(all []time.Duration) string {
	return fmt.Sprintf("%s (%s-%s)", ms(median(all)), ms(slices.Min(all)), ms(slices.Max(all)))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1e3) }

func us(d time.Duration) string { return fmt.Sprintf("%.0f µs", float64(d.Nanoseconds())/1e3) }

func times[T float64 | time.Duration](ours, theirs T) string {
	if theirs == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", float64(ours)/float64(theirs))
}
