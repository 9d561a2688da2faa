package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/store"
)

// trainingStage is one step of a job. do may run twice, and is run again after a crash in it or
// right after it; what it makes bears the job's ID, so that undo needs nothing but the record.
type trainingStage struct {
	name            string
	status, message string // what the job shows meanwhile
	do              func(*trainingRun, context.Context) error
}

// The stages in order; their names are SageMaker's own. LaunchingMLInstances and
// DownloadingTrainingImage no longer show as statuses of their own on AWS, so they show as Starting.
var trainingStages = []trainingStage{
	{"Starting", "Starting", "Starting the training job", (*trainingRun).start},
	{"LaunchingMLInstances", "Starting", "Launching requested ML instances", (*trainingRun).launch},
	{"DownloadingTrainingImage", "Starting", "Preparing the instances for training", (*trainingRun).pull},
	{"Downloading", "Downloading", "Downloading input data", (*trainingRun).download},
	{training, training, "Training image download completed. Training in progress.", (*trainingRun).train},
	{uploading, uploading, "Uploading generated training model", (*trainingRun).upload},
}

const (
	training  = "Training"
	uploading = "Uploading"
	// mostAttempts is how often a stage may end in an error that could pass, about six seconds' worth.
	mostAttempts = 8
)

// stageIndex tells where a stage stands; a job that began none stands at the first.
func stageIndex(name string) int {
	for i, st := range stageNames {
		if st == name {
			return i
		}
	}
	return 0
}

// stageNames are the names of trainingStages, which cannot be asked by its own functions.
var stageNames = [...]string{"Starting", "LaunchingMLInstances", "DownloadingTrainingImage", "Downloading", training, uploading}

// trainingRun is one worker's hold on a job. It may be lost at any time.
type trainingRun struct {
	*Service
	key   string
	job   *trainingJob
	stop  <-chan struct{} // closes when somebody asked the job to stop
	held  held
	found *Image
}

// workOnTrainingJob takes a job as far as it goes: to its end, or to an error that may pass.
func (s *Service) workOnTrainingJob(ctx context.Context, key string) (time.Duration, error) {
	r := &trainingRun{Service: s, key: key, stop: s.bells.listen(key)}
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		r.job, err = trainingJobs.Get(tx, key)
		return err
	})
	if err != nil || r.job == nil || r.job.settled() && r.job.Outcome == nil {
		s.bells.forget(key)
		return 0, err
	}
	if r.job.Outcome == nil {
		o, err := r.walk(ctx)
		if err != nil {
			if o, err = r.again(ctx, err); o == nil {
				return 0, err
			}
		}
		if err := r.update(ctx, func(_ time.Time, j *trainingJob) { j.Outcome = o }); err != nil {
			return 0, err
		}
	}
	undone := r.undo(ctx)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	// A job shows its end also when something of it resists; that is tried again until it is gone.
	err = r.update(ctx, func(now time.Time, j *trainingJob) {
		if !j.settled() {
			j.finish(now)
		}
		if undone == nil {
			j.Outcome = nil
		}
	})
	if err == nil && undone == nil {
		s.bells.forget(key)
	}
	return 0, errors.Join(undone, err)
}

// update changes the record; the operations may have changed it meanwhile.
func (r *trainingRun) update(ctx context.Context, f func(now time.Time, j *trainingJob)) error {
	return r.DB.Update(ctx, func(tx *store.Tx) error {
		j, err := trainingJobs.Get(tx, r.key)
		if err != nil {
			return err
		}
		if j == nil {
			return fmt.Errorf("training job %s: the record is gone", r.job.ARN)
		}
		f(tx.Now, j)
		r.job = j
		return trainingJobs.Put(tx, r.key, j)
	})
}

// walk goes through the stages that are left and gives how the job ends.
func (r *trainingRun) walk(ctx context.Context) (*outcome, error) {
	for i := stageIndex(r.job.Stage); i < len(trainingStages); i++ {
		st := trainingStages[i]
		if err := r.enter(ctx, st); err != nil {
			return nil, err
		}
		early := i < stageIndex(training)
		if early && r.job.Stopping {
			return &outcome{Status: stopped, Secondary: stopped}, nil
		}
		err := r.do(ctx, st, early)
		var no *failure
		switch {
		case errors.As(err, &no):
			return &outcome{Status: failed, Secondary: failed, Reason: clip(no.reason), Request: no.request}, nil
		case errors.Is(err, errStopped):
			return &outcome{Status: stopped, Secondary: stopped}, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", st.name, err)
		}
	}
	return r.job.Result, nil
}

