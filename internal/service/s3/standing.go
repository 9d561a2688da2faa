package s3

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/s3"
)

// The configurations of a bucket that cannot be changed here, as clients read them: tools that manage
// buckets read all before they write any. What a bucket does not have is said in S3's words.

// standing defines an operation that tells a bucket's standing configuration; of says where the
// input names the bucket and its owner.
func standing[In, Out any](name, action string, of func(*In) (bucket, owner *string), tell func(*bucket) (*Out, error)) struct{} {
	return api.Define(operations, name, func(_ *api.Call, in *In) []api.Check {
		b, _ := of(in)
		return ask(action, bucketARN(b))
	}, func(s *Service, ctx context.Context, _ *api.Call, in *In) (*Out, error) {
		name, owner := of(in)
		b, err := s.see(ctx, name, owner)
		if err != nil {
			return nil, err
		}
		return tell(b)
	})
}

// none is a configuration that no bucket has.
func none[Out any](code, sentence string) func(*bucket) (*Out, error) {
	return func(b *bucket) (*Out, error) {
		return nil, fault.Kind{Code: code, Status: 404}.New("%s", sentence).With("BucketName", b.Name)
	}
}

// same is a configuration that all buckets have.
func same[Out any](out Out) func(*bucket) (*Out, error) {
	return func(*bucket) (*Out, error) { return &out, nil }
}

var (
	_ = standing("GetBucketVersioning", "GetBucketVersioning", func(in *shape.GetBucketVersioningRequest) (b, o *string) { return in.Bucket, in.ExpectedBucketOwner },
		same(shape.GetBucketVersioningOutput{}))
	_ = standing("GetBucketAccelerateConfiguration", "GetAccelerateConfiguration", func(in *shape.GetBucketAccelerateConfigurationRequest) (b, o *string) {
		return in.Bucket, in.ExpectedBucketOwner
	},
		same(shape.GetBucketAccelerateConfigurationOutput{}))
	_ = standing("GetBucketRequestPayment", "GetBucketRequestPayment", func(in *shape.GetBucketRequestPaymentRequest) (b, o *string) {
		return in.Bucket, in.ExpectedBucketOwner
	},
		same(shape.GetBucketRequestPaymentOutput{Payer: new("BucketOwner")}))
	_ = standing("GetBucketLogging", "GetBucketLogging", func(in *shape.GetBucketLoggingRequest) (b, o *string) { return in.Bucket, in.ExpectedBucketOwner },
		same(shape.GetBucketLoggingOutput{}))
	_ = standing("GetBucketNotificationConfiguration", "GetBucketNotification", func(in *shape.GetBucketNotificationConfigurationRequest) (b, o *string) {
		return in.Bucket, in.ExpectedBucketOwner
	},
		same(shape.NotificationConfiguration{}))
	_ = standing("GetBucketOwnershipControls", "GetBucketOwnershipControls", func(in *shape.GetBucketOwnershipControlsRequest) (b, o *string) {
		return in.Bucket, in.ExpectedBucketOwner
	},
		same(shape.GetBucketOwnershipControlsOutput{OwnershipControls: &shape.OwnershipControls{Rules: []shape.OwnershipControlsRule{{ObjectOwnership: new("BucketOwnerEnforced")}}}}))
	_ = standing("GetBucketAcl", "GetBucketAcl", func(in *shape.GetBucketAclRequest) (b, o *string) { return in.Bucket, in.ExpectedBucketOwner },
		func(b *bucket) (*shape.GetBucketAclOutput, error) {
			id := canonical(b.Account)
			return &shape.GetBucketAclOutput{Owner: &shape.Owner{ID: id},
				Grants: []shape.Grant{{Permission: new("FULL_CONTROL"), Grantee: &shape.Grantee{ID: id, Type: new("CanonicalUser")}}}}, nil
		})

	_ = standing("GetBucketTagging", "GetBucketTagging", func(in *shape.GetBucketTaggingRequest) (b, o *string) { return in.Bucket, in.ExpectedBucketOwner },
		none[shape.GetBucketTaggingOutput]("NoSuchTagSet", "The TagSet does not exist"))
	_ = standing("GetBucketCors", "GetBucketCORS", func(in *shape.GetBucketCorsRequest) (b, o *string) { return in.Bucket, in.ExpectedBucketOwner },
		none[shape.GetBucketCorsOutput]("NoSuchCORSConfiguration", "The CORS configuration does not exist"))
	_ = standing("GetBucketWebsite", "GetBucketWebsite", func(in *shape.GetBucketWebsiteRequest) (b, o *string) { return in.Bucket, in.ExpectedBucketOwner },
		none[shape.GetBucketWebsiteOutput]("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"))
	_ = standing("GetBucketLifecycleConfiguration", "GetLifecycleConfiguration", func(in *shape.GetBucketLifecycleConfigurationRequest) (b, o *string) {
		return in.Bucket, in.ExpectedBucketOwner
	},
		none[shape.GetBucketLifecycleConfigurationOutput]("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"))
	_ = standing("GetBucketReplication", "GetReplicationConfiguration", func(in *shape.GetBucketReplicationRequest) (b, o *string) { return in.Bucket, in.ExpectedBucketOwner },
		none[shape.GetBucketReplicationOutput]("ReplicationConfigurationNotFoundError", "The replication configuration was not found"))
	_ = standing("GetBucketEncryption", "GetEncryptionConfiguration", func(in *shape.GetBucketEncryptionRequest) (b, o *string) { return in.Bucket, in.ExpectedBucketOwner },
		none[shape.GetBucketEncryptionOutput]("ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found"))
	_ = standing("GetObjectLockConfiguration", "GetBucketObjectLockConfiguration", func(in *shape.GetObjectLockConfigurationRequest) (b, o *string) {
		return in.Bucket, in.ExpectedBucketOwner
	},
		none[shape.GetObjectLockConfigurationOutput]("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"))
	_ = standing("GetPublicAccessBlock", "GetBucketPublicAccessBlock", func(in *shape.GetPublicAccessBlockRequest) (b, o *string) { return in.Bucket, in.ExpectedBucketOwner },
		none[shape.GetPublicAccessBlockOutput]("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"))
)

var _ = api.Define(operations, "GetObjectTagging", func(_ *api.Call, in *shape.GetObjectTaggingRequest) []api.Check {
	return ask("GetObjectTagging", objectARN(in.Bucket, in.Key))
}, (*Service).getObjectTagging)

// getObjectTagging tells that an object has no tags, as none has.
func (s *Service) getObjectTagging(ctx context.Context, _ *api.Call, in *shape.GetObjectTaggingRequest) (*shape.GetObjectTaggingOutput, error) {
	if err := refuseVersion(in.VersionId, *in.Key); err != nil {
		return nil, err
	}
	if _, _, err := s.look(ctx, in.Bucket, in.Key, in.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	return &shape.GetObjectTaggingOutput{TagSet: []shape.Tag{}}, nil
}
