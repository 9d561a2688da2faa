package tuning

import "math"

// cholesky turns the lower half of a symmetric positive matrix of n rows into L with L·Lᵀ = A. It
// tells whether the matrix was positive.
func cholesky(a []float64, n int) bool {
	for j := range n {
		rowJ := a[j*n : j*n+j]
		d := a[j*n+j] - dot(rowJ, rowJ)
		if !(d > 0) {
			return false
		}
		d = math.Sqrt(d)
		a[j*n+j] = d
		for i := j + 1; i < n; i++ {
			a[i*n+j] = (a[i*n+j] - dot(a[i*n:i*n+j], rowJ)) / d
		}
	}
	return true
}

// forward solves L·x = b in place.
func forward(l []float64, n int, b []float64) {
	for i := range n {
		b[i] = (b[i] - dot(l[i*n:i*n+i], b[:i])) / l[i*n+i]
	}
}

// backward solves Lᵀ·x = b in place.
func backward(l []float64, n int, b []float64) {
	for i := n - 1; i >= 0; i-- {
		b[i] /= l[i*n+i]
		for j, v := range l[i*n : i*n+i] {
			b[j] -= v * b[i]
		}
	}
}

func dot(x, y []float64) float64 {
	sum := 0.0
	y = y[:len(x)]
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}
