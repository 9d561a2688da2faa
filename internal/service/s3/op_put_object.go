package s3

import (
	"context"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/s3"
)

var _ = api.Define(operations, "PutObject", func(_ *api.Call, in *shape.PutObjectRequest) []api.Check {
	keys := given(nil, "s3:x-amz-acl", in.ACL)
	keys = given(keys, "s3:x-amz-storage-class", in.StorageClass)
	keys = given(keys, "s3:x-amz-server-side-encryption", in.ServerSideEncryption)
	keys = given(keys, "s3:x-amz-server-side-encryption-aws-kms-key-id", in.SSEKMSKeyId)
	keys = given(keys, "s3:if-match", in.IfMatch)
	return ask("PutObject", objectARN(in.Bucket, in.Key), given(keys, "s3:if-none-match", in.IfNoneMatch)...)
}, (*Service).putObject)

// putObject keeps an object whole: its bytes first, then the record that makes them seen.
func (s *Service) putObject(ctx context.Context, _ *api.Call, in *shape.PutObjectRequest) (*shape.PutObjectOutput, error) {
	if err := unwantedPut(in); err != nil {
		return nil, err
	}
	h := headers{in.CacheControl, in.ContentDisposition, in.ContentEncoding, in.ContentLanguage, in.ContentType, in.Expires, in.Metadata}
	if err := h.check(); err != nil {
		return nil, err
	}
	declared, err := asked(sums{&in.ChecksumCRC32, &in.ChecksumCRC32C, &in.ChecksumCRC64NVME, &in.ChecksumSHA1, &in.ChecksumSHA256}, in.ChecksumAlgorithm,
		in.ChecksumMD5, in.ChecksumSHA512, in.ChecksumXXHASH3, in.ChecksumXXHASH64, in.ChecksumXXHASH128)
	if err != nil {
		return nil, err
	}
	b, err := s.ready(ctx, in)
	if err != nil {
		return nil, err
	}
	from, err := newBody(in.Body, in.ContentMD5, declared, "")
	if err != nil {
		return nil, err
	}
	x, err := s.keep(ctx, from)
	if err != nil {
		return nil, err
	}
	o := &object{ID: x.ID, Size: x.Size, ETag: x.MD5, headers: h, Sum: x.Sum}
	if err := s.commit(ctx, x, func(tx *store.Tx) ([]string, error) { return swap(tx, b, *in.Key, o, nil, in.IfMatch, in.IfNoneMatch) }); err != nil {
		return nil, err
	}
	out := &shape.PutObjectOutput{ETag: quoted(o.ETag), ChecksumType: &o.Sum.Type}
	sums{&out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256}.set(o.Sum)
	return out, nil
}

func unwantedPut(in *shape.PutObjectRequest) error {
	w := wishes{
		acl: in.ACL, grants: []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWriteACP}, storageClass: in.StorageClass,
		encryption: in.ServerSideEncryption, kmsKey: in.SSEKMSKeyId, context: in.SSEKMSEncryptionContext, bucketKey: in.BucketKeyEnabled,
		customer: []*string{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5}, tagging: in.Tagging, redirect: in.WebsiteRedirectLocation,
		lockMode: in.ObjectLockMode, legalHold: in.ObjectLockLegalHoldStatus, retainUntil: in.ObjectLockRetainUntilDate, offset: in.WriteOffsetBytes,
	}
	return w.refuse()
}

// ready finds the bucket before any byte is taken, and refuses what would be refused after all of them.
func (s *Service) ready(ctx context.Context, in *shape.PutObjectRequest) (b *bucket, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if b, err = find(tx, in.Bucket, in.ExpectedBucketOwner); err != nil {
			return err
		}
		if err := checkKey(*in.Key); err != nil {
			return err
		}
		if in.IfMatch == nil && in.IfNoneMatch == nil {
			return nil
		}
		old, err := objects.Get(tx, store.Key(b.Name, *in.Key))
		if err != nil {
			return err
		}
		return writable(old, *in.Key, in.IfMatch, in.IfNoneMatch)
	})
	return b, err
}

// swap puts a new version in place of the old, if the bucket is still the one and the conditions hold.
func swap(tx *store.Tx, b *bucket, key string, o *object, parts []piece, match, noneMatch *string) ([]string, error) {
	if err := b.same(tx); err != nil {
		return nil, err
	}
	if match != nil || noneMatch != nil {
		old, err := objects.Get(tx, store.Key(b.Name, key))
		if err != nil {
			return nil, err
		}
		if err := writable(old, key, match, noneMatch); err != nil {
			return nil, err
		}
	}
	o.Modified = tx.Now.Truncate(time.Second)
	return replace(tx, b, key, o, parts)
}
