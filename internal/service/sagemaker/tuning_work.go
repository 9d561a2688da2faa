package sagemaker

import (
	"context"
	"fmt"
	"slices"
	"time"

	hpo "cloister/internal/engine/tuning"
	"cloister/internal/machine/store"
)

// workOnTuningJob looks once: it learns what became of the trials, and stops or begins what the engine says. It
// never waits; trials that end, and metrics that they tell, have it look again.
func (s *Service) workOnTuningJob(ctx context.Context, key string) (again time.Duration, err error) {
	var j *tuningJob
	err = s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		j, err = tuningJobs.Get(tx, key)
		if err != nil || j == nil || j.settled() {
			return err
		}
		w := &tuningWork{Service: s, tx: tx, key: key, job: j}
		if err := w.learn(); err != nil {
			return err
		}
		if again, err = w.decide(); err != nil {
			return err
		}
		if w.changed {
			j.Modified = tx.Now
			return tuningJobs.Put(tx, key, j)
		}
		return nil
	})
	if err == nil && j != nil {
		s.passes(ctx, j.ARN, fmt.Sprintf("%d of %d trials run", j.running(), len(j.Trials)))
	}
	return again, err
}

// tuningWork is one look at a tuning job, in one transaction.
type tuningWork struct {
	*Service
	tx      *store.Tx
	key     string
	job     *tuningJob
	changed bool
}

// learn brings what became of the trials into the record.
func (w *tuningWork) learn() error {
	metric := text(objectiveOf(&w.job.Request).MetricName)
	for i := range w.job.Trials {
		t := &w.job.Trials[i]
		if t.Status != "" {
			continue
		}
		j, err := trainingJobs.Get(w.tx, t.Key)
		if err != nil {
			return err
		}
		if j == nil {
			t.Status, t.Failure, t.Done, w.changed = failed, "The training job was deleted.", &w.tx.Now, true
			continue
		}
		for _, m := range j.Metrics {
			if series := w.job.watched(m.Series); m.Name == metric && !slices.Equal(series, t.Series) {
				t.Series, w.changed = series, true
			}
			if m.Name == metric && j.settled() {
				t.Objective = new(m.Value)
			}
		}
		if j.settled() {
			t.Status, t.Failure, t.Started, t.Done, w.changed = j.Status, j.FailureReason, j.Started, j.Ended, true
		}
	}
	return nil
}

// watched is what the job needs of what a trial said: the last value, if it stops none early.
func (j *tuningJob) watched(series []float64) []float64 {
	c := j.Request.HyperParameterTuningJobConfig
	if text(c.Strategy) == string(hpo.Hyperband) || text(c.TrainingJobEarlyStoppingType) == "Auto" {
		return series
	}
	return series[max(0, len(series)-1):]
}

// decide does what is next.
func (w *tuningWork) decide() (again time.Duration, err error) {
	j := w.job
	s, err := search(&j.Request, j.Parents, j.Seed)
	if err != nil {
		w.end(failed, internalReason)
		return 0, nil
	}
	trials := j.trials()
	if j.Reason == hpo.GoesOn {
		w.reason(s, trials)
	}
	if j.Stopping || j.Reason != hpo.GoesOn {
		if err := w.halt(nil); err != nil {
			return 0, err
		}
		if j.running() == 0 {
			w.conclude()
		}
		return 0, nil
	}
	if worse := s.Stop(trials); len(worse) > 0 {
		if err := w.halt(worse); err != nil {
			return 0, err
		}
	}
	for _, t := range s.Next(trials, j.parallel()) {
		if err := w.begin(t); err != nil {
			return 0, err
		}
	}
	if deadline, bound := j.deadline(); bound {
		return max(time.Second, deadline.Sub(w.tx.Now)), nil
	}
	return 0, nil
}

// parallel is how many trials may run at a time.
func (j *tuningJob) parallel() int {
	return int(number(j.Request.HyperParameterTuningJobConfig.ResourceLimits.MaxParallelTrainingJobs, 1))
}

func (j *tuningJob) deadline() (time.Time, bool) {
	n := number(j.Request.HyperParameterTuningJobConfig.ResourceLimits.MaxRuntimeInSeconds, 0)
	return j.Created.Add(time.Duration(n) * time.Second), n > 0
}

// reason notes that no more trials begin.
func (w *tuningWork) reason(s *hpo.Search, trials []hpo.Trial) {
	j := w.job
	why := s.Complete(trials)
	if deadline, bound := j.deadline(); why == hpo.GoesOn && bound && !w.tx.Now.Before(deadline) {
		why = overtime
	}
	if why == hpo.GoesOn && w.silent() {
		why = hpo.AllTried
	}
	if why == hpo.GoesOn {
		return
	}
	j.Reason, w.changed = why, true
	if why == hpo.ConvergenceSeen {
		j.Converged = &w.tx.Now
	}
}

