package kmeans_test

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"cloister/demo/digits"
	"cloister/internal/engine/kmeans"
)

type rows struct {
	all []float32
	at  int
}

func (r *rows) Read(into []float32) (int, error) {
	if r.at == len(r.all) {
		return 0, io.EOF
	}
	n := copy(into, r.all[r.at:])
	r.at += n
	return n / digits.Features, nil
}

func (r *rows) Restart() error { r.at = 0; return nil }

func loadDigits() (*rows, []int) {
	features, labels := digits.Load()
	source := &rows{}
	for _, row := range features {
		source.all = append(source.all, row...)
	}
	return source, labels
}

func trainDigits(t testing.TB, seed uint64, extra map[string]string) (kmeans.Model, *rows, []int) {
	t.Helper()
	given := map[string]string{"k": "10", "feature_dim": "64"}
	for name, value := range extra {
		given[name] = value
	}
	h, err := kmeans.ParseHyperparameters(given)
	if err != nil {
		t.Fatal(err)
	}
	source, labels := loadDigits()
	model, err := kmeans.Train(context.Background(), h, source, rand.New(rand.NewPCG(seed, 0)), func(kmeans.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	return model, source, labels
}

func purity(model kmeans.Model, source *rows, labels []int) float64 {
	var assignments []int
	for _, p := range model.Predict(nil, source.all) {
		assignments = append(assignments, p.Cluster)
	}
	return kmeans.Purity(assignments, labels)
}

func inertia(t testing.TB, model kmeans.Model, source *rows) float64 {
	t.Helper()
	source.Restart()
	evaluation, err := model.Evaluate(source)
	if err != nil || evaluation.Rows != digits.Rows {
		t.Fatal(evaluation, err)
	}
	return evaluation.Metric(kmeans.SumOfSquareDistance)
}

// referenceInertia is the best of several runs of the textbook algorithm, in float64 throughout.
func referenceInertia(all []float32, n, k, dim int) float64 {
	best := math.Inf(1)
	for seed := range uint64(5) {
		centers := make([]float64, k*dim)
		for c, i := range rand.New(rand.NewPCG(seed, 1)).Perm(n)[:k] {
			for j := range dim {
				centers[c*dim+j] = float64(all[i*dim+j])
			}
		}
		last := math.Inf(1)
		for {
			total := lloydStep(all, n, k, dim, centers)
			if total >= last*(1-1e-6) {
				best = min(best, total)
				break
			}
			last = total
		}
	}
	return best
}

func lloydStep(all []float32, n, k, dim int, centers []float64) float64 {
	sums, counts, total := make([]float64, k*dim), make([]float64, k), 0.0
	for i := range n {
		least, nearest := math.Inf(1), 0
		for c := range k {
			d := 0.0
			for j := range dim {
				u := float64(all[i*dim+j]) - centers[c*dim+j]
				d += u * u
			}
			if d < least {
				least, nearest = d, c
			}
		}
		total += least
		counts[nearest]++
		for j := range dim {
			sums[nearest*dim+j] += float64(all[i*dim+j])
		}
	}
	for c := range k {
		for j := range dim {
			if counts[c] > 0 {
				centers[c*dim+j] = sums[c*dim+j] / counts[c]
			}
		}
	}
	return total
}

func TestDigitsInertiaAgainstLloyd(t *testing.T) {
	source, _ := loadDigits()
	reference := referenceInertia(source.all, digits.Rows, 10, digits.Features)
	for _, c := range []struct {
		name  string
		extra map[string]string
		ratio float64
	}{
		{"defaults", nil, 1.08},
		{"small batches", map[string]string{"mini_batch_size": "200", "epochs": "5"}, 1.06},
		{"no extra centers", map[string]string{"extra_center_factor": "1", "epochs": "20", "init_method": "kmeans++"}, 1.08},
		{"all kmeans++", map[string]string{"init_method": "kmeans++", "epochs": "10"}, 1.06},
		{"decay", map[string]string{"half_life_time_size": "500", "mini_batch_size": "100", "epochs": "5"}, 1.08},
	} {
		for seed := range uint64(3) {
			model, source, labels := trainDigits(t, seed, c.extra)
			got := inertia(t, model, source)
			t.Logf("%s seed %d: inertia %.0f, %.3f of Lloyd's; purity %.3f", c.name, seed, got, got/reference, purity(model, source, labels))
			if got > c.ratio*reference {
				t.Errorf("%s, seed %d: inertia %.0f, Lloyd's is %.0f", c.name, seed, got, reference)
			}
		}
	}
}

func TestDigitsPurity(t *testing.T) {
	for seed := range uint64(5) {
		model, source, labels := trainDigits(t, seed, nil)
		if got := purity(model, source, labels); got < 0.65 || got > 0.9 {
			t.Errorf("seed %d: purity %.3f", seed, got)
		}
	}
}

func TestPurityOfFakeModelsIsLow(t *testing.T) {
	source, labels := loadDigits()
	random := rand.New(rand.NewPCG(1, 1))
	guesses := make([]int, len(labels))
	for i := range guesses {
		guesses[i] = random.IntN(10)
	}
	if got := kmeans.Purity(guesses, labels); got > 0.2 {
		t.Errorf("random assignments have purity %.3f", got)
	}
	if got := kmeans.Purity(make([]int, len(labels)), labels); got > 0.12 {
		t.Errorf("one cluster has purity %.3f", got)
	}
	fake := kmeans.Model{K: 10, Dim: 64, Centers: make([]float32, 640)}
	for i := range fake.Centers {
		fake.Centers[i] = 16 * random.Float32()
	}
	if got := purity(fake, source, labels); got > 0.5 {
		t.Errorf("random centers have purity %.3f", got)
	}
}

func BenchmarkTrainDigits(b *testing.B) {
	for b.Loop() {
		trainDigits(b, 1, nil)
	}
}
