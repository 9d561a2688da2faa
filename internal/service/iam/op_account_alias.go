package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var (
	_ = api.Define(operations, "CreateAccountAlias", on("CreateAccountAlias", func(*api.Call, *shape.CreateAccountAliasRequest) string { return "*" }), (*Service).createAccountAlias)
	_ = api.Define(operations, "DeleteAccountAlias", on("DeleteAccountAlias", func(*api.Call, *shape.DeleteAccountAliasRequest) string { return "*" }), (*Service).deleteAccountAlias)
	_ = api.Define(operations, "ListAccountAliases", on("ListAccountAliases", func(*api.Call, *shape.ListAccountAliasesRequest) string { return "*" }), (*Service).listAccountAliases)
)

// alias is another name of an account; it has one at most.
type alias struct{ Account, Name string }

// aliases are keyed by account.
var aliases = store.NewTable[alias]("iam_alias")

// createAccountAlias gives the account an alias in the place of the one it had. No two accounts share one.
func (s *Service) createAccountAlias(ctx context.Context, c *api.Call, in *shape.CreateAccountAliasRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := aliases.All(tx, "")
		if err != nil {
			return err
		}
		for _, a := range all {
			if a.Name == *in.AccountAlias {
				return alreadyExists.New("The account alias %s already exists.", a.Name)
			}
		}
		return aliases.Put(tx, store.Key(c.Account()), &alias{c.Account(), *in.AccountAlias})
	})
}

func (s *Service) deleteAccountAlias(ctx context.Context, c *api.Call, in *shape.DeleteAccountAliasRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		a, err := aliases.Get(tx, store.Key(c.Account()))
		if err != nil {
			return err
		}
		if a == nil || a.Name != *in.AccountAlias {
			return noSuchEntity.New("The account alias %s cannot be found.", *in.AccountAlias)
		}
		return aliases.Delete(tx, store.Key(c.Account()))
	})
}

func (s *Service) listAccountAliases(ctx context.Context, c *api.Call, in *shape.ListAccountAliasesRequest) (*shape.ListAccountAliasesResponse, error) {
	out := new(shape.ListAccountAliasesResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		a, err := aliases.Get(tx, store.Key(c.Account()))
		if err != nil {
			return err
		}
		all := []string{}
		if a != nil {
			all = append(all, a.Name)
		}
		page, next, err := cut(all, itself, in.Marker, in.MaxItems)
		out.AccountAliases, out.IsTruncated, out.Marker = page, new(next != nil), next
		return err
	})
	return out, err
}
