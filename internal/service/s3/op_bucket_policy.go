package s3

import (
	"context"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/s3"
)

var (
	_ = api.Define(operations, "PutBucketPolicy", func(_ *api.Call, in *shape.PutBucketPolicyRequest) []api.Check {
		return ask("PutBucketPolicy", bucketARN(in.Bucket))
	}, (*Service).putBucketPolicy)
	_ = api.Define(operations, "GetBucketPolicy", func(_ *api.Call, in *shape.GetBucketPolicyRequest) []api.Check {
		return ask("GetBucketPolicy", bucketARN(in.Bucket))
	}, (*Service).getBucketPolicy)
	_ = api.Define(operations, "DeleteBucketPolicy", func(_ *api.Call, in *shape.DeleteBucketPolicyRequest) []api.Check {
		return ask("DeleteBucketPolicy", bucketARN(in.Bucket))
	}, (*Service).deleteBucketPolicy)
)

// putBucketPolicy puts a policy in force.
func (s *Service) putBucketPolicy(ctx context.Context, _ *api.Call, in *shape.PutBucketPolicyRequest) (*struct{}, error) {
	return &struct{}{}, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		principals, err := s.checkPolicy(b, text(in.Policy))
		if err != nil {
			return err
		}
		b.Policy, b.Principals = *in.Policy, principals
		return nil
	})
}

func (s *Service) deleteBucketPolicy(ctx context.Context, _ *api.Call, in *shape.DeleteBucketPolicyRequest) (*struct{}, error) {
	return &struct{}{}, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.Policy, b.Principals = "", nil
		return nil
	})
}

// change rewrites a bucket's record and tells the directory.
func (s *Service) change(ctx context.Context, name, owner *string, f func(*bucket) error) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		b, err := find(tx, name, owner)
		if err != nil {
			return err
		}
		if err := f(b); err != nil {
			return err
		}
		r, err := b.resource()
		if err != nil {
			return err
		}
		tx.After(func() { s.Directory.SetResource(r) })
		return buckets.Put(tx, b.Name, b)
	})
}

func (s *Service) getBucketPolicy(ctx context.Context, _ *api.Call, in *shape.GetBucketPolicyRequest) (*shape.GetBucketPolicyOutput, error) {
	b, err := s.see(ctx, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if b.Policy == "" {
		return nil, noSuchBucketPolicy.New("The bucket policy does not exist").With("BucketName", b.Name)
	}
	d, err := policy.Parse(b.Policy)
	if err != nil {
		return nil, err
	}
	return &shape.GetBucketPolicyOutput{Policy: new(d.Renamed(func(arn string) string {
		if id, saved := b.Principals[arn]; saved {
			return s.Directory.Named(arn, id)
		}
		return arn
	}))}, nil
}
