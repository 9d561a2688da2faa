package iam

import (
	"context"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetAccessKeyLastUsed", on("GetAccessKeyLastUsed", func(c *api.Call, in *shape.GetAccessKeyLastUsedRequest) string {
	return global(c, "access-key", "/", *in.AccessKeyId) // which the directory knows as its user
}), (*Service).getAccessKeyLastUsed)

// getAccessKeyLastUsed tells when and for what a key was used last.
func (s *Service) getAccessKeyLastUsed(ctx context.Context, c *api.Call, in *shape.GetAccessKeyLastUsedRequest) (*shape.GetAccessKeyLastUsedResponse, error) {
	out := &shape.GetAccessKeyLastUsedResponse{AccessKeyLastUsed: &shape.AccessKeyLastUsed{ServiceName: new("N/A"), Region: new("N/A")}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		k, err := accessKeys.Get(tx, store.Key(c.Account(), *in.AccessKeyId))
		if err != nil {
			return err
		}
		if k == nil {
			return noSuchEntity.New("The Access Key with id %s cannot be found.", *in.AccessKeyId)
		}
		if p := s.Directory.Principal(k.User); p != nil {
			out.UserName = &p.Name
		}
		use := k.Used
		if later, ok := s.Directory.LastUse(k.ID); ok {
			use = later
		}
		if !use.At.IsZero() {
			out.AccessKeyLastUsed = &shape.AccessKeyLastUsed{LastUsedDate: &use.At, ServiceName: &use.Service, Region: &use.Region}
		}
		return nil
	})
	return out, err
}

// noting is how often the last uses of keys are written down.
const noting = time.Minute

// lastUsed tells when a role's credentials were used last: nothing, where they never were.
func (s *Service) lastUsed(e *entity) *shape.RoleLastUsed {
	use := e.Used
	if later, ok := s.Directory.LastUse(directory.RoleKey(e.ARN, e.ID)); ok {
		use = later
	}
	if use.At.IsZero() {
		return new(shape.RoleLastUsed)
	}
	return &shape.RoleLastUsed{LastUsedDate: &use.At, Region: &use.Region}
}

// Run writes down from time to time, and when ctx ends, when keys and roles were last used: no call does it itself.
func (s *Service) Run(ctx context.Context) error {
	t := time.NewTicker(noting)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.Flush(context.WithoutCancel(ctx))
		case <-t.C:
			_ = s.Flush(ctx) // what could not be written is kept, and tried again
		}
	}
}

// Flush writes down when keys and roles were last used.
func (s *Service) Flush(ctx context.Context) error {
	uses := s.Directory.Uses()
	if len(uses) == 0 {
		return nil
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		for id, u := range uses {
			account, _ := s.Directory.AccountOf(id) // of one that is deleted there is no record
			if err := note(tx, account, id, u); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.Directory.Wrote(uses)
	}
	return err
}

// note puts a use into a key's or a role's record, if there still is one.
func note(tx *store.Tx, account, id string, u directory.Use) error {
	if of, role, ok := strings.Cut(id, " "); ok {
		return noteRole(tx, of, role, u)
	}
	k, err := accessKeys.Get(tx, store.Key(account, id))
	if err != nil || k == nil {
		return err
	}
	k.Used = u
	return accessKeys.Put(tx, store.Key(account, id), k)
}

func noteRole(tx *store.Tx, of, id string, u directory.Use) error {
	a, err := arn.Parse(of)
	if err != nil {
		return err
	}
	key := entityKey(a.Account, role, a.Resource[strings.LastIndexByte(a.Resource, '/')+1:])
	e, err := entities.Get(tx, key)
	if err != nil || e == nil || e.ID != id {
		return err
	}
	e.Used = u
	return entities.Put(tx, key, e)
}
