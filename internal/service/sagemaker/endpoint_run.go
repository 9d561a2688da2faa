package sagemaker

import (
	"context"
	"time"

	"cloister/internal/machine/store"
)

// workOnEndpoint looks at an endpoint and its instances once and moves it on by what it sees. It
// waits for nothing: an instance that comes to something adds the endpoint's key again.
func (s *Service) workOnEndpoint(ctx context.Context, key string) (time.Duration, error) {
	return 0, s.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := endpoints.Get(tx, key)
		if err != nil || e == nil {
			return err
		}
		all, err := instances.All(tx, store.Prefix(e.Account, lower(e.Name)))
		if err != nil {
			return err
		}
		if e.Status == deleting {
			return s.dissolve(tx, e, all)
		}
		before := e.Status
		if e.Coming != nil {
			if err := s.settleComing(tx, e, all); err != nil {
				return err
			}
		}
		if e.Status == rollingBack && !anyOf(all, func(i *instance) bool { return i.Going && i.Generation == e.Generation }) {
			e.Status = inService
		}
		if e.Status != before {
			e.Modified = tx.Now
		}
		s.publish(tx, e, all)
		return endpoints.Put(tx, key, e)
	})
}

// settleComing decides about the fleet that is being made.
func (s *Service) settleComing(tx *store.Tx, e *endpoint, all []*instance) error {
	gen := e.Coming.Generation
	for _, i := range all {
		if i.Generation != gen || i.Failure == "" {
			continue
		}
		e.FailureReason, e.Coming, e.Status = i.Failure, nil, failed
		if e.Serving != nil {
			e.Status = rollingBack
		}
		return s.dismiss(tx, all, func(i *instance) bool { return i.Generation == gen })
	}
	if anyOf(all, func(i *instance) bool { return i.Generation == gen && !i.Ready }) {
		return nil
	}
	e.Serving, e.Coming, e.Status, e.FailureReason = e.Coming, nil, inService, ""
	e.Shown = e.Serving.Config
	return s.dismiss(tx, all, func(i *instance) bool { return i.Generation != gen })
}

func anyOf(all []*instance, is func(*instance) bool) bool {
	for _, i := range all {
		if is(i) {
			return true
		}
	}
	return false
}

// dismiss asks instances to go.
func (s *Service) dismiss(tx *store.Tx, all []*instance, is func(*instance) bool) error {
	for _, i := range all {
		if i.Going || !is(i) {
			continue
		}
		i.Going = true
		key := i.key()
		tx.After(func() { s.bells.ring(key); s.instances.Add(key) })
		if err := instances.Put(tx, key, i); err != nil {
			return err
		}
	}
	return nil
}

// dissolve removes a deleted endpoint: its instances first, its record when they are gone.
func (s *Service) dissolve(tx *store.Tx, e *endpoint, all []*instance) error {
	tx.After(func() { s.Traffic.Remove(e.Account, e.Name) })
	if len(all) > 0 {
		return s.dismiss(tx, all, func(*instance) bool { return true })
	}
	if err := tagSets.Delete(tx, e.ARN); err != nil {
		return err
	}
	return endpoints.Delete(tx, e.key())
}

// publish tells the traffic who of the serving fleet is ready, once the transaction is durable.
func (s *Service) publish(tx *store.Tx, e *endpoint, all []*instance) {
	if e.Serving == nil || e.Status == deleting {
		return
	}
	weights, places := map[string]float64{}, map[string][]string{}
	for _, v := range e.Serving.Variants {
		weights[v.Name] = v.Weight
	}
	for _, i := range all {
		if i.Generation == e.Serving.Generation && i.Ready && !i.Going {
			places[i.Variant] = append(places[i.Variant], i.place())
		}
	}
	tx.After(func() { s.Traffic.Route(e.Account, e.Name, weights, places) })
}

// resumeEndpoints fills the queues.
func (s *Service) resumeEndpoints(tx *store.Tx) error {
	all, err := instances.From(tx, "", "", -1)
	if err != nil {
		return err
	}
	for _, i := range all {
		s.instances.Add(i.Key)
	}
	es, err := endpoints.From(tx, "", "", -1)
	if err != nil {
		return err
	}
	for _, e := range es {
		s.endpoints.Add(e.Key)
	}
	return nil
}
