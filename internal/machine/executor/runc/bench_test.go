package runc

import (
	"fmt"
	"testing"

	"cloister/internal/machine/executor"
)

// BenchmarkStart measures from Start until the first instruction may run.
func BenchmarkStart(b *testing.B) {
	e := open(b)
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("bench-%d", i)
		if err := e.Start(b.Context(), benchSpec(id)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		e.Remove(b.Context(), id)
		b.StartTimer()
	}
}

// BenchmarkStartToExit measures the whole life of a container that does nothing.
func BenchmarkStartToExit(b *testing.B) {
	e := open(b)
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("bench-%d", i)
		if err := e.Start(b.Context(), benchSpec(id)); err != nil {
			b.Fatal(err)
		}
		if _, err := e.Wait(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
}

func benchSpec(id string) executor.Spec {
	return executor.Spec{ID: id, Root: image, Args: []string{"/guest", "exit", "0"}, Limits: executor.Limits{Memory: 1 << 30, CPUs: 2, Process: 512}}
}
