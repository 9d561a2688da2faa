package kmeans

import (
	"io"
	"math"
)

// Prediction is the nearest center of one row and its Euclidean distance.
type Prediction struct {
	Cluster  int
	Distance float32
}

// fewValues is up to where comparing a row with every center directly costs less than the kernel.
const fewValues = 4096

// Predict appends the prediction of every row to dst.
func (m Model) Predict(dst []Prediction, rows []float32) []Prediction {
	n := len(rows) / m.Dim
	if n < 2*blockRows || n*m.K*m.Dim < fewValues {
		for i := range n {
			dst = append(dst, m.nearest(rows[i*m.Dim:(i+1)*m.Dim]))
		}
		return dst
	}
	nearest, distances := make([]int32, n), make([]float32, n)
	newAssigner(m.Centers, m.K, m.Dim).assign(rows, n, nearest, distances)
	for i, c := range nearest {
		dst = append(dst, Prediction{int(c), root(distances[i])})
	}
	return dst
}

func (m Model) nearest(row []float32) Prediction {
	best, cluster := float32(math.MaxFloat32), 0
	for c := range m.K {
		if d := squaredDistance(row, m.Center(c)); d < best {
			best, cluster = d, c
		}
	}
	return Prediction{cluster, root(best)}
}

func root(squared float32) float32 { return float32(math.Sqrt(float64(squared))) }

// Evaluation is a model's quality over data.
type Evaluation struct {
	Rows                int
	SumOfSquareDistance float64
}

// Metric gives the value of one of the evaluation metrics.
func (e Evaluation) Metric(name string) float64 {
	if name == SumOfSquareDistance {
		return e.SumOfSquareDistance
	}
	return e.SumOfSquareDistance / float64(max(e.Rows, 1))
}

// Evaluate measures the model over one pass of source.
func (m Model) Evaluate(source Source) (Evaluation, error) {
	var e Evaluation
	b := batchOf(4096, m.Dim)
	a := newAssigner(m.Centers, m.K, m.Dim)
	for {
		n, err := b.fill(source)
		if err == io.EOF {
			return e, nil
		}
		if err != nil {
			return e, err
		}
		a.assign(b.rows, n, b.nearest, b.distances[:n])
		for _, d := range b.distances[:n] {
			e.SumOfSquareDistance += float64(d)
		}
		e.Rows += n
	}
}

// Purity is the share of rows whose label is the most frequent one of their cluster.
func Purity(assignments, labels []int) float64 {
	if len(assignments) == 0 || len(assignments) != len(labels) {
		return 0
	}
	counts := map[int]map[int]int{}
	for i, cluster := range assignments {
		if counts[cluster] == nil {
			counts[cluster] = map[int]int{}
		}
		counts[cluster][labels[i]]++
	}
	pure := 0
	for _, byLabel := range counts {
		most := 0
		for _, n := range byLabel {
			most = max(most, n)
		}
		pure += most
	}
	return float64(pure) / float64(len(assignments))
}
