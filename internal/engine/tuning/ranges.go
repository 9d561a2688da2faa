package tuning

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Kind is what the values of a range are.
type Kind string

// The kinds.
const (
	Integer     Kind = "Integer"
	Continuous  Kind = "Continuous"
	Categorical Kind = "Categorical"
)

// Scaling is the scale on which a range is even.
type Scaling string

// The scales; no scale is Auto.
const (
	Auto               Scaling = "Auto"
	Linear             Scaling = "Linear"
	Logarithmic        Scaling = "Logarithmic"
	ReverseLogarithmic Scaling = "ReverseLogarithmic"
)

// Range is where one hyperparameter may be: from Min to Max, or one of Values.
type Range struct {
	Name     string
	Kind     Kind
	Min, Max string
	Scaling  Scaling
	Values   []string
}

// point is one place in the space: for each axis a number from 0 to 1 on its scale, or the number
// of a category.
type point []float64

// axis is a range that was checked.
type axis struct {
	name     string
	kind     Kind
	values   []string
	min, max float64 // as given
	scaling  Scaling // never Auto
	low, top float64 // ends on the scale; of an integer half a step beyond, so that all are as likely
}

// wide is how many times its least value a range's greatest is, for Auto to take a logarithm.
const wide = 1000

func (a *axis) scale() {
	if a.scaling == Auto || a.scaling == "" {
		a.scaling = Linear
		switch {
		case a.min > 0 && a.max/a.min >= wide:
			a.scaling = Logarithmic
		case a.kind == Continuous && a.min >= 0 && a.max < 1 && (1-a.min)/(1-a.max) >= wide:
			a.scaling = ReverseLogarithmic
		}
	}
	step := 0.0
	if a.kind == Integer {
		step = 0.5
	}
	a.low, a.top = a.forth(a.min-step), a.forth(a.max+step)
}

func (a *axis) forth(v float64) float64 {
	switch a.scaling {
	case Logarithmic:
		return math.Log(v)
	case ReverseLogarithmic:
		return -math.Log1p(-v)
	}
	return v
}

func (a *axis) back(t float64) float64 {
	switch a.scaling {
	case Logarithmic:
		return math.Exp(t)
	case ReverseLogarithmic:
		return -math.Expm1(-t)
	}
	return t
}

// at gives the place of a share of the axis: of u evenly spread in [0, 1) all values are as likely.
func (a *axis) at(u float64) float64 {
	u = min(max(u, 0), 1)
	if a.kind == Categorical {
		return math.Min(math.Floor(u*float64(len(a.values))), float64(len(a.values)-1))
	}
	if a.kind == Integer {
		return a.place(a.value(u))
	}
	return u
}

// value gives the number at a place.
func (a *axis) value(u float64) float64 {
	switch { // exactly, whatever the logarithms round to
	case u <= 0:
		return a.min
	case u >= 1:
		return a.max
	}
	v := a.back(a.low + u*(a.top-a.low))
	if a.kind == Integer {
		v = math.Round(v)
	}
	return min(max(v, a.min), a.max)
}

// place is where a value is; outside 0 to 1 when it is outside the range.
func (a *axis) place(v float64) float64 {
	if a.top == a.low {
		return 0
	}
	return (a.forth(v) - a.low) / (a.top - a.low)
}

// text writes the value at a place as the trial gets it.
func (a *axis) text(u float64) string {
	switch a.kind {
	case Categorical:
		return a.values[int(u)]
	case Integer:
		return strconv.FormatInt(int64(a.value(u)), 10)
	}
	return formatFloat(a.value(u))
}

// read finds the place of a value somebody wrote.
func (a *axis) read(text string) (float64, bool) {
	if a.kind == Categorical {
		i := slices.Index(a.values, text)
		return float64(i), i >= 0
	}
	v, err := strconv.ParseFloat(strings.Trim(text, `"`), 64)
	if err != nil {
		return 0, false
	}
	u := a.place(v)
	return u, finite(u)
}

// formatFloat writes the fewest digits that read back as the same number, in the form in which
// SageMaker's trials get them: 0.0001, 1e-05, 2.0.
func formatFloat(v float64) string {
	if v != 0 && (math.Abs(v) < 1e-4 || math.Abs(v) >= 1e16) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// combinations is how many choices there are; infinite with a continuous range.
func combinations(axes []axis) float64 {
	n := 1.0
	for _, a := range axes {
		switch {
		case a.kind == Categorical:
			n *= float64(len(a.values))
		case a.kind == Integer || a.max == a.min:
			n *= a.max - a.min + 1
		default:
			return math.Inf(1)
		}
	}
	return n
}
