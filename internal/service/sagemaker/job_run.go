package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/store"
)

// mostAttempts is how often a stage may end in an error that could pass, about six seconds' worth.
const mostAttempts = 8

// jobRun is one worker's hold on a job, with all its hosts. It may be lost at any time.
type jobRun struct {
	*Service
	kind jobKind
	key  string
	plan jobPlan
	// record is the latest that this worker read or wrote. It is never changed, but replaced: see job.
	record atomic.Pointer[job]
	stop   <-chan struct{} // closes when somebody asked the job to stop
	held   held
	image  *Image
	// feeds run beside the containers and are cut off at their end: pipes, checkpoints, continuous upload.
	// What fails for good in one of them fails the job.
	feeds []func(context.Context) error
}

// workOn takes a job as far as it goes: to its end, or to an error that may pass.
func (s *Service) workOn(ctx context.Context, kind jobKind, key string) error {
	r := &jobRun{Service: s, kind: kind, key: key, stop: s.bells.listen(kind.queued(key))}
	err := r.read(ctx)
	if err != nil || r.record.Load() == nil || r.st().settled() && r.st().Outcome == nil {
		s.bells.forget(kind.queued(key))
		return err
	}
	r.plan = r.job().plan(s)
	r.passes(ctx, "taken")
	if r.st().Unwinding {
		return r.unwind(ctx)
	}
	if r.st().Outcome == nil {
		o, err := r.walk(ctx)
		if errors.Is(err, errInterrupted) {
			return r.unwind(ctx)
		}
		if err != nil {
			if o, err = r.again(ctx, err); o == nil {
				return err
			}
		}
		if err := r.change(ctx, func(tx *store.Tx, j job) error {
			j.state().Outcome = r.heeded(j.state(), o)
			return r.retain(tx, j)
		}); err != nil {
			return err
		}
		r.passes(ctx, "judged")
	}
	return r.end(ctx)
}

// heeded gives how a job ends of which somebody may have asked, just before, that it stop: then it has not failed, unless its
// containers had ended and what they left can be of use to whoever stopped it.
func (r *jobRun) heeded(s *jobState, o *outcome) *outcome {
	if s.Stopping && o.Status == failed && (s.Result == nil || r.plan.LeavesNothing) {
		return &outcome{Status: stopped, Secondary: stopped}
	}
	return o
}

// end undoes what the stages made. A job shows its end also when something of it resists; that is tried
// again until it is gone. A cluster that stays for the next job waits when nothing else is left.
func (r *jobRun) end(ctx context.Context) error {
	undone := r.undo(ctx)
	r.passes(ctx, "undone")
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := r.change(ctx, func(tx *store.Tx, j job) (err error) {
		s := j.state()
		if !s.settled() {
			if r.plan.LeavesNothing { // asked meanwhile
				s.Outcome = r.heeded(s, s.Outcome)
			}
			s.finish(tx.Now, r.plan.Noun)
			err = j.ended(r.Service, tx)
			if !s.kept() {
				err = errors.Join(err, giveBack(tx, s.Account, s.ID))
			}
		}
		if undone == nil {
			s.Outcome = nil
			if s.kept() {
				return errors.Join(err, r.awaitNext(tx, r.key, j.(*trainingJob)))
			}
			err = errors.Join(err, freeGPUs(tx, s.ID))
		}
		return err
	})
	r.passes(ctx, "ended")
	if err == nil && undone == nil {
		r.bells.forget(r.kind.queued(r.key))
	}
	return errors.Join(undone, err)
}

// job is the record, which is only read; what runs beside the containers may ask too.
func (r *jobRun) job() job { return *r.record.Load() }

func (r *jobRun) st() *jobState { return r.job().state() }

// read takes the record as it is now; one that is gone stays as it was.
func (r *jobRun) read(ctx context.Context) error {
	return r.DB.View(ctx, func(tx *store.Tx) error {
		j, err := r.kind.get(tx, r.key)
		if err == nil && j != nil {
			r.record.Store(&j)
		}
		return err
	})
}

// update changes the record; the operations may have changed it meanwhile.
func (r *jobRun) update(ctx context.Context, f func(now time.Time, j job)) error {
	return r.change(ctx, func(tx *store.Tx, j job) error { f(tx.Now, j); return nil })
}

func (r *jobRun) change(ctx context.Context, f func(*store.Tx, job) error) error {
	var changed job
	err := r.DB.UpdateShared(ctx, func(tx *store.Tx) error {
		j, err := r.kind.get(tx, r.key)
		if err != nil {
			return err
		}
		if j == nil {
			return fmt.Errorf("%s %s: the record is gone", r.plan.Noun, r.st().ARN)
		}
		if err := f(tx, j); err != nil {
			return err
		}
		changed = j
		return r.kind.put(tx, r.key, j)
	})
	if err == nil {
		r.record.Store(&changed)
	}
	return err
}

