package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/executor"
)

// run starts every host's container, or finds it running, stays until all have ended and decides what
// that means.
func (r *jobRun) run(ctx context.Context) error {
	s := r.st()
	switch {
	case s.Result != nil && s.StopAt == nil:
		return nil
	case s.from() == nil && s.Stopping:
		return errStopped
	case s.from() == nil:
		if err := r.update(ctx, func(now time.Time, j job) { j.state().began(now) }); err != nil {
			return err
		}
	}
	if err := r.seal(ctx); err != nil { // a fresh process takes the tunnels up
		return err
	}
	if s.StopAt == nil {
		if err := r.startAll(ctx); err != nil {
			return err
		}
	}
	exits, err := r.watch(ctx)
	if err != nil {
		return err
	}
	judged := r.conclude(exits)
	if judged.Status == completed {
		var no *failure
		if err := r.overfull(ctx); errors.As(err, &no) {
			judged = no.outcome()
		} else if err != nil {
			return err
		}
	}
	err = r.update(ctx, func(_ time.Time, j job) {
		s := j.state()
		switch {
		case s.Stopping:
			s.Result = &outcome{Status: stopped, Secondary: stopped}
		case !s.interrupted():
			s.Result, s.Interrupting = judged, false
		}
	})
	if err == nil && r.st().interrupted() {
		return errInterrupted
	}
	return err
}

// startAll starts what does not run yet. A fresh process finds some hosts started and starts the rest.
func (r *jobRun) startAll(ctx context.Context) error {
	if err := r.pull(ctx); err != nil {
		return err
	}
	outer := ctx
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range r.st().Hosts {
		g.Go(func() error {
			spec, err := r.spec(ctx, i)
			if err == nil {
				err = r.Executor.Start(ctx, spec)
			}
			if errors.Is(err, executor.ErrMalformed) {
				return fails("AlgorithmError: The container could not be started: %s.", malformed(err))
			}
			if err != nil {
				return fmt.Errorf("start %s: %w", r.st().Hosts[i].Name, err)
			}
			return nil
		})
	}
	err := g.Wait()
	if err == nil {
		r.passes(outer, "started")
	}
	return err
}

// deadline is when the job has run, or taken, too long, and what it shows then; it shows nothing where there
// is no deadline.
func (r *jobRun) deadline() (at time.Time, shows string) {
	if r.plan.MaxRuntime > 0 {
		at, shows = r.st().from().Add(r.plan.MaxRuntime-r.st().Ran), "MaxRuntimeExceeded"
	}
	if end := r.st().Created.Add(r.plan.MaxWait); r.plan.MaxWait > 0 && (shows == "" || end.Before(at)) {
		at, shows = end, "MaxWaitTimeExceeded"
	}
	return at, shows
}

// late tells whether a container that ended then ended too late to have ended by itself.
func (r *jobRun) late(exit executor.Exit) bool {
	deadline, bound := r.deadline()
	return bound != "" && !exit.Ended.IsZero() && !exit.Ended.Before(deadline)
}

// fell tells whether an end, if nobody asked for it, fails the job.
func (r *jobRun) fell(exit executor.Exit) bool {
	if r.plan.Endpoints {
		return false
	}
	return (exit.Code != 0 || exit.OutOfMemory || r.plan.Drive != nil) && !r.late(exit)
}

// conclude says how a job ends of which nobody asked that it stop.
func (r *jobRun) conclude(exits []executor.Exit) *outcome {
	s := r.st()
	if s.Result != nil {
		return s.Result
	}
	overdue, fell := s.StopAt != nil, false
	own := make([]executor.Exit, len(exits))
	for i, exit := range exits {
		switch known := s.Hosts[i].Exit; {
		case known != nil:
			own[i] = *known
			fell = true
		case s.StopAt == nil && r.late(exit):
			overdue = true
		case s.StopAt == nil:
			own[i] = exit
			fell = fell || r.fell(exit)
		}
	}
	if overdue && !fell {
		_, shows := r.deadline()
		return &outcome{Status: stopped, Secondary: shows}
	}
	return r.job().judge(r, own)
}

// watcher waits for the ends of a job's containers and of what runs beside them.
type watcher struct {
	*jobRun
	g      *errgroup.Group
	exits  []executor.Exit
	over   []bool
	left   int
	ends   chan int   // hosts
	driven chan error // what Drive gave
	// outlives says that Drive is to end also after all containers have.
	outlives bool
	fed      chan error // what feeds gave
	full     chan error // what the watch over a disk gave
	meter    *meter     // nil when the log tells no metrics
}

