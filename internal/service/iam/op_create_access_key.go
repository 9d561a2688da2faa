package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "CreateAccessKey", on("CreateAccessKey", func(c *api.Call, in *shape.CreateAccessKeyRequest) string { return whose(c, in.UserName) }), (*Service).createAccessKey)

// keysPerUser is IAM's quota.
const keysPerUser = 2

// createAccessKey makes a key for a user, or for who asks; the secret is told this once.
func (s *Service) createAccessKey(ctx context.Context, c *api.Call, in *shape.CreateAccessKeyRequest) (*shape.CreateAccessKeyResponse, error) {
	k := &accessKey{Account: c.Account(), Active: true}
	var name *string
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		owner, who, err := keyOwner(tx, c, in.UserName)
		if err != nil {
			return err
		}
		if s.Directory.KeysOf(c.Account(), owner) >= keysPerUser {
			return limitExceeded.New("Cannot exceed quota for AccessKeysPerUser: %d", keysPerUser)
		}
		k.ID, k.Secret = directory.NewKey()
		k.User, k.Created, name = owner, tx.Now, who
		return s.putKey(tx, k)
	})
	if err != nil {
		return nil, err
	}
	return &shape.CreateAccessKeyResponse{AccessKey: &shape.AccessKey{
		UserName: name, AccessKeyId: &k.ID, SecretAccessKey: &k.Secret, Status: status(true), CreateDate: &k.Created,
	}}, nil
}
