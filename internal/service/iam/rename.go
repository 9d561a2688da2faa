package iam

import (
	"cmp"
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "UpdateUser", renames("UpdateUser", func(in *shape.UpdateUserRequest) (Kind, *string, *string, *string) {
	return user, in.UserName, in.NewUserName, in.NewPath
}), (*Service).updateUser)

// updateUser gives a user another name or path; its policies, keys and groups stay its own.
func (s *Service) updateUser(ctx context.Context, c *api.Call, in *shape.UpdateUserRequest) (*struct{}, error) {
	return s.rename(ctx, c, user, *in.UserName, in.NewUserName, in.NewPath)
}

// renames is the checks of an operation that gives an entity another ARN: who calls must be allowed it on
// both. Without a new path, the second is beside the first, wherever that is.
func renames[In any](action string, of func(*In) (kind Kind, old, name, path *string)) func(*api.Call, *In) []api.Check {
	return func(c *api.Call, in *In) []api.Check {
		kind, old, name, to := of(in)
		checks := []api.Check{{Action: "iam:" + action, Resource: at(c, kind, old)}}
		if name == nil && to == nil {
			return checks
		}
		second := api.Check{Action: "iam:" + action, Resource: global(c, string(kind), path(to), *cmp.Or(name, old))}
		if second.Exact = to != nil; !second.Exact {
			second.Beside = checks[0].Resource
		}
		return append(checks, second)
	}
}

// rename gives a user or group another name or path, and has all that speaks of its ARN follow.
func (s *Service) rename(ctx context.Context, c *api.Call, kind Kind, name string, newName, newPath *string) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, kind, name)
		if err != nil {
			return err
		}
		oldKey, oldARN := e.key(), e.ARN
		e.Name, e.Path = *cmp.Or(newName, &e.Name), *cmp.Or(newPath, &e.Path)
		e.ARN = global(c, string(kind), e.Path, e.Name)
		if e.key() != oldKey {
			if err := free(tx, e.Account, kind, e.Name); err != nil {
				return err
			}
			if err := entities.Delete(tx, oldKey); err != nil {
				return err
			}
		}
		if err := s.put(tx, e); err != nil || e.ARN == oldARN {
			return err
		}
		if err := s.follow(tx, e, oldARN); err != nil {
			return err
		}
		if err := s.retell(tx, oldARN, e.ID, e.ARN); err != nil {
			return err
		}
		tx.After(func() { forget(s.Directory, kind, oldARN) }) // last: in between nobody is without a group or a name
		return nil
	})
}

// follow has a user's keys, or who is in a group, know its new ARN.
func (s *Service) follow(tx *store.Tx, e *entity, old string) error {
	if e.Kind == user {
		keys, err := ownedBy(tx, e.Account, old)
		if err != nil {
			return err
		}
		for _, k := range keys {
			k.User = e.ARN
			if err := s.putKey(tx, k); err != nil {
				return err
			}
		}
		return nil
	}
	users, err := members(tx, &entity{Account: e.Account, ARN: old})
	if err != nil {
		return err
	}
	for _, u := range users {
		u.Groups[slices.Index(u.Groups, old)] = e.ARN
		if err := s.put(tx, u); err != nil {
			return err
		}
	}
	return nil
}
