package s3

import (
	"context"

	"github.com/google/uuid"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/s3"
)

var _ = api.Define(operations, "CreateBucket", func(_ *api.Call, in *shape.CreateBucketRequest) []api.Check {
	return ask("CreateBucket", bucketARN(in.Bucket), given(nil, "s3:x-amz-acl", in.ACL)...)
}, (*Service).createBucket)

// createBucket makes a bucket of the caller's account.
func (s *Service) createBucket(ctx context.Context, c *api.Call, in *shape.CreateBucketRequest) (*shape.CreateBucketOutput, error) {
	region := s.called(c)
	if err := creatable(in, region); err != nil {
		return nil, err
	}
	b := &bucket{Name: *in.Bucket, Account: c.Account(), ID: uuid.NewString()}
	if region != s.Region {
		b.Region = region
	}
	if b.Account == "" {
		return nil, accessDenied.New("Access Denied") // nobody cannot own
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := buckets.Get(tx, b.Name)
		switch {
		case err != nil:
			return err
		case old == nil:
		case old.Account != b.Account:
			return bucketExists.New("The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.").
				With("BucketName", b.Name)
		case region != "us-east-1" || s.region(old) != region:
			return bucketOwned.New("Your previous request to create the named bucket succeeded and you already own it.").With("BucketName", b.Name)
		default:
			return nil // us-east-1 says yes again
		}
		b.Created = tx.Now
		r, err := b.resource()
		if err != nil {
			return err
		}
		tx.After(func() {
			s.Directory.SetResource(r)
			if b.Region != "" {
				s.abroad.Store(b.Name, b.Region)
			}
		})
		return buckets.Put(tx, b.Name, b)
	})
	if err != nil {
		return nil, err
	}
	location := "/" + b.Name
	if region != "us-east-1" {
		location = "http://" + b.Name + ".s3.amazonaws.com/"
	}
	return &shape.CreateBucketOutput{Location: &location, BucketArn: new(b.arn())}, nil
}

// creatable checks what does not depend on other buckets.
func creatable(in *shape.CreateBucketRequest, region string) error {
	if !validName(*in.Bucket) {
		return invalidBucketName.New("The specified bucket is not valid.").With("BucketName", *in.Bucket)
	}
	switch {
	case in.ObjectOwnership != nil && *in.ObjectOwnership != "BucketOwnerEnforced":
		return unimplemented("x-amz-object-ownership")
	case in.ObjectLockEnabledForBucket != nil && *in.ObjectLockEnabledForBucket:
		return unimplemented("x-amz-bucket-object-lock-enabled")
	case in.BucketNamespace != nil && *in.BucketNamespace != "global":
		return unimplemented("x-amz-bucket-namespace")
	}
	if err := refuseACL(in.ACL, in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP); err != nil {
		return err
	}
	constraint := "unspecified"
	if x := in.CreateBucketConfiguration; x != nil {
		if x.Location != nil || x.Bucket != nil || len(x.Tags) > 0 {
			return notImplemented.New("Location, Bucket and Tags of CreateBucketConfiguration are not supported by Cloister yet: remove them from the request.")
		}
		if text(x.LocationConstraint) != "" {
			constraint = *x.LocationConstraint
		}
	}
	home := region
	if home == "us-east-1" {
		home = "unspecified"
	}
	switch constraint {
	case home:
		return nil
	case "us-east-1":
		return invalidLocation.New("The specified location-constraint is not valid").With("LocationConstraint", constraint)
	}
	return illegalLocation.New("The %s location constraint is incompatible for the region specific endpoint this request was sent to.", constraint)
}
