package ecr

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ecr"
)

var (
	_ = api.Define(operations, "PutLifecyclePolicy", func(c *api.Call, in *shape.PutLifecyclePolicyRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "PutLifecyclePolicy")
	}, (*Service).putLifecyclePolicy)
	_ = api.Define(operations, "GetLifecyclePolicy", func(c *api.Call, in *shape.GetLifecyclePolicyRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "GetLifecyclePolicy")
	}, (*Service).getLifecyclePolicy)
	_ = api.Define(operations, "DeleteLifecyclePolicy", func(c *api.Call, in *shape.DeleteLifecyclePolicyRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "DeleteLifecyclePolicy")
	}, (*Service).deleteLifecyclePolicy)
)

// putLifecyclePolicy sets a policy, which is applied soon.
func (s *Service) putLifecyclePolicy(ctx context.Context, c *api.Call, in *shape.PutLifecyclePolicyRequest) (*shape.PutLifecyclePolicyResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	if _, err := parseLifecycle(*in.LifecyclePolicyText); err != nil {
		return nil, err
	}
	err := s.change(ctx, p, func(_ *store.Tx, r *repository) error {
		r.Lifecycle = *in.LifecyclePolicyText
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.ring()
	return &shape.PutLifecyclePolicyResponse{RegistryId: &p.account, RepositoryName: &p.name, LifecyclePolicyText: in.LifecyclePolicyText}, nil
}

func missingLifecycle(p place) error {
	return lifecycleNotFound.New("Lifecycle policy does not exist for the repository with name '%s' in the registry with id '%s'", p.name, p.account)
}

func (s *Service) getLifecyclePolicy(ctx context.Context, c *api.Call, in *shape.GetLifecyclePolicyRequest) (*shape.GetLifecyclePolicyResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	out := &shape.GetLifecyclePolicyResponse{RegistryId: &p.account, RepositoryName: &p.name}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		r, err := find(tx, p)
		if err == nil && r.Lifecycle == "" {
			err = missingLifecycle(p)
		}
		if err != nil {
			return err
		}
		if out.LifecyclePolicyText = &r.Lifecycle; !r.Evaluated.IsZero() {
			out.LastEvaluatedAt = &r.Evaluated
		}
		return nil
	})
}

func (s *Service) deleteLifecyclePolicy(ctx context.Context, c *api.Call, in *shape.DeleteLifecyclePolicyRequest) (*shape.DeleteLifecyclePolicyResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	out := &shape.DeleteLifecyclePolicyResponse{RegistryId: &p.account, RepositoryName: &p.name}
	return out, s.change(ctx, p, func(_ *store.Tx, r *repository) error {
		if r.Lifecycle == "" {
			return missingLifecycle(p)
		}
		out.LifecyclePolicyText = new(r.Lifecycle)
		if !r.Evaluated.IsZero() {
			out.LastEvaluatedAt = new(r.Evaluated)
		}
		r.Lifecycle = ""
		return nil
	})
}

// expire applies every lifecycle policy.
func (s *Service) expire(ctx context.Context) error {
	var all []*repository
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		all, err = repositories.All(tx, "")
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Lifecycle == "" {
			continue
		}
		if err := s.DB.Update(ctx, func(tx *store.Tx) error { return s.expireIn(tx, r.place()) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) expireIn(tx *store.Tx, p place) error {
	r, err := repositories.Get(tx, p.key())
	if err != nil || r == nil || r.Lifecycle == "" {
		return err // gone meanwhile
	}
	rules, err := parseLifecycle(r.Lifecycle)
	if err != nil {
		return err
	}
	all, err := images.All(tx, p.prefix())
	if err != nil {
		return err
	}
	names, err := tagsOf(tx, p)
	if err != nil {
		return err
	}
	for _, i := range expired(rules, all, names, tx.Now) {
		if err := removeImage(tx, p, i, names[i.Digest]); err != nil {
			return err
		}
	}
	r.Evaluated = tx.Now
	return s.put(tx, r)
}
