package sagemaker

import (
	"context"
	"fmt"
	"strings"

	"cloister/internal/machine/store"
)

// jobKind is a table of jobs as the runner sees it.
type jobKind struct {
	name string
	get  func(*store.Tx, string) (job, error) // nil when there is none
	put  func(*store.Tx, string, job) error
	// keys are those of the jobs that are not at rest.
	keys func(*store.Tx) ([]string, error)
}

// jobKinds are all kinds that the runner works on, by name.
var jobKinds = map[string]jobKind{
	trainingKind.name:    trainingKind,
	transformKind.name:   transformKind,
	processingKind.name:  processingKind,
	compilationKind.name: compilationKind,
	recommendKind.name:   recommendKind,
}

// kindOf makes a table of records one of jobs.
func kindOf[T any, P interface {
	*T
	job
}](name string, t store.Table[T]) jobKind {
	return jobKind{
		name: name,
		get: func(tx *store.Tx, key string) (job, error) {
			v, err := t.Get(tx, key)
			if err != nil || v == nil {
				return nil, err
			}
			return upgraded(P(v)), nil
		},
		put: func(tx *store.Tx, key string, j job) error {
			v, ok := j.(P)
			if !ok {
				return fmt.Errorf("put %s: it is a %T", name, j)
			}
			return t.Put(tx, key, (*T)(v))
		},
		keys: func(tx *store.Tx) ([]string, error) {
			all, err := t.From(tx, "", "", -1)
			if err != nil {
				return nil, err
			}
			var out []string
			for _, e := range all {
				if s := P(e.Value).state(); !s.settled() || s.Outcome != nil {
					out = append(out, e.Key)
				}
			}
			return out, nil
		},
	}
}

// upgraded is a record of an earlier version as this one has them.
func upgraded(j job) job {
	if old, ok := j.(interface{ upgrade() }); ok {
		old.upgrade()
	}
	return j
}

// queued is how a job stands in the queue and with the bells.
func (k jobKind) queued(key string) string { return k.name + "\x00" + key }

// workOnJob takes a job of any kind as far as it goes.
func (s *Service) workOnJob(ctx context.Context, queued string) error {
	name, key, _ := strings.Cut(queued, "\x00")
	kind, ok := jobKinds[name]
	if !ok {
		return fmt.Errorf("no kind of jobs called %q", name)
	}
	return s.workOn(ctx, kind, key)
}

// resumeJobs fills the queue with every job that is not at rest.
func (s *Service) resumeJobs(tx *store.Tx) error {
	for _, kind := range jobKinds {
		keys, err := kind.keys(tx)
		if err != nil {
			return err
		}
		for _, key := range keys {
			s.jobs.Add(kind.queued(key))
		}
	}
	return nil
}

// begin writes a new job and has it worked on, if its account may have as many instances.
func (s *Service) begin(tx *store.Tx, kind jobKind, key string, j job) error {
	st := j.state()
	st.Status, st.Created = inProgress, tx.Now
	plan := j.plan(s)
	st.show(tx.Now, "Starting", "Starting the "+plan.Noun)
	if err := s.take(tx, st.Account, st.ID, plan.usage(), st.types()...); err != nil {
		return err
	}
	tx.After(func() { s.jobs.Add(kind.queued(key)) })
	return kind.put(tx, key, j)
}

// halt asks a job to stop; asking one that has been asked, or has ended, changes nothing.
func (s *Service) halt(tx *store.Tx, kind jobKind, key string, j job) error {
	st := j.state()
	if st.Stopping || st.settled() {
		return nil
	}
	st.Stopping, st.Status = true, stopping
	st.show(tx.Now, stopping, "Stopping the "+j.plan(s).Noun)
	tx.After(func() { s.bells.ring(kind.queued(key)); s.jobs.Add(kind.queued(key)) })
	return kind.put(tx, key, j)
}
