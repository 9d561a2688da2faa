package s3

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/s3"
)

var (
	_ = api.Define(operations, "AbortMultipartUpload", func(_ *api.Call, in *shape.AbortMultipartUploadRequest) []api.Check {
		return ask("AbortMultipartUpload", objectARN(in.Bucket, in.Key))
	}, (*Service).abortMultipartUpload)
	_ = api.Define(operations, "ListParts", func(_ *api.Call, in *shape.ListPartsRequest) []api.Check {
		return ask("ListMultipartUploadParts", objectARN(in.Bucket, in.Key))
	}, (*Service).listParts)
	_ = api.Define(operations, "ListMultipartUploads", func(_ *api.Call, in *shape.ListMultipartUploadsRequest) []api.Check {
		return ask("ListBucketMultipartUploads", bucketARN(in.Bucket), listing(in.Prefix, in.Delimiter, nil)...)
	}, (*Service).listMultipartUploads)
)

// abortMultipartUpload throws an upload's parts away.
func (s *Service) abortMultipartUpload(ctx context.Context, _ *api.Call, in *shape.AbortMultipartUploadRequest) (*shape.AbortMultipartUploadOutput, error) {
	var freed []string
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		b, err := find(tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		u, err := findUpload(tx, b, in.Key, in.UploadId)
		if err != nil {
			return err
		}
		if in.IfMatchInitiatedTime != nil && !in.IfMatchInitiatedTime.Equal(u.Started.Truncate(1e9)) {
			return failed("x-amz-if-match-initiated-time")
		}
		freed, err = u.end(tx, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.drop(freed...)
	return new(shape.AbortMultipartUploadOutput), nil
}

// listParts lists the parts that there are, by number.
func (s *Service) listParts(ctx context.Context, _ *api.Call, in *shape.ListPartsRequest) (*shape.ListPartsOutput, error) {
	if err := refuseCustomerKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	most, err := limit(in.MaxParts, "max-parts")
	if err != nil {
		return nil, err
	}
	marker := int32(0)
	if in.PartNumberMarker != nil {
		marker = max(0, *in.PartNumberMarker)
	}
	out := &shape.ListPartsOutput{Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId, PartNumberMarker: &marker, NextPartNumberMarker: new(int32(0)),
		MaxParts: new(int32(most)), IsTruncated: new(false), StorageClass: new("STANDARD")}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		b, err := find(tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		u, err := findUpload(tx, b, in.Key, in.UploadId)
		if err != nil {
			return err
		}
		out.Owner, out.Initiator = &shape.Owner{ID: canonical(b.Account)}, u.initiator()
		out.ChecksumAlgorithm, out.ChecksumType = some(u.Algorithm), some(u.Type)
		found, err := parts.From(tx, store.Prefix(u.ID), store.After(partKey(u.ID, int(marker))), most+1)
		if err != nil {
			return err
		}
		if len(found) > most {
			found, out.IsTruncated = found[:most], new(most > 0)
		}
		for _, e := range found {
			p := e.Value
			x := shape.Part{PartNumber: new(int32(p.Number)), LastModified: &p.Modified, ETag: quoted(p.ETag), Size: &p.Size}
			if u.Algorithm != "" {
				sums{&x.ChecksumCRC32, &x.ChecksumCRC32C, &x.ChecksumCRC64NVME, &x.ChecksumSHA1, &x.ChecksumSHA256}.set(p.Sum)
			}
			out.Parts = append(out.Parts, x)
			out.NextPartNumberMarker = x.PartNumber
		}
		return nil
	})
	return out, err
}

// initiator tells who began an upload: a user by ARN, an account by its canonical id.
func (u *upload) initiator() *shape.Initiator {
	if u.Initiator == "" || strings.HasSuffix(u.Initiator, ":root") {
		return &shape.Initiator{ID: canonical(u.Account)}
	}
	return &shape.Initiator{ID: &u.Initiator, DisplayName: new(u.Initiator[strings.LastIndex(u.Initiator, "/")+1:])}
}

// listMultipartUploads lists the uploads that have not ended, by key.
func (s *Service) listMultipartUploads(ctx context.Context, _ *api.Call, in *shape.ListMultipartUploadsRequest) (*shape.ListMultipartUploadsOutput, error) {
	most, err := limit(in.MaxUploads, "max-uploads")
	if err != nil {
		return nil, err
	}
	sc := scan[upload]{table: uploads, prefix: text(in.Prefix), delimiter: text(in.Delimiter), most: most, name: uploadName}
	if key := text(in.KeyMarker); key != "" {
		if sc.from = behind(key, sc.prefix, sc.delimiter); sc.from == store.After(key) {
			sc.from = store.After(key + divider + "\xff") // behind every upload of the key
			if id := text(in.UploadIdMarker); id != "" {
				sc.from = store.After(key + divider + id)
			}
		}
	}
	var b *bucket
	var p *page[upload]
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if b, err = find(tx, in.Bucket, in.ExpectedBucketOwner); err != nil {
			return err
		}
		sc.bucket = b.Name
		p, err = sc.run(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	code := coder(in.EncodingType != nil)
	out := &shape.ListMultipartUploadsOutput{Bucket: in.Bucket, KeyMarker: code.text(text(in.KeyMarker)), UploadIdMarker: new(text(in.UploadIdMarker)),
		Prefix: code.text(sc.prefix), Delimiter: code.some(in.Delimiter), MaxUploads: new(int32(most)), EncodingType: in.EncodingType,
		IsTruncated: new(p.next != ""), CommonPrefixes: p.common(code)}
	owner := &shape.Owner{ID: canonical(b.Account)}
	for _, e := range p.entries {
		u := e.Value
		out.Uploads = append(out.Uploads, shape.MultipartUpload{UploadId: &u.ID, Key: code.text(u.Key), Initiated: &u.Started, StorageClass: new("STANDARD"),
			Owner: owner, Initiator: u.initiator(), ChecksumAlgorithm: some(u.Algorithm), ChecksumType: some(u.Type)})
	}
	if p.next != "" {
		out.NextKeyMarker = code.text(p.last)
		if n := len(p.entries); n > 0 && p.entries[n-1].Key == p.last {
			out.NextUploadIdMarker = &p.entries[n-1].Value.ID
		}
	}
	return out, nil
}
