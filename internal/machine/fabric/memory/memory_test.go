package memory_test

import (
	"testing"

	"cloister/internal/machine/fabric/fabrictest"
	"cloister/internal/machine/fabric/memory"
)

func TestFabric(t *testing.T) {
	fabrictest.Run(t, func(t *testing.T) fabrictest.Fabric { return memory.New() })
}
