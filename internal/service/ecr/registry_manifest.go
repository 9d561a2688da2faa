package ecr

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	apishape "cloister/internal/value/shape/ecr"
	shape "cloister/internal/value/shape/ecrdkr"
)

var (
	_ = api.Define(registry, "HeadManifest", func(c *api.Call, in *shape.ManifestRequest) []api.Check {
		return at(in.RegistryId, in.Name).ask(c, "BatchGetImage")
	}, (*Service).headManifest)
	_ = api.Define(registry, "GetManifest", func(c *api.Call, in *shape.ManifestRequest) []api.Check {
		return at(in.RegistryId, in.Name).ask(c, "BatchGetImage")
	}, (*Service).getManifest)
	_ = api.Define(registry, "PutManifest", func(c *api.Call, in *shape.PutManifestRequest) []api.Check {
		return at(in.RegistryId, in.Name).ask(c, "PutImage")
	}, (*Service).putManifest)
	_ = api.Define(registry, "DeleteManifest", func(c *api.Call, in *shape.ManifestRequest) []api.Check {
		return at(in.RegistryId, in.Name).ask(c, "BatchDeleteImage")
	}, (*Service).deleteManifest)
)

// named reads a reference, which is a tag or a digest.
func named(reference string) *apishape.ImageIdentifier {
	if isDigest(reference) {
		return &apishape.ImageIdentifier{ImageDigest: &reference}
	}
	return &apishape.ImageIdentifier{ImageTag: &reference}
}

// fetch finds a manifest by its reference.
func (s *Service) fetch(ctx context.Context, p place, reference string) (i *image, raw []byte, err error) {
	stale := false
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, p); err != nil {
			return err
		}
		found, failure, err := lookUp(tx, p, named(reference))
		if err != nil {
			return err
		}
		if failure != nil {
			return manifestUnknown.New("%s", failure.reason)
		}
		m, err := manifests.Get(tx, p.key(found.Digest))
		if err != nil {
			return err
		}
		i, raw, stale = found, m.Raw, found.stale(tx.Now)
		return nil
	})
	if err == nil && stale {
		err = s.pull(ctx, p, i.Digest)
	}
	return i, raw, say(err)
}

func (s *Service) getManifest(ctx context.Context, _ *api.Call, in *shape.ManifestRequest) (*shape.ManifestResponse, error) {
	i, raw, err := s.fetch(ctx, at(in.RegistryId, in.Name), *in.Reference)
	if err != nil {
		return nil, err
	}
	return &shape.ManifestResponse{ContentType: &i.MediaType, Digest: &i.Digest, Manifest: raw}, nil
}

func (s *Service) headManifest(ctx context.Context, _ *api.Call, in *shape.ManifestRequest) (*shape.ManifestHead, error) {
	i, raw, err := s.fetch(ctx, at(in.RegistryId, in.Name), *in.Reference)
	if err != nil {
		return nil, err
	}
	return &shape.ManifestHead{ContentType: &i.MediaType, Digest: &i.Digest, ContentLength: new(itoa(int64(len(raw))))}, nil
}

func (s *Service) putManifest(ctx context.Context, _ *api.Call, in *shape.PutManifestRequest) (*shape.PutManifestResponse, error) {
	p := at(in.RegistryId, in.Name)
	w := &wanted{raw: in.Manifest, mediaType: text(in.ContentType), tag: *in.Reference}
	if isDigest(*in.Reference) {
		w.tag, w.digest = "", *in.Reference
	}
	var i *image
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := find(tx, p)
		if err != nil {
			return err
		}
		i, _, err = putImage(tx, r, w)
		return err
	})
	if err != nil {
		return nil, say(err)
	}
	out := &shape.PutManifestResponse{Digest: &i.Digest, Location: new("https://" + s.host(p.account) + "/v2/" + p.name + "/manifests/" + i.Digest)}
	if i.Subject != "" {
		out.Subject = &i.Subject
	}
	return out, nil
}

func (s *Service) deleteManifest(ctx context.Context, _ *api.Call, in *shape.ManifestRequest) (*struct{}, error) {
	p := at(in.RegistryId, in.Name)
	return new(struct{}), say(s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, p); err != nil {
			return err
		}
		_, failure, err := deleteOne(tx, p, named(*in.Reference))
		switch {
		case err != nil:
			return err
		case failure == nil:
			return nil
		case *failure == notThere:
			return manifestUnknown.New("%s", failure.reason)
		case *failure == notADigest:
			return digestInvalid.New("%s", failure.reason)
		}
		return referenced.New("%s", failure.reason)
	}))
}
