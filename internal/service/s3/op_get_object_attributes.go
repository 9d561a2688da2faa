package s3

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/s3"
)

var _ = api.Define(operations, "GetObjectAttributes", func(_ *api.Call, in *shape.GetObjectAttributesRequest) []api.Check {
	return append(ask(reading(in.VersionId), objectARN(in.Bucket, in.Key)), ask(reading(in.VersionId)+"Attributes", objectARN(in.Bucket, in.Key))...)
}, (*Service).getObjectAttributes)

// getObjectAttributes tells what is asked for of an object.
func (s *Service) getObjectAttributes(ctx context.Context, _ *api.Call, in *shape.GetObjectAttributesRequest) (*shape.GetObjectAttributesOutput, error) {
	if err := refuseCustomerKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	if err := refuseVersion(in.VersionId, *in.Key); err != nil {
		return nil, err
	}
	most, err := limit(in.MaxParts, "max-parts")
	if err != nil {
		return nil, err
	}
	o, runs, err := s.look(ctx, in.Bucket, in.Key, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	wants := func(name string) bool { return slices.Contains(in.ObjectAttributes, name) }
	out := &shape.GetObjectAttributesOutput{LastModified: &o.Modified}
	if wants("ETag") {
		out.ETag = &o.ETag
	}
	if wants("ObjectSize") {
		out.ObjectSize = &o.Size
	}
	if wants("StorageClass") {
		out.StorageClass = new("STANDARD")
	}
	if wants("Checksum") {
		out.Checksum = &shape.Checksum{ChecksumType: &o.Sum.Type}
		sums{&out.Checksum.ChecksumCRC32, &out.Checksum.ChecksumCRC32C, &out.Checksum.ChecksumCRC64NVME, &out.Checksum.ChecksumSHA1, &out.Checksum.ChecksumSHA256}.set(o.Sum)
	}
	if wants("ObjectParts") && o.Parts > 0 {
		marker := 0
		if in.PartNumberMarker != nil {
			marker = int(*in.PartNumberMarker)
		}
		out.ObjectParts = o.partsFrom(runs, marker, most)
	}
	return out, nil
}

// partsFrom lists the parts of an object behind a number. As in S3, they count from one, whatever
// their numbers were.
func (o *object) partsFrom(runs []piece, marker, most int) *shape.GetObjectAttributesParts {
	marker = min(max(0, marker), len(runs))
	end := min(marker+most, len(runs))
	out := &shape.GetObjectAttributesParts{TotalPartsCount: new(int32(len(runs))), PartNumberMarker: new(int32(marker)), NextPartNumberMarker: new(int32(end)),
		MaxParts: new(int32(most)), IsTruncated: new(end < len(runs))}
	for i, p := range runs[marker:end] {
		x := shape.ObjectPart{PartNumber: new(int32(marker + i + 1)), Size: &p.Size}
		sums{&x.ChecksumCRC32, &x.ChecksumCRC32C, &x.ChecksumCRC64NVME, &x.ChecksumSHA1, &x.ChecksumSHA256}.set(p.Sum)
		out.Parts = append(out.Parts, x)
	}
	return out
}
