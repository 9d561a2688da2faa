package kmeans

// Cluster is what several hosts that train one model have between them. All of them go through the
// same sums in the same order, so that each has the same centers all the time and none has to be told.
type Cluster interface {
	// Hosts is how many there are, and which of them, from 0, this one is.
	Hosts() (count, self int)
	// Sum replaces each value by its sum over all hosts, the same to the bit on every one.
	Sum(values []float64) error
}

// Alone is the cluster of one host.
type Alone struct{}

// Hosts is one, this.
func (Alone) Hosts() (count, self int) { return 1, 0 }

// Sum is what it was.
func (Alone) Sum([]float64) error { return nil }

// share is what a host reads of something that all hosts together need once.
func (t *trainer) share(n int) int {
	hosts, _ := t.cluster.Hosts()
	return (n + hosts - 1) / hosts
}

// collect puts the first rows of all hosts together, those of the first host first.
func (t *trainer) collect(rows []float32, n int) ([]float32, int, error) {
	hosts, self := t.cluster.Hosts()
	if hosts == 1 {
		return rows, n, nil
	}
	counts := make([]float64, hosts)
	counts[self] = float64(n)
	if err := t.cluster.Sum(counts); err != nil {
		return nil, 0, err
	}
	total, before := 0, 0
	for i, c := range counts {
		if i == self {
			before = total
		}
		total += int(c)
	}
	values := make([]float64, total*t.FeatureDim)
	widen(values[before*t.FeatureDim:], rows)
	if err := t.cluster.Sum(values); err != nil {
		return nil, 0, err
	}
	all := make([]float32, len(values))
	narrow(all, values)
	return all, total, nil
}

// agree makes the first host's centers everyone's: hosts of different processors may have rounded
// differently when they chose.
func (t *trainer) agree() error {
	hosts, self := t.cluster.Hosts()
	if hosts == 1 {
		return nil
	}
	values := make([]float64, len(t.centers))
	if self == 0 {
		widen(values, t.centers)
	}
	if err := t.cluster.Sum(values); err != nil {
		return err
	}
	narrow(t.centers, values)
	return nil
}

func widen(dst []float64, src []float32) {
	for i, v := range src {
		dst[i] = float64(v)
	}
}

func narrow(dst []float32, src []float64) {
	for i, v := range src {
		dst[i] = float32(v)
	}
}

// round is one step of all hosts: the sums of their rows by center, in one list so that they are
// summed over the hosts at once.
type round struct {
	values []float64
	sums   []float64 // by center and feature
	counts []float64 // by center
	// Of all hosts: rows, the sum of their squared distances, and hosts that were told to stop.
	rows, total, stops *float64
}

func newRound(k, dim int) *round {
	values := make([]float64, k*dim+k+3)
	rest := values[k*dim+k:]
	return &round{values: values, sums: values[:k*dim], counts: values[k*dim : k*dim+k], rows: &rest[0], total: &rest[1], stops: &rest[2]}
}

// EvaluateIn measures the model over the rows of all hosts together.
func (m Model) EvaluateIn(cluster Cluster, source Source) (Evaluation, error) {
	own, err := m.Evaluate(source)
	if err != nil {
		return own, err
	}
	values := []float64{float64(own.Rows), own.SumOfSquareDistance}
	err = cluster.Sum(values)
	return Evaluation{Rows: int(values[0]), SumOfSquareDistance: values[1]}, err
}
