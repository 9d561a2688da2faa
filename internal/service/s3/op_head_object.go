package s3

import (
	"context"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/s3"
)

var _ = api.Define(operations, "HeadObject", func(_ *api.Call, in *shape.HeadObjectRequest) []api.Check {
	return ask(reading(in.VersionId), objectARN(in.Bucket, in.Key), given(nil, "s3:VersionId", in.VersionId)...)
}, (*Service).headObject)

// headObject tells of an object what getObject would, without its bytes.
func (s *Service) headObject(ctx context.Context, c *api.Call, in *shape.HeadObjectRequest) (*shape.HeadObjectOutput, error) {
	get := shape.GetObjectRequest{
		ResponseCacheControl: in.ResponseCacheControl, ResponseContentDisposition: in.ResponseContentDisposition, ResponseContentEncoding: in.ResponseContentEncoding,
		ResponseContentLanguage: in.ResponseContentLanguage, ResponseContentType: in.ResponseContentType, ResponseExpires: in.ResponseExpires,
		SSECustomerAlgorithm: in.SSECustomerAlgorithm, SSECustomerKey: in.SSECustomerKey, SSECustomerKeyMD5: in.SSECustomerKeyMD5,
	}
	if err := refuseRead(c, &get); err != nil {
		return nil, err
	}
	if err := refuseVersion(in.VersionId, *in.Key); err != nil {
		return nil, err
	}
	o, parts, err := s.look(ctx, in.Bucket, in.Key, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	when := conditions{match: in.IfMatch, noneMatch: in.IfNoneMatch, modified: in.IfModifiedSince, unmodified: in.IfUnmodifiedSince}
	if err := when.check(o); err != nil {
		return nil, err
	}
	at, err := choose(o, parts, in.Range, in.PartNumber)
	if err != nil {
		return nil, err
	}
	out := &shape.HeadObjectOutput{
		AcceptRanges: new("bytes"), LastModified: &o.Modified, ContentLength: &at.n, ETag: quoted(o.ETag), ContentRange: at.contentRange(o.Size),
		CacheControl: or(in.ResponseCacheControl, o.CacheControl), ContentDisposition: or(in.ResponseContentDisposition, o.ContentDisposition),
		ContentEncoding: or(in.ResponseContentEncoding, o.ContentEncoding), ContentLanguage: or(in.ResponseContentLanguage, o.ContentLanguage),
		ContentType: or(or(in.ResponseContentType, o.ContentType), new("binary/octet-stream")), Expires: or(httpDate(in.ResponseExpires), o.Expires),
		Metadata: o.Metadata, PartsCount: o.count(at),
	}
	if in.ChecksumMode != nil && (!at.partial || at.n == o.Size) {
		sums{&out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256}.set(o.Sum)
		out.ChecksumType = &o.Sum.Type
	}
	return out, nil
}
