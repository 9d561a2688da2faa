package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

var benchmarkLine = regexp.MustCompile(`(?m)^BenchmarkExplainSmall/(\w+?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op`)

// measureDecision runs the policy engine's benchmark: a whole decision with its reasons, context
// included, over 13 statements. SHA-256 of 1 KB is the yardstick that says how fast the machine was.
func (r *run) measureDecision(ctx context.Context) error {
	test := r.work + "/policy.test"
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", test, "./internal/engine/policy").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	took := map[string][]time.Duration{}
	var yard []time.Duration
	for range 5 {
		cmd := exec.CommandContext(ctx, test, "-test.run=^$", "-test.bench=ExplainSmall", "-test.benchtime=60ms")
		cmd.Dir = "internal/engine/policy"
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		for _, m := range benchmarkLine.FindAllSubmatch(out, -1) {
			ns, err := strconv.ParseFloat(string(m[2]), 64)
			if err != nil {
				return err
			}
			took[string(m[1])] = append(took[string(m[1])], time.Duration(ns))
		}
		yard = append(yard, hashing())
	}
	if len(took) == 0 {
		return fmt.Errorf("the benchmark ExplainSmall is gone")
	}
	var worst time.Duration
	name := ""
	for n, all := range took {
		if m := median(all); m > worst {
			worst, name = m, n
		}
	}
	r.table.add("policy decision with reasons, slowest of "+strconv.Itoa(len(took)), fmt.Sprintf("%.2f µs (%s)", float64(worst)/1e3, name), "< 3 µs",
		fmt.Sprintf("SHA-256 of 1 KB %.2f µs", float64(median(yard))/1e3), times(worst, median(yard)), new(worst < 3*time.Microsecond))
	return nil
}

func hashing() time.Duration {
	b := make([]byte, 1024)
	const n = 20000
	began := time.Now()
	for range n {
		sum := sha256.Sum256(b)
		b[0] = sum[0]
	}
	return time.Since(began) / n
}
