//go:build !amd64

package kmeans

func score(scores *[blockRows * panelWidth]float32, panel, block, bias []float32, dim int) {
	scoreGeneric(scores, panel, block, bias, dim)
}
