package ecr

import (
	"context"
	"slices"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ecr"
)

var (
	_ = api.Define(operations, "DescribeImages", func(c *api.Call, in *shape.DescribeImagesRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "DescribeImages")
	}, (*Service).describeImages)
	_ = api.Define(operations, "ListImages", func(c *api.Call, in *shape.ListImagesRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "ListImages")
	}, (*Service).listImages)
	_ = api.Define(operations, "BatchGetImage", func(c *api.Call, in *shape.BatchGetImageRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "BatchGetImage")
	}, (*Service).batchGetImage)
)

// choice is whether images with tags, without, or both are wanted. No image is ever archived.
type choice struct{ tagged, untagged bool }

func chosen(tagStatus, imageStatus *string) choice {
	c := choice{tagged: text(tagStatus) != "UNTAGGED", untagged: text(tagStatus) != "TAGGED"}
	if status := text(imageStatus); status == "ARCHIVED" || status == "ACTIVATING" {
		return choice{}
	}
	return c
}

func (c choice) has(tags []string) bool {
	return len(tags) > 0 && c.tagged || len(tags) == 0 && c.untagged
}

func (s *Service) describeImages(ctx context.Context, c *api.Call, in *shape.DescribeImagesRequest) (*shape.DescribeImagesResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	if len(in.ImageIds) > 0 && (in.MaxResults != nil || in.NextToken != nil || in.Filter != nil) {
		return nil, invalid.New("Invalid request parameters: maxResults, nextToken and filter cannot be used with imageIds")
	}
	var wants choice
	if wants = chosen(nil, nil); in.Filter != nil {
		wants = chosen(in.Filter.TagStatus, in.Filter.ImageStatus)
	}
	out := &shape.DescribeImagesResponse{ImageDetails: []shape.ImageDetail{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, p); err != nil {
			return err
		}
		names, err := tagsOf(tx, p)
		if err != nil {
			return err
		}
		for _, id := range in.ImageIds {
			i, failure, err := lookUp(tx, p, &id)
			if err != nil {
				return err
			}
			if failure != nil {
				return failure.fault(p, &id)
			}
			if !slices.ContainsFunc(out.ImageDetails, func(d shape.ImageDetail) bool { return *d.ImageDigest == i.Digest }) {
				out.ImageDetails = append(out.ImageDetails, i.detail(p, names[i.Digest]))
			}
		}
		if len(in.ImageIds) > 0 {
			return nil
		}
		found, err := images.All(tx, p.prefix())
		if err != nil {
			return err
		}
		found = slices.DeleteFunc(found, func(i *image) bool { return !wants.has(names[i.Digest]) })
		found, out.NextToken, err = page(found, in.MaxResults, in.NextToken, func(i **image) string { return (*i).Digest })
		for _, i := range found {
			out.ImageDetails = append(out.ImageDetails, i.detail(p, names[i.Digest]))
		}
		return err
	})
}

func (i *image) detail(p place, names []string) shape.ImageDetail {
	d := shape.ImageDetail{
		RegistryId: &p.account, RepositoryName: &p.name, ImageDigest: &i.Digest, ImageTags: names, ImageSizeInBytes: &i.Size,
		ImagePushedAt: &i.Pushed, ImageManifestMediaType: &i.MediaType, ImageStatus: new("ACTIVE"),
	}
	if i.ArtifactType != "" {
		d.ArtifactMediaType = &i.ArtifactType
	}
	if i.Subject != "" {
		d.SubjectManifestDigest = &i.Subject
	}
	if !i.Pulled.IsZero() {
		d.LastRecordedPullTime = &i.Pulled
	}
	return d
}

func (s *Service) listImages(ctx context.Context, c *api.Call, in *shape.ListImagesRequest) (*shape.ListImagesResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	wants := chosen(nil, nil)
	if in.Filter != nil {
		wants = chosen(in.Filter.TagStatus, in.Filter.ImageStatus)
	}
	out := &shape.ListImagesResponse{}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, p); err != nil {
			return err
		}
		names, err := tagsOf(tx, p)
		if err != nil {
			return err
		}
		found, err := images.All(tx, p.prefix())
		if err != nil {
			return err
		}
		all := []shape.ImageIdentifier{}
		for _, i := range found {
			switch named := names[i.Digest]; {
			case !wants.has(named):
			case len(named) == 0:
				all = append(all, shape.ImageIdentifier{ImageDigest: &i.Digest})
			default:
				for _, n := range named {
					all = append(all, shape.ImageIdentifier{ImageDigest: &i.Digest, ImageTag: &n})
				}
			}
		}
		out.ImageIds, out.NextToken, err = page(all, in.MaxResults, in.NextToken, func(i *shape.ImageIdentifier) string {
			return text(i.ImageDigest) + " " + text(i.ImageTag)
		})
		return err
	})
}

