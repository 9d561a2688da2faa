package kmeans

import "golang.org/x/sys/cpu"

// scoreAVX2 is the kernel with 256-bit fused multiply-add.
//
//go:noescape
func scoreAVX2(top *float32, at *int32, panel, block, bias *float32, dim int, first int32)

func score(l *lanes, panel, block, bias []float32, dim, first int) {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		scoreGeneric(l, panel, block, bias, dim, first)
		return
	}
	_, _, _ = panel[dim*panelWidth-1], block[dim*blockRows-1], bias[panelWidth-1]
	scoreAVX2(&l.top[0], &l.at[0], &panel[0], &block[0], &bias[0], dim, int32(first))
}
