package door

import (
	"fmt"
	"io"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"cloister/internal/frame/audit"
)

// counters count calls by service, operation and code.
type counters struct{ by sync.Map }

type counterKey struct{ service, operation, code string }

type counter struct{ calls, nanoseconds atomic.Int64 }

func (c *counters) add(e *audit.Entry) {
	k := counterKey{e.Service, e.Operation, e.Code}
	v, ok := c.by.Load(k)
	if !ok {
		v, _ = c.by.LoadOrStore(k, new(counter))
	}
	n := v.(*counter)
	n.calls.Add(1)
	n.nanoseconds.Add(int64(e.Duration))
}

// WriteMetrics prints the counters in the text exposition format.
func (d *Door) WriteMetrics(w io.Writer) error {
	var lines []string
	d.counts.by.Range(func(k, v any) bool {
		key, n := k.(counterKey), v.(*counter)
		labels := fmt.Sprintf("{service=%q,operation=%q,code=%q}", key.service, key.operation, key.code)
		lines = append(lines,
			fmt.Sprintf("cloister_calls_total%s %d\n", labels, n.calls.Load()),
			fmt.Sprintf("cloister_call_seconds_total%s %g\n", labels, time.Duration(n.nanoseconds.Load()).Seconds()))
		return true
	})
	sort.Strings(lines)
	for _, l := range lines {
		if _, err := io.WriteString(w, l); err != nil {
			return err
		}
	}
	return nil
}
