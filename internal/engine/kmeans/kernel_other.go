//go:build !amd64

package kmeans

func score(l *lanes, panel, block, bias []float32, dim, first int) {
	scoreGeneric(l, panel, block, bias, dim, first)
}
