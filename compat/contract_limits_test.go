package compat

import (
	"fmt"
	"strings"
	"testing"
)

// limit is what a request may not ask for, and what it is told.
type limit struct {
	says, operation, told string
	asks                  m
}

// many is a list of so many.
func many(n int, one func(int) any) (out []any) {
	for i := range n {
		out = append(out, one(i))
	}
	return out
}

// variables are so many of an object.
func variables(n int, value string) m {
	out := m{}
	for i := range n {
		out[fmt.Sprint("K", i)] = value
	}
	return out
}

// long has so many letters.
func long(n int) string { return strings.Repeat("x", n) }

func words(n, letters int) []any { return many(n, func(int) any { return long(letters) }) }

const (
	atMost  = "Member must have length less than or equal to "
	noMore  = "Member must have value less than or equal to "
	noLess  = "Member must have value greater than or equal to "
	pattern = "Member must satisfy regular expression pattern: "
)

// limits are the numbers of the contract, each one passed by one.
func limits() []limit {
	channel := func(i int) any {
		return m{"ChannelName": fmt.Sprint("c", i), "DataSource": m{"S3DataSource": m{"S3DataType": "S3Prefix", "S3Uri": "s3://" + bucket + "/data/"}}}
	}
	input := func(i int) any {
		return m{"InputName": fmt.Sprint("i", i), "S3Input": m{"S3Uri": "s3://b/k", "S3DataType": "S3Prefix", "LocalPath": fmt.Sprint("/opt/ml/processing/i", i)}}
	}
	output := func(i int) any {
		return m{"OutputName": fmt.Sprint("o", i), "S3Output": m{"S3Uri": "s3://b/k", "S3UploadMode": "EndOfJob", "LocalPath": fmt.Sprint("/opt/ml/processing/o", i)}}
	}
	metric := func(i int) any { return m{"Name": fmt.Sprint("m", i), "Regex": "(.)"} }
	train, process, transform := "CreateTrainingJob", "CreateProcessingJob", "CreateTransformJob"
	container := func(more m) m {
		more["Image"] = recorder
		return m{"PrimaryContainer": more}
	}
	variant := func(member string, value int) m {
		return m{"ProductionVariants": []m{{"VariantName": "all", "ModelName": "contract", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", member: value}}}
	}
	return []limit{
		{"100 arguments", train, atMost + "100", m{"AlgorithmSpecification": runs(m{"ContainerArguments": words(101, 1)})}},
		{"arguments of 256 letters", train, atMost + "256", m{"AlgorithmSpecification": runs(m{"ContainerArguments": words(1, 257)})}},
		{"100 words of an entrypoint", train, atMost + "100", m{"AlgorithmSpecification": runs(m{"ContainerEntrypoint": words(101, 1)})}},
		{"100 variables", train, atMost + "100", m{"Environment": variables(101, "x")}},
		{"variables' values of 512 letters", train, atMost + "512", m{"Environment": m{"A": long(513)}}},
		{"variables' names of 512 letters", train, atMost + "512", m{"Environment": m{long(513): "x"}}},
		{"variables' names by their pattern", train, pattern, m{"Environment": m{"1A": "x"}}},
		{"20 channels", train, atMost + "20", m{"InputDataConfig": many(21, channel)}},
		{"at least one channel if any", train, "greater than or equal to 1", m{"InputDataConfig": []m{}}},
		{"channels' names by their pattern", train, pattern, m{"InputDataConfig": []m{{"ChannelName": "a b", "DataSource": m{}}}}},
		{"40 metrics", train, atMost + "40", m{"AlgorithmSpecification": runs(m{"MetricDefinitions": many(41, metric)})}},
		{"metrics' expressions of 500 letters", train, atMost + "500", m{"AlgorithmSpecification": runs(m{"MetricDefinitions": []m{{"Name": "m", "Regex": long(501)}}})}},
		{"a longest time of 28 days", train, "less than or equal to 2419200", m{"StoppingCondition": m{"MaxRuntimeInSeconds": 2419201}}},
		{"names of 63 letters", train, atMost + "63", m{"TrainingJobName": long(64)}},
		{"names by their pattern", train, pattern, m{"TrainingJobName": "-x"}},
		{"16 subnets", train, atMost + "16", m{"VpcConfig": m{"Subnets": words(17, 3), "SecurityGroupIds": words(1, 3)}}},
		{"5 security groups", train, atMost + "5", m{"VpcConfig": m{"Subnets": words(1, 3), "SecurityGroupIds": words(6, 3)}}},
		{"50 tags", train, atMost + "50", m{"Tags": many(51, func(i int) any { return m{"Key": fmt.Sprint(i), "Value": ""} })}},
		{"10 inputs", process, atMost + "10", m{"ProcessingInputs": many(11, input)}},
		{"10 outputs", process, atMost + "10", m{"ProcessingOutputConfig": m{"Outputs": many(11, output)}}},
		{"a longest time of 9 days", process, noMore + "777600", m{"StoppingCondition": m{"MaxRuntimeInSeconds": 777601}}},
		{"100 variables of a model", "CreateModel", atMost + "100", container(m{"Environment": variables(101, "x")})},
		{"models' variables of 1024 letters", "CreateModel", atMost + "1024", container(m{"Environment": m{"A": long(1025)}})},
		{"a health check after a minute", "CreateEndpointConfig", noLess + "60", variant("ContainerStartupHealthCheckTimeoutInSeconds", 59)},
		{"a health check within an hour", "CreateEndpointConfig", noMore + "3600", variant("ContainerStartupHealthCheckTimeoutInSeconds", 3601)},
		{"a model's download after a minute", "CreateEndpointConfig", noLess + "60", variant("ModelDataDownloadTimeoutInSeconds", 59)},
		{"16 variables of a transform job", transform, atMost + "16", m{"Environment": variables(17, "x")}},
		{"transform jobs' variables of 10240 letters", transform, atMost + "10240", m{"Environment": m{"A": long(10241)}}},
		{"a payload of 100 MB", transform, "must not exceed 100 MB", m{"MaxPayloadInMB": 101}},
		{"3 retries", transform, noMore + "3", m{"ModelClientConfig": m{"InvocationsMaxRetries": 4}}},
		{"an invocation of an hour", transform, noMore + "3600", m{"ModelClientConfig": m{"InvocationsTimeoutInSeconds": 3601}}},
		{"filters of 63 letters", transform, atMost + "63", m{"DataProcessing": m{"InputFilter": "$." + long(62)}}},
		{"tuning jobs' names of 32 letters", "CreateHyperParameterTuningJob", atMost + "32", m{"HyperParameterTuningJobName": long(33)}},
	}
}

// refuses asks for each, and reads what is said.
func (c *contract) refuses(t *testing.T, l limit) {
	t.Helper()
	asks := m{}
	switch l.operation {
	case "CreateTrainingJob":
		asks = c.contractJob("training-no", nil)
	case "CreateProcessingJob":
		asks = c.processingJob("processing-no", 1, nil)
	case "CreateTransformJob":
		asks = c.transformJob("transform-no")
	case "CreateModel":
		asks = m{"ModelName": "no", "ExecutionRoleArn": role}
	case "CreateEndpointConfig":
		asks = m{"EndpointConfigName": "no"}
	case "CreateHyperParameterTuningJob":
		asks = m{"HyperParameterTuningJobConfig": m{"Strategy": "Grid", "ResourceLimits": m{"MaxParallelTrainingJobs": 1}}}
	}
	for k, v := range l.asks {
		asks[k] = v
	}
	out := c.call(t, "sagemaker", "SageMaker."+l.operation, string(encoded(t, asks)))
	said, _ := out["message"].(string)
	if out["__type"] != "ValidationException" || !strings.Contains(said, l.told) {
		t.Errorf("%s is answered %v, wanted %s", l.operation, out, l.told)
	}
}
