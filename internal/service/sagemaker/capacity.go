package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
)

var resourceLimitExceeded = fault.Kind{Code: "ResourceLimitExceeded", Status: 400}

// inUse are the instances of one job, or the one of an endpoint's instance, from the transaction in which it
// begins until the one in which it ends. Its key is Key(account, ID).
type inUse struct {
	Usage    string // "training job", "spot training job": what its quotas are for
	Types    map[string]int
	Launched bool // counts against what there is of the type
	Pooled   bool `json:",omitempty"` // counts as a warm pool's too
}

var used = store.NewTable[inUse]("sagemaker.in-use")

// quotaForm is how the quotas are called that there are.
var quotaForm = regexp.MustCompile(`^(ml\.[a-z0-9-]+\.[a-z0-9-]+ for (training job|spot training job|training warm pool|processing job|transform job|endpoint) usage|` +
	`Number of instances across all (training|spot training|processing|transform) jobs|` + trialsQuota + `|` + parallelQuota + `)$`)

// ValidateQuotas says what is wrong with a table of quotas.
func ValidateQuotas(quotas map[string]int) error {
	var wrong []error
	for name, n := range quotas {
		if !quotaForm.MatchString(name) || n < 0 {
			wrong = append(wrong, fmt.Errorf(`%q: %d: it is as "ml.m5.large for training job usage: 4" or "Number of instances across all training jobs: 20"`, name, n))
		}
	}
	return errors.Join(wrong...)
}

// take counts the instances of something that begins, and refuses them where the account has a quota. Those of a
// warm pool that it has taken over are counted already.
func (s *Service) take(tx *store.Tx, account, id, usage string, types ...string) error {
	if have, err := used.Get(tx, store.Key(account, id)); err != nil || have != nil {
		return err
	}
	u := &inUse{Usage: usage, Types: map[string]int{}}
	for _, t := range types {
		u.Types[t]++
	}
	if len(s.Quotas) > 0 {
		others, err := used.All(tx, store.Prefix(account))
		if err != nil {
			return err
		}
		for _, t := range slices.Sorted(maps.Keys(u.Types)) {
			if err := s.within(t+" for "+usage+" usage", others, func(o *inUse) int { return o.of(usage) * o.Types[t] }, u.Types[t]); err != nil {
				return err
			}
		}
		if err := s.within("Number of instances across all "+usage+"s", others, func(o *inUse) int { return o.of(usage) * o.count() }, u.count()); err != nil {
			return err
		}
	}
	return used.Put(tx, store.Key(account, id), u)
}

// of is 1 for what counts for a usage, else 0.
func (u *inUse) of(usage string) int {
	if u.Usage == usage {
		return 1
	}
	return 0
}

func (u *inUse) count() (n int) {
	for _, of := range u.Types {
		n += of
	}
	return n
}

// within refuses what goes beyond a quota, if there is one of the name.
func (s *Service) within(quota string, others []*inUse, count func(*inUse) int, delta int) error {
	limit, ok := s.Quotas[quota]
	if !ok {
		return nil
	}
	now := 0
	for _, o := range others {
		now += count(o)
	}
	if now+delta <= limit {
		return nil
	}
	return resourceLimitExceeded.New("The account-level service limit '%s' is %d Instances, with current utilization of %d Instances and a request delta of %d Instances. "+
		"Please use AWS Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota.",
		quota, limit, now, delta)
}

// giveBack ends the counting.
func giveBack(tx *store.Tx, account, id string) error { return used.Delete(tx, store.Key(account, id)) }

// errCapacity is that there are not as many instances of a type as are asked for.
var errCapacity = errors.New("not enough capacity")

// provision counts instances against what there is of their types. It may be repeated.
func (s *Service) provision(ctx context.Context, account, id, usage string, types ...string) error {
	if !slices.ContainsFunc(types, func(t string) bool { return s.instanceType(t).Available != nil || s.instanceType(t).GPUs > 0 }) {
		return nil
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := s.holdGPUs(tx, id, types); err != nil {
			return err
		}
		key := store.Key(account, id)
		u, err := used.Get(tx, key)
		if err != nil || u != nil && u.Launched {
			return err
		}
		u = &inUse{Usage: usage, Types: map[string]int{}, Launched: true}
		for _, t := range types {
			u.Types[t]++
		}
		all, err := used.All(tx, "")
		if err != nil {
			return err
		}
		for t, n := range u.Types {
			for _, o := range all {
				if o.Launched {
					n += o.Types[t]
				}
			}
			if most := s.instanceType(t).Available; most != nil && n > *most {
				return fmt.Errorf("%s: %w", t, errCapacity)
			}
		}
		return used.Put(tx, key, u)
	})
}
