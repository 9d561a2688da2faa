package sagemaker

import (
	"context"
	"sync/atomic"
	"testing"

	"cloister/internal/value/caller"
)

// gate is a registry that stops giving images.
type gate struct {
	*world
	shut, asked *atomic.Int32
}

func (g gate) Image(ctx context.Context, as caller.Caller, reference string) (*Image, error) {
	g.asked.Add(1)
	if as.Identity.PrincipalARN != role {
		g.t.Errorf("%s asks for the image", as.Identity.PrincipalARN)
	}
	if g.shut.Load() > 0 {
		return nil, &NoImage{Reason: "The role may not any more."}
	}
	return g.world.Image(ctx, as, reference)
}

// What runs goes on after a restart with the image that was found for it; what is new is told why there is none.
func TestWhatRunsKeepsItsImage(t *testing.T) {
	w, _ := hostingWorld(t)
	g := gate{w, new(atomic.Int32), new(atomic.Int32)}
	w.config = func(c *Config) { c.Images = g }
	s := w.service()
	stop := w.run(s)
	w.deployable(s, "Digits", "", 2)
	w.create(s, "Digits", "Digits")
	w.status(s, "Digits", inService)
	w.until("routed", func() bool { return len(w.places("Digits")) == 2 })
	stop()
	g.shut.Store(1)
	asked := g.asked.Load()
	again := w.service()
	w.run(again)
	w.until("routed again", func() bool { return len(w.places("Digits")) == 2 })
	w.status(again, "Digits", inService)
	if g.asked.Load() != asked {
		t.Error("the registry was asked again")
	}
	if _, err := again.createTrainingJob(t.Context(), w.call(), trainingRequest("New")); err != nil {
		t.Fatal(err)
	}
	d := w.ended(again, "New")
	if want := " The role may not any more."; *d.TrainingJobStatus != failed || len(text(d.FailureReason)) < len(want) || text(d.FailureReason)[len(text(d.FailureReason))-len(want):] != want {
		t.Errorf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
}
