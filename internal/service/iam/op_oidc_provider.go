package iam

import (
	"context"
	"slices"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var (
	_ = api.Define(operations, "CreateOpenIDConnectProvider", withTags("CreateOpenIDConnectProvider", func(c *api.Call, in *shape.CreateOpenIDConnectProviderRequest) (string, []shape.Tag) {
		name, _ := issuer(*in.Url)
		return global(c, "oidc-provider", "/", name), in.Tags
	}), (*Service).createOpenIDConnectProvider)
	_ = api.Define(operations, "GetOpenIDConnectProvider", on("GetOpenIDConnectProvider", func(_ *api.Call, in *shape.GetOpenIDConnectProviderRequest) string {
		return *in.OpenIDConnectProviderArn
	}), (*Service).getOpenIDConnectProvider)
	_ = api.Define(operations, "ListOpenIDConnectProviders", on("ListOpenIDConnectProviders", func(*api.Call, *struct{}) string { return "*" }), (*Service).listOpenIDConnectProviders)
	_ = api.Define(operations, "DeleteOpenIDConnectProvider", on("DeleteOpenIDConnectProvider", func(_ *api.Call, in *shape.DeleteOpenIDConnectProviderRequest) string {
		return *in.OpenIDConnectProviderArn
	}), (*Service).deleteOpenIDConnectProvider)
)

// createOpenIDConnectProvider lets roles of the account trust tokens of an issuer.
func (s *Service) createOpenIDConnectProvider(ctx context.Context, c *api.Call, in *shape.CreateOpenIDConnectProviderRequest) (*shape.CreateOpenIDConnectProviderResponse, error) {
	name, err := issuer(*in.Url)
	if err != nil {
		return nil, err
	}
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	p := &provider{Account: c.Account(), ARN: global(c, "oidc-provider", "/", name), URL: name, ClientIDs: in.ClientIDList, Thumbprints: in.ThumbprintList, Tags: in.Tags}
	if err := p.checked(); err != nil {
		return nil, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := providers.Get(tx, p.key())
		if err != nil {
			return err
		}
		if old != nil {
			return alreadyExists.New("Provider with url https://%s already exists.", name)
		}
		n, err := providers.Count(tx, store.Prefix(p.Account))
		if err != nil {
			return err
		}
		if n >= providersPerAccount {
			return limitExceeded.New("Cannot exceed quota for OpenIdConnectProvidersPerAccount: %d", providersPerAccount)
		}
		p.Created = tx.Now.Truncate(time.Second)
		return s.putProvider(tx, p)
	})
	return &shape.CreateOpenIDConnectProviderResponse{OpenIDConnectProviderArn: &p.ARN, Tags: p.Tags}, err
}

func (s *Service) getOpenIDConnectProvider(ctx context.Context, c *api.Call, in *shape.GetOpenIDConnectProviderRequest) (*shape.GetOpenIDConnectProviderResponse, error) {
	var out *shape.GetOpenIDConnectProviderResponse
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := getProvider(tx, c, *in.OpenIDConnectProviderArn)
		if err == nil {
			out = &shape.GetOpenIDConnectProviderResponse{Url: &p.URL, ClientIDList: append([]string{}, p.ClientIDs...),
				ThumbprintList: append([]string{}, p.Thumbprints...), CreateDate: &p.Created, Tags: append([]shape.Tag{}, p.Tags...)}
		}
		return err
	})
	return out, err
}

func (s *Service) listOpenIDConnectProviders(ctx context.Context, c *api.Call, _ *struct{}) (*shape.ListOpenIDConnectProvidersResponse, error) {
	out := &shape.ListOpenIDConnectProvidersResponse{OpenIDConnectProviderList: []shape.OpenIDConnectProviderListEntry{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := providers.All(tx, store.Prefix(c.Account()))
		for _, p := range all {
			out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, shape.OpenIDConnectProviderListEntry{Arn: &p.ARN})
		}
		return err
	})
	return out, err
}

// deleteOpenIDConnectProvider ends the trust in an issuer; roles that name it stay and can trust nobody there.
func (s *Service) deleteOpenIDConnectProvider(ctx context.Context, c *api.Call, in *shape.DeleteOpenIDConnectProviderRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := providers.Get(tx, store.Key(c.Account(), *in.OpenIDConnectProviderArn))
		if err != nil || p == nil {
			return err // gone is gone
		}
		tx.After(func() {
			s.Directory.RemoveProvider(p.ARN)
			s.Directory.SetTags(p.ARN, nil)
		})
		return providers.Delete(tx, p.key())
	})
}

var (
	_ = api.Define(operations, "AddClientIDToOpenIDConnectProvider", on("AddClientIDToOpenIDConnectProvider", func(_ *api.Call, in *shape.AddClientIDToOpenIDConnectProviderRequest) string {
		return *in.OpenIDConnectProviderArn
	}), (*Service).addClientID)
	_ = api.Define(operations, "RemoveClientIDFromOpenIDConnectProvider", on("RemoveClientIDFromOpenIDConnectProvider", func(_ *api.Call, in *shape.RemoveClientIDFromOpenIDConnectProviderRequest) string {
		return *in.OpenIDConnectProviderArn
	}), (*Service).removeClientID)
	_ = api.Define(operations, "UpdateOpenIDConnectProviderThumbprint", on("UpdateOpenIDConnectProviderThumbprint", func(_ *api.Call, in *shape.UpdateOpenIDConnectProviderThumbprintRequest) string {
		return *in.OpenIDConnectProviderArn
	}), (*Service).updateThumbprint)
)

// addClientID makes tokens for one more audience good; twice is once.
func (s *Service) addClientID(ctx context.Context, c *api.Call, in *shape.AddClientIDToOpenIDConnectProviderRequest) (*struct{}, error) {
	return s.changeProvider(ctx, c, *in.OpenIDConnectProviderArn, func(p *provider) error {
		if !slices.Contains(p.ClientIDs, *in.ClientID) {
			p.ClientIDs = append(p.ClientIDs, *in.ClientID)
		}
		return p.checked()
	})
}

func (s *Service) removeClientID(ctx context.Context, c *api.Call, in *shape.RemoveClientIDFromOpenIDConnectProviderRequest) (*struct{}, error) {
	return s.changeProvider(ctx, c, *in.OpenIDConnectProviderArn, func(p *provider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == *in.ClientID })
		return nil
	})
}

func (s *Service) updateThumbprint(ctx context.Context, c *api.Call, in *shape.UpdateOpenIDConnectProviderThumbprintRequest) (*struct{}, error) {
	return s.changeProvider(ctx, c, *in.OpenIDConnectProviderArn, func(p *provider) error {
		p.Thumbprints = in.ThumbprintList
		return p.checked()
	})
}
