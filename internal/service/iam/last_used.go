package iam

import (
	"context"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
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

// Run writes down from time to time, and when ctx ends, when keys were last used: no call does it itself.
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

// Flush writes down when keys were last used.
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

// note puts a use into a key's record, if there still is one.
func note(tx *store.Tx, account, id string, u directory.Use) error {
	k, err := accessKeys.Get(tx, store.Key(account, id))
	if err != nil || k == nil {
		return err
	}
	k.Used = u
	return accessKeys.Put(tx, store.Key(account, id), k)
}
