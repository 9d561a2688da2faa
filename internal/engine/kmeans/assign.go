package kmeans

import (
	"math"
	"runtime"
	"sync"
)

// The kernel scores blockRows rows against panelWidth centers at a time.
const (
	blockRows  = 6
	panelWidth = 16
)

// assigner finds nearest centers. With x and c taken relative to the centers' mean, so that a large
// common offset costs no precision, the nearest center has the greatest x·c - ||c||²/2.
type assigner struct {
	k, dim  int
	centers []float32
	origin  []float32
	panels  []float32 // for each panelWidth centers: the first feature of each, the second, ...
	bias    []float32 // -||c||²/2 of each, and the least number where there is no center
}

func newAssigner(centers []float32, k, dim int) *assigner {
	count := (k + panelWidth - 1) / panelWidth
	a := &assigner{
		k: k, dim: dim, centers: centers, origin: meanOf(centers, k, dim),
		panels: make([]float32, count*panelWidth*dim), bias: make([]float32, count*panelWidth),
	}
	for i := range a.bias {
		a.bias[i] = -math.MaxFloat32
	}
	for c := range k {
		a.pack(c)
	}
	return a
}

func meanOf(rows []float32, n, dim int) []float32 {
	sums := make([]float64, dim)
	for i := range n {
		for j, v := range rows[i*dim : (i+1)*dim] {
			sums[j] += float64(v)
		}
	}
	mean := make([]float32, dim)
	for j, sum := range sums {
		mean[j] = float32(sum / float64(n))
	}
	return mean
}

func (a *assigner) pack(c int) {
	panel := a.panels[c/panelWidth*panelWidth*a.dim:]
	lane, norm := c%panelWidth, 0.0
	for j, v := range a.centers[c*a.dim : (c+1)*a.dim] {
		v -= a.origin[j]
		panel[j*panelWidth+lane] = v
		norm += float64(v) * float64(v)
	}
	a.bias[c] = float32(-norm / 2)
}

// assign writes the nearest center of each of n rows, and its squared distance where distances is
// not nil. A row's answer does not depend on the rows around it.
func (a *assigner) assign(rows []float32, n int, nearest []int32, distances []float32) {
	parallel(n, 240, func(from, to int) {
		block := make([]float32, blockRows*a.dim)
		for at := from; at < to; at += blockRows {
			end := min(at+blockRows, to)
			a.load(block, rows[at*a.dim:end*a.dim], end-at)
			a.scan(block, nearest[at:end])
		}
		if distances == nil {
			return
		}
		for i := from; i < to; i++ {
			c := int(nearest[i])
			distances[i] = squaredDistance(rows[i*a.dim:(i+1)*a.dim], a.centers[c*a.dim:(c+1)*a.dim])
		}
	})
}

// load lays out up to blockRows rows as the kernel reads them: the first feature of each, the
// second, ... Rows that are missing stay what they were; nobody looks at their scores.
func (a *assigner) load(block, rows []float32, n int) {
	for i := range n {
		row := rows[i*a.dim : (i+1)*a.dim]
		for j, v := range row {
			block[j*blockRows+i] = v - a.origin[j]
		}
	}
}

// scan writes the nearest center of each row in block; the lowest number wins a tie.
func (a *assigner) scan(block []float32, nearest []int32) {
	var best [blockRows]float32
	for i := range best {
		best[i] = -math.MaxFloat32
		if i < len(nearest) {
			nearest[i] = 0
		}
	}
	var scores [blockRows * panelWidth]float32
	for first := 0; first < a.k; first += panelWidth {
		score(&scores, a.panels[first*a.dim:], block, a.bias[first:], a.dim)
		for i := range nearest {
			row := scores[i*panelWidth : (i+1)*panelWidth]
			top := best[i]
			for lane, s := range row {
				if s > top {
					top, nearest[i] = s, int32(first+lane)
				}
			}
			best[i] = top
		}
	}
}

// scoreGeneric is the kernel in plain Go: scores = bias + block · panel.
func scoreGeneric(scores *[blockRows * panelWidth]float32, panel, block, bias []float32, dim int) {
	for i := range blockRows {
		copy(scores[i*panelWidth:(i+1)*panelWidth], bias[:panelWidth])
	}
	for j := range dim {
		lanes := (*[panelWidth]float32)(panel[j*panelWidth:])
		for i, x := range block[j*blockRows : (j+1)*blockRows] {
			row := (*[panelWidth]float32)(scores[i*panelWidth:])
			for lane, c := range lanes {
				row[lane] += x * c
			}
		}
	}
}

// squaredDistance is exact up to float32 rounding; it never cancels.
func squaredDistance(x, y []float32) float32 {
	var a, b, c, d float32
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		u, v, w, z := x[i]-y[i], x[i+1]-y[i+1], x[i+2]-y[i+2], x[i+3]-y[i+3]
		a, b, c, d = a+u*u, b+v*v, c+w*w, d+z*z
	}
	for ; i < len(x); i++ {
		u := x[i] - y[i]
		a += u * u
	}
	return a + b + (c + d)
}

// parallel splits n items into pieces of size and gives them to as many workers as there are cores.
func parallel(n, size int, work func(from, to int)) {
	pieces := (n + size - 1) / size
	workers := min(runtime.GOMAXPROCS(0), pieces)
	if workers <= 1 {
		work(0, n)
		return
	}
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for piece := w; piece < pieces; piece += workers {
				work(piece*size, min((piece+1)*size, n))
			}
		})
	}
	group.Wait()
}
