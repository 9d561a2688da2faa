package sagemaker

import (
	"context"
	"fmt"

	"cloister/internal/machine/store"
)

// gpuHold are the GPUs that a job or an instance has: in the order of its hosts, each with as many as its type has.
type gpuHold struct{ Devices []string }

// gpuHolds are keyed by the job's or instance's ID. They are the machine's, whatever the region.
var gpuHolds = store.NewTable[gpuHold]("sagemaker.gpus")

const everyRegion = ""

// holdGPUs takes what the types have. It may be repeated.
func (s *Service) holdGPUs(tx *store.Tx, id string, types []string) error {
	tx = tx.In(everyRegion)
	need := 0
	for _, t := range types {
		need += s.instanceType(t).GPUs
	}
	have, err := gpuHolds.Get(tx, id)
	if err != nil || have != nil || need == 0 {
		return err
	}
	all, err := gpuHolds.All(tx, "")
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, h := range all {
		for _, d := range h.Devices {
			taken[d] = true
		}
	}
	mine := &gpuHold{}
	for _, d := range s.GPUs {
		if !taken[d] && len(mine.Devices) < need {
			mine.Devices = append(mine.Devices, d)
		}
	}
	if len(mine.Devices) < need {
		return fmt.Errorf("%d GPUs: %w", need, errCapacity)
	}
	return gpuHolds.Put(tx, id, mine)
}

// gpusOf are those of one host.
func (s *Service) gpusOf(ctx context.Context, id string, types []string, host int) (out []string, err error) {
	first := 0
	for _, t := range types[:host] {
		first += s.instanceType(t).GPUs
	}
	n := s.instanceType(types[host]).GPUs
	if n == 0 {
		return nil, nil
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		h, err := gpuHolds.Get(tx.In(everyRegion), id)
		if err == nil && h != nil && len(h.Devices) >= first+n {
			out = h.Devices[first : first+n]
		} else if err == nil {
			err = fmt.Errorf("%s has no GPUs on record", id)
		}
		return err
	})
	return out, err
}

// freeGPUs gives them back; nothing may use them any more.
func freeGPUs(tx *store.Tx, id string) error { return gpuHolds.Delete(tx.In(everyRegion), id) }
