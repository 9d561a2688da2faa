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
	cost := make([]float64, n) // what it costs that the point is not a center: 0 for those that are
	copy(cost, weights)
	least := make([]float32, n)
	for i := range least {
		least[i] = math.MaxFloat32
	}
	for len(centers) < k*dim {
		i := draw(cost, random)
		center := points[i*dim : (i+1)*dim]
		centers = append(centers, center...)
		parallel(n, 256, func(from, to int) {
			for p := from; p < to; p++ {
				least[p] = min(least[p], squaredDistance(points[p*dim:(p+1)*dim], center))
				cost[p] = float64(least[p]) * weights[p]
			}
		})
	}
	return centers
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
