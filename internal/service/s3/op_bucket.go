package s3

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/s3"
)

var (
	_ = api.Define(operations, "HeadBucket", func(_ *api.Call, in *shape.HeadBucketRequest) []api.Check {
		return ask("ListBucket", bucketARN(in.Bucket))
	}, (*Service).headBucket)
	_ = api.Define(operations, "GetBucketLocation", func(_ *api.Call, in *shape.GetBucketLocationRequest) []api.Check {
		return ask("GetBucketLocation", bucketARN(in.Bucket))
	}, (*Service).getBucketLocation)
	_ = api.Define(operations, "DeleteBucket", func(_ *api.Call, in *shape.DeleteBucketRequest) []api.Check {
		return ask("DeleteBucket", bucketARN(in.Bucket))
	}, (*Service).deleteBucket)
)

// see finds a bucket for an operation that only looks.
func (s *Service) see(ctx context.Context, name, owner *string) (b *bucket, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		b, err = find(tx, name, owner)
		return err
	})
	return b, err
}

func (s *Service) headBucket(ctx context.Context, _ *api.Call, in *shape.HeadBucketRequest) (*shape.HeadBucketOutput, error) {
	b, err := s.see(ctx, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return &shape.HeadBucketOutput{BucketArn: new(b.arn()), BucketRegion: new(s.region(b)), AccessPointAlias: new(false)}, nil
}

func (s *Service) getBucketLocation(ctx context.Context, _ *api.Call, in *shape.GetBucketLocationRequest) (*shape.GetBucketLocationOutput, error) {
	b, err := s.see(ctx, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	out := new(shape.GetBucketLocationOutput)
	if r := s.region(b); r != "us-east-1" { // which has no constraint
		out.LocationConstraint = &r
	}
	return out, nil
}

// deleteBucket removes an empty bucket, and the uploads in it that never ended.
func (s *Service) deleteBucket(ctx context.Context, _ *api.Call, in *shape.DeleteBucketRequest) (*struct{}, error) {
	var freed []string
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		b, err := find(tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		left, err := objects.From(tx, store.Prefix(b.Name), "", 1)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			return bucketNotEmpty.New("The bucket you tried to delete is not empty").With("BucketName", b.Name)
		}
		open, err := uploads.From(tx, store.Prefix(b.Name), "", -1)
		if err != nil {
			return err
		}
		for _, u := range open {
			ids, err := u.Value.end(tx, nil)
			if err != nil {
				return err
			}
			freed = append(freed, ids...)
		}
		tx.After(func() {
			s.Directory.RemoveResource(b.arn())
			s.abroad.Delete(b.Name)
		})
		return buckets.Delete(tx, b.Name)
	})
	if err != nil {
		return nil, err
	}
	s.drop(freed...)
	return &struct{}{}, nil
}
