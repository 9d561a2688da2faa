package kmeans

import (
	"io"
	"math/rand/v2"
)

// memory is a Source over rows in memory.
type memory struct {
	rows []float32
	dim  int
	at   int
}

func (m *memory) Read(rows []float32) (int, error) {
	if m.at == len(m.rows) {
		return 0, io.EOF
	}
	n := copy(rows, m.rows[m.at:])
	m.at += n
	return n / m.dim, nil
}

func (m *memory) Restart() error { m.at = 0; return nil }

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func noReport(Progress) {}

// parameters gives the defaults with k and dim, and whatever the pairs name.
func parameters(k, dim string, pairs ...string) Hyperparameters {
	given := map[string]string{"k": k, "feature_dim": dim}
	for i := 0; i < len(pairs); i += 2 {
		given[pairs[i]] = pairs[i+1]
	}
	h, err := ParseHyperparameters(given)
	if err != nil {
		panic(err)
	}
	return h
}

// blobs makes n rows around k well separated corners.
func blobs(random *rand.Rand, n, k, dim int) []float32 {
	rows := make([]float32, n*dim)
	for i := range rows {
		corner := i / dim % k
		rows[i] = float32(random.NormFloat64())
		if i%dim == corner%dim {
			rows[i] += float32(50 * (1 + corner/dim))
		}
	}
	return rows
}
