package kmeans

import "golang.org/x/sys/cpu"

// scoreAVX2 is the kernel with 256-bit fused multiply-add.
//
//go:noescape
func scoreAVX2(scores, panel, block, bias *float32, dim int)

func score(scores *[blockRows * panelWidth]float32, panel, block, bias []float32, dim int) {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		scoreGeneric(scores, panel, block, bias, dim)
		return
	}
	_, _, _ = panel[dim*panelWidth-1], block[dim*blockRows-1], bias[panelWidth-1]
	scoreAVX2(&scores[0], &panel[0], &block[0], &bias[0], dim)
}
