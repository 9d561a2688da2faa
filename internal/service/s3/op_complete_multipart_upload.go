package s3

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/s3"
)

var _ = api.Define(operations, "CompleteMultipartUpload", func(_ *api.Call, in *shape.CompleteMultipartUploadRequest) []api.Check {
	return ask("PutObject", objectARN(in.Bucket, in.Key), given(given(nil, "s3:if-match", in.IfMatch), "s3:if-none-match", in.IfNoneMatch)...)
}, (*Service).completeMultipartUpload)

// completeMultipartUpload makes the object of the parts that are named. No byte is copied: the object
// consists of the parts' blobs.
func (s *Service) completeMultipartUpload(ctx context.Context, c *api.Call, in *shape.CompleteMultipartUploadRequest) (*shape.CompleteMultipartUploadOutput, error) {
	if err := refuseCustomerKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	if slices.ContainsFunc([]*string{in.ChecksumMD5, in.ChecksumSHA512, in.ChecksumXXHASH3, in.ChecksumXXHASH64, in.ChecksumXXHASH128}, isSet) {
		return nil, invalidRequest.New(unsupportedSum)
	}
	var freed []string
	var o *object
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		b, err := find(tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		u, err := findUpload(tx, b, in.Key, in.UploadId)
		if err != nil {
			o = completed(tx, b, in) // said again, because the answer was lost
			if o == nil {
				return err
			}
			return nil
		}
		o, freed, err = u.complete(tx, b, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.drop(freed...)
	location := "https://" + *in.Bucket + ".s3." + s.called(c) + ".amazonaws.com/" + *coder(true).text(*in.Key)
	out := &shape.CompleteMultipartUploadOutput{Location: &location, Bucket: in.Bucket, Key: in.Key, ETag: quoted(o.ETag), ChecksumType: &o.Sum.Type}
	sums{&out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256}.set(o.Sum)
	return out, nil
}

// completed gives the object if it is what this upload made.
func completed(tx *store.Tx, b *bucket, in *shape.CompleteMultipartUploadRequest) *object {
	o, err := objects.Get(tx, store.Key(b.Name, *in.Key))
	if err != nil || o == nil || o.Upload == "" || o.Upload != text(in.UploadId) {
		return nil
	}
	return o
}

func (u *upload) complete(tx *store.Tx, b *bucket, in *shape.CompleteMultipartUploadRequest) (o *object, freed []string, err error) {
	if in.MultipartUpload == nil || len(in.MultipartUpload.Parts) == 0 {
		return nil, nil, invalidRequest.New("You must specify at least one part")
	}
	chosen, etag, err := u.choose(tx, in.MultipartUpload.Parts)
	if err != nil {
		return nil, nil, err
	}
	algorithm, kind := u.algorithm()
	o = &object{ID: u.ID, headers: u.headers, Parts: len(chosen), Upload: u.ID, ETag: etag}
	for _, p := range chosen {
		o.Size += p.Size
	}
	if o.Size > maxObject {
		return nil, nil, tooLarge(o.Size, maxObject)
	}
	if o.Sum, err = together(algorithm, kind, chosen); err != nil {
		return nil, nil, fmt.Errorf("checksum of upload %s: %w", u.ID, err)
	}
	if kind == composite {
		o.Sum.Value += "-" + strconv.Itoa(len(chosen))
	}
	if err := u.declared(in, o); err != nil {
		return nil, nil, err
	}
	kept := map[string]bool{}
	for _, p := range chosen {
		kept[p.Blob] = true
	}
	if freed, err = u.end(tx, kept); err != nil {
		return nil, nil, err
	}
	old, err := swap(tx, b, u.Key, o, chosen, in.IfMatch, in.IfNoneMatch)
	return o, append(freed, old...), err
}

// choose finds the parts that are named and checks them; etag is that of the whole.
func (u *upload) choose(tx *store.Tx, named []shape.CompletedPart) (chosen []piece, etag string, err error) {
	all, err := parts.All(tx, store.Prefix(u.ID))
	if err != nil {
		return nil, "", err
	}
	have := map[int]*part{}
	for _, p := range all {
		have[p.Number] = p
	}
	if !ascending(named) {
		return nil, "", invalidPartOrder.New("The list of parts was not in ascending order. Parts must be ordered by part number.").With("UploadId", u.ID)
	}
	digest := md5.New()
	for i, n := range named {
		number := int(*n.PartNumber)
		p := have[number]
		tag := strings.Trim(text(n.ETag), `"`)
		if p == nil || p.ETag != tag {
			return nil, "", invalidPart.New("One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.").
				With("UploadId", u.ID).With("PartNumber", number).With("ETag", tag)
		}
		if p.Size < minPart && i < len(named)-1 {
			return nil, "", entityTooSmall.New("Your proposed upload is smaller than the minimum allowed size").
				With("ETag", p.ETag).With("PartNumber", number).With("ProposedSize", p.Size).With("MinSizeAllowed", minPart)
		}
		if err := u.checkPart(p, &n); err != nil {
			return nil, "", err
		}
		raw, err := hex.DecodeString(p.ETag)
		if err != nil {
			return nil, "", err
		}
		digest.Write(raw)
		chosen = append(chosen, piece{p.Blob, p.Size, p.Sum})
	}
	return chosen, fmt.Sprintf("%x-%d", digest.Sum(nil), len(chosen)), nil
}

func ascending(named []shape.CompletedPart) bool {
	last := int32(0)
	for _, n := range named {
		if n.PartNumber == nil || *n.PartNumber <= last {
			return false
		}
		last = *n.PartNumber
	}
	return true
}

// checkPart compares the checksum that the list gives for a part; a composite one must be given.
func (u *upload) checkPart(p *part, n *shape.CompletedPart) error {
	told, err := asked(sums{&n.ChecksumCRC32, &n.ChecksumCRC32C, &n.ChecksumCRC64NVME, &n.ChecksumSHA1, &n.ChecksumSHA256}, nil,
		n.ChecksumMD5, n.ChecksumSHA512, n.ChecksumXXHASH3, n.ChecksumXXHASH64, n.ChecksumXXHASH128)
	if err != nil {
		return err
	}
	algorithm, kind := u.algorithm()
	switch {
	case told.Value == "" && kind == composite:
		return invalidRequest.New("The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.",
			strings.ToLower(algorithm), p.Number)
	case u.Algorithm == "" && told.Algorithm != algorithm: // checked when it came, and not kept
	case told.Value != "" && told != (sum{Algorithm: p.Sum.Algorithm, Value: p.Sum.Value}):
		return badDigest.New("The %s you specified for part %d did not match what we received.", strings.ToLower(told.Algorithm), p.Number)
	}
	return nil
}

// declared compares what the request says of the whole.
func (u *upload) declared(in *shape.CompleteMultipartUploadRequest, o *object) error {
	kind := u.Type
	if kind == "" {
		kind = "null"
	}
	if in.ChecksumType != nil && *in.ChecksumType != kind && (u.Type != "" || *in.ChecksumType != fullObject) {
		return invalidRequest.New("The upload was created using the %s checksum mode. The complete request must use the same checksum mode.", kind)
	}
	if in.MpuObjectSize != nil && *in.MpuObjectSize != o.Size {
		return invalidRequest.New("The provided 'x-amz-mp-object-size' header value %d does not match what was computed: %d", *in.MpuObjectSize, o.Size)
	}
	var bad error
	m := sums{&in.ChecksumCRC32, &in.ChecksumCRC32C, &in.ChecksumCRC64NVME, &in.ChecksumSHA1, &in.ChecksumSHA256}
	m.each(func(a string, at **string) {
		if *at == nil || bad != nil {
			return
		}
		value, _, _ := strings.Cut(**at, "-")
		ours, _, _ := strings.Cut(o.Sum.Value, "-")
		if a != o.Sum.Algorithm || value != ours {
			bad = badSum(strings.ToLower(a))
		}
	})
	return bad
}
