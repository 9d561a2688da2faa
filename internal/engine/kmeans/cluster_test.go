package kmeans

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
)

// room is a cluster of goroutines: the last to come sums for all.
type room struct {
	mu      sync.Mutex
	cond    *sync.Cond
	given   [][]float64
	came    int
	turn    int
	answers []float64
}

type seat struct {
	*room
	self int
}

func roomFor(n int) *room {
	r := &room{given: make([][]float64, n)}
	r.cond = sync.NewCond(&r.mu)
	return r
}

func (s seat) Hosts() (count, self int) { return len(s.given), s.self }

func (s seat) Sum(values []float64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	turn := s.turn
	s.given[s.self] = values
	if s.came++; s.came == len(s.given) {
		s.answers = make([]float64, len(values))
		for _, list := range s.given {
			for i, v := range list {
				s.answers[i] += v
			}
		}
		s.came, s.turn = 0, s.turn+1
		s.cond.Broadcast()
	}
	for turn == s.turn {
		s.cond.Wait()
	}
	copy(values, s.answers)
	return nil
}

// trainOn trains on the parts of the rows at once.
func trainOn(ctx context.Context, h Hyperparameters, parts ...[]float32) ([]Model, []error) {
	models, errs := make([]Model, len(parts)), make([]error, len(parts))
	r := roomFor(len(parts))
	var group sync.WaitGroup
	for i, rows := range parts {
		group.Go(func() {
			models[i], errs[i] = TrainIn(ctx, seat{r, i}, h, &memory{rows: rows, dim: h.FeatureDim}, seeded(3), noReport)
		})
	}
	group.Wait()
	return models, errs
}

func TestHostsOfAClusterFindOneModelOfAllTheirRows(t *testing.T) {
	rows := blobs(seeded(1), 1200, 6, 4)
	for _, pairs := range [][]string{nil, {"mini_batch_size", "90", "epochs", "3"}, {"extra_center_factor", "1", "init_method", "kmeans++", "epochs", "4"}} {
		// The last host has no row at all, and the shares differ.
		models, errs := trainOn(t.Context(), parameters("6", "4", pairs...), rows[:400], rows[400:1600], rows[1600:], nil)
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		for i, m := range models {
			if !slices.Equal(m.Centers, models[0].Centers) {
				t.Fatalf("%v: host %d has another model", pairs, i)
			}
		}
		alone, err := models[0].Evaluate(&memory{rows: rows, dim: 4})
		if err != nil {
			t.Fatal(err)
		}
		if alone.Metric(MeanSquareDistance) > 5 {
			t.Errorf("%v: mean square distance %v of rows around 6 corners", pairs, alone.Metric(MeanSquareDistance))
		}
	}
}

// With all rows in one batch of each host a cluster does what one host does.
func TestAClusterGivesOneHostsModel(t *testing.T) {
	rows := blobs(seeded(1), 600, 5, 4)
	h := parameters("5", "4", "mini_batch_size", "600", "extra_center_factor", "1")
	one, err := Train(t.Context(), h, &memory{rows: rows, dim: 4}, seeded(3), noReport)
	if err != nil {
		t.Fatal(err)
	}
	many, errs := trainOn(t.Context(), h, rows[:1200], rows[1200:])
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i, v := range one.Centers {
		if d := v - many[0].Centers[i]; d > 1e-3 || d < -1e-3 {
			t.Fatalf("feature %d: %v alone, %v together", i, v, many[0].Centers[i])
		}
	}
}

func TestAClusterWithTooFewRowsSaysSoEverywhere(t *testing.T) {
	_, errs := trainOn(t.Context(), parameters("4", "1"), []float32{1, 2}, []float32{3})
	for i, err := range errs {
		if !errors.Is(err, ErrTooFewRows) {
			t.Errorf("host %d: %v", i, err)
		}
	}
}

func TestOneHostToldToStopStopsAll(t *testing.T) {
	rows := blobs(seeded(1), 400, 3, 2)
	h := parameters("3", "2", "epochs", "1000000")
	r := roomFor(2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	for i, ctx := range []context.Context{ctx, t.Context()} {
		group.Go(func() {
			epochs := 0
			report := func(p Progress) {
				if epochs++; i == 0 && epochs == 3 {
					cancel()
				}
			}
			m, err := TrainIn(ctx, seat{r, i}, h, &memory{rows: rows, dim: 2}, seeded(3), report)
			if !errors.Is(err, context.Canceled) || len(m.Centers) != 6 {
				t.Errorf("host %d: %v, %d values", i, err, len(m.Centers))
			}
		})
	}
	group.Wait()
}

func TestTheEvaluationOfAllHosts(t *testing.T) {
	m := Model{K: 1, Dim: 1, Centers: []float32{0}}
	r := roomFor(2)
	var group sync.WaitGroup
	for i, rows := range [][]float32{{1, 2}, {3}} {
		group.Go(func() {
			e, err := m.EvaluateIn(seat{r, i}, &memory{rows: rows, dim: 1})
			if err != nil || e.Rows != 3 || e.SumOfSquareDistance != 14 {
				t.Errorf("host %d: %+v, %v", i, e, err)
			}
		})
	}
	group.Wait()
}
