package sagemaker

import (
	"encoding/json"
	"path"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/value/shape/sagemaker"
)

// longestModelName is how long the name of an archive may be, so that the result's is one of a file too.
const longestModelName = 200

// validCompilation goes through what CreateCompilationJob can ask for.
func validCompilation(c *api.Call, in *sagemaker.CreateCompilationJobRequest) error {
	o := in.OutputConfig
	if err := refuse(
		refusal{"ModelPackageVersionArn", in.ModelPackageVersionArn != nil},
		refusal{"OutputConfig.KmsKeyId", text(o.KmsKeyId) != ""},
		refusal{"StoppingCondition.MaxWaitTimeInSeconds", in.StoppingCondition.MaxWaitTimeInSeconds != nil},
		refusal{"StoppingCondition.MaxPendingTimeInSeconds", in.StoppingCondition.MaxPendingTimeInSeconds != nil},
	); err != nil {
		return err
	}
	if err := ownRole(c.Account(), text(in.RoleArn)); err != nil {
		return err
	}
	if in.InputConfig == nil {
		return validation.New("Provide either a ModelPackageVersionArn or an InputConfig.")
	}
	_, key, ok := splitS3(text(in.InputConfig.S3Uri))
	if !ok || path.Base(key) == archived || !strings.HasSuffix(key, archived) {
		return validation.New("InputConfig.S3Uri %q is not the S3 URI of a tar archive that ends in %s.", text(in.InputConfig.S3Uri), archived)
	}
	if len(path.Base(key)) > longestModelName || strings.ContainsRune(key, 0) {
		return validation.New("InputConfig.S3Uri %q: the archive's name is longer than %d bytes, or has a null character.", text(in.InputConfig.S3Uri), longestModelName)
	}
	if _, _, ok := splitS3(text(o.S3OutputLocation)); !ok {
		return validation.New("OutputConfig.S3OutputLocation %q is not an S3 URI.", text(o.S3OutputLocation))
	}
	if (o.TargetDevice == nil) == (o.TargetPlatform == nil) {
		return validation.New("OutputConfig needs either a TargetDevice or a TargetPlatform.")
	}
	if options := text(o.CompilerOptions); options != "" && !json.Valid([]byte(options)) {
		return validation.New("OutputConfig.CompilerOptions is not JSON.")
	}
	return nil
}
