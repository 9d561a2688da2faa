package sagemaker

import (
	"context"
	"fmt"

	"cloister/internal/frame/api"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/s3"
	"cloister/internal/value/shape/sagemaker"
)

// noObjects is that nothing begins with a prefix, or that the role may not see it.
func noObjects(uri, region, role, bucket string) string {
	return fmt.Sprintf(`No S3 objects found under S3 URL "%s" given in input data source. Please ensure that the bucket exists in the selected region (%s), `+
		`that objects exist under that S3 prefix, and that the role "%s" has "s3:ListBucket" permissions on bucket "%s".`, uri, region, role, bucket)
}

// findData refuses channels that have nothing, before a job is made for them. The role looks, from the service's own
// place: what it is denied there a job in a VPC may still have, as a bucket may let in the VPC alone.
func (s *Service) findData(ctx context.Context, x *session, role string, vpc *sagemaker.VpcConfig, channels []sagemaker.Channel) error {
	for _, ch := range channels {
		source := ch.DataSource.S3DataSource
		if text(source.S3DataType) != prefixData {
			continue
		}
		bucket, prefix, _ := splitS3(text(source.S3Uri))
		out, err := api.CallAs[shape.ListObjectsV2Output](ctx, s.Client, x.as, "s3", "ListObjectsV2", &shape.ListObjectsV2Request{Bucket: &bucket, Prefix: &prefix, MaxKeys: new(int32(1))})
		said := ""
		switch f, refused := fault.As(err); {
		case err == nil && len(out.Contents) > 0, refused && vpc != nil && f.Code == "AccessDenied":
			continue
		case refused:
			said = " Error message from S3: " + f.Message
		case err != nil:
			return err
		}
		return validation.New("%s%s", noObjects(text(source.S3Uri), s.Region, role, bucket), said)
	}
	return nil
}

// findModel refuses a model whose archive is not there, or not for its role, as findData does.
func (s *Service) findModel(ctx context.Context, x *session, in *sagemaker.CreateModelInput) error {
	uri := text((&model{Request: *in}).container().ModelDataUrl)
	if uri == "" {
		return nil
	}
	bucket, key, _ := splitS3(uri)
	_, err := api.CallAs[shape.HeadObjectOutput](ctx, s.Client, x.as, "s3", "HeadObject", &shape.HeadObjectRequest{Bucket: &bucket, Key: &key})
	f, refused := fault.As(err)
	switch {
	case !refused:
		return err
	case in.VpcConfig != nil && f.Code == "AccessDenied":
		return nil
	}
	return validation.New(`Could not access model data at %s. Please ensure that the role "%s" exists and that its trust relationship policy allows the action "sts:AssumeRole" `+
		`for the service principal "sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the object is located in %s.`, uri, text(in.ExecutionRoleArn), s.Region)
}
