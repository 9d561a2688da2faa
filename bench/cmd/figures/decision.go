package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

var benchmarkLine = regexp.MustCompile(`(?m)^Benchmark(Ours|Explain|Cedar)(Small|Large)/(\w+?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op.*?(\d+) allocs/op`)

// decision is one question to one engine over one set of policies.
type decision struct{ engine, set, question string }

// decisions are the least times of several rounds, as neighbours only ever add to them.
type decisions struct {
	took   map[decision]time.Duration
	allocs map[decision]int
}

// measureDecision runs the benchmarks of bench/policy: whole decisions, context included, over 13 statements
// and over 100 policies, by our engine plainly and with reasons, and by cedar-go, in turn.
func (r *run) measureDecision(ctx context.Context) error {
	test := r.work + "/policy.test"
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", test, ".")
	build.Dir = "bench/policy"
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	all := decisions{map[decision]time.Duration{}, map[decision]int{}}
	for range 7 {
		cmd := exec.CommandContext(ctx, test, "-test.run=^$", "-test.bench=.", "-test.benchtime=30ms")
		cmd.Dir = "bench/policy"
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		if err := all.read(out); err != nil {
			return err
		}
	}
	for _, set := range []struct {
		name, told string
		most       time.Duration
		peer       float64
	}{{"Small", "13 statements", time.Microsecond, 10}, {"Large", "100 policies", 5 * time.Microsecond, 100}} {
		if n := all.rows(r, set.name, set.told, set.most, set.peer); n == 0 && set.name == "Small" {
			return fmt.Errorf("the benchmarks of bench/policy are gone")
		}
	}
	return nil
}

func (d *decisions) read(out []byte) error {
	for _, m := range benchmarkLine.FindAllSubmatch(out, -1) {
		ns, err := strconv.ParseFloat(string(m[4]), 64)
		if err != nil {
			return err
		}
		allocs, err := strconv.Atoi(string(m[5]))
		if err != nil {
			return err
		}
		k := decision{string(m[1]), string(m[2]), string(m[3])}
		if old, ok := d.took[k]; !ok || time.Duration(ns) < old {
			d.took[k] = time.Duration(ns)
		}
		d.allocs[k] = allocs
	}
	return nil
}

// rows tells of each set the question that does worst: in time and beside cedar-go, and with reasons.
func (d *decisions) rows(r *run, set, told string, most time.Duration, least float64) (n int) {
	var slow, dear decision
	var slowest, reasons time.Duration
	ratio, times3 := 1e9, 0.0
	allocs := 0
	for k, took := range d.took {
		if k.engine != "Ours" || k.set != set {
			continue
		}
		n++
		allocs = max(allocs, d.allocs[k])
		if took > slowest {
			slow, slowest = k, took
		}
		ratio = min(ratio, float64(d.took[decision{"Cedar", set, k.question}])/float64(took))
		with := d.took[decision{"Explain", set, k.question}]
		if x := float64(with) / float64(took); x > times3 {
			dear, times3, reasons = k, x, with
		}
	}
	if n == 0 {
		return 0
	}
	r.table.add("policy decision, "+told+", slowest of "+strconv.Itoa(n), fmt.Sprintf("%.2f µs (%s), %d allocations", micros(slowest), slow.question, allocs),
		fmt.Sprintf("< %.0f µs, ≥ %.0fx cedar-go", micros(most), least), fmt.Sprintf("cedar-go %.1f µs", micros(d.took[decision{"Cedar", set, slow.question}])),
		fmt.Sprintf("%.0f", ratio), new(slowest < most && ratio >= least && allocs <= 1))
	r.table.add("– with all its reasons, dearest", fmt.Sprintf("%.2f µs (%s)", micros(reasons), dear.question), "≤ 3x without", fmt.Sprintf("without %.2f µs", micros(d.took[dear])),
		fmt.Sprintf("%.1f", times3), new(times3 <= 3))
	return n
}

func micros(d time.Duration) float64 { return float64(d) / 1e3 }