// stage tells where the stage last begun stands; a job that began none stands at the first.
func (r *jobRun) stage() int {
	return max(0, slices.IndexFunc(r.plan.Stages, func(st jobStage) bool { return st.name == r.st().Stage }))
}

// walk goes through the stages that are left and gives how the job ends.
func (r *jobRun) walk(ctx context.Context) (*outcome, error) {
	for _, st := range r.plan.Stages[r.stage():] {
		if err := r.enter(ctx, st); err != nil {
			return nil, err
		}
		r.passes(ctx, st.name+" begun")
		if st.early && r.st().Stopping {
			return &outcome{Status: stopped, Secondary: stopped}, nil
		}
		err := r.do(ctx, st)
		if errors.Is(err, errInterrupted) {
			if err = r.save(ctx); err == nil {
				return nil, errInterrupted
			}
		}
		var no *failure
		switch {
		case errors.As(err, &no):
			return no.outcome(), nil
		case errors.Is(err, errStopped):
			return &outcome{Status: stopped, Secondary: stopped}, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", st.name, err)
		}
		r.passes(ctx, st.name+" done")
	}
	return r.st().Result, nil
}

// enter records that a stage begins.
func (r *jobRun) enter(ctx context.Context, st jobStage) error {
	return r.update(ctx, func(now time.Time, j job) {
		s := j.state()
		if s.Stage != st.name {
			s.Stage, s.Attempts = st.name, 0
		}
		if !s.Stopping && !s.Interrupting {
			s.show(now, st.status, st.message)
		}
	})
}

// downloading is the stage in which files come from S3.
const downloading = "Downloading"

var errStopped = errors.New("stopped")

// do runs a stage; an early one is cut short when the job is asked to stop.
func (r *jobRun) do(ctx context.Context, st jobStage) error {
	if !st.early {
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
	if st.name == downloading {
		for i := range r.st().Hosts {
			g.Go(func() error { cancel(r.watchVolume(within, i)); return nil })
		}
	}
	err := st.do(r, within)
	cause := context.Cause(within)
	cancel(nil)
	g.Wait() //nolint:errcheck // it gives none
	if err != nil && cause == errStopped {
		return errStopped
	}
	if full := new(fullVolume); err != nil && errors.As(cause, &full) {
		return fails("ClientError: Data download failed:%s", strings.TrimPrefix(full.reason, "ClientError: "))
	}
	return err
}

// again counts an error that may pass, and gives up in the end: then there is an outcome.
func (r *jobRun) again(ctx context.Context, cause error) (*outcome, error) {
	if ctx.Err() != nil {
		return nil, cause
	}
	if err := r.update(ctx, func(_ time.Time, j job) { j.state().Attempts++ }); err != nil {
		return nil, errors.Join(cause, err)
	}
	if r.st().Attempts < mostAttempts {
		return nil, cause
	}
	r.Log.Error("job is given up", "job", r.st().ARN, "stage", r.st().Stage, "error", cause)
	return &outcome{Status: failed, Secondary: failed, Reason: internalReason}, nil
}

// errand is what the job's role is taken on for.
func (r *jobRun) errand() errand {
	return errand{r.st().Account, r.plan.Role, r.st().ARN, r.st().SourceIdentity}
}

// role gives a session of the job's role.
func (r *jobRun) role(ctx context.Context) (*session, error) {
	return r.hold(ctx, &r.held, r.errand(), "ClientError: ")
}

// start is the first stage of every kind: is there a role?
func (r *jobRun) start(ctx context.Context) error {
	_, err := r.role(ctx)
	return err
}

// pull finds the image.
func (r *jobRun) pull(ctx context.Context) error {
	if r.image != nil {
		return nil
	}
	if digest := r.st().Image; digest != "" {
		i, err := r.Images.Kept(ctx, digest)
		if !errors.Is(err, ErrNoImage) {
			r.image = i
			return err
		}
	}
	x, err := r.role(ctx)
	if err != nil {
		return err
	}
	i, err := r.Images.Image(ctx, x.as, r.plan.Image)
	if errors.Is(err, ErrNoImage) {
		return fails("%s", withReason(strings.NewReplacer("{image}", r.plan.Image, "{role}", r.plan.Role).Replace(r.plan.NoImage), err))
	}
	if err != nil {
		return err
	}
	if err := i.mayRun(r.plan.Image, r.isolated()); err != nil {
		return err
	}
	r.image = i
	return r.update(ctx, func(_ time.Time, j job) { j.state().Image = i.Digest })
}

// dir is where everything of a host on this machine's disk lies.
func (r *jobRun) dir(host int) string { return filepath.Join(r.Directory, r.st().Hosts[host].ID) }

// s3 is a client whose traffic leaves from a host's interface, signed by the job's role.
func (r *jobRun) s3(host int) *s3 {
	place := internet
	if r.plan.VPC != nil {
		place = r.st().Hosts[host].Interface
	}
	c := r.newS3(place, r.role)
	c.passes = r.passes
	c.begun = begunUploads(filepath.Join(r.dir(host), begunFile))
	return c
}
