package s3

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/s3"
)

var _ = api.Define(operations, "CreateMultipartUpload", func(_ *api.Call, in *shape.CreateMultipartUploadRequest) []api.Check {
	keys := given(given(nil, "s3:x-amz-acl", in.ACL), "s3:x-amz-storage-class", in.StorageClass)
	return ask("PutObject", objectARN(in.Bucket, in.Key), given(keys, "s3:x-amz-server-side-encryption", in.ServerSideEncryption)...)
}, (*Service).createMultipartUpload)

// createMultipartUpload begins an upload in parts.
func (s *Service) createMultipartUpload(ctx context.Context, c *api.Call, in *shape.CreateMultipartUploadRequest) (*shape.CreateMultipartUploadOutput, error) {
	w := wishes{
		acl: in.ACL, grants: []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWriteACP}, storageClass: in.StorageClass,
		encryption: in.ServerSideEncryption, kmsKey: in.SSEKMSKeyId, context: in.SSEKMSEncryptionContext, bucketKey: in.BucketKeyEnabled,
		customer: []*string{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5}, tagging: in.Tagging, redirect: in.WebsiteRedirectLocation,
		lockMode: in.ObjectLockMode, legalHold: in.ObjectLockLegalHoldStatus, retainUntil: in.ObjectLockRetainUntilDate,
	}
	if err := w.refuse(); err != nil {
		return nil, err
	}
	u := &upload{ID: strings.ReplaceAll(uuid.NewString()+uuid.NewString(), "-", ""), Bucket: *in.Bucket, Key: *in.Key,
		Initiator: c.Caller.Identity.ARN, Account: c.Account(),
		headers: headers{in.CacheControl, in.ContentDisposition, in.ContentEncoding, in.ContentLanguage, in.ContentType, in.Expires, in.Metadata}}
	if err := u.check(); err != nil {
		return nil, err
	}
	if err := u.sums(in.ChecksumAlgorithm, in.ChecksumType); err != nil {
		return nil, err
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, in.Bucket, in.ExpectedBucketOwner); err != nil {
			return err
		}
		if err := checkKey(*in.Key); err != nil {
			return err
		}
		u.Started = tx.Now
		return uploads.Put(tx, u.at(), u)
	})
	if err != nil {
		return nil, err
	}
	return &shape.CreateMultipartUploadOutput{Bucket: in.Bucket, Key: in.Key, UploadId: &u.ID, ChecksumAlgorithm: some(u.Algorithm), ChecksumType: some(u.Type)}, nil
}

// sums chooses how the upload is summed up.
func (u *upload) sums(algorithm, kind *string) error {
	if algorithm == nil {
		if kind != nil {
			return invalidRequest.New("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
		}
		return nil
	}
	u.Algorithm, u.Type = strings.ToUpper(*algorithm), text(kind)
	if _, ok := sigv4.NewChecksum(u.Algorithm); !ok {
		return invalidRequest.New(unsupportedSum)
	}
	_, joins := polynomials[u.Algorithm]
	switch {
	case u.Type == "" && u.Algorithm == implied:
		u.Type = fullObject
	case u.Type == "":
		u.Type = composite
	case u.Type == composite && u.Algorithm == implied, u.Type == fullObject && !joins:
		return invalidRequest.New("The %s checksum type cannot be used with the %s checksum algorithm.", u.Type, strings.ToLower(u.Algorithm))
	}
	return nil
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
