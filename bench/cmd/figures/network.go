package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	networkLine   = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op(.*)$`)
	networkMetric = regexp.MustCompile(`([0-9.e+-]+) (\S+)`)
)

// networkFigures are a benchmark's time for one, and what else it reports.
type networkFigures struct {
	took    time.Duration
	metrics map[string]float64
}

// measureNetwork runs the fabric's benchmarks: the way through a VPC beside a bare veth, and what a
// change costs as the network grows.
func (r *run) measureNetwork(ctx context.Context) error {
	test := r.work + "/fabric.test"
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", test, "./internal/machine/fabric/linux").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	got := map[string]networkFigures{}
	for _, part := range []struct{ bench, times string }{
		{"^BenchmarkPath$", "1x"}, {"^BenchmarkMemory$", "1x"}, {"^Benchmark(Attach|Rule|RuleOfMany)$", "40x"}, {"^BenchmarkVPCs$", "40x"},
	} {
		out, err := exec.CommandContext(ctx, test, "-test.run=^$", "-test.bench="+part.bench, "-test.benchtime="+part.times).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		parseNetwork(string(out), got)
	}
	if err := r.addPath(got["Path"]); err != nil {
		return err
	}
	return r.addChanges(got)
}

func parseNetwork(out string, into map[string]networkFigures) {
	for _, m := range networkLine.FindAllStringSubmatch(out, -1) {
		ns, _ := strconv.ParseFloat(m[2], 64)
		f := networkFigures{time.Duration(ns), map[string]float64{}}
		for _, metric := range networkMetric.FindAllStringSubmatch(m[3], -1) {
			f.metrics[metric[2]], _ = strconv.ParseFloat(metric[1], 64)
		}
		into[m[1]] = f
	}
}

// addPath adds the rows about packets.
func (r *run) addPath(f networkFigures) error {
	if len(f.metrics) == 0 {
		return errors.New("the benchmark Path is gone")
	}
	for _, rules := range []struct{ name, told string }{{"ten", "10"}, {"thousand", "1,000"}} {
		ratio, more := f.metrics[rules.name+"-ratio"], f.metrics[rules.name+"-more-us"]
		r.table.add("throughput between two interfaces, "+rules.told+" rules", fmt.Sprintf("%.1f Gb/s", f.metrics[rules.name+"-Gb/s"]), "≥ 0.8 of bare veth",
			fmt.Sprintf("bare veth %.1f Gb/s", f.metrics["bare-Gb/s"]), fmt.Sprintf("%.2f", ratio), new(ratio >= 0.8))
		r.table.add("round trip between two interfaces, "+rules.told+" rules", fmt.Sprintf("%.1f µs", f.metrics[rules.name+"-us"]), "≤ 5 µs more",
			fmt.Sprintf("bare veth %.1f µs", f.metrics["bare-us"]), fmt.Sprintf("+%.1f µs", more), new(more <= 5))
	}
	return nil
}

// addChanges adds the rows about changes and size: each beside the smallest of its kind.
func (r *run) addChanges(got map[string]networkFigures) error {
	missing := []string{}
	row := func(told, of, least, leastTold, target string, met func(time.Duration) bool) {
		ours, ok := got[of]
		small, there := got[least]
		if !ok || !there {
			missing = append(missing, of)
			return
		}
		var verdict *bool
		if met != nil {
			verdict = new(met(ours.took))
		}
		r.table.add(told, ms(ours.took), target, leastTold+" "+ms(small.took), times(ours.took, small.took), verdict)
	}
	within := func(d time.Duration) bool { return d < 50*time.Millisecond }
	row("one more interface beside 100", "Attach/beside=100", "Attach/beside=0", "beside 4", "", nil)
	row("one more interface beside 1,000", "Attach/beside=1000", "Attach/beside=0", "beside 4", "", nil)
	row("one more interface beside 100 VPCs", "VPCs/attach/vpcs=100", "VPCs/attach/vpcs=1", "1 VPC", "", nil)
	row("one rule of 100 changed", "RuleOfMany/rules=100", "RuleOfMany/rules=10", "of 10", "< 50 ms", within)
	row("one rule of 1,000 changed", "RuleOfMany/rules=1000", "RuleOfMany/rules=10", "of 10", "< 50 ms", within)
	row("one rule changed, 1,000 interfaces", "Rule/interfaces=1000", "Rule/interfaces=0", "4 interfaces", "< 50 ms", within)
	row("one rule changed, 100 VPCs", "VPCs/rule/vpcs=100", "VPCs/rule/vpcs=1", "1 VPC", "< 50 ms", within)
	memory := got["Memory"].metrics
	if len(memory) == 0 {
		missing = append(missing, "Memory")
	}
	r.table.add("memory of one interface and its namespace", fmt.Sprintf("%.0f kB", memory["kernel-kB/interface"]+memory["process-kB/interface"]), "",
		fmt.Sprintf("of it Cloister's own %.1f kB", memory["process-kB/interface"]), "", nil)
	if len(missing) > 0 {
		return fmt.Errorf("benchmarks are gone: %s", strings.Join(missing, ", "))
	}
	return nil
}
