package s3

import (
	"cmp"
	"context"
	"reflect"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
)

// region is where a bucket is.
func (s *Service) region(b *bucket) string { return cmp.Or(b.Region, s.Region) }

// called is the region whose name was called.
func (s *Service) called(c *api.Call) string { return cmp.Or(c.Region, s.Region) }

// everywhere are the operations that do not mind in which region a bucket is.
var everywhere = map[string]bool{"CreateBucket": true, "GetBucketLocation": true}

// keepToRegion has an operation on a bucket of another region answer where that is. A copy's source may be
// anywhere.
func (s *Service) keepToRegion(op *api.Operation) {
	if everywhere[op.Model.Name] {
		return
	}
	f, ok := reflect.TypeOf(op.New()).Elem().FieldByName("Bucket")
	if !ok {
		return
	}
	run := op.Run
	op.Run = func(ctx context.Context, c *api.Call, in any) (any, error) {
		if name, ok := reflect.ValueOf(in).Elem().FieldByIndex(f.Index).Interface().(*string); ok && name != nil {
			if err := s.redirect(ctx, c, *name); err != nil {
				return nil, err
			}
		}
		return run(ctx, c, in)
	}
}

// redirect says where a bucket is, to who called another region. Clients read it from the header.
func (s *Service) redirect(ctx context.Context, c *api.Call, name string) error {
	if _, elsewhere := s.abroad.Load(name); !elsewhere && s.called(c) == s.Region {
		return nil // it is here, or nowhere
	}
	var b *bucket
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) { b, err = buckets.Get(tx, name); return err })
	if err != nil || b == nil || s.region(b) == s.called(c) {
		return err
	}
	return permanentRedirect.New("The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.").
		With("Bucket", name).With("Endpoint", name+".s3."+s.region(b)+".amazonaws.com").With("x-amz-bucket-region", s.region(b))
}
