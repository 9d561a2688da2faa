package iam

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListPolicyTags", onPolicy("ListPolicyTags", true, func(in *shape.ListPolicyTagsRequest) string { return *in.PolicyArn }), (*Service).listPolicyTags)

// listPolicyTags lists the tags of a managed policy, by key.
func (s *Service) listPolicyTags(ctx context.Context, c *api.Call, in *shape.ListPolicyTagsRequest) (*shape.ListPolicyTagsResponse, error) {
	out := new(shape.ListPolicyTagsResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := own(tx, c, *in.PolicyArn)
		if err != nil {
			return err
		}
		tags := slices.Clone(p.Tags)
		slices.SortFunc(tags, func(a, b shape.Tag) int { return strings.Compare(*a.Key, *b.Key) })
		out.Tags, out.Marker, err = cut(tags, tagKey, in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
	return out, err
}
