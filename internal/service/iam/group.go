package iam

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
)

// groupsPerUser is IAM's quota.
const groupsPerUser = 10

// members gives the users that are in a group.
func members(tx *store.Tx, g *entity) ([]*entity, error) {
	all, err := entities.All(tx, store.Prefix(g.Account, string(user)))
	return slices.DeleteFunc(all, func(u *entity) bool { return !slices.Contains(u.Groups, g.ARN) }), err
}

// groupsOf gives the groups that a user is in, by name.
func groupsOf(tx *store.Tx, u *entity) ([]*entity, error) {
	all, err := entities.All(tx, store.Prefix(u.Account, string(group)))
	return slices.DeleteFunc(all, func(g *entity) bool { return !slices.Contains(u.Groups, g.ARN) }), err
}

// join puts a user into a group; twice is once.
func (e *entity) join(g *entity) error {
	if slices.Contains(e.Groups, g.ARN) {
		return nil
	}
	if len(e.Groups) >= groupsPerUser {
		return limitExceeded.New("Cannot exceed quota for GroupsPerUser: %d", groupsPerUser)
	}
	e.Groups = append(e.Groups, g.ARN)
	return nil
}

// membership runs f on a user and a group, both of the caller's account, and keeps what it made of the user.
func (s *Service) membership(ctx context.Context, c *api.Call, groupName, userName string, f func(u, g *entity) error) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		g, err := get(tx, c, group, groupName)
		if err != nil {
			return err
		}
		return s.change(tx, c, user, userName, func(u *entity) error { return f(u, g) })
	})
}

// modify is change in a transaction of its own, for operations that answer nothing. A service-linked role it
// leaves alone.
func (s *Service) modify(ctx context.Context, c *api.Call, kind Kind, name string, f func(*store.Tx, *entity) error) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, kind, name, func(e *entity) error {
			if err := e.open(); err != nil {
				return err
			}
			return f(tx, e)
		})
	})
}
