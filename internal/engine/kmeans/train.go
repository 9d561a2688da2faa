package kmeans

import (
	"cmp"
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
	cluster Cluster
	random  *rand.Rand
	report  func(Progress)
	centers []float32
	weights []float64 // how many rows each center stands for, after decay
	msd     float64   // of the last epoch's rows to the centers they met
}

// Train makes a model of the source's rows. When ctx ends it stops early and gives the model of the
// rows seen so far together with the context's error; the model is empty if there was none yet.
func Train(ctx context.Context, h Hyperparameters, source Source, random *rand.Rand, report func(Progress)) (Model, error) {
	return TrainIn(ctx, Alone{}, h, source, random, report)
}

// TrainIn makes one model of the rows that the hosts of a cluster have each some of. Every host gets
// the same model, if all give the same hyperparameters and random numbers. When the context of one
// ends, all stop: the others as if theirs was canceled.
func TrainIn(ctx context.Context, cluster Cluster, h Hyperparameters, source Source, random *rand.Rand, report func(Progress)) (Model, error) {
	t := &trainer{Hyperparameters: h, cluster: cluster, random: random, report: report}
	if err := t.initialise(source); err != nil {
		return Model{}, err
	}
	var stopped error
	for epoch := range h.Epochs {
		if err := source.Restart(); err != nil {
			return Model{}, err
		}
		err := t.epoch(ctx, epoch, source)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			stopped = err
			break
		}
		if err != nil {
			return Model{}, err
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
	rows, own, err := t.firstBatch(source, max(t.share(t.MiniBatchSize), t.share(t.K*factor)))
	if err != nil {
		return err
	}
	rows, n, err := t.collect(rows, own)
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
	if err := t.agree(); err != nil {
		return err
	}
	t.report(Progress{Stage: Initialised, Rows: own, Centers: centers})
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

// epoch goes once through the source. Hosts that have no more rows go along with those that have,
// until all are through.
func (t *trainer) epoch(ctx context.Context, epoch int, source Source) error {
	batch := batchOf(t.MiniBatchSize, t.FeatureDim)
	progress := Progress{Stage: EpochEnded, Epoch: epoch, Centers: len(t.weights)}
	total, all := 0.0, 0.0
	for {
		n, err := batch.fill(source)
		if err != nil && err != io.EOF {
			return err
		}
		done, err := t.step(ctx, batch, n)
		if err != nil {
			return err
		}
		if *done.rows == 0 {
			break
		}
		total += *done.total
		all += *done.rows
		if n > 0 {
			progress.Rows += n
			progress.Batches++
		}
		if *done.stops > 0 {
			return cmp.Or(ctx.Err(), context.Canceled)
		}
	}
	t.msd = total / max(all, 1)
	t.report(progress)
	return nil
}

// step takes a batch of each host into the centers.
func (t *trainer) step(ctx context.Context, b *batch, n int) (*round, error) {
	r := newRound(len(t.weights), t.FeatureDim)
	t.measure(r, b, n)
	if ctx.Err() != nil {
		*r.stops = 1
	}
	if err := t.cluster.Sum(r.values); err != nil {
		return nil, err
	}
	t.update(r)
	return r, nil
}

// measure finds the center of each of this host's rows.
func (t *trainer) measure(r *round, b *batch, n int) {
	k, dim := len(t.weights), t.FeatureDim
	var distances []float32
	if k == t.K {
		distances = b.distances[:n]
	}
	newAssigner(t.centers, k, dim).assign(b.rows, n, b.nearest, distances)
	addByCenter(r.sums, r.counts, b.rows, n, dim, b.nearest, nil)
	*r.rows = float64(n)
	for _, d := range distances {
		*r.total += float64(d)
	}
}

// update moves every center towards the mean of the rows nearest to it, by the share that those
// rows have in all it stands for.
func (t *trainer) update(r *round) {
	dim, decay := t.FeatureDim, 1.0
	if t.HalfLifeTimeSize > 0 {
		decay = math.Exp2(-*r.rows / float64(t.HalfLifeTimeSize))
	}
	for c, count := range r.counts {
		t.weights[c] = t.weights[c]*decay + count
		if count > 0 {
			moveTowards(t.centers[c*dim:(c+1)*dim], r.sums[c*dim:(c+1)*dim], count, t.weights[c])
		}
	}
}

func moveTowards(center []float32, sum []float64, count, weight float64) {
	share := count / weight
	for j, s := range sum {
		old := float64(center[j])
		center[j] = float32(old + share*(s/count-old))
	}
}

func sumByCenter(rows []float32, n, dim, k int, nearest []int32, weights []float64) (sums, counts []float64) {
	sums, counts = make([]float64, k*dim), make([]float64, k)
	addByCenter(sums, counts, rows, n, dim, nearest, weights)
	return sums, counts
}

// addByCenter adds up the rows of each center. Cores share the columns, not the rows, so that the
// order of additions never changes.
func addByCenter(sums, counts []float64, rows []float32, n, dim int, nearest []int32, weights []float64) {
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
