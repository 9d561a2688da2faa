package sagemaker

import (
	"mime"
	"strings"

	"cloister/internal/engine/batch"
	"cloister/internal/value/shape/sagemaker"
)

// largestBatch is the most that all requests of an instance may carry at a time, in MB.
const largestBatch = 100

// validTransform goes through what CreateTransformJob can ask for. What must be there the model has asked.
func (s *Service) validTransform(in *sagemaker.CreateTransformJobRequest) error {
	r, to, kind := in.TransformResources, in.TransformOutput, text(in.TransformInput.DataSource.S3DataSource.S3DataType)
	if err := refuse(
		refusal{"DataCaptureConfig", in.DataCaptureConfig != nil},
		refusal{"ExperimentConfig", in.ExperimentConfig != nil},
		refusal{"TransformInput.DataSource.S3DataSource.S3DataType " + kind, kind != prefixData && kind != manifestData},
		refusal{"TransformResources.VolumeKmsKeyId", text(r.VolumeKmsKeyId) != ""},
		refusal{"TransformResources.TransformAmiVersion", text(r.TransformAmiVersion) != ""},
		refusal{"TransformOutput.KmsKeyId", text(to.KmsKeyId) != ""},
	); err != nil {
		return err
	}
	if err := s.available("transform-job", text(r.InstanceType)); err != nil {
		return err
	}
	if n := int(*r.InstanceCount); n > mostHosts {
		return tooMany("transform", n)
	}
	from := in.TransformInput.DataSource.S3DataSource
	for name, uri := range map[string]string{"TransformInput.DataSource.S3DataSource.S3Uri": text(from.S3Uri), "TransformOutput.S3OutputPath": text(to.S3OutputPath)} {
		if _, _, ok := splitS3(uri); !ok {
			return validation.New("%s %q is not an S3 URI.", name, uri)
		}
	}
	return validBatches(in)
}

// validBatches is what splitting, batching, assembling, filtering and joining ask of each other.
func validBatches(in *sagemaker.CreateTransformJobRequest) error {
	split, assemble := text(orText(in.TransformInput.SplitType, "None")), text(orText(in.TransformOutput.AssembleWith, "None"))
	if in.MaxPayloadInMB != nil && int64(number(in.MaxConcurrentTransforms, usualConcurrency))*int64(*in.MaxPayloadInMB) > largestBatch {
		return validation.New("MaxConcurrentTransforms * MaxPayloadInMB must not exceed %d MB.", largestBatch)
	}
	p, err := processing(in)
	if err != nil || p.Idle() {
		return err
	}
	kind, answer := media(text(in.TransformInput.ContentType)), media(text(in.TransformOutput.Accept))
	lines := map[batch.Kind]string{batch.CSV: "Line", batch.JSONLines: "Line", batch.JSON: "None"}
	want, ok := lines[batch.Kind(kind)]
	switch {
	case !ok:
		return validation.New("DataProcessing requires TransformInput.ContentType to be text/csv, application/json or application/jsonlines.")
	case p.Join && kind != answer, !p.Join && !p.Output.Whole() && kind != answer:
		return validation.New("DataProcessing requires TransformOutput.Accept to be the same as TransformInput.ContentType.")
	case split != want || assemble != want:
		return validation.New("DataProcessing of %s requires TransformInput.SplitType and TransformOutput.AssembleWith to be %s.", kind, want)
	}
	return nil
}

// media is a content type without parameters, in lower case; jsonlines has two names.
func media(contentType string) string {
	m, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		m = strings.ToLower(contentType)
	}
	if m == "application/x-jsonlines" || m == "application/jsonl" {
		return string(batch.JSONLines)
	}
	return m
}
