package s3

import (
	"context"
	"net/http"
	"time"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/s3"
)

var _ = api.Define(operations, "GetObject", func(_ *api.Call, in *shape.GetObjectRequest) []api.Check {
	return ask(reading(in.VersionId), objectARN(in.Bucket, in.Key), given(nil, "s3:VersionId", in.VersionId)...)
}, (*Service).getObject)

// reading is the action of reading an object or a version of it.
func reading(version *string) string {
	if version != nil {
		return "GetObjectVersion"
	}
	return "GetObject"
}

// getObject sends an object or a part of it.
func (s *Service) getObject(ctx context.Context, c *api.Call, in *shape.GetObjectRequest) (*shape.GetObjectOutput, error) {
	if err := refuseRead(c, in); err != nil {
		return nil, err
	}
	if err := refuseVersion(in.VersionId, *in.Key); err != nil {
		return nil, err
	}
	o, at, r, err := s.read(ctx, in.Bucket, in.Key, in.ExpectedBucketOwner, func(o *object, parts []piece) (span, error) {
		when := conditions{match: in.IfMatch, noneMatch: in.IfNoneMatch, modified: in.IfModifiedSince, unmodified: in.IfUnmodifiedSince}
		if err := when.check(o); err != nil {
			return span{}, err
		}
		return choose(o, parts, in.Range, in.PartNumber)
	})
	if err != nil {
		return nil, err
	}
	out := &shape.GetObjectOutput{
		Body: r, AcceptRanges: new("bytes"), LastModified: &o.Modified, ContentLength: &at.n, ETag: quoted(o.ETag), ContentRange: at.contentRange(o.Size),
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

// refuseRead answers what we cannot act on, and what an anonymous caller may not ask for.
func refuseRead(c *api.Call, in *shape.GetObjectRequest) error {
	overrides := in.ResponseCacheControl != nil || in.ResponseContentDisposition != nil || in.ResponseContentEncoding != nil ||
		in.ResponseContentLanguage != nil || in.ResponseContentType != nil || in.ResponseExpires != nil
	if overrides && c.Caller.Identity.Kind == "Anonymous" {
		return invalidRequest.New("Request specific response headers cannot be used for anonymous GET requests.")
	}
	return refuseCustomerKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5)
}

// count is the number of parts, told to who asks for one.
func (o *object) count(at span) *int32 {
	if at.part == 0 || o.Parts == 0 {
		return nil
	}
	return new(int32(o.Parts))
}

func or(a, b *string) *string {
	if a != nil {
		return a
	}
	return b
}

func httpDate(t *time.Time) *string {
	if t == nil {
		return nil
	}
	return new(t.UTC().Format(http.TimeFormat))
}
