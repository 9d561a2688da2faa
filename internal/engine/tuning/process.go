package tuning

import (
	"math"
	"slices"
)

// observation is a cost that was measured at a point. Task 0 is this job; the others are parents
// whose costs are only like this job's.
type observation struct {
	point point
	cost  float64
	task  int
}

// process is a Gaussian process over the space, with the Matérn 5/2 kernel: its belief about the
// cost at any point, given noisy observations.
type process struct {
	axes  []axis
	seen  []observation // costs standardised
	scale hyper
	chol  []float64
	alpha []float64
}

// hyper are the kernel's own parameters, as logarithms so that any number is one.
type hyper struct {
	lengths []float64 // how far one must go along each axis for another cost
	signal  float64   // variance of the cost
	noise   float64   // variance of its measurement
	like    float64   // how like this job's a parent's costs are: from 0 to 1 by the logistic function
}

func (h hyper) clone() hyper {
	h.lengths = slices.Clone(h.lengths)
	return h
}

// What is believed of the kernel before any observation: mean and standard deviation of each.
const (
	signalSpread = 0.7
	noiseMean    = -4.5
	noiseSpread  = 1.5
	likeMean     = 1.4
	likeSpread   = 1.5
	lengthSpread = 0.8
	jitter       = 1e-6
)

func lengthMean(axes int) float64 { return math.Log(0.4) + 0.5*math.Log(float64(axes)) }

// newProcess learns the kernel from the observations, or from some of them when they are many.
func newProcess(axes []axis, seen []observation) *process {
	p := &process{axes: axes, seen: seen}
	p.scale = hyper{lengths: make([]float64, len(axes)), noise: noiseMean, like: likeMean}
	for i := range p.scale.lengths {
		p.scale.lengths[i] = lengthMean(len(axes))
	}
	some := &process{axes: axes, seen: thin(seen, 120), scale: p.scale}
	some.learn()
	p.scale = some.scale
	p.condition()
	return p
}

// thin keeps at most n observations: the last ones and, evenly, of those before.
func thin(seen []observation, n int) []observation {
	if len(seen) <= n {
		return seen
	}
	half := len(seen) - n/2
	var kept []observation
	for i := range n - n/2 {
		kept = append(kept, seen[i*half/(n-n/2)])
	}
	return append(kept, seen[half:]...)
}

// learn climbs to the kernel under which the observations are likeliest, one parameter at a time
// with ever smaller steps.
func (p *process) learn() {
	rough := p.scale.clone()
	best := p.climb()
	smooth := p.scale
	p.scale = rough
	for i := range p.scale.lengths {
		p.scale.lengths[i]--
	}
	if p.climb() <= best {
		p.scale = smooth
	}
}

func (p *process) climb() float64 {
	best := p.likelihood(p.scale)
	for _, step := range []float64{1.2, 0.6, 0.3, 0.15} {
		for i := range len(p.scale.lengths) + 3 {
			for _, way := range []float64{step, -step} {
				trial := p.scale.clone()
				*trial.at(i) += way
				if got := p.likelihood(trial); got > best {
					best, p.scale = got, trial
					break
				}
			}
		}
	}
	return best
}

func (h *hyper) at(i int) *float64 {
	switch n := len(h.lengths); i {
	case n:
		return &h.signal
	case n + 1:
		return &h.noise
	case n + 2:
		return &h.like
	}
	return &h.lengths[i]
}

// likelihood is the logarithm of how likely kernel and observations are, but for a constant.
func (p *process) likelihood(h hyper) float64 {
	n := len(p.seen)
	l := p.covariance(h)
	if !cholesky(l, n) {
		return math.Inf(-1)
	}
	y := p.costs()
	forward(l, n, y)
	sum := -0.5 * dot(y, y)
	for i := range n {
		sum -= math.Log(l[i*n+i])
	}
	for _, length := range h.lengths {
		sum -= square((length-lengthMean(len(p.axes)))/lengthSpread) / 2
	}
	sum -= square(h.signal/signalSpread) / 2
	sum -= square((h.noise-noiseMean)/noiseSpread) / 2
	return sum - square((h.like-likeMean)/likeSpread)/2
}

func square(v float64) float64 { return v * v }

func (p *process) costs() []float64 {
	y := make([]float64, len(p.seen))
	for i, o := range p.seen {
		y[i] = o.cost
	}
	return y
}

// covariance fills the lower half of the observations' covariance.
func (p *process) covariance(h hyper) []float64 {
	n := len(p.seen)
	a := make([]float64, n*n)
	k := newKernel(p.axes, h)
	for i := range n {
		for j := range i {
			a[i*n+j] = k.between(p.seen[i], p.seen[j])
		}
		a[i*n+i] = k.signal + math.Exp(h.noise) + jitter
	}
	return a
}

// kernel is a hyper ready for use.
type kernel struct {
	axes   []axis
	weight []float64 // 1/length²
	signal float64
	like   float64
}

func newKernel(axes []axis, h hyper) kernel {
	k := kernel{axes: axes, weight: make([]float64, len(axes)), signal: math.Exp(h.signal), like: 1 / (1 + math.Exp(-h.like))}
	for i, l := range h.lengths {
		k.weight[i] = math.Exp(-2 * l)
	}
	return k
}

// between is the covariance of the costs of two observations. Two categories are as far from each
// other as the ends of an axis.
func (k kernel) between(x, y observation) float64 {
	sum := 0.0
	for i, u := range x.point {
		d := u - y.point[i]
		if k.axes[i].kind == Categorical && d != 0 {
			d = 1
		}
		sum += d * d * k.weight[i]
	}
	r := math.Sqrt(5 * sum)
	v := k.signal * (1 + r + r*r/3) * math.Exp(-r)
	if x.task != y.task {
		v *= k.like
	}
	return v
}

// condition makes the process ready to be asked.
func (p *process) condition() {
	n := len(p.seen)
	p.chol = p.covariance(p.scale)
	for !cholesky(p.chol, n) {
		p.scale.noise++
		p.chol = p.covariance(p.scale)
	}
	p.alpha = p.costs()
	forward(p.chol, n, p.alpha)
	backward(p.chol, n, p.alpha)
}

// oracle asks a process again and again.
type oracle struct {
	*process
	kernel
	room []float64
}

func (p *process) oracle() *oracle {
	return &oracle{process: p, kernel: newKernel(p.axes, p.scale), room: make([]float64, len(p.seen))}
}

// believe gives the mean and the standard deviation of the cost at a point of this job.
func (o *oracle) believe(at point) (mean, deviation float64) {
	x := observation{point: at}
	for i, s := range o.seen {
		o.room[i] = o.between(x, s)
	}
	mean = dot(o.room, o.alpha)
	forward(o.chol, len(o.seen), o.room)
	return mean, math.Sqrt(max(o.signal-dot(o.room, o.room), 1e-12))
}

// expectedImprovement is how much below best the cost at a point is expected to be, above it
// counting as nothing.
func (o *oracle) expectedImprovement(at point, best float64) float64 {
	mean, deviation := o.believe(at)
	z := (best - mean) / deviation
	return (best-mean)*0.5*math.Erfc(-z/math.Sqrt2) + deviation*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi)
}
