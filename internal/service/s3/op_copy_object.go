package s3

import (
	"context"
	"strings"

	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/s3"
)

var _ = api.Define(operations, "CopyObject", func(_ *api.Call, in *shape.CopyObjectRequest) []api.Check {
	keys := given(given(nil, "s3:x-amz-acl", in.ACL), "s3:x-amz-storage-class", in.StorageClass)
	return copying(in.CopySource, in.Bucket, in.Key, given(keys, "s3:x-amz-metadata-directive", in.MetadataDirective))
}, (*Service).copyObject)

// copyObject makes an object of another's bytes.
func (s *Service) copyObject(ctx context.Context, _ *api.Call, in *shape.CopyObjectRequest) (*shape.CopyObjectOutput, error) {
	from, err := copyable(in)
	if err != nil {
		return nil, err
	}
	b, err := s.see(ctx, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	when := conditions{match: in.CopySourceIfMatch, noneMatch: in.CopySourceIfNoneMatch, modified: in.CopySourceIfModifiedSince, unmodified: in.CopySourceIfUnmodifiedSince, copies: true}
	old, _, r, err := s.read(ctx, &from.bucket, &from.key, in.ExpectedSourceBucketOwner, func(o *object, _ []piece) (span, error) {
		if o.Size > maxUpload {
			return span{}, invalidRequest.New("The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxUpload))
		}
		return span{n: o.Size}, when.check(o)
	})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	algorithm := old.Sum.Algorithm
	if in.ChecksumAlgorithm != nil {
		algorithm = *in.ChecksumAlgorithm
	}
	if _, ok := sigv4.NewChecksum(algorithm); !ok {
		return nil, invalidRequest.New(unsupportedSum)
	}
	body, err := newBody(r, nil, sum{}, strings.ToUpper(algorithm))
	if err != nil {
		return nil, err
	}
	x, err := s.keep(ctx, body)
	if err != nil {
		return nil, err
	}
	o := &object{ID: x.ID, Size: x.Size, ETag: x.MD5, headers: old.headers, Sum: x.Sum}
	if text(in.MetadataDirective) == "REPLACE" {
		o.headers = headers{in.CacheControl, in.ContentDisposition, in.ContentEncoding, in.ContentLanguage, in.ContentType, in.Expires, in.Metadata}
	}
	if err := s.commit(ctx, x, func(tx *store.Tx) ([]string, error) { return swap(tx, b, *in.Key, o, nil, in.IfMatch, in.IfNoneMatch) }); err != nil {
		return nil, err
	}
	result := &shape.CopyObjectResult{ETag: quoted(o.ETag), LastModified: &o.Modified, ChecksumType: &o.Sum.Type}
	sums{&result.ChecksumCRC32, &result.ChecksumCRC32C, &result.ChecksumCRC64NVME, &result.ChecksumSHA1, &result.ChecksumSHA256}.set(o.Sum)
	return &shape.CopyObjectOutput{CopyObjectResult: result}, nil
}

// copyable checks what the request alone says.
func copyable(in *shape.CopyObjectRequest) (source, error) {
	w := wishes{
		acl: in.ACL, grants: []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWriteACP}, storageClass: in.StorageClass,
		encryption: in.ServerSideEncryption, kmsKey: in.SSEKMSKeyId, context: in.SSEKMSEncryptionContext, bucketKey: in.BucketKeyEnabled,
		customer:          []*string{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5, in.CopySourceSSECustomerKey, in.CopySourceSSECustomerKeyMD5},
		copiesFromKeyedBy: in.CopySourceSSECustomerAlgorithm, tagging: in.Tagging, redirect: in.WebsiteRedirectLocation,
		lockMode: in.ObjectLockMode, legalHold: in.ObjectLockLegalHoldStatus, retainUntil: in.ObjectLockRetainUntilDate,
	}
	if err := w.refuse(); err != nil {
		return source{}, err
	}
	from, err := parseSource(in.CopySource)
	if err != nil {
		return from, err
	}
	if err := refuseVersion(from.version, from.key); err != nil {
		return from, err
	}
	if err := checkKey(*in.Key); err != nil {
		return from, err
	}
	if from.bucket == *in.Bucket && from.key == *in.Key && text(in.MetadataDirective) != "REPLACE" {
		return from, invalidRequest.New("This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	h := headers{Metadata: in.Metadata}
	return from, h.check()
}
