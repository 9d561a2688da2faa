package kmeans

import (
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestModelFile(t *testing.T) {
	m := Model{K: 2, Dim: 1, Centers: []float32{1, -2}}
	want := "1201000000000000" + "0000000000000000" + "0100000000000000" + "c9fa93f9" + "00000000" + "02000000" +
		"0200000000000000" + "0100000000000000" + "01000000" + "00000000" + "00000000" + "0000803f" + "000000c0" + "0000000000000000"
	file := m.Encode()
	if got := hex.EncodeToString(file); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	back, err := DecodeModel(file)
	if err != nil || back.K != 2 || back.Dim != 1 || !slices.Equal(back.Centers, m.Centers) {
		t.Errorf("%v, %v", back, err)
	}
}

func TestModelFileRefused(t *testing.T) {
	good := Model{K: 2, Dim: 2, Centers: []float32{1, 2, 3, 4}}.Encode()
	change := func(at int, value byte) []byte {
		file := slices.Clone(good)
		file[at] = value
		return file
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty": {nil, "not a list"}, "zip": {[]byte("PK\x03\x04........."), "not a list"}, "two arrays": {change(16, 2), "2 arrays"},
		"other kind": {change(24, 0xc8), "not a dense array"}, "sparse": {change(28, 1), "not a dense array"},
		"three dimensions": {change(32, 3), "3 dimensions"}, "huge": {change(43, 0xff), "cut short"}, "no rows": {change(36, 0), "cut short"},
		"float64": {change(60, 1), "type 1"}, "cut": {good[:len(good)-16], "cut short"},
		"NaN": {Model{K: 1, Dim: 1, Centers: []float32{float32(math.NaN())}}.Encode(), "not finite"},
	} {
		if _, err := DecodeModel(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func FuzzDecodeModel(f *testing.F) {
	f.Add(Model{K: 2, Dim: 2, Centers: []float32{1, 2, 3, 4}}.Encode())
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := DecodeModel(file)
		if err == nil && len(m.Centers) != m.K*m.Dim {
			t.Fatalf("%d x %d model with %d numbers", m.K, m.Dim, len(m.Centers))
		}
	})
}

func TestResponses(t *testing.T) {
	predictions := []Prediction{{5, 36.5}, {0, 0}, {11, 1767.897705078125}, {1, 1e-5}}
	if got, want := string(AppendJSON(nil, predictions[:2])), `{"predictions":[{"closest_cluster":5.0,"distance_to_cluster":36.5},{"closest_cluster":0.0,"distance_to_cluster":0.0}]}`; got != want {
		t.Error(got)
	}
	if got := string(AppendJSON(nil, nil)); got != `{"predictions":[]}` {
		t.Error(got)
	}
	if got, want := string(AppendJSONLines(nil, predictions[:2])), "{\"closest_cluster\":5.0,\"distance_to_cluster\":36.5}\n{\"closest_cluster\":0.0,\"distance_to_cluster\":0.0}\n"; got != want {
		t.Error(got)
	}
	if got, want := string(AppendCSV(nil, predictions)), "5.0,36.5\n0.0,0.0\n11.0,1767.897705078125\n1.0,9.999999747378752e-06\n"; got != want {
		t.Error(got)
	}
}

func TestPredictOneRowOrMany(t *testing.T) {
	random := seeded(5)
	m := Model{K: 20, Dim: 12, Centers: blobs(random, 20, 20, 12)}
	rows := blobs(random, 100, 20, 12)
	many := m.Predict(nil, rows)
	for i, p := range many {
		if one := m.Predict(nil, rows[i*12:(i+1)*12]); one[0] != p {
			t.Errorf("row %d: %v alone, %v among others", i, one[0], p)
		}
	}
}

func TestPurity(t *testing.T) {
	for _, c := range []struct {
		assigned, labels []int
		want             float64
	}{
		{[]int{0, 0, 1, 1}, []int{7, 7, 8, 8}, 1}, {[]int{0, 0, 0, 0}, []int{7, 7, 7, 8}, 0.75},
		{[]int{0, 1}, []int{3, 3}, 1}, {nil, nil, 0}, {[]int{1}, []int{1, 2}, 0},
	} {
		if got := Purity(c.assigned, c.labels); got != c.want {
			t.Errorf("%v: %v, want %v", c, got, c.want)
		}
	}
}

func BenchmarkPredict(b *testing.B) {
	m := Model{K: 10, Dim: 64, Centers: blobs(seeded(1), 10, 10, 64)}
	row, dst := blobs(seeded(2), 1, 10, 64), make([]Prediction, 0, 1)
	b.ReportAllocs()
	for b.Loop() {
		m.Predict(dst, row)
	}
}
