package tuning

import (
	"fmt"
	"math/rand/v2"
)

// Name is the training job's name of a trial, in AWS's form: <tuning job>-<number from 1>-<8 hex
// digits>. The same salt gives the same name, so that a job that was asked for is not asked for
// twice; it should differ between tuning jobs, also between two of one name.
func Name(job string, index int, salt uint64) string {
	return fmt.Sprintf("%s-%03d-%08x", job, index+1, rand.New(rand.NewPCG(salt, uint64(index))).Uint32())
}
