package ecr

import (
	"context"
	"io"

	"cloister/internal/machine/store"
)

// Has tells whether there is a repository.
func (s *Service) Has(ctx context.Context, account, repository string) (there bool, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		r, err := repositories.Get(tx, place{account, repository}.key())
		there = r != nil
		return err
	})
	return there, err
}

// Bytes gives a layer's or a configuration's bytes for this house to run an image, in whose name BatchGetImage and
// GetDownloadUrlForLayer were asked before.
func (s *Service) Bytes(ctx context.Context, account, repository, digest string) (io.ReadCloser, error) {
	l, err := s.findLayer(ctx, place{account, repository}, digest)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, l, 0, l.Size)
}
