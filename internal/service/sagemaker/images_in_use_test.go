package sagemaker

import (
	"context"
	"testing"

	"cloister/internal/machine/executor/memory"
)

// TestImagesInUse are those of a job as long as it is not at rest.
func TestImagesInUse(t *testing.T) {
	w := newWorld(t, map[string]memory.Program{"program": func(_ context.Context, p memory.Process) int { <-p.Terminate; return 0 }})
	s := w.service()
	w.run(s)
	r := trainingRequest("job")
	r.InputDataConfig = nil
	w.begin(s, r)
	use := func() (n int) {
		all, err := s.ImagesInUse(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		delete(all, "")
		return len(all)
	}
	w.until("image in use", func() bool { return use() == 1 })
	if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("job")); err != nil {
		t.Fatal(err)
	}
	w.ended(s, "job")
	w.until("image not in use", func() bool { return use() == 0 })
}
