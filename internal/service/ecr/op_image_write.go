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
		h, err := loadShelf(tx, p)
		if err != nil {
			return err
		}
		for _, id := range inOrder(tx, p, in.ImageIds) {
			gone, failure, err := h.remove(tx, &id)
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

// shelf is what must be known of a repository to delete images of it: their names, and the lists that they are on.
type shelf struct {
	place
	names, on map[string][]string // by digest
}

func loadShelf(tx *store.Tx, p place) (*shelf, error) {
	names, err := tagsOf(tx, p)
	if err != nil {
		return nil, err
	}
	h := &shelf{p, names, map[string][]string{}}
	all, err := images.All(tx, p.prefix())
	for _, i := range all {
		for _, d := range i.Children {
			h.on[d] = append(h.on[d], i.Digest)
		}
	}
	return h, err
}

// remove takes away a tag or an image.
func (h *shelf) remove(tx *store.Tx, id *shape.ImageIdentifier) (gone []shape.ImageIdentifier, failure *failed, err error) {
	i, failure, err := lookUp(tx, h.place, id)
	if err != nil || failure != nil {
		return nil, failure, err
	}
	names, on := h.names[i.Digest], h.on[i.Digest]
	if t := text(id.ImageTag); t != "" {
		if gone = []shape.ImageIdentifier{{ImageDigest: &i.Digest, ImageTag: &t}}; len(names) > 1 || len(on) > 0 {
			h.names[i.Digest] = slices.DeleteFunc(names, func(n string) bool { return n == t })
			return gone, nil, tags.Delete(tx, h.key(t))
		}
		return gone, nil, h.drop(tx, i)
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
	return gone, nil, h.drop(tx, i)
}

func (h *shelf) drop(tx *store.Tx, i *image) error {
	names := h.names[i.Digest]
	delete(h.names, i.Digest)
	for _, d := range i.Children {
		h.on[d] = slices.DeleteFunc(h.on[d], func(on string) bool { return on == i.Digest })
	}
	return removeImage(tx, h.place, i, names)
}
