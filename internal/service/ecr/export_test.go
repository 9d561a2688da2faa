package ecr

import (
	"context"
	"errors"
)

// KeepHouse does once what Run does from time to time.
func (s *Service) KeepHouse(ctx context.Context) error {
	return errors.Join(s.expire(ctx), s.sweep(ctx))
}
