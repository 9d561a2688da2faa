package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListUserTags", on("ListUserTags", func(c *api.Call, in *shape.ListUserTagsRequest) string {
	return global(c, "user", "/", *in.UserName)
}), (*Service).listUserTags)

// listUserTags lists the tags of a user.
func (s *Service) listUserTags(ctx context.Context, c *api.Call, in *shape.ListUserTagsRequest) (*shape.ListUserTagsResponse, error) {
	out := new(shape.ListUserTagsResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		out.Tags, out.Marker, err = tagged(tx, c, user, *in.UserName, in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
	return out, err
}
