package kmeans

import (
	"math"
	"runtime"
	"testing"
)

func TestKernelAgreesWithPlainGo(t *testing.T) {
	random := seeded(1)
	for _, dim := range []int{1, 2, 7, 64, 129} {
		panel, block, bias := make([]float32, dim*panelWidth), make([]float32, dim*blockRows), make([]float32, panelWidth)
		for _, list := range [][]float32{panel, block, bias} {
			for i := range list {
				list[i] = float32(random.NormFloat64())
			}
		}
		var got, want [blockRows * panelWidth]float32
		score(&got, panel, block, bias, dim)
		scoreGeneric(&want, panel, block, bias, dim)
		for i := range got {
			if math.Abs(float64(got[i]-want[i])) > 1e-5*float64(dim) {
				t.Fatalf("dim %d, score %d: %v, plain Go says %v", dim, i, got[i], want[i])
			}
		}
	}
}

func TestAssignFindsTheNearest(t *testing.T) {
	random := seeded(2)
	for _, c := range []struct {
		n, k, dim int
		offset    float32
	}{{1, 1, 1, 0}, {5, 3, 2, 0}, {6, 16, 7, 0}, {241, 17, 64, 0}, {1000, 100, 33, 0}, {500, 20, 16, 1e5}} {
		rows, centers := make([]float32, c.n*c.dim), make([]float32, c.k*c.dim)
		for _, list := range [][]float32{rows, centers} {
			for i := range list {
				list[i] = c.offset + 10*float32(random.NormFloat64())
			}
		}
		nearest, distances := make([]int32, c.n), make([]float32, c.n)
		newAssigner(centers, c.k, c.dim).assign(rows, c.n, nearest, distances)
		for i := range c.n {
			row := rows[i*c.dim : (i+1)*c.dim]
			least := float32(math.MaxFloat32)
			for j := range c.k {
				least = min(least, squaredDistance(row, centers[j*c.dim:(j+1)*c.dim]))
			}
			if distances[i] > least*1.0001 {
				t.Fatalf("%+v, row %d: center %d at %v, the nearest is at %v", c, i, nearest[i], distances[i], least)
			}
		}
	}
}

func TestAssignTiesGoToTheLowest(t *testing.T) {
	centers := []float32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	nearest := []int32{9, 9}
	newAssigner(centers, 20, 1).assign([]float32{1, 5}, 2, nearest, nil)
	if nearest[0] != 0 || nearest[1] != 0 {
		t.Errorf("nearest %v", nearest)
	}
}

func TestSameCentersOnAnyNumberOfCores(t *testing.T) {
	rows := blobs(seeded(3), 3000, 20, 30)
	train := func(cores int) Model {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		model, err := Train(t.Context(), parameters("20", "30", "mini_batch_size", "700", "epochs", "2"), &memory{rows: rows, dim: 30}, seeded(4), noReport)
		if err != nil {
			t.Fatal(err)
		}
		return model
	}
	one := train(1)
	for _, cores := range []int{2, 3, 8} {
		if many := train(cores); string(many.Encode()) != string(one.Encode()) {
			t.Errorf("%d cores give other centers than one", cores)
		}
	}
}

func BenchmarkAssign(b *testing.B) {
	for _, c := range []struct {
		name   string
		k, dim int
	}{{"k=10,dim=64", 10, 64}, {"k=100,dim=64", 100, 64}, {"k=100,dim=784", 100, 784}} {
		b.Run(c.name, func(b *testing.B) {
			random, n := seeded(1), 5000
			rows, centers := make([]float32, n*c.dim), make([]float32, c.k*c.dim)
			for i := range rows {
				rows[i] = random.Float32()
			}
			copy(centers, rows)
			nearest := make([]int32, n)
			for b.Loop() {
				newAssigner(centers, c.k, c.dim).assign(rows, n, nearest, nil)
			}
			b.ReportMetric(2*float64(n*c.k*c.dim)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gflop/s")
		})
	}
}
