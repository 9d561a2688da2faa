package tuning

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestNumbersAreWrittenAsTrialsGetThem(t *testing.T) {
	for want, v := range map[string]float64{
		"0.1": 0.1, "1.0": 1, "0.0": 0, "-2.5": -2.5, "0.0001": 0.0001, "1e-05": 0.00001, "3.0549e-07": 3.0549e-7,
		"1234567.0": 1234567, "1e+16": 1e16, "0.0006441064563543384": 0.0006441064563543384,
	} {
		if got := formatFloat(v); got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
}

func TestScalesAreEvenWhereTheySay(t *testing.T) {
	for _, c := range []struct {
		r       Range
		middle  float64
		scaling Scaling
	}{
		{Range{Kind: Continuous, Min: "0", Max: "10", Scaling: Linear}, 5, Linear},
		{Range{Kind: Continuous, Min: "0.01", Max: "100", Scaling: Logarithmic}, 1, Logarithmic},
		{Range{Kind: Continuous, Min: "0", Max: "0.9999", Scaling: ReverseLogarithmic}, 0.99, ReverseLogarithmic},
		{Range{Kind: Continuous, Min: "0.001", Max: "0.1"}, 0.0505, Linear},
		{Range{Kind: Continuous, Min: "0.0001", Max: "1", Scaling: Auto}, 0.01, Logarithmic},
		{Range{Kind: Continuous, Min: "0", Max: "0.9999", Scaling: Auto}, 0.99, ReverseLogarithmic},
		{Range{Kind: Continuous, Min: "-3", Max: "3000"}, 1498.5, Linear},
		{Range{Kind: Integer, Min: "1", Max: "10000", Scaling: Auto}, 71, Logarithmic},
		{Range{Kind: Integer, Min: "1", Max: "9"}, 5, Linear},
	} {
		a, err := c.r.axis()
		if err != nil {
			t.Fatal(err)
		}
		if got := a.value(0.5); math.Abs(got-c.middle) > 1e-9*math.Abs(c.middle)+1e-12 || a.scaling != c.scaling {
			t.Errorf("%+v: the middle is %v on a %s scale, want %v on %s", c.r, got, a.scaling, c.middle, c.scaling)
		}
		for _, u := range []float64{0, 0.2, 1} {
			place, ok := a.read(a.text(a.at(u)))
			if !ok || math.Abs(place-a.at(u)) > 1e-9 {
				t.Errorf("%+v: %v is read back as %v", c.r, a.at(u), place)
			}
		}
		if low, top := a.value(0), a.value(1); strconv.FormatFloat(low, 'f', -1, 64) != c.r.Min || strconv.FormatFloat(top, 'f', -1, 64) != c.r.Max {
			t.Errorf("%+v: from %v to %v", c.r, low, top)
		}
	}
}

func TestAllIntegersAreAsLikely(t *testing.T) {
	a, err := Range{Kind: Integer, Min: "1", Max: "4"}.axis()
	if err != nil {
		t.Fatal(err)
	}
	random, counts := rand.New(rand.NewPCG(1, 1)), map[string]int{}
	for range 40000 {
		counts[a.text(a.at(random.Float64()))]++
	}
	for _, v := range []string{"1", "2", "3", "4"} {
		if n := counts[v]; n < 9500 || n > 10500 {
			t.Errorf("%s came %d times of 40000", v, n)
		}
	}
}
