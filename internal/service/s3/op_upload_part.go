package s3

import (
	"context"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/s3"
)

var (
	_ = api.Define(operations, "UploadPart", func(_ *api.Call, in *shape.UploadPartRequest) []api.Check {
		return ask("PutObject", objectARN(in.Bucket, in.Key))
	}, (*Service).uploadPart)
	_ = api.Define(operations, "UploadPartCopy", func(_ *api.Call, in *shape.UploadPartCopyRequest) []api.Check {
		return copying(in.CopySource, in.Bucket, in.Key, nil)
	}, (*Service).uploadPartCopy)
)

// uploadPart keeps one part, over an earlier one of the same number.
func (s *Service) uploadPart(ctx context.Context, _ *api.Call, in *shape.UploadPartRequest) (*shape.UploadPartOutput, error) {
	if err := refuseCustomerKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	declared, err := asked(sums{&in.ChecksumCRC32, &in.ChecksumCRC32C, &in.ChecksumCRC64NVME, &in.ChecksumSHA1, &in.ChecksumSHA256}, in.ChecksumAlgorithm,
		in.ChecksumMD5, in.ChecksumSHA512, in.ChecksumXXHASH3, in.ChecksumXXHASH64, in.ChecksumXXHASH128)
	if err != nil {
		return nil, err
	}
	b, u, err := s.begun(ctx, in.Bucket, in.Key, in.UploadId, in.ExpectedBucketOwner, *in.PartNumber)
	if err != nil {
		return nil, err
	}
	if err := u.agrees(declared); err != nil {
		return nil, err
	}
	algorithm, _ := u.algorithm()
	from, err := newBody(in.Body, in.ContentMD5, declared, algorithm)
	if err != nil {
		return nil, err
	}
	p, err := s.keepPart(ctx, b, u, int(*in.PartNumber), from)
	if err != nil {
		return nil, err
	}
	told := p.Sum
	if declared.Value != "" {
		told = declared
	}
	out := &shape.UploadPartOutput{ETag: quoted(p.ETag)}
	sums{&out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256}.set(told)
	return out, nil
}

// agrees refuses a part that is summed up otherwise than its upload.
func (u *upload) agrees(declared sum) error {
	if u.Algorithm == "" || declared.Algorithm == "" || declared.Algorithm == u.Algorithm {
		return nil
	}
	return invalidRequest.New("Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
		strings.ToLower(u.Algorithm), strings.ToLower(declared.Algorithm))
}

// begun finds the upload that a part is for.
func (s *Service) begun(ctx context.Context, name, key, id, owner *string, number int32) (b *bucket, u *upload, err error) {
	if number < 1 || number > maxParts {
		return nil, nil, badArgument("partNumber", itoa(number), "Part number must be an integer between 1 and 10000, inclusive")
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if b, err = find(tx, name, owner); err != nil {
			return err
		}
		u, err = findUpload(tx, b, key, id)
		return err
	})
	return b, u, err
}

// keepPart writes a part's bytes and its record.
func (s *Service) keepPart(ctx context.Context, b *bucket, u *upload, number int, from *body) (*part, error) {
	x, err := s.keep(ctx, from)
	if err != nil {
		return nil, err
	}
	p := &part{Number: number, Blob: x.ID, Size: x.Size, ETag: x.MD5, Sum: x.Sum}
	err = s.commit(ctx, x, func(tx *store.Tx) (freed []string, err error) {
		if err := b.same(tx); err != nil {
			return nil, err
		}
		if _, err := findUpload(tx, b, &u.Key, &u.ID); err != nil {
			return nil, err // it ended meanwhile
		}
		old, err := parts.Get(tx, partKey(u.ID, number))
		if err != nil {
			return nil, err
		}
		if old != nil {
			freed = append(freed, old.Blob)
			if err := blobs.Delete(tx, old.Blob); err != nil {
				return nil, err
			}
		}
		p.Modified = tx.Now.Truncate(time.Second)
		return freed, parts.Put(tx, partKey(u.ID, number), p)
	})
	return p, err
}

// uploadPartCopy makes a part of another object's bytes.
func (s *Service) uploadPartCopy(ctx context.Context, _ *api.Call, in *shape.UploadPartCopyRequest) (*shape.UploadPartCopyOutput, error) {
	if err := refuseCustomerKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5, in.CopySourceSSECustomerAlgorithm,
		in.CopySourceSSECustomerKey, in.CopySourceSSECustomerKeyMD5); err != nil {
		return nil, err
	}
	from, err := parseSource(in.CopySource)
	if err != nil {
		return nil, err
	}
	if err := refuseVersion(from.version, from.key); err != nil {
		return nil, err
	}
	b, u, err := s.begun(ctx, in.Bucket, in.Key, in.UploadId, in.ExpectedBucketOwner, *in.PartNumber)
	if err != nil {
		return nil, err
	}
	when := conditions{match: in.CopySourceIfMatch, noneMatch: in.CopySourceIfNoneMatch, modified: in.CopySourceIfModifiedSince, unmodified: in.CopySourceIfUnmodifiedSince, copies: true}
	_, _, r, err := s.read(ctx, &from.bucket, &from.key, in.ExpectedSourceBucketOwner, func(o *object, _ []piece) (span, error) {
		if err := when.check(o); err != nil {
			return span{}, err
		}
		return copyRange(in.CopySourceRange, o.Size)
	})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	algorithm, _ := u.algorithm()
	body, err := newBody(r, nil, sum{}, algorithm)
	if err != nil {
		return nil, err
	}
	p, err := s.keepPart(ctx, b, u, int(*in.PartNumber), body)
	if err != nil {
		return nil, err
	}
	out := &shape.CopyPartResult{ETag: quoted(p.ETag), LastModified: &p.Modified}
	if u.Algorithm != "" {
		sums{&out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256}.set(p.Sum)
	}
	return &shape.UploadPartCopyOutput{CopyPartResult: out}, nil
}
