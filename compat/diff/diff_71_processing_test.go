package diff

import "testing"

// TestDiff71Processing: what a processing job would read from Athena, write to a feature store or encrypt is refused,
// and so are two things of one name or at one place.
func TestDiff71Processing(t *testing.T) {
	in := func(name, local string) object {
		return object{"InputName": name, "S3Input": object{"S3Uri": "s3://b/in", "S3DataType": "S3Prefix", "LocalPath": local}}
	}
	for want, members := range map[string]object{
		"ExperimentConfig is not supported by this installation.": {"ExperimentConfig": object{}},
		"ProcessingInputs input a: DatasetDefinition is not supported by this installation.": {
			"ProcessingInputs": []object{{"InputName": "a", "DatasetDefinition": object{"LocalPath": "/opt/ml/processing/a"}}}},
		"ProcessingOutputConfig output a: FeatureStoreOutput is not supported by this installation.": {"ProcessingOutputConfig": object{
			"Outputs": []object{{"OutputName": "a", "AppManaged": true, "FeatureStoreOutput": object{"FeatureGroupName": "g"}}}}},
		"ProcessingOutputConfig.KmsKeyId is not supported by this installation.": {"ProcessingOutputConfig": object{"KmsKeyId": "key", "Outputs": []object{}}},
		"Input and Output names must be globally unique: [a]": {
			"ProcessingInputs": []object{in("a", "/opt/ml/processing/a"), in("a", "/opt/ml/processing/b")}},
		"ProcessingInputs input b: LocalPath /opt/ml/processing/a is used more than once.": {
			"ProcessingInputs": []object{in("a", "/opt/ml/processing/a"), in("b", "/opt/ml/processing/a")}},
	} {
		request := object{
			"ProcessingJobName": "diff-71", "RoleArn": "arn:aws:iam::" + account + ":role/none", "AppSpecification": object{"ImageUri": probe},
			"ProcessingResources": object{"ClusterConfig": object{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
		}
		for k, v := range members {
			request[k] = v
		}
		root.json(t, "sagemaker", "CreateProcessingJob", request).fault(t, 400, "ValidationException", want)
	}
}
