package main

import (
	"context"
	"errors"
	"time"

	"cloister/internal/machine/image"
)

const (
	// sweepEvery is how often images are looked through that nobody uses, sweepAgain how soon after it could not be.
	sweepEvery = time.Hour
	sweepAgain = time.Minute
	// imageAge is how long an image stays unpacked that nobody has used.
	imageAge = 24 * time.Hour
)

// sweepImages removes unpacked images that nobody uses any more, again and again. The bytes that were pushed stay.
func (h *house) sweepImages(ctx context.Context) error {
	for {
		n, err := h.sweepOnce(ctx, imageAge)
		pause := sweepEvery
		switch {
		case errors.Is(err, image.ErrBusy):
			pause = sweepAgain
		case err != nil && ctx.Err() == nil:
			h.log.Warn("images that nobody uses are not all removed", "error", err)
		case n > 0:
			h.log.Info("removed unpacked images that nobody uses", "count", n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// sweepOnce spares what a record speaks of, in any region, what a container is made of, and what was asked for of late:
// somebody may be about to write its record.
func (h *house) sweepOnce(ctx context.Context, unused time.Duration) (int, error) {
	used := map[string]bool{}
	for _, r := range h.regions {
		more, err := r.sagemaker.ImagesInUse(ctx)
		if err != nil {
			return 0, err
		}
		for digest := range more {
			used[digest] = true
		}
	}
	roots, err := h.executor.Roots()
	if err != nil {
		return 0, err
	}
	return h.images.Sweep(ctx, unused, func(d image.Digest, root string) bool { return used[string(d)] || roots[root] })
}
