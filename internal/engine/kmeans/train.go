package kmeans

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
)

// Source gives training rows in passes.
type Source interface {
	// Read fills rows, which hold a whole number of rows, from the start and tells how many it
	// wrote; fewer than fit only at the end of the pass, after which it gives 0 and io.EOF.
	Read(rows []float32) (int, error)
	// Restart begins the next pass.
	Restart() error
}

// Stage says what a Progress reports.
type Stage int

// The stages of training, in order.
const (
	Initialised Stage = iota // Rows of the first batch, Centers
	EpochEnded               // Epoch, Rows and Batches so far in it
	Shrinking                // Centers before
	Attempted                // Attempt, Distance
	Finished                 // Distance
)

// Progress is what training tells while it runs.
type Progress struct {
	Stage                                  Stage
	Epoch, Rows, Batches, Centers, Attempt int
	Distance                               float64 // mean square distance
}

// autoExtraCenters is what an extra_center_factor of "auto" is, when there are rows enough.
const autoExtraCenters = 10

// maxCenterValues bounds extra centers x features.
const maxCenterValues = 1 << 29

// ErrTooFewRows says that the data has fewer rows than k.
var ErrTooFewRows = errors.New("the training data has fewer records than k")

type trainer struct {
	Hyperparameters
	random  *rand.Rand
	report  func(Progress)
	centers []float32
	weights []float64 // how many rows each center stands for, after decay
	msd     float64   // of the last epoch's rows to the centers they met
}

// Train makes a model of the source's rows. When ctx ends it stops early and gives the model of the
// rows seen so far together with the context's error; the model is empty if there was none yet.
func Train(ctx context.Context, h Hyperparameters, source Source, random *rand.Rand, report func(Progress)) (Model, error) {
	t := &trainer{Hyperparameters: h, random: random, report: report}
	if err := t.initialise(source); err != nil {
		return Model{}, err
	}
	var stopped error
	for epoch := range h.Epochs {
		if err := source.Restart(); err != nil {
			return Model{}, err
		}
		if err := t.epoch(ctx, epoch, source); err != nil {
			if stopped = ctx.Err(); stopped == nil {
				return Model{}, err
			}
			break
		}
	}
	return t.finish(), stopped
}

// initialise chooses the first centers among the rows of the first batch.
func (t *trainer) initialise(source Source) error {
	factor := t.ExtraCenterFactor
	if factor == Auto {
		factor = autoExtraCenters
	}
	if t.K > maxCenterValues/factor || t.K*factor > maxCenterValues/t.FeatureDim {
		return fmt.Errorf("k %d with extra_center_factor %d and feature_dim %d needs too much memory", t.K, factor, t.FeatureDim)
	}
	rows, n, err := t.firstBatch(source, max(t.MiniBatchSize, t.K*factor))
	if err != nil {
		return err
	}
	if n < t.K {
		return fmt.Errorf("%w: %d records, k is %d", ErrTooFewRows, n, t.K)
	}
	centers := t.K * min(factor, n/t.K)
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = 1
	}
	t.centers = choose(t.InitMethod, rows, n, t.FeatureDim, weights, centers, t.random)
	t.weights = make([]float64, centers)
	t.report(Progress{Stage: Initialised, Rows: n, Centers: centers})
	return nil
}

// firstBatch reads up to limit rows, taking memory only as they come.
func (t *trainer) firstBatch(source Source, limit int) ([]float32, int, error) {
	var rows []float32
	n := 0
	for n < limit {
		step := min(limit-n, max(1024, n))
		rows = append(rows, make([]float32, step*t.FeatureDim)...)
		got, err := source.Read(rows[n*t.FeatureDim:])
		n += got
		if err != nil && err != io.EOF {
			return nil, 0, err
		}
		if got < step {
			break
		}
	}
	return rows[:n*t.FeatureDim], n, nil
}

func (t *trainer) epoch(ctx context.Context, epoch int, source Source) error {
	batch := batchOf(t.MiniBatchSize, t.FeatureDim)
	progress := Progress{Stage: EpochEnded, Epoch: epoch, Centers: len(t.weights)}
	total := 0.0
	for {
		n, err := batch.fill(source)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		total += t.update(batch, n)
		progress.Rows += n
		progress.Batches++
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	t.msd = total / float64(max(progress.Rows, 1))
	t.report(progress)
	return nil
}

// update moves every center towards the mean of the batch's rows nearest to it, by the share that
// those rows have in all it stands for, and gives the sum of the rows' squared distances.
func (t *trainer) update(b *batch, n int) float64 {
	k, dim := len(t.weights), t.FeatureDim
	var distances []float32
	if k == t.K {
		distances = b.distances[:n]
	}
	newAssigner(t.centers, k, dim).assign(b.rows, n, b.nearest, distances)
	sums, counts := sumByCenter(b.rows, n, dim, k, b.nearest, nil)
	decay := 1.0
	if t.HalfLifeTimeSize > 0 {
		decay = math.Exp2(-float64(n) / float64(t.HalfLifeTimeSize))
	}
	for c, count := range counts {
		t.weights[c] = t.weights[c]*decay + count
		if count > 0 {
			moveTowards(t.centers[c*dim:(c+1)*dim], sums[c*dim:(c+1)*dim], count, t.weights[c])
		}
	}
	total := 0.0
	for _, d := range distances {
		total += float64(d)
	}
	return total
}

func moveTowards(center []float32, sum []float64, count, weight float64) {
	share := count / weight
	for j, s := range sum {
		old := float64(center[j])
		center[j] = float32(old + share*(s/count-old))
	}
}

// sumByCenter adds up the rows of each center. Cores share the columns, not the rows, so that the
// order of additions never changes.
func sumByCenter(rows []float32, n, dim, k int, nearest []int32, weights []float64) (sums, counts []float64) {
	sums, counts = make([]float64, k*dim), make([]float64, k)
	for i := range n {
		counts[nearest[i]] += weightOf(weights, i)
	}
	cores := runtime.GOMAXPROCS(0)
	parallel(dim, (dim+cores-1)/cores, func(from, to int) {
		for i := range n {
			into := sums[int(nearest[i])*dim+from : int(nearest[i])*dim+to]
			w := weightOf(weights, i)
			for j, v := range rows[i*dim+from : i*dim+to] {
				into[j] += w * float64(v)
			}
		}
	})
	return sums, counts
}

func weightOf(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}

// batch is the memory of one mini-batch, grown to what the data really fills.
type batch struct {
	size, dim int
	rows      []float32
	nearest   []int32
	distances []float32
}

func batchOf(size, dim int) *batch { return &batch{size: size, dim: dim} }

func (b *batch) fill(source Source) (int, error) {
	n := 0
	for n < b.size {
		room := len(b.nearest)
		if n == room {
			step := min(b.size-n, max(1024, n))
			b.rows = append(b.rows, make([]float32, step*b.dim)...)
			b.nearest = append(b.nearest, make([]int32, step)...)
			b.distances = append(b.distances, make([]float32, step)...)
			room += step
		}
		got, err := source.Read(b.rows[n*b.dim : room*b.dim])
		n += got
		if err == io.EOF && n > 0 || err == nil && n < room {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
