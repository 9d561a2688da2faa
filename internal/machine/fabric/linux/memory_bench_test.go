package linux

import (
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"
)

var kernelMemory = regexp.MustCompile(`(?m)^(?:Slab|Percpu|PageTables|KernelStack):\s+(\d+) kB`)

// kernelKB is the memory that the kernel itself uses; what others on the machine do is in it.
func kernelKB(b *testing.B) (sum int) {
	b.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range kernelMemory.FindAllSubmatch(text, -1) {
		n, _ := strconv.Atoi(string(m[1]))
		sum += n
	}
	return sum
}

// BenchmarkMemory tells what an interface takes, its namespace included: of the kernel, and of this process.
func BenchmarkMemory(b *testing.B) {
	const count = 300
	f := start(b)
	apply(b, f, large(0))
	apply(b, f, large(count)) // what is kept after the first time is not an interface's
	apply(b, f, large(0))
	f.sweeper.finish()
	time.Sleep(time.Second)
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc) / 1024
	}
	for b.Loop() {
		kernel, own := kernelKB(b), heap()
		apply(b, f, large(count))
		time.Sleep(100 * time.Millisecond)
		b.ReportMetric(float64(kernelKB(b)-kernel)/count, "kernel-kB/interface")
		b.ReportMetric(float64(heap()-own)/count, "process-kB/interface")
	}
}
