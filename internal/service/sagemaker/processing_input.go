package sagemaker

import (
	"context"
	"path/filepath"
)

// bringEach brings a host's inputs, but those that the application brings itself.
func (r *jobRun) bringEach(ctx context.Context, host int) error {
	client := r.s3(host)
	defer client.close()
	for _, i := range r.processing().Request.ProcessingInputs {
		if flag(i.AppManaged) {
			continue
		}
		dir := below(text(i.S3Input.LocalPath))
		if err := openDirectory(r.ml(host), dir); err != nil {
			return err
		}
		if err := r.bringInput(ctx, client, filepath.Join(r.ml(host), dir), text(i.S3Input.S3DataType), text(i.S3Input.S3Uri)); err != nil {
			return transferred(download, err)
		}
	}
	return nil
}

func (r *jobRun) bringInput(ctx context.Context, client *s3, into, kind, uri string) error {
	bucket, prefix, _ := splitS3(uri)
	if kind == "ManifestFile" {
		return client.fetchManifest(ctx, into, bucket, prefix)
	}
	n, err := client.fetchPrefix(ctx, into, bucket, prefix)
	if err == nil && n == 0 {
		return fails(`ClientError: Data download failed:No S3 objects found under S3 URL "%s" given in input data source. Please ensure that the bucket exists in the selected region (%s), that objects exist under that S3 prefix, and that the role "%s" has "s3:ListBucket" permissions on bucket "%s".`,
			uri, r.Region, r.plan.Role, bucket)
	}
	return err
}
