package kmeans

import (
	"math"
	"math/rand/v2"
)

// autoTrials is what a local_lloyd_num_trials of "auto" is.
const autoTrials = 10

// finish reduces the extra centers to k with Lloyd's algorithm over the centers themselves, each as
// heavy as the rows it stands for, and keeps the best of several trials.
func (t *trainer) finish() Model {
	if len(t.weights) == t.K {
		t.report(Progress{Stage: Finished, Distance: t.msd})
		return Model{K: t.K, Dim: t.FeatureDim, Centers: t.centers}
	}
	t.report(Progress{Stage: Shrinking, Centers: len(t.weights)})
	points, weights := t.heavyCenters()
	trials := t.LocalLloydNumTrials
	if trials == Auto {
		trials = autoTrials
	}
	model, best := Model{K: t.K, Dim: t.FeatureDim}, math.Inf(1)
	for trial := range trials {
		centers, msd := t.lloyd(points, weights)
		t.report(Progress{Stage: Attempted, Attempt: trial, Distance: msd})
		if model.Centers == nil || msd < best {
			model.Centers, best = centers, msd
		}
	}
	t.report(Progress{Stage: Finished, Distance: best})
	return model
}

// heavyCenters leaves out the centers that no row came to, unless fewer than k would remain.
func (t *trainer) heavyCenters() ([]float32, []float64) {
	var points []float32
	var weights []float64
	for c, w := range t.weights {
		if w > 0 {
			points = append(points, t.centers[c*t.FeatureDim:(c+1)*t.FeatureDim]...)
			weights = append(weights, w)
		}
	}
	if len(weights) >= t.K {
		return points, weights
	}
	weights = make([]float64, len(t.weights))
	for c, w := range t.weights {
		weights[c] = max(w, 1e-6)
	}
	return t.centers, weights
}

func (t *trainer) lloyd(points []float32, weights []float64) (centers []float32, msd float64) {
	n, dim := len(weights), t.FeatureDim
	centers = choose(t.LocalLloydInitMethod, points, n, dim, weights, t.K, t.random)
	nearest, distances := make([]int32, n), make([]float32, n)
	msd = math.Inf(1)
	for range t.LocalLloydMaxIter {
		newAssigner(centers, t.K, dim).assign(points, n, nearest, distances)
		previous := msd
		msd = weightedMean(distances, weights)
		if !math.IsInf(previous, 1) && previous-msd <= t.LocalLloydTol*previous {
			return centers, msd
		}
		t.recentre(centers, points, weights, nearest, distances)
	}
	newAssigner(centers, t.K, dim).assign(points, n, nearest, distances)
	return centers, weightedMean(distances, weights)
}

func weightedMean(distances []float32, weights []float64) float64 {
	sum, total := 0.0, 0.0
	for i, d := range distances {
		sum += float64(d) * weights[i]
		total += weights[i]
	}
	return sum / total
}

// recentre puts each center at the mean of its points, and one without points on the point that
// costs most where it is.
func (t *trainer) recentre(centers, points []float32, weights []float64, nearest []int32, distances []float32) {
	dim := t.FeatureDim
	sums, counts := sumByCenter(points, len(weights), dim, t.K, nearest, weights)
	for c, count := range counts {
		center := centers[c*dim : (c+1)*dim]
		if count > 0 {
			for j := range center {
				center[j] = float32(sums[c*dim+j] / count)
			}
			continue
		}
		worst := 0
		for i, d := range distances {
			if float64(d)*weights[i] > float64(distances[worst])*weights[worst] {
				worst = i
			}
		}
		copy(center, points[worst*dim:(worst+1)*dim])
		distances[worst] = 0
	}
}

// choose takes k of n points as centers: distinct ones at random, or by k-means++.
func choose(method string, points []float32, n, dim int, weights []float64, k int, random *rand.Rand) []float32 {
	centers := make([]float32, 0, k*dim)
	if method == InitRandom {
		for _, i := range random.Perm(n)[:k] {
			centers = append(centers, points[i*dim:(i+1)*dim]...)
		}
		return centers
	}
	s := newSpreading(points, n, dim, weights)
	tries := 1
	for len(centers) < k*dim {
		i := s.next(tries, random)
		centers = append(centers, points[i*dim:(i+1)*dim]...)
		tries = 2 + int(math.Log(float64(k)))
	}
	return centers
}

// spreading is k-means++ at work. Of several points drawn by what they cost it takes the one after
// which all together cost least: the choice of a single one is too often unlucky.
type spreading struct {
	points  []float32
	n, dim  int
	weights []float64
	least   []float32   // squared distance of each point from the nearest center
	cost    []float64   // that times its weight: 0 for centers
	tried   [][]float32 // squared distances after each of the points tried
	sums    [][]float64 // what all cost then, by pieces
}

// spreadPiece is how many points are summed at once: sums must not depend on the number of cores.
const spreadPiece = 256

func newSpreading(points []float32, n, dim int, weights []float64) *spreading {
	s := &spreading{points: points, n: n, dim: dim, weights: weights, least: make([]float32, n), cost: make([]float64, n)}
	copy(s.cost, weights)
	for i := range s.least {
		s.least[i] = math.MaxFloat32
	}
	return s
}

// next makes a point a center.
func (s *spreading) next(tries int, random *rand.Rand) int {
	for len(s.tried) < tries {
		s.tried = append(s.tried, make([]float32, s.n))
		s.sums = append(s.sums, make([]float64, (s.n+spreadPiece-1)/spreadPiece))
	}
	drawn := make([]int, tries)
	for i := range drawn {
		drawn[i] = draw(s.cost, random)
	}
	parallel(len(s.sums[0]), 1, func(from, to int) {
		for piece := from; piece < to; piece++ {
			for i, d := range drawn {
				s.sums[i][piece] = s.try(s.tried[i], d, piece*spreadPiece, min((piece+1)*spreadPiece, s.n))
			}
		}
	})
	best, least := 0, math.Inf(1)
	for i := range drawn {
		total := 0.0
		for _, sum := range s.sums[i] {
			total += sum
		}
		if total < least {
			best, least = i, total
		}
	}
	s.least, s.tried[best] = s.tried[best], s.least
	for i, d := range s.least {
		s.cost[i] = float64(d) * s.weights[i]
	}
	return drawn[best]
}

// try fills in the squared distances of some points if a point was a center, and gives what they cost.
func (s *spreading) try(into []float32, center, from, to int) float64 {
	c, sum := s.points[center*s.dim:(center+1)*s.dim], 0.0
	for p := from; p < to; p++ {
		into[p] = min(s.least[p], squaredDistance(s.points[p*s.dim:(p+1)*s.dim], c))
		sum += float64(into[p]) * s.weights[p]
	}
	return sum
}

// draw picks an index with a chance in proportion to its weight; any one when all are zero.
func draw(weights []float64, random *rand.Rand) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	if total <= 0 {
		return random.IntN(len(weights))
	}
	target := random.Float64() * total
	last := 0
	for i, w := range weights {
		if w <= 0 {
			continue
		}
		last = i
		if target -= w; target < 0 {
			break
		}
	}
	return last
}
