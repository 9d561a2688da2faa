package ecr

import (
	"context"
	"errors"
	"strings"
	"time"

	"cloister/internal/machine/store"
)

const (
	// layerTime is how long a layer that no image has is kept for an image that is still to come.
	layerTime = 24 * time.Hour
	// uploadTime is how long an upload that nobody goes on with is kept.
	uploadTime = 24 * time.Hour
)

// sweep forgets uploads and layers that nobody wants, then the bytes that no record speaks of.
func (s *Service) sweep(ctx context.Context) error {
	var all []*repository
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		all, err = repositories.All(tx, "")
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := s.DB.Update(ctx, func(tx *store.Tx) error { return forget(tx, r.place()) }); err != nil {
			return err
		}
	}
	return s.sweepBytes(ctx)
}

// forget removes the records of what a repository does not need.
func forget(tx *store.Tx, p place) error {
	begun, err := uploads.All(tx, p.prefix())
	if err != nil {
		return err
	}
	for _, u := range begun {
		if tx.Now.Sub(u.Touched) >= uploadTime {
			if err := uploads.Delete(tx, p.key(u.ID)); err != nil {
				return err
			}
		}
	}
	there, err := layers.All(tx, p.prefix())
	if err != nil {
		return err
	}
	used := map[string]bool{}
	put, err := images.All(tx, p.prefix())
	for _, i := range put {
		for _, d := range i.Layers {
			used[d] = true
		}
	}
	errs := []error{err}
	for _, l := range there {
		if err == nil && !used[l.Digest] && tx.Now.Sub(l.Seen) >= layerTime {
			errs = append(errs, layers.Delete(tx, p.key(l.Digest)))
		}
	}
	return errors.Join(errs...)
}

// sweepBytes deletes blobs that no record speaks of. The order matters: a blob that nobody holds after it was listed
// has its record by now, or will never have one.
func (s *Service) sweepBytes(ctx context.Context) error {
	var loose []string
	for info, err := range s.Blobs.All(ctx, s.under()) {
		if err != nil {
			return err
		}
		if id := strings.TrimPrefix(info.Key, s.under()); !s.held.has(id) {
			loose = append(loose, id)
		}
	}
	known := map[string]bool{}
	note := func(all []piece) {
		for _, x := range all {
			known[x.Blob] = true
		}
	}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		ls, err := layers.All(tx, "")
		if err != nil {
			return err
		}
		for _, l := range ls {
			note(l.Pieces)
		}
		us, err := uploads.All(tx, "")
		for _, u := range us {
			note(u.Pieces)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range loose {
		if !known[id] {
			s.scrap(id)
		}
	}
	return nil
}
