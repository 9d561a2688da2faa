// Package s3 is S3: buckets with their policies, objects with their metadata, uploads in parts.
//
// It promises that what a PUT acknowledged is there whole after kill -9 and seen by every later read;
// that a reader gets the bytes of one version of an object, never a mix; and that a bucket's policy is
// in force when the call that put it returns. What it cannot act on it refuses. It decides nothing
// about who may call: handlers act on the bucket whoever its owner is.
package s3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/blob"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
)

var operations = api.NewSet[*Service]("s3")

// Service is S3 over a store of records and one of bytes. Load is to be called before the first call,
// and Run along with the calls.
type Service struct {
	DB        *store.DB
	Blobs     blob.Store
	Directory *directory.Directory
	// Region is that of buckets whose record says none, and of calls that name none.
	Region string
	// Log may be nil.
	Log *slog.Logger

	held   holds
	abroad sync.Map // regions by the names of the buckets that are elsewhere than in Region
}

// Bind gives the operations to the door, each asking first whether its bucket is in the region that was called.
func (s *Service) Bind() (*api.Service, error) {
	out, err := operations.Bind(s)
	if err != nil {
		return nil, err
	}
	for _, op := range out.Operations {
		s.keepToRegion(op)
	}
	return out, nil
}

// Load tells the directory every bucket and its policy.
func (s *Service) Load(ctx context.Context) error {
	return s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := buckets.All(tx, "")
		if err != nil {
			return err
		}
		for _, b := range all {
			r, err := b.resource()
			if err != nil {
				return fmt.Errorf("policy of bucket %s: %w", b.Name, err)
			}
			s.Directory.SetResource(r)
			if s.region(b) != s.Region {
				s.abroad.Store(b.Name, b.Region)
			}
		}
		return nil
	})
}

// sweepEvery is how often bytes that no record speaks of are looked for.
const sweepEvery = 6 * time.Hour

// Run removes what a crash left behind, at once and then from time to time, until ctx is done.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if n, err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.warn("sweep of blobs", err)
		} else if n > 0 && s.Log != nil {
			s.Log.Info("blobs without a record removed", "count", n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *Service) warn(what string, err error) {
	if s.Log != nil {
		s.Log.Warn(what, "error", err)
	}
}

// answer makes the error of a body that was refused while it was read into what the customer sees.
func answer(err error) error {
	var refused *sigv4.Error
	if errors.As(err, &refused) {
		return refused.Fault("rest-xml")
	}
	return err
}

// ask is one question about one resource.
func ask(action, resource string, keys ...api.Key) []api.Check {
	return []api.Check{{Action: "s3:" + action, Resource: resource, Keys: keys}}
}

func bucketARN(name *string) string { return "arn:aws:s3:::" + text(name) }

func objectARN(name, key *string) string { return "arn:aws:s3:::" + text(name) + "/" + text(key) }

// given makes a condition key of what the request says, and none of what it does not.
func given(keys []api.Key, name string, value *string) []api.Key {
	if value == nil {
		return keys
	}
	return append(keys, api.K(name, *value))
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// attached is a bucket's policy as the engine wants it.
func attached(arn, account string, d *policy.Document) *policy.Attached {
	return &policy.Attached{Document: d, ARN: arn, Owner: account}
}

// isRefusal tells an answer to the customer from trouble of our own.
func isRefusal(err error) bool {
	_, ok := fault.As(err)
	return ok
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }
