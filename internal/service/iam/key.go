package iam

import (
	"time"

	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
)

// accessKey is a long-term key of a user, or of the account's root when User, an ARN, is empty.
type accessKey struct {
	ID, Secret, Account, User string
	Active                    bool
	Created                   time.Time
	Used                      directory.Use `json:",omitzero"`
}

// String keeps the secret out of logs and prints.
func (k accessKey) String() string { return k.ID + ":***" }

// accessKeys are keyed by account and id.
var accessKeys = store.NewTable[accessKey]("iam_access_key")

func (k *accessKey) fact() directory.Key {
	return directory.Key{ID: k.ID, Secret: k.Secret, Account: k.Account, Owner: k.User, Active: k.Active}
}

func (s *Service) putKey(tx *store.Tx, k *accessKey) error {
	tx.After(func() { s.Directory.SetKey(k.fact()) })
	return accessKeys.Put(tx, store.Key(k.Account, k.ID), k)
}

func status(active bool) *string {
	if active {
		return new("Active")
	}
	return new("Inactive")
}