// mostSilent is how many trials in a row may end without an objective before the job is given up.
const mostSilent = 5

// silent tells whether the first trials that ended all said nothing: then the job has failed.
func (w *tuningWork) silent() bool {
	ended := 0
	for i := range w.job.Trials {
		t := &w.job.Trials[i]
		if t.Objective != nil || t.Status == "" && len(t.Series) > 0 {
			return false
		}
		if t.Status != "" {
			ended++
		}
	}
	return ended >= mostSilent
}

// halt stops trials: those of the indexes, or all that run for nil.
func (w *tuningWork) halt(indexes []int) error {
	chosen := map[int]bool{}
	for _, i := range indexes {
		chosen[i] = true
	}
	for i := range w.job.Trials {
		t := &w.job.Trials[i]
		if t.Status != "" || t.Halted || indexes != nil && !chosen[i] {
			continue
		}
		j, err := trainingJobs.Get(w.tx, t.Key)
		if err != nil {
			return err
		}
		if j != nil {
			if err := w.Service.halt(w.tx, trainingKind, t.Key, j); err != nil {
				return err
			}
		}
		t.Halted, w.changed = true, true
	}
	return nil
}

// begin makes a trial's training job, in the transaction in which the trial is noted.
func (w *tuningWork) begin(t hpo.Trial) error {
	j := w.job
	name := hpo.Name(j.name(), t.Index, j.Seed)
	key := store.Key(j.Account, lower(name))
	for salt := j.Seed; ; salt++ { // a name that a customer has taken is left to him
		old, err := trainingJobs.Get(w.tx, key)
		if err != nil {
			return err
		}
		if old == nil {
			break
		}
		name = hpo.Name(j.name(), t.Index, salt+1)
		key = store.Key(j.Account, lower(name))
	}
	in := j.training(name, t.Parameters)
	job := &trainingJob{
		jobState: jobState{Account: j.Account, ARN: sameAccount(j.ARN, "training-job/"+lower(name)), ID: newID("tj"), SourceIdentity: j.SourceIdentity},
		Request:  completeTraining(in), Tuning: w.key,
	}
	for _, g := range groupsOf(in.ResourceConfig) {
		for range *g.InstanceCount {
			job.addHost(text(g.InstanceGroupName), text(g.InstanceType))
		}
	}
	set, err := tagSets.Get(w.tx, j.ARN)
	if err != nil {
		return err
	}
	if set != nil {
		if err := putTags(w.tx, job.ARN, set.Tags); err != nil {
			return err
		}
	}
	if err := w.Service.begin(w.tx, trainingKind, key, job); err != nil {
		return err
	}
	j.Trials = append(j.Trials, trial{Name: name, Key: key, ARN: job.ARN, Parameters: t.Parameters, Created: w.tx.Now})
	w.changed = true
	return nil
}

// conclude is how the job ends when no trial runs any more.
func (w *tuningWork) conclude() {
	if w.job.Stopping {
		w.end(stopped, "")
		return
	}
	jobs, silent := 0, 0
	for i := range w.job.Trials {
		switch t := &w.job.Trials[i]; {
		case t.Objective != nil && t.Status != failed:
			w.end(completed, "")
			return
		case t.Status == failed:
			jobs++
		default:
			silent++
		}
	}
	if silent == 0 {
		w.end(failed, noneSucceeded(jobs))
		return
	}
	w.end(failed, noneSpoke(jobs+silent))
}

func (w *tuningWork) end(status, reason string) {
	j := w.job
	j.Status, j.FailureReason, j.Ended, w.changed = status, reason, &w.tx.Now, true
}

// resumeTunings fills the queue with the jobs that have not ended.
func (s *Service) resumeTunings(tx *store.Tx) error {
	all, err := tuningJobs.From(tx, "", "", -1)
	for _, e := range all {
		if !e.Value.settled() {
			s.tunings.Add(e.Key)
		}
	}
	return err
}

func noneSucceeded(n int) string {
	return fmt.Sprintf("No training job succeeded after %d attempts. For additional details, please take a look at the training job failures by listing training jobs for the hyperparameter tuning job.", n)
}

func noneSpoke(n int) string {
	return fmt.Sprintf("No objective metrics found after running %d training jobs. Please ensure that the custom algorithm is emitting the objective metric as defined by the regular expression provided.", n)
}