// enter records that a stage begins.
func (r *trainingRun) enter(ctx context.Context, st trainingStage) error {
	return r.update(ctx, func(now time.Time, j *trainingJob) {
		if j.Stage != st.name {
			j.Stage, j.Attempts = st.name, 0
		}
		if !j.Stopping {
			j.show(now, st.status, st.message)
		}
		if st.name == training && j.Started == nil {
			j.Started = &now
		}
	})
}

var errStopped = errors.New("stopped")

// do runs a stage; an early one is cut short when the job is asked to stop.
func (r *trainingRun) do(ctx context.Context, st trainingStage, early bool) error {
	if !early {
		return st.do(r, ctx)
	}
	within, cancel := context.WithCancelCause(ctx)
	var g errgroup.Group
	g.Go(func() error {
		select {
		case <-r.stop:
			cancel(errStopped)
		case <-within.Done():
		}
		return nil
	})
	err := st.do(r, within)
	cause := context.Cause(within)
	cancel(nil)
	g.Wait() //nolint:errcheck // it gives none
	if err != nil && cause == errStopped {
		return errStopped
	}
	return err
}

// again counts an error that may pass, and gives up in the end: then there is an outcome.
func (r *trainingRun) again(ctx context.Context, cause error) (*outcome, error) {
	if ctx.Err() != nil {
		return nil, cause
	}
	if err := r.update(ctx, func(_ time.Time, j *trainingJob) { j.Attempts++ }); err != nil {
		return nil, errors.Join(cause, err)
	}
	if r.job.Attempts < mostAttempts {
		return nil, cause
	}
	r.Service.Log.Error("training job is given up", "job", r.job.ARN, "stage", r.job.Stage, "error", cause)
	return &outcome{Status: failed, Secondary: failed, Reason: internalReason}, nil
}

// role gives a session of the job's role.
func (r *trainingRun) role(ctx context.Context) (*session, error) {
	return r.hold(ctx, &r.held, r.job.errand(), "ClientError: ")
}

func (r *trainingRun) start(ctx context.Context) error {
	_, err := r.role(ctx)
	return err
}

// launch makes the job's interface, and the isolated namespace if the container is to have one.
func (r *trainingRun) launch(ctx context.Context) error {
	if r.job.vpc() && r.job.Interface == "" {
		x, err := r.role(ctx)
		if err != nil {
			return err
		}
		id, err := r.attach(ctx, x.as, r.job.Account, r.job.Request.VpcConfig, 0, r.job.ID, r.job.what())
		if err != nil {
			return err
		}
		if err := r.update(ctx, func(_ time.Time, j *trainingJob) { j.Interface = id }); err != nil {
			return err
		}
	}
	if r.job.isolated() {
		if err := r.Isolation.Isolate(ctx, r.job.ID); err != nil {
			return fmt.Errorf("isolate %s: %w", r.job.ID, err)
		}
	}
	_, err := r.namespace(ctx, r.network())
	return err
}

// network is the id of the container's namespace.
func (r *trainingRun) network() string {
	if r.job.isolated() {
		return r.job.ID
	}
	return r.job.Interface
}

func (r *trainingRun) pull(ctx context.Context) error {
	_, err := r.image(ctx)
	return err
}

func (r *trainingRun) image(ctx context.Context) (*Image, error) {
	if r.found != nil {
		return r.found, nil
	}
	reference := text(r.job.Request.AlgorithmSpecification.TrainingImage)
	i, err := r.Images.Image(ctx, reference)
	if errors.Is(err, ErrNoImage) {
		return nil, fails("ClientError: Cannot find the training image %s. Please check that the image exists and that the role %s may pull it.",
			reference, text(r.job.Request.RoleArn))
	}
	r.found = i
	return i, err
}

// directory is where everything of the job on this machine's disk lies.
func (r *trainingRun) directory() string { return filepath.Join(r.Directory, r.job.ID) }

// undo removes what the stages made, in reverse. It may run twice and before any stage did.
func (r *trainingRun) undo(ctx context.Context) error {
	r.takeBack(r.job.Interface)
	errs := []error{r.Executor.Remove(ctx, r.job.ID)}
	if r.job.isolated() {
		errs = append(errs, r.Isolation.Release(ctx, r.job.ID))
	}
	if r.job.vpc() && (r.job.Interface != "" || stageIndex(r.job.Stage) >= stageIndex("LaunchingMLInstances")) {
		errs = append(errs, r.detach(ctx, r.job.Account, r.job.Interface, r.job.ID, r.job.what()))
	}
	errs = append(errs, os.RemoveAll(r.directory()), r.forgetLog(ctx, r.job.ID))
	return errors.Join(errs...)
}
