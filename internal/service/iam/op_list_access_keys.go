package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListAccessKeys", on("ListAccessKeys", func(c *api.Call, in *shape.ListAccessKeysRequest) string { return whose(c, in.UserName) }), (*Service).listAccessKeys)

// listAccessKeys lists the keys of a user, or of who asks, without their secrets.
func (s *Service) listAccessKeys(ctx context.Context, c *api.Call, in *shape.ListAccessKeysRequest) (*shape.ListAccessKeysResponse, error) {
	out := new(shape.ListAccessKeysResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		owner, who, err := keyOwner(tx, c, in.UserName)
		if err != nil {
			return err
		}
		all, err := ownedBy(tx, c.Account(), owner)
		if err != nil {
			return err
		}
		page, next, err := cut(all, (*accessKey).known, in.Marker, in.MaxItems)
		for _, k := range page {
			out.AccessKeyMetadata = append(out.AccessKeyMetadata, shape.AccessKeyMetadata{
				UserName: who, AccessKeyId: &k.ID, Status: status(k.Active), CreateDate: &k.Created,
			})
		}
		out.IsTruncated, out.Marker = new(next != nil), next
		return err
	})
	return out, err
}
