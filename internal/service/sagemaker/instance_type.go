package sagemaker

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cloister/internal/machine/executor"
)

// InstanceType is what an operator says of an instance type: one that is not known without, or another meaning
// of one that is.
type InstanceType struct {
	CPUs   float64 `yaml:"cpus"`
	Memory float64 `yaml:"memory"` // GiB
	GPUs   int     `yaml:"gpus"`
	// Adapter says that it has an Elastic Fabric Adapter: jobs need more addresses for it.
	Adapter bool `yaml:"efa"`
	// Available is how many there are in a region, for all accounts; nil is no bound.
	Available *int `yaml:"available"`
}

// typeForm is how instance types are called.
var typeForm = regexp.MustCompile(`^ml\.[a-z0-9-]+\.[a-z0-9-]+$`)

// ValidateTypes says what is wrong with a table of instance types.
func ValidateTypes(types map[string]InstanceType) error {
	var wrong []error
	for name, t := range types {
		switch {
		case !typeForm.MatchString(name):
			wrong = append(wrong, fmt.Errorf("%q is no instance type", name))
		case t.GPUs < 0 || t.CPUs < 0 || t.Memory < 0 || t.Available != nil && *t.Available < 0:
			wrong = append(wrong, fmt.Errorf("%s: less than nothing", name))
		case (t.CPUs == 0 || t.Memory == 0) && builtIn(name).CPUs == 0:
			wrong = append(wrong, fmt.Errorf("%s: cpus and memory (GiB) are needed: it is not known without", name))
		}
	}
	return errors.Join(wrong...)
}

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

// fabricTypes are the instance types with an Elastic Fabric Adapter.
var fabricTypes = []string{
	"ml.c5n.18xlarge", "ml.p3dn.24xlarge", "ml.p4d.24xlarge", "ml.p4de.24xlarge", "ml.p5.48xlarge", "ml.p5e.48xlarge", "ml.p5en.48xlarge",
	"ml.trn1.32xlarge", "ml.trn1n.32xlarge", "ml.trn2.48xlarge",
}

// gpuTypes are the types with accelerators that a host may have: theirs are NVIDIA's.
var gpuTypes = map[string]InstanceType{
	"ml.g4dn.xlarge": {CPUs: 4, Memory: 16, GPUs: 1}, "ml.g4dn.2xlarge": {CPUs: 8, Memory: 32, GPUs: 1}, "ml.g4dn.4xlarge": {CPUs: 16, Memory: 64, GPUs: 1},
	"ml.g4dn.8xlarge": {CPUs: 32, Memory: 128, GPUs: 1}, "ml.g4dn.12xlarge": {CPUs: 48, Memory: 192, GPUs: 4}, "ml.g4dn.16xlarge": {CPUs: 64, Memory: 256, GPUs: 1},
	"ml.g5.xlarge": {CPUs: 4, Memory: 16, GPUs: 1}, "ml.g5.2xlarge": {CPUs: 8, Memory: 32, GPUs: 1}, "ml.g5.4xlarge": {CPUs: 16, Memory: 64, GPUs: 1},
	"ml.g5.8xlarge": {CPUs: 32, Memory: 128, GPUs: 1}, "ml.g5.12xlarge": {CPUs: 48, Memory: 192, GPUs: 4}, "ml.g5.16xlarge": {CPUs: 64, Memory: 256, GPUs: 1},
	"ml.g5.24xlarge": {CPUs: 96, Memory: 384, GPUs: 4}, "ml.g5.48xlarge": {CPUs: 192, Memory: 768, GPUs: 8},
	"ml.p3.2xlarge": {CPUs: 8, Memory: 61, GPUs: 1}, "ml.p3.8xlarge": {CPUs: 32, Memory: 244, GPUs: 4}, "ml.p3.16xlarge": {CPUs: 64, Memory: 488, GPUs: 8},
	"ml.p3dn.24xlarge": {CPUs: 96, Memory: 768, GPUs: 8, Adapter: true}, "ml.p4d.24xlarge": {CPUs: 96, Memory: 1152, GPUs: 8, Adapter: true},
	"ml.p5.48xlarge": {CPUs: 192, Memory: 2048, GPUs: 8, Adapter: true},
}

// processes is how many processes and threads one container may have.
const processes = 8192

// builtIn is what is known of a type without configuration; it has no CPUs if that is nothing.
func builtIn(name string) InstanceType {
	t := InstanceType{Adapter: slices.Contains(fabricTypes, name)}
	if g, ok := gpuTypes[name]; ok {
		t.CPUs, t.Memory, t.GPUs = g.CPUs, g.Memory, g.GPUs
		return t
	}
	if p := strings.Split(name, "."); len(p) == 3 && p[0] == "ml" && memoryOf[p[1]] > 0 {
		t.CPUs = cpusOf[p[2]]
		t.Memory = t.CPUs * memoryOf[p[1]]
	}
	return t
}

// instanceType is a type as it is configured here.
func (s *Service) instanceType(name string) InstanceType {
	t, said := builtIn(name), s.Types[name]
	if said.CPUs > 0 {
		t.CPUs = said.CPUs
	}
	if said.Memory > 0 {
		t.Memory = said.Memory
	}
	if said.GPUs > 0 {
		t.GPUs = said.GPUs
	}
	t.Adapter, t.Available = t.Adapter || said.Adapter, said.Available
	return t
}

// limits gives what an instance type means here, never more than there is; false for a type that
// cannot be had. Its weight is that of all its processors, also of those that this machine has not.
func (s *Service) limits(name string) (executor.Limits, bool) {
	t := s.instanceType(name)
	if t.CPUs == 0 || t.Memory == 0 || t.GPUs > len(s.GPUs) {
		return executor.Limits{}, false
	}
	l := executor.Limits{CPUs: t.CPUs, Weight: t.CPUs, Memory: int64(t.Memory * (1 << 30)), Process: processes}
	if c := s.Capacity; c.CPUs > 0 {
		l.CPUs = min(l.CPUs, c.CPUs)
	}
	if c := s.Capacity; c.Memory > 0 {
		l.Memory = min(l.Memory, c.Memory)
	}
	return l, true
}

// available refuses an instance type that cannot be had for "training-job" or "endpoint".
func (s *Service) available(kind, name string) error {
	if _, ok := s.limits(name); !ok {
		return validation.New("The requested resource %s/%s is not available in this region", kind, name)
	}
	return nil
}

// addressesOf is how many free addresses an instance has to find in its subnets.
func (s *Service) addressesOf(name string) int {
	if s.instanceType(name).Adapter {
		return 5
	}
	return 2
}
