package kmeans

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestTrainFindsBlobs(t *testing.T) {
	for _, pairs := range [][]string{nil, {"mini_batch_size", "50"}, {"extra_center_factor", "1", "init_method", "kmeans++", "epochs", "3"},
		{"half_life_time_size", "100", "mini_batch_size", "60", "epochs", "3"}, {"local_lloyd_init_method", "random", "local_lloyd_num_trials", "20"}} {
		source := &memory{rows: blobs(seeded(1), 1000, 6, 4), dim: 4}
		model, err := Train(t.Context(), parameters("6", "4", pairs...), source, seeded(2), noReport)
		if err != nil {
			t.Fatal(err)
		}
		var assigned, labels []int
		for i, p := range model.Predict(nil, source.rows) {
			assigned, labels = append(assigned, p.Cluster), append(labels, i%6)
		}
		if got := Purity(assigned, labels); got < 0.99 {
			t.Errorf("%v: purity %.3f", pairs, got)
		}
	}
}

func TestTrainReportsEachStage(t *testing.T) {
	var stages []Progress
	source := &memory{rows: blobs(seeded(1), 1000, 6, 4), dim: 4}
	h := parameters("6", "4", "mini_batch_size", "300", "epochs", "2", "local_lloyd_num_trials", "3")
	if _, err := Train(t.Context(), h, source, seeded(2), func(p Progress) { stages = append(stages, p) }); err != nil {
		t.Fatal(err)
	}
	if len(stages) != 8 || stages[0].Rows != 300 || stages[0].Centers != 60 || stages[1].Rows != 1000 || stages[1].Batches != 4 ||
		stages[2].Epoch != 1 || stages[3].Stage != Shrinking || stages[3].Centers != 60 || stages[6].Attempt != 2 || stages[7].Stage != Finished {
		t.Errorf("%+v", stages)
	}
	best := min(stages[4].Distance, stages[5].Distance, stages[6].Distance)
	if stages[7].Distance != best || best <= 0 {
		t.Errorf("finished with %v, the best attempt is %v", stages[7].Distance, best)
	}
}

func TestTrainWithoutExtraCentersReportsTheRowsDistance(t *testing.T) {
	source := &memory{rows: []float32{0, 2, 10, 12}, dim: 1}
	var last Progress
	h := parameters("2", "1", "extra_center_factor", "1", "init_method", "kmeans++", "epochs", "2")
	model, err := Train(t.Context(), h, source, seeded(1), func(p Progress) { last = p })
	if err != nil {
		t.Fatal(err)
	}
	if last.Distance != 1 {
		t.Errorf("distance %v, model %v", last.Distance, model.Centers)
	}
}

// One center of weight 3 meets one row: it moves a quarter of the way, or more after decay.
func TestUpdateWeighsOldAndNew(t *testing.T) {
	for halfLife, want := range map[int]float32{0: 3, 1: 4.8} {
		tr := trainer{Hyperparameters: Hyperparameters{K: 1, FeatureDim: 1, HalfLifeTimeSize: halfLife}, centers: []float32{0}, weights: []float64{3}}
		b := &batch{dim: 1, rows: []float32{12}, nearest: make([]int32, 1), distances: make([]float32, 1)}
		r := newRound(1, 1)
		tr.measure(r, b, 1)
		if tr.update(r); tr.centers[0] != want || *r.total != 144 {
			t.Errorf("half life %d: center %v, distance %v", halfLife, tr.centers[0], *r.total)
		}
	}
}

func TestTrainRefuses(t *testing.T) {
	few := &memory{rows: make([]float32, 6), dim: 2}
	if _, err := Train(t.Context(), parameters("4", "2"), few, seeded(1), noReport); !errors.Is(err, ErrTooFewRows) {
		t.Errorf("3 rows, k 4: %v", err)
	}
	if _, err := Train(t.Context(), parameters("4", "2"), &memory{dim: 2}, seeded(1), noReport); !errors.Is(err, ErrTooFewRows) {
		t.Errorf("no rows: %v", err)
	}
	if _, err := Train(t.Context(), parameters("2000000000", "2000000000"), few, seeded(1), noReport); err == nil || !strings.Contains(err.Error(), "too much memory") {
		t.Errorf("huge k: %v", err)
	}
	broken := errors.New("broken")
	for _, passes := range []int{0, 1} {
		if _, err := Train(t.Context(), parameters("1", "2"), &failing{memory{rows: make([]float32, 6), dim: 2}, passes, broken}, seeded(1), noReport); !errors.Is(err, broken) {
			t.Errorf("source that breaks in pass %d: %v", passes, err)
		}
	}
}

// failing breaks after some passes.
type failing struct {
	memory
	passes int
	err    error
}

func (f *failing) Read(rows []float32) (int, error) {
	if f.passes == 0 {
		return 0, f.err
	}
	return f.memory.Read(rows)
}

func (f *failing) Restart() error { f.passes--; return f.memory.Restart() }

func TestTrainStopsWithAModel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	source := &memory{rows: blobs(seeded(1), 1000, 3, 4), dim: 4}
	epochs := 0
	model, err := Train(ctx, parameters("3", "4", "epochs", "1000000000"), source, seeded(1), func(p Progress) {
		if p.Stage == EpochEnded {
			if epochs++; epochs == 2 {
				cancel()
			}
		}
	})
	if !errors.Is(err, context.Canceled) || len(model.Centers) != 12 || epochs != 2 {
		t.Errorf("%v, %d centers, %d epochs", err, len(model.Centers)/4, epochs)
	}
}

func TestDegenerateDataGivesFiniteCenters(t *testing.T) {
	huge := make([]float32, 200)
	for i := range huge {
		huge[i] = float32(math.Pow(-1, float64(i))) * 3e38
	}
	for name, rows := range map[string][]float32{"all equal": make([]float32, 200), "at the edge of float32": huge} {
		for _, method := range []string{InitRandom, InitPlusPlus} {
			h := parameters("5", "2", "init_method", method, "local_lloyd_init_method", method, "mini_batch_size", "30")
			model, err := Train(t.Context(), h, &memory{rows: rows, dim: 2}, seeded(1), noReport)
			if err != nil {
				t.Fatal(name, err)
			}
			if _, err := DecodeModel(model.Encode()); err != nil {
				t.Errorf("%s, %s: %v", name, method, err)
			}
		}
	}
}
