package main

import (
	"context"
	"fmt"
	"time"
)

const (
	// many jobs, and some: how the time to a container's first line grows with those there are.
	manyJobs, someJobs = 500, 100
	// laps is how many jobs are timed beside each number of others.
	laps = 7
)

// measureNeighbours takes the time to a container's first line beside no other job, beside some and many that run, and
// beside as many that have ended. All of it in one VPC: each running job has an interface in it.
func (r *run) measureNeighbours(ctx context.Context) error {
	if r.world == nil {
		return errNoWorld
	}
	w, err := r.world.roomy(ctx, "10.0.32.0/20")
	if err != nil {
		return err
	}
	no, err := w.firstLines(ctx, "beside-none")
	if err != nil {
		return err
	}
	sleepers := map[string]string{"sleep": "540"}
	first, err := w.trainMany(ctx, "some", someJobs, sleepers)
	if err != nil {
		return err
	}
	some, err := w.besideRunning(ctx, "beside-some", someJobs)
	if err != nil {
		return err
	}
	rest, err := w.trainMany(ctx, "many", manyJobs-someJobs, sleepers)
	if err != nil {
		return err
	}
	many, err := w.besideRunning(ctx, "beside-many", manyJobs)
	if err != nil {
		return err
	}
	if err := w.stopAll(ctx, append(first, rest...)); err != nil {
		return err
	}
	ended, err := w.firstLines(ctx, "beside-ended")
	if err != nil {
		return err
	}
	for _, row := range []struct {
		beside string
		took   []time.Duration
	}{
		{fmt.Sprintf("  beside %d running jobs", someJobs), some},
		{fmt.Sprintf("  beside %d running jobs", manyJobs), many},
		{fmt.Sprintf("  after %d others have ended", manyJobs), ended},
	} {
		r.table.add(row.beside, spread(row.took), "< 150 ms, flat", "beside none "+ms(median(no)), times(median(row.took), median(no)),
			new(median(row.took) < 150*time.Millisecond && float64(median(row.took)) < 1.5*float64(median(no))))
	}
	return nil
}

// firstLines times jobs one after another, from the call to the container's first line.
func (w *world) firstLines(ctx context.Context, name string) (all []time.Duration, err error) {
	for i := range laps {
		took, err := w.probeJob(ctx, fmt.Sprintf("%s-%d", name, i))
		if err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	return all, nil
}

// probeJob runs one job of the probe and tells when its container began.
func (w *world) probeJob(ctx context.Context, name string) (time.Duration, error) {
	asked := time.Now()
	if err := w.train(ctx, name, fmt.Sprintf(probe, w.Account, w.Region), nil); err != nil {
		return 0, err
	}
	at, err := w.firstLine(ctx, name)
	return at.Sub(asked), err
}

// besideRunning waits until so many jobs train and times others beside them.
func (w *world) besideRunning(ctx context.Context, name string, n int) ([]time.Duration, error) {
	for {
		training, err := w.training(ctx)
		if err != nil {
			return nil, err
		}
		if training >= n {
			break
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d jobs train: %w", training, n, ctx.Err())
		case <-time.After(time.Second):
		}
	}
	time.Sleep(settling)
	return w.firstLines(ctx, name)
}

// training counts the jobs whose containers run.
func (w *world) training(ctx context.Context) (n int, err error) {
	in := map[string]any{"StatusEquals": "InProgress", "MaxResults": 100}
	for {
		var out struct {
			NextToken            string
			TrainingJobSummaries []struct{ SecondaryStatus string }
		}
		if err := w.api.json(ctx, "sagemaker", "SageMaker.ListTrainingJobs", in, &out); err != nil {
			return 0, err
		}
		for _, j := range out.TrainingJobSummaries {
			if j.SecondaryStatus == "Training" {
				n++
			}
		}
		if out.NextToken == "" {
			return n, nil
		}
		in["NextToken"] = out.NextToken
	}
}

// stopAll asks jobs to stop and waits until all have.
func (w *world) stopAll(ctx context.Context, names []string) error {
	err := each(ctx, names, func(ctx context.Context, name string) error {
		return w.api.json(ctx, "sagemaker", "SageMaker.StopTrainingJob", map[string]string{"TrainingJobName": name}, nil)
	})
	for _, status := range []string{"InProgress", "Stopping"} {
		if err == nil {
			err = w.none(ctx, status)
		}
	}
	return err
}
