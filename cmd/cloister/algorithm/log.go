package algorithm

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// log writes one line in the built-in algorithms' form.
func (p program) log(level, format string, args ...any) {
	fmt.Fprintf(p.out, "[%s %s %d] %s\n", p.now().UTC().Format("01/02/2006 15:04:05"), level, os.Getpid(), fmt.Sprintf(format, args...))
}

// dictionary writes settings as Python prints them, in the order of their names.
func dictionary(settings map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		pairs = append(pairs, fmt.Sprintf("'%s': '%s'", name, settings[name]))
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

// metric is one named number of a #metrics line.
type metric struct {
	name  string
	value float64
}

// metrics writes a #metrics line. Extra dimensions are JSON text, such as `"epoch": 0`.
func (p program) metrics(host string, start, end time.Time, extra []string, list ...metric) {
	dimensions := append([]string{`"Algorithm": "AWS/KMeansWebscale"`, fmt.Sprintf(`"Host": %q`, host), `"Operation": "training"`}, extra...)
	var numbers []string
	for _, m := range list {
		v := strconv.FormatFloat(m.value, 'f', -1, 64)
		sum := v
		if !strings.Contains(v, ".") {
			sum += ".0"
		}
		numbers = append(numbers, fmt.Sprintf(`%q: {"sum": %s, "count": 1, "min": %s, "max": %s}`, m.name, sum, v, v))
	}
	fmt.Fprintf(p.out, "#metrics {\"StartTime\": %s, \"EndTime\": %s, \"Dimensions\": {%s}, \"Metrics\": {%s}}\n\n",
		seconds(start), seconds(end), strings.Join(dimensions, ", "), strings.Join(numbers, ", "))
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMicro())/1e6, 'f', -1, 64) }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
