// Package dataset decides what a job's input consists of: the objects a manifest names, the parts of an
// augmented manifest's line, whose turn an object is on which host, and the order of each epoch.
//
// It promises that the same input gives the same answer in every process, so that what was begun
// before a crash can go on after it. It does no I/O, and knows neither S3's API nor jobs.
package dataset

import (
	"math/rand/v2"
	"slices"
)

// Shard gives what host number host (from 0) of hosts gets of all: each element goes to exactly one
// host, and no host gets two more than another.
func Shard[T any](all []T, host, hosts int) []T {
	if hosts <= 1 {
		return all
	}
	var out []T
	for i := host; i < len(all); i += hosts {
		out = append(out, all[i])
	}
	return out
}

// Shuffle gives all in the order of an epoch, which nothing but the seed and the epoch's number decides.
func Shuffle[T any](all []T, seed int64, epoch int) []T {
	out := slices.Clone(all)
	r := rand.New(rand.NewPCG(uint64(seed), uint64(epoch)))
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
