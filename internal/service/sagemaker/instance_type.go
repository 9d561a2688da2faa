package sagemaker

import (
	"strings"

	"cloister/internal/machine/executor"
)

// cpusOf is the number of virtual CPUs by size.
var cpusOf = map[string]float64{
	"medium": 2, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "9xlarge": 36, "10xlarge": 40,
	"12xlarge": 48, "16xlarge": 64, "18xlarge": 72, "24xlarge": 96,
}

// memoryOf is the number of GiB for each virtual CPU, by family. Families with accelerators are not
// here: there is nothing to give.
var memoryOf = map[string]float64{
	"t2": 2, "t3": 2, "m4": 4, "m5": 4, "m5d": 4, "m6i": 4, "m7i": 4,
	"c4": 1.875, "c5": 2, "c5d": 2, "c5n": 2.625, "c6i": 2, "c7i": 2, "r5": 8, "r5d": 8, "r6i": 8, "r7i": 8,
}

// processes is how many processes and threads one container may have.
const processes = 8192

// limits gives what an instance type means here, never more than there is; false for a type that
// cannot be had.
func (s *Service) limits(instanceType string) (executor.Limits, bool) {
	p := strings.Split(instanceType, ".")
	if len(p) != 3 || p[0] != "ml" || cpusOf[p[2]] == 0 || memoryOf[p[1]] == 0 {
		return executor.Limits{}, false
	}
	l := executor.Limits{CPUs: cpusOf[p[2]], Process: processes}
	l.Memory = int64(l.CPUs * memoryOf[p[1]] * (1 << 30))
	if c := s.Capacity; c.CPUs > 0 {
		l.CPUs = min(l.CPUs, c.CPUs)
	}
	if c := s.Capacity; c.Memory > 0 {
		l.Memory = min(l.Memory, c.Memory)
	}
	return l, true
}

// available refuses an instance type that cannot be had for "training-job" or "endpoint".
func (s *Service) available(kind, instanceType string) error {
	if _, ok := s.limits(instanceType); !ok {
		return validation.New("The requested resource %s/%s is not available in this region", kind, instanceType)
	}
	return nil
}
