package s3

import (
	"context"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/s3"
)

var _ = api.Define(operations, "ListObjectVersions", func(_ *api.Call, in *shape.ListObjectVersionsRequest) []api.Check {
	return ask("ListBucketVersions", bucketARN(in.Bucket), listing(in.Prefix, in.Delimiter, in.MaxKeys)...)
}, (*Service).listObjectVersions)

// listObjectVersions lists the one version that each object has, which is what tools that empty a
// bucket ask for.
func (s *Service) listObjectVersions(ctx context.Context, _ *api.Call, in *shape.ListObjectVersionsRequest) (*shape.ListObjectVersionsOutput, error) {
	most, err := limit(in.MaxKeys, "max-keys")
	if err != nil {
		return nil, err
	}
	if text(in.VersionIdMarker) != "" && text(in.KeyMarker) == "" {
		return nil, badArgument("version-id-marker", *in.VersionIdMarker, "A version-id marker cannot be specified without a key marker.")
	}
	sc := scan[object]{prefix: text(in.Prefix), delimiter: text(in.Delimiter), most: most}
	sc.from = behind(text(in.KeyMarker), sc.prefix, sc.delimiter)
	b, p, err := s.list(ctx, in.Bucket, in.ExpectedBucketOwner, &sc)
	if err != nil {
		return nil, err
	}
	code := coder(in.EncodingType != nil)
	out := &shape.ListObjectVersionsOutput{Name: in.Bucket, Prefix: code.text(sc.prefix), Delimiter: code.some(in.Delimiter), KeyMarker: code.text(text(in.KeyMarker)),
		VersionIdMarker: new(text(in.VersionIdMarker)), MaxKeys: new(int32(most)), EncodingType: in.EncodingType, IsTruncated: new(p.next != ""), CommonPrefixes: p.common(code)}
	for _, o := range contents(p, code, &shape.Owner{ID: canonical(b.Account)}) {
		out.Versions = append(out.Versions, shape.ObjectVersion{ETag: o.ETag, Size: o.Size, StorageClass: o.StorageClass, Key: o.Key, VersionId: new("null"),
			IsLatest: new(true), LastModified: o.LastModified, Owner: o.Owner, ChecksumAlgorithm: o.ChecksumAlgorithm, ChecksumType: o.ChecksumType})
	}
	if p.next != "" {
		out.NextKeyMarker = code.text(p.last)
		if n := len(p.entries); n > 0 && p.entries[n-1].Key == p.last {
			out.NextVersionIdMarker = new("null")
		}
	}
	return out, nil
}
