package ecr

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ecr"
)

var (
	_ = api.Define(operations, "PutImage", func(c *api.Call, in *shape.PutImageRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "PutImage")
	}, (*Service).putImage)
	_ = api.Define(operations, "BatchDeleteImage", func(c *api.Call, in *shape.BatchDeleteImageRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "BatchDeleteImage")
	}, (*Service).batchDeleteImage)
)

func (s *Service) putImage(ctx context.Context, c *api.Call, in *shape.PutImageRequest) (*shape.PutImageResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	w := &wanted{raw: []byte(*in.ImageManifest), mediaType: text(in.ImageManifestMediaType), tag: text(in.ImageTag), digest: text(in.ImageDigest)}
	var out shape.Image
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := find(tx, p)
		if err != nil {
			return err
		}
		i, again, err := putImage(tx, r, w)
		if err != nil {
			return err
		}
		if again {
			return imageExists.New("Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'",
				i.Digest, null(w.tag), p.name, p.account)
		}
		out = i.shown(p, w.raw, in.ImageTag)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &shape.PutImageResponse{Image: &out}, nil
}

// batchDeleteImage removes tags and images; an image goes with the last of its tags.
func (s *Service) batchDeleteImage(ctx context.Context, c *api.Call, in *shape.BatchDeleteImageRequest) (*shape.BatchDeleteImageResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	out := &shape.BatchDeleteImageResponse{ImageIds: []shape.ImageIdentifier{}, Failures: []shape.ImageFailure{}}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, p); err != nil {
			return err
		}
		for _, id := range inOrder(tx, p, in.ImageIds) {
			gone, failure, err := deleteOne(tx, p, &id)
			if err != nil {
				return err
			}
			if failure != nil {
				out.Failures = append(out.Failures, failure.shown(id))
			}
			out.ImageIds = append(out.ImageIds, gone...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// inOrder puts lists before the images that are on them, so that both can go in one request.
func inOrder(tx *store.Tx, p place, ids []shape.ImageIdentifier) []shape.ImageIdentifier {
	list := func(id *shape.ImageIdentifier) int {
		if i, _, err := lookUp(tx, p, id); err == nil && i != nil && len(i.Children) > 0 {
			return 0
		}
		return 1
	}
	ids = slices.Clone(ids)
	slices.SortStableFunc(ids, func(a, b shape.ImageIdentifier) int { return list(&a) - list(&b) })
	return ids
}

func deleteOne(tx *store.Tx, p place, id *shape.ImageIdentifier) (gone []shape.ImageIdentifier, failure *failed, err error) {
	i, failure, err := lookUp(tx, p, id)
	if err != nil || failure != nil {
		return nil, failure, err
	}
	all, err := tagsOf(tx, p)
	if err != nil {
		return nil, nil, err
	}
	names := all[i.Digest]
	on, err := parents(tx, p, i.Digest)
	if err != nil {
		return nil, nil, err
	}
	if t := text(id.ImageTag); t != "" {
		if gone = []shape.ImageIdentifier{{ImageDigest: &i.Digest, ImageTag: &t}}; len(names) > 1 || len(on) > 0 {
			return gone, nil, tags.Delete(tx, p.key(t))
		}
		return gone, nil, removeImage(tx, p, i, names)
	}
	if len(on) > 0 {
		return nil, &failed{"ImageReferencedByManifestList", "Requested image referenced by manifest list: [" + strings.Join(on, ", ") + "]"}, nil
	}
	for _, n := range names {
		gone = append(gone, shape.ImageIdentifier{ImageDigest: &i.Digest, ImageTag: &n})
	}
	if len(names) == 0 {
		gone = []shape.ImageIdentifier{{ImageDigest: &i.Digest}}
	}
	return gone, nil, removeImage(tx, p, i, names)
}