// failed is why one of several images was not had.
type failed struct{ code, reason string }

func (f *failed) shown(id shape.ImageIdentifier) shape.ImageFailure {
	return shape.ImageFailure{ImageId: &id, FailureCode: &f.code, FailureReason: &f.reason}
}

// fault is what operations answer that do not go on without the image.
func (f *failed) fault(p place, id *shape.ImageIdentifier) error {
	if f.code != notThere.code {
		return invalid.New("%s", f.reason)
	}
	return noImage(p, text(id.ImageDigest), text(id.ImageTag))
}

func noImage(p place, digest, tag string) error {
	return imageNotFound.New("The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
		null(digest), null(tag), p.name, p.account)
}

func null(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

var (
	notThere   = failed{"ImageNotFound", "Requested image not found"}
	neither    = failed{"MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"}
	notADigest = failed{"InvalidImageDigest", "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"}
	otherTag   = failed{imageTagDoesNotMatch, "Requested image tag does not match the requested image digest"}
)

// lookUp finds one image by digest, by tag, or by both.
func lookUp(tx *store.Tx, p place, id *shape.ImageIdentifier) (*image, *failed, error) {
	digest := text(id.ImageDigest)
	switch {
	case digest == "" && text(id.ImageTag) == "":
		return nil, &neither, nil
	case digest != "" && !digestForm.MatchString(digest):
		return nil, &notADigest, nil
	}
	if id.ImageTag != nil && *id.ImageTag != "" {
		t, err := tags.Get(tx, p.key(*id.ImageTag))
		switch {
		case err != nil:
			return nil, nil, err
		case t == nil:
			return nil, &notThere, nil
		case digest != "" && digest != t.Digest:
			return nil, &otherTag, nil
		}
		digest = t.Digest
	}
	i, err := images.Get(tx, p.key(digest))
	if err == nil && i == nil {
		return nil, &notThere, nil
	}
	return i, nil, err
}

// mostManifests is how many bytes of manifests one answer holds.
const mostManifests = 16 << 20

func (s *Service) batchGetImage(ctx context.Context, c *api.Call, in *shape.BatchGetImageRequest) (*shape.BatchGetImageResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	out := &shape.BatchGetImageResponse{Images: []shape.Image{}, Failures: []shape.ImageFailure{}}
	var pulled []string
	all := 0
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, p); err != nil {
			return err
		}
		for _, id := range in.ImageIds {
			i, failure, err := lookUp(tx, p, &id)
			if err != nil {
				return err
			}
			if failure == nil && len(in.AcceptedMediaTypes) > 0 && !slices.Contains(in.AcceptedMediaTypes, i.MediaType) {
				failure = &notThere
			}
			if failure != nil {
				out.Failures = append(out.Failures, failure.shown(id))
				continue
			}
			m, err := manifests.Get(tx, p.key(i.Digest))
			if err != nil {
				return err
			}
			if all += len(m.Raw); all > mostManifests {
				return invalid.New("The manifests of the images that the request names have more than %d bytes together: ask for fewer of them at once", mostManifests)
			}
			if i.stale(tx.Now) {
				pulled = append(pulled, i.Digest)
			}
			out.Images = append(out.Images, i.shown(p, m.Raw, id.ImageTag))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, s.pull(ctx, p, pulled...)
}

func (i *image) shown(p place, raw []byte, tag *string) shape.Image {
	return shape.Image{RegistryId: &p.account, RepositoryName: &p.name, ImageManifest: new(string(raw)), ImageManifestMediaType: &i.MediaType,
		ImageId: &shape.ImageIdentifier{ImageDigest: &i.Digest, ImageTag: tag}}
}

// pullEvery is how often the time of a pull is noted.
const pullEvery = 24 * time.Hour

func (i *image) stale(now time.Time) bool { return now.Sub(i.Pulled) >= pullEvery }

// pull notes that images were pulled.
func (s *Service) pull(ctx context.Context, p place, digests ...string) error {
	if len(digests) == 0 {
		return nil
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, d := range digests {
			i, err := images.Get(tx, p.key(d))
			if err != nil || i == nil {
				return err
			}
			i.Pulled = tx.Now
			if err := images.Put(tx, p.key(d), i); err != nil {
				return err
			}
		}
		return nil
	})
}
