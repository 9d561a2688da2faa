package sagemaker

import (
	"context"
	"math"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloister/internal/engine/kmeans"
	"cloister/internal/machine/executor"
	"cloister/internal/value/shape/sagemaker"
)

// metricValue is what a job's log said of one of its metrics.
type metricValue struct {
	Name  string
	Value float64 // the last one
	At    time.Time
	// Series are the values that the first host said of a tuning job's objective, one for each time; no more than
	// longestSeries.
	Series []float64 `json:",omitempty"`
}

// longestSeries is as many as the longest of a search's trials can say. Only what a tuning job looks at is kept so.
const longestSeries = 20000

// Logs are read by the server, and not on the container's processors: mostSteps bounds what a job's expressions cost for
// each character, and of a line longestRead bytes are read.
const (
	mostSteps   = 10000
	longestRead = 16 << 10
)

// meter reads metrics from the lines of a job's hosts.
type meter struct {
	rules []metricRule
	mu    sync.Mutex
	seen  map[string]int64 // by host: the next line's number
	looks string           // the metric that a tuning job looks at
	found []metricValue
	news  bool
}

type metricRule struct {
	name string
	line *regexp.Regexp
}

// metricRules reads definitions: the first group of a line that matches is the value.
func metricRules(definitions []sagemaker.MetricDefinition) ([]metricRule, error) {
	var out []metricRule
	seen, steps := map[string]bool{}, 0
	for _, d := range definitions {
		name := text(d.Name)
		if seen[name] {
			return nil, validation.New("Metric definition names must be unique: %s appears more than once.", name)
		}
		seen[name] = true
		re, err := regexp.Compile(text(d.Regex))
		if err != nil {
			return nil, validation.New("The regular expression of the metric %s is not valid: %s.", name, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		if steps += size(text(d.Regex)); steps > mostSteps {
			return nil, validation.New("The regular expressions of the metrics take more work than Cloister does for each character of a job's log. Write fewer or shorter repetitions.")
		}
		if re.NumSubexp() < 1 {
			return nil, validation.New("The regular expression of the metric %s has no group that captures its value.", name)
		}
		out = append(out, metricRule{name, re})
	}
	return out, nil
}

// size is how many steps a character of a line may take with an expression, at most.
func size(expression string) int {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return 0
	}
	program, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 0
	}
	return len(program.Inst)
}

// builtInMetrics are those that a built-in algorithm's log tells (facts sagemaker 10).
func builtInMetrics(image string) []sagemaker.MetricDefinition {
	repository := image[strings.LastIndexByte(image, '/')+1:]
	if name, _, _ := strings.Cut(repository, ":"); name != "kmeans" {
		return nil
	}
	var out []sagemaker.MetricDefinition
	for _, m := range kmeans.MetricDefinitions() {
		out = append(out, sagemaker.MetricDefinition{Name: new(m.Name), Regex: new(m.Regex)})
	}
	return out
}

// meter is the job's, with what was found before; nil when there is nothing to find.
func (j *trainingJob) meter() *meter {
	definitions := j.Request.AlgorithmSpecification.MetricDefinitions
	if len(definitions) == 0 {
		definitions = builtInMetrics(text(j.Request.AlgorithmSpecification.TrainingImage))
	}
	rules, err := metricRules(definitions)
	if err != nil || len(rules) == 0 {
		return nil
	}
	m := &meter{rules: rules, seen: map[string]int64{}, looks: j.objective(), found: append([]metricValue(nil), j.Metrics...)}
	for host, n := range j.Metered {
		m.seen[host] = n
	}
	return m
}

// read takes a line of a host. One that was read before says nothing new.
func (m *meter) read(host string, first bool, line executor.Line) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if line.Sequence < m.seen[host] {
		return
	}
	m.seen[host] = line.Sequence + 1
	said := line.Text[:min(len(line.Text), longestRead)]
	for _, r := range m.rules {
		got := r.line.FindStringSubmatch(said)
		if got == nil {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(got[1]), 64)
		if err != nil || !tellable(v) {
			continue
		}
		m.note(r.name, v, line.Time, first)
	}
}

// objective is the metric that the tuning job looks at whose trial the job is.
func (j *trainingJob) objective() string {
	if j.Tuning == "" {
		return ""
	}
	return j.Request.HyperParameters["_tuning_objective_metric"]
}

// tellable tells whether a value is one that a record, and the API's numbers of 32 bits, can hold: a loss that is not a
// number is none.
func tellable(v float64) bool { return math.Abs(v) <= math.MaxFloat32 }

func (m *meter) note(name string, v float64, at time.Time, first bool) {
	m.news = true
	first = first && name == m.looks
	for i := range m.found {
		f := &m.found[i]
		if f.Name != name {
			continue
		}
		f.Value, f.At = v, at
		if first && len(f.Series) < longestSeries {
			f.Series = append(f.Series[:len(f.Series):len(f.Series)], v)
		}
		return
	}
	one := metricValue{Name: name, Value: v, At: at}
	if first {
		one.Series = []float64{v}
	}
	m.found = append(m.found, one)
}

// keep puts what was found into the job's record, before the log is taken as carried so far.
func (r *jobRun) keep(ctx context.Context, m *meter) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.news {
		return nil
	}
	err := r.update(ctx, func(_ time.Time, j job) {
		t := j.(*trainingJob)
		t.Metrics = append([]metricValue(nil), m.found...)
		t.Metered = map[string]int64{}
		for host, n := range m.seen {
			t.Metered[host] = n
		}
	})
	if err == nil {
		m.news = false
		if t := r.job().(*trainingJob); t.Tuning != "" {
			r.tunings.Add(t.Tuning)
		}
	}
	return err
}

// finalMetrics are the job's metrics as Describe shows them.
func (j *trainingJob) finalMetrics() (out []sagemaker.MetricData) {
	for _, m := range j.Metrics {
		out = append(out, sagemaker.MetricData{MetricName: new(m.Name), Value: new(float32(m.Value)), Timestamp: stamp(m.At)})
	}
	return out
}
