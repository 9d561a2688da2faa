package ecr

import (
	"errors"
	"slices"
	"strings"

	"cloister/internal/machine/store"
)

// wanted is an image that somebody puts.
type wanted struct {
	raw       []byte
	mediaType string
	tag       string // empty for none
	digest    string // what the caller thinks it is; empty when they do not say
}

// putImage writes an image and its tag, once all that it consists of is there. again tells that nothing changed.
func putImage(tx *store.Tx, r *repository, w *wanted) (i *image, again bool, err error) {
	m, err := parse(w.raw, w.mediaType)
	if err != nil {
		return nil, false, err
	}
	if w.tag != "" && !tagForm.MatchString(w.tag) {
		return nil, false, parameter("imageTag", "must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'")
	}
	digest, p := digestOf(w.raw), r.place()
	if w.digest != "" && w.digest != digest {
		return nil, false, imageDigestDiffers.New("The specified image digest '%s' does not match the digest '%s' that was calculated for the image.", w.digest, digest)
	}
	i, err = images.Get(tx, p.key(digest))
	if err != nil {
		return nil, false, err
	}
	known := i != nil
	if !known {
		i = &image{Digest: digest, MediaType: m.MediaType, ArtifactType: m.artifact(), Pushed: tx.Now}
		if err := i.compose(tx, p, m); err != nil {
			return nil, false, err
		}
		if err := errors.Join(images.Put(tx, p.key(digest), i), manifests.Put(tx, p.key(digest), &manifest{w.raw})); err != nil {
			return nil, false, err
		}
	}
	if w.tag == "" {
		return i, known, nil
	}
	same, err := r.setTag(tx, w.tag, digest)
	return i, known && same, err
}

// setTag lets a tag mean an image; same tells that it did so before.
func (r *repository) setTag(tx *store.Tx, name, digest string) (same bool, err error) {
	old, err := tags.Get(tx, r.place().key(name))
	switch {
	case err != nil:
		return false, err
	case old != nil && old.Digest == digest:
		return true, nil
	case old != nil && r.fixed(name):
		return false, imageTagExists.New("The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", name, r.Name)
	}
	return false, tags.Put(tx, r.place().key(name), &tag{name, digest})
}

// compose notes what an image consists of, all of which must be in the repository.
func (i *image) compose(tx *store.Tx, p place, m *parsed) error {
	var missing []string
	if m.Subject != nil {
		i.Subject = m.Subject.Digest
	}
	if m.list() {
		for _, d := range m.Manifests {
			child, err := images.Get(tx, p.key(d.Digest))
			if err != nil {
				return err
			}
			if child == nil {
				missing = append(missing, d.Digest)
				continue
			}
			i.Children, i.Size = append(i.Children, d.Digest), max(i.Size, child.Size)
		}
		if len(missing) > 0 {
			return referencedNotFound.New("Images with digests '[%s]' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist",
				strings.Join(missing, ", "), p.name, p.account)
		}
		return nil
	}
	for _, d := range m.parts() {
		l, err := layers.Get(tx, p.key(d.Digest))
		switch {
		case err != nil:
			return err
		case l == nil || l.Size != d.Size:
			missing = append(missing, d.Digest)
			continue
		}
		i.Layers, i.Size = append(i.Layers, d.Digest), i.Size+d.Size
		if l.MediaType == "" && d.MediaType != "" {
			l.MediaType = d.MediaType
			if err := layers.Put(tx, p.key(d.Digest), l); err != nil {
				return err
			}
		}
	}
	if len(missing) > 0 {
		return layersNotFound.New("Layers with digests '[%s]' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist",
			strings.Join(missing, ", "), p.name, p.account)
	}
	return nil
}

// tagsOf gives the tags of a repository by what they mean, sorted.
func tagsOf(tx *store.Tx, p place) (map[string][]string, error) {
	all, err := tags.All(tx, p.prefix())
	out := map[string][]string{}
	for _, t := range all {
		out[t.Digest] = append(out[t.Digest], t.Name)
	}
	return out, err
}

// parents gives the digests of the lists that an image is on.
func parents(tx *store.Tx, p place, digest string) (out []string, err error) {
	all, err := images.All(tx, p.prefix())
	for _, i := range all {
		if slices.Contains(i.Children, digest) {
			out = append(out, i.Digest)
		}
	}
	return out, err
}

// removeImage forgets an image with its tags. Its layers are swept when no other image has them.
func removeImage(tx *store.Tx, p place, i *image, names []string) error {
	errs := []error{images.Delete(tx, p.key(i.Digest)), manifests.Delete(tx, p.key(i.Digest))}
	for _, n := range names {
		errs = append(errs, tags.Delete(tx, p.key(n)))
	}
	for _, d := range i.Layers {
		l, err := layers.Get(tx, p.key(d))
		if err == nil && l != nil {
			l.Seen = tx.Now
			err = layers.Put(tx, p.key(d), l)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
