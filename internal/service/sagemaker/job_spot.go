package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloister/internal/machine/store"
)

// spotState is what a job's record says of its interruptions.
type spotState struct {
	// Interrupting is set once its instances are taken back; Unwinding once what must be kept is, and
	// everything the job has here goes.
	Interrupting, Unwinding bool `json:",omitempty"`
	// Interrupted is how often that happened, Ran how long containers ran before, Resumed when they began
	// to run again.
	Interrupted int           `json:",omitempty"`
	Ran         time.Duration `json:",omitempty"`
	Resumed     *time.Time    `json:",omitempty"`
}

// from is when the containers began that run now; nil while none do.
func (j *jobState) from() *time.Time {
	if j.Interrupted > 0 {
		return j.Resumed
	}
	return j.Started
}

// began notes that the containers begin to run.
func (j *jobState) began(now time.Time) {
	if j.Started == nil {
		j.Started = &now
	}
	if j.Interrupted > 0 {
		j.Resumed = &now
	}
}

// ran is how long containers ran, all together: what the interruptions took is not in it.
func (j *jobState) ran() time.Duration {
	if from := j.from(); from != nil && j.Ended != nil {
		return j.Ran + j.Ended.Sub(*from)
	}
	return j.Ran
}

var errInterrupted = errors.New("interrupted")

// interrupted tells whether the containers have ended because the instances were taken back, and not because
// one of them failed or somebody asked the job to stop.
func (j *jobState) interrupted() bool {
	own := false
	for _, h := range j.Hosts {
		own = own || h.Exit != nil
	}
	return j.Interrupting && !j.Stopping && j.StopAt != nil && j.Result == nil && !own
}

// save keeps what the interruption must not lose. Only when that is on record may anything be removed.
func (r *jobRun) save(ctx context.Context) error {
	if r.plan.Save != nil {
		if err := r.plan.Save(r, ctx); err != nil {
			return err
		}
	}
	return r.update(ctx, func(now time.Time, j job) {
		s := j.state()
		s.Unwinding = true
		s.Ran += now.Sub(*s.from())
	})
}

// unwind removes everything that the job has here and has it begin once more, on other instances.
func (r *jobRun) unwind(ctx context.Context) error {
	r.passes(ctx, "saved")
	if err := r.undo(ctx); err != nil {
		return err
	}
	r.passes(ctx, "unwound")
	err := r.update(ctx, func(_ time.Time, j job) {
		s := j.state()
		s.Interrupting, s.Unwinding = false, false
		s.Interrupted++
		s.Resumed, s.StopAt, s.Abrupt, s.Stage, s.Attempts = nil, nil, false, "", 0
		hosts := s.Hosts
		s.Hosts = nil
		for _, h := range hosts {
			s.addHost(h.Group, h.Type)
		}
		for i := range s.Hosts { // a token that made an interface makes no other
			s.Hosts[i].ID = fmt.Sprintf("%s-%d-%d", s.ID, s.Interrupted, i+1)
		}
	})
	if err == nil {
		r.passes(ctx, "renewed")
		r.jobs.Add(r.kind.queued(r.key))
	}
	return err
}

// Interrupt takes the instances of a managed spot job back, as AWS does when it needs them: its containers are
// told to end, its checkpoints are kept, and it starts again from the beginning.
func (s *Service) Interrupt(ctx context.Context, account, name string) error {
	key := store.Key(account, lower(name))
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		job, err := trainingJobs.Get(tx, key)
		switch {
		case err != nil:
			return err
		case job == nil:
			return errNoTrainingJob
		case !flag(job.Request.EnableManagedSpotTraining):
			return validation.New("The training job does not use managed spot training, so that nobody takes its instances back.")
		case job.Interrupting:
			return nil
		case job.Status != inProgress || job.Secondary != training:
			return validation.New("The request was rejected because the training job has secondary status %s.", job.Secondary)
		}
		job.Interrupting = true
		job.show(tx.Now, "Interrupted", "The spot instances are taken back")
		queued := trainingKind.queued(key)
		tx.After(func() { s.bells.ring(queued); s.jobs.Add(queued) })
		return trainingJobs.Put(tx, key, job)
	})
}
