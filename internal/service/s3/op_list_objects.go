package s3

import (
	"context"
	"encoding/base64"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/s3"
)

var (
	_ = api.Define(operations, "ListObjectsV2", func(_ *api.Call, in *shape.ListObjectsV2Request) []api.Check {
		return ask("ListBucket", bucketARN(in.Bucket), listing(in.Prefix, in.Delimiter, in.MaxKeys)...)
	}, (*Service).listObjectsV2)
	_ = api.Define(operations, "ListObjects", func(_ *api.Call, in *shape.ListObjectsRequest) []api.Check {
		return ask("ListBucket", bucketARN(in.Bucket), listing(in.Prefix, in.Delimiter, in.MaxKeys)...)
	}, (*Service).listObjects)
)

// listing are the condition keys of a list request.
func listing(prefix, delimiter *string, most *int32) []api.Key {
	keys := given(given(nil, "s3:prefix", prefix), "s3:delimiter", delimiter)
	if most != nil {
		keys = append(keys, api.K("s3:max-keys", itoa(*most)))
	}
	return keys
}

// list reads one page of a bucket's objects, and gives the bucket.
func (s *Service) list(ctx context.Context, name, owner *string, sc *scan[object]) (b *bucket, p *page[object], err error) {
	sc.table = objects
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if b, err = find(tx, name, owner); err != nil {
			return err
		}
		sc.bucket = b.Name
		p, err = sc.run(tx)
		return err
	})
	return b, p, err
}

// listObjectsV2 lists objects by key; its token is where the next page begins.
func (s *Service) listObjectsV2(ctx context.Context, _ *api.Call, in *shape.ListObjectsV2Request) (*shape.ListObjectsV2Output, error) {
	most, err := limit(in.MaxKeys, "max-keys")
	if err != nil {
		return nil, err
	}
	sc := scan[object]{prefix: text(in.Prefix), delimiter: text(in.Delimiter), most: most}
	sc.from = behind(text(in.StartAfter), sc.prefix, sc.delimiter)
	if in.ContinuationToken != nil {
		t, err := base64.URLEncoding.DecodeString(*in.ContinuationToken)
		if err != nil || len(t) == 0 {
			return nil, badToken(*in.ContinuationToken)
		}
		sc.from = string(t)
	}
	b, p, err := s.list(ctx, in.Bucket, in.ExpectedBucketOwner, &sc)
	if err != nil {
		return nil, err
	}
	code := coder(in.EncodingType != nil)
	out := &shape.ListObjectsV2Output{
		Name: in.Bucket, Prefix: code.text(sc.prefix), Delimiter: code.some(in.Delimiter), StartAfter: code.some(in.StartAfter), EncodingType: in.EncodingType,
		MaxKeys: new(int32(most)), KeyCount: new(int32(len(p.entries) + len(p.prefixes))), ContinuationToken: in.ContinuationToken,
		IsTruncated: new(p.next != ""), CommonPrefixes: p.common(code),
	}
	if p.next != "" {
		out.NextContinuationToken = new(base64.URLEncoding.EncodeToString([]byte(p.next)))
	}
	owner := &shape.Owner{ID: canonical(b.Account)}
	if in.FetchOwner == nil || !*in.FetchOwner {
		owner = nil
	}
	out.Contents = contents(p, code, owner)
	return out, nil
}

// listObjects is the older form, which goes on after a name.
func (s *Service) listObjects(ctx context.Context, _ *api.Call, in *shape.ListObjectsRequest) (*shape.ListObjectsOutput, error) {
	most, err := limit(in.MaxKeys, "max-keys")
	if err != nil {
		return nil, err
	}
	sc := scan[object]{prefix: text(in.Prefix), delimiter: text(in.Delimiter), most: most}
	sc.from = behind(text(in.Marker), sc.prefix, sc.delimiter)
	b, p, err := s.list(ctx, in.Bucket, in.ExpectedBucketOwner, &sc)
	if err != nil {
		return nil, err
	}
	code := coder(in.EncodingType != nil)
	out := &shape.ListObjectsOutput{
		Name: in.Bucket, Prefix: code.text(sc.prefix), Delimiter: code.some(in.Delimiter), Marker: code.text(text(in.Marker)), EncodingType: in.EncodingType,
		MaxKeys: new(int32(most)), IsTruncated: new(p.next != ""), CommonPrefixes: p.common(code),
		Contents: contents(p, code, &shape.Owner{ID: canonical(b.Account)}),
	}
	if p.next != "" && sc.delimiter != "" { // without one the last key says it
		out.NextMarker = code.text(p.last)
	}
	return out, nil
}

func (p *page[T]) common(code coder) (out []shape.CommonPrefix) {
	for _, x := range p.prefixes {
		out = append(out, shape.CommonPrefix{Prefix: code.text(x)})
	}
	return out
}

func contents(p *page[object], code coder, owner *shape.Owner) (out []shape.Object) {
	for _, e := range p.entries {
		o := e.Value
		out = append(out, shape.Object{
			Key: code.text(e.Key), LastModified: &o.Modified, ETag: quoted(o.ETag), Size: &o.Size, StorageClass: new("STANDARD"), Owner: owner,
			ChecksumAlgorithm: []string{o.Sum.Algorithm}, ChecksumType: &o.Sum.Type,
		})
	}
	return out
}