// watch waits until all containers have ended, carries their logs, and ends them when it is asked to, when
// they are overdue, when one has failed, or when the work that they serve is done.
func (r *jobRun) watch(ctx context.Context) ([]executor.Exit, error) {
	n := len(r.st().Hosts)
	w := &watcher{jobRun: r, exits: make([]executor.Exit, n), over: make([]bool, n), left: n,
		ends: make(chan int, n), driven: make(chan error, 1), fed: make(chan error, len(r.feeds)), full: make(chan error, n)}
	if t, ok := r.job().(*trainingJob); ok {
		w.meter = t.meter()
	}
	w.g, ctx = errgroup.WithContext(ctx)
	for i := range n {
		w.g.Go(func() error { return w.attend(ctx, i) })
	}
	beside, cut := context.WithCancel(ctx)
	defer cut()
	whole, over := context.WithCancel(ctx)
	defer over()
	for i := range n {
		w.g.Go(func() error { w.full <- r.watchVolume(whole, i); return nil })
	}
	driven, fed := w.driven, w.fed // decide stops listening, and they may still speak
	for _, feed := range r.feeds {
		w.g.Go(func() error { fed <- feed(beside); return nil })
	}
	if r.plan.Drive != nil && r.st().StopAt == nil {
		w.outlives = r.plan.Endpoints
		w.g.Go(func() error { driven <- r.plan.Drive(r, beside); return nil })
	}
	w.g.Go(func() error { defer over(); defer cut(); return w.decide(ctx, cut) })
	err := w.g.Wait()
	return w.exits, err
}

// decide follows the events until no container is left.
func (w *watcher) decide(ctx context.Context, cut func()) error {
	var late <-chan time.Time
	if deadline, bound := w.deadline(); bound != "" {
		timer := time.NewTimer(deadline.Sub(w.Clock()))
		defer timer.Stop()
		late = timer.C
	}
	stop, done := w.stop, make(chan struct{})
	close(done)
	if w.asked() { // before this process
		stop = done
	}
	for w.left > 0 || w.outlives {
		err, result, abrupt := error(nil), (*outcome)(nil), false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case i := <-w.ends:
			w.over[i], w.left = true, w.left-1
			if !w.fell(w.exits[i]) || w.left == 0 {
				continue
			}
		case <-stop:
			stop = w.bells.listen(w.kind.queued(w.key))
			if err := w.read(ctx); err != nil {
				return err
			}
			if !w.asked() {
				continue
			}
		case <-late:
		case err = <-w.driven:
			result = &outcome{Status: completed, Secondary: completed}
		case err = <-w.fed:
			if err == nil {
				continue
			}
		case err = <-w.full:
			abrupt = true
		}
		var no *failure
		if errors.As(err, &no) {
			result = no.outcome()
		} else if err != nil {
			return err
		}
		if err := w.stopAll(ctx, result, abrupt); err != nil {
			return err
		}
		cut()
		stop, late, w.driven, w.fed, w.outlives = nil, nil, nil, nil, false
	}
	return nil
}

// asked tells whether the containers are to end.
func (w *watcher) asked() bool {
	s := w.st()
	return s.Stopping || s.Interrupting || s.StopAt != nil
}

// stopAll records that the containers are told to end, and who had ended by himself before, and tells them, or
// kills them.
func (w *watcher) stopAll(ctx context.Context, result *outcome, abrupt bool) error {
	if w.st().StopAt == nil || abrupt {
		if err := w.update(ctx, func(now time.Time, j job) {
			s := j.state()
			s.Abrupt = s.Abrupt || abrupt
			if s.StopAt != nil {
				return
			}
			s.StopAt = &now
			if s.Result == nil {
				s.Result = result
			}
			for i, over := range w.over {
				if over && w.fell(w.exits[i]) {
					s.Hosts[i].Exit = &w.exits[i]
				}
			}
		}); err != nil {
			return err
		}
	}
	left := max(0, w.st().StopAt.Add(w.plan.Grace).Sub(w.Clock()))
	if w.st().Abrupt {
		left = 0
	}
	for i, h := range w.st().Hosts {
		if !w.over[i] {
			w.g.Go(func() error { return w.Executor.Stop(ctx, h.ID, left) })
		}
	}
	return nil
}

// attend waits for a container's end and carries its log; one that hangs must not hold the job.
func (w *watcher) attend(ctx context.Context, host int) error {
	logged, cut := context.WithCancel(ctx)
	defer cut()
	carried := make(chan struct{})
	w.g.Go(func() error { defer close(carried); w.carryLog(logged, host); return nil })
	exit, err := w.Executor.Wait(ctx, w.st().Hosts[host].ID)
	if err != nil {
		return err
	}
	w.exits[host] = exit
	w.ends <- host
	select {
	case <-carried:
	case <-ctx.Done():
	case <-time.After(lastLines):
	}
	return nil
}

// carryLog carries a container's output.
func (w *watcher) carryLog(ctx context.Context, host int) {
	h := w.st().Hosts[host]
	to := stream{group: w.plan.LogGroup, prefix: w.plan.LogName + "/" + h.Name + "-", container: h.ID, role: w.role}
	if m := w.meter; m != nil {
		to.read = func(line executor.Line) { m.read(h.Name, host == 0, line) }
		to.keep = func(ctx context.Context) error { return w.jobRun.keep(ctx, m) }
	}
	err := w.follow(ctx, to)
	if err != nil && ctx.Err() == nil {
		w.Log.Warn("log of a job is incomplete", "job", w.st().ARN, "host", h.Name, "error", err)
	}
}
