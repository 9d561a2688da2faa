package iam

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var (
	_ = api.Define(operations, "TagOpenIDConnectProvider", withTags("TagOpenIDConnectProvider", func(_ *api.Call, in *shape.TagOpenIDConnectProviderRequest) (string, []shape.Tag) {
		return *in.OpenIDConnectProviderArn, in.Tags
	}), (*Service).tagOpenIDConnectProvider)
	_ = api.Define(operations, "UntagOpenIDConnectProvider", func(_ *api.Call, in *shape.UntagOpenIDConnectProviderRequest) []api.Check {
		return []api.Check{{Action: "iam:UntagOpenIDConnectProvider", Resource: *in.OpenIDConnectProviderArn, Keys: []api.Key{api.Ks("aws:TagKeys", in.TagKeys...)}}}
	}, (*Service).untagOpenIDConnectProvider)
	_ = api.Define(operations, "ListOpenIDConnectProviderTags", on("ListOpenIDConnectProviderTags", func(_ *api.Call, in *shape.ListOpenIDConnectProviderTagsRequest) string {
		return *in.OpenIDConnectProviderArn
	}), (*Service).listOpenIDConnectProviderTags)
)

func (s *Service) tagOpenIDConnectProvider(ctx context.Context, c *api.Call, in *shape.TagOpenIDConnectProviderRequest) (*struct{}, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	return s.changeProvider(ctx, c, *in.OpenIDConnectProviderArn, func(p *provider) error {
		all, err := laid(p.Tags, in.Tags)
		p.Tags = all
		return err
	})
}

func (s *Service) untagOpenIDConnectProvider(ctx context.Context, c *api.Call, in *shape.UntagOpenIDConnectProviderRequest) (*struct{}, error) {
	return s.changeProvider(ctx, c, *in.OpenIDConnectProviderArn, func(p *provider) error {
		p.Tags = without(p.Tags, in.TagKeys)
		return nil
	})
}

func (s *Service) listOpenIDConnectProviderTags(ctx context.Context, c *api.Call, in *shape.ListOpenIDConnectProviderTagsRequest) (*shape.ListOpenIDConnectProviderTagsResponse, error) {
	out := new(shape.ListOpenIDConnectProviderTagsResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := getProvider(tx, c, *in.OpenIDConnectProviderArn)
		if err != nil {
			return err
		}
		slices.SortFunc(p.Tags, func(a, b shape.Tag) int { return strings.Compare(*a.Key, *b.Key) })
		page, next, err := cut(p.Tags, tagKey, in.Marker, in.MaxItems)
		out.Tags, out.IsTruncated, out.Marker = append([]shape.Tag{}, page...), new(next != nil), next
		return err
	})
	return out, err
}
