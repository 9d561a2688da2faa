package memory_test

import (
	"testing"

	"cloister/internal/machine/fabric/fabrictest"
	"cloister/internal/machine/fabric/memory"
)

func open(t *testing.T) fabrictest.Fabric { return memory.New() }

func TestFabric(t *testing.T) { fabrictest.Run(t, open) }

func TestMatrix(t *testing.T) { fabrictest.Matrix(t, open, fabrictest.All, 120) }
