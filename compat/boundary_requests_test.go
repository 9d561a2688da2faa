package compat

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// what is shorter than map[string]any and []any.
type (
	members = map[string]any
	list    = []any
)

// given are the objects that jobs are given.
var given = map[string]string{
	"raw/a": strings.Repeat("first ", 50_000), "raw/b": "second", "rows/a": "one\ntwo\n", "rows/b": "three\n",
	"caps.tar.gz": oneFile("weights", "weights"), "sample.tar.gz": oneFile("row", "row"),
}

func oneFile(name, text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))})
	_, wrote := io.WriteString(t, text)
	if err := errors.Join(err, wrote, t.Close(), z.Close()); err != nil {
		panic(err) // it is written to memory
	}
	return b.String()
}

// untarred says what an archive holds, file after file; an object that is no archive is said as it is.
func untarred(t *testing.T, key, object string) string {
	t.Helper()
	if !strings.HasSuffix(key, ".tar.gz") {
		return object
	}
	z, err := gzip.NewReader(strings.NewReader(object))
	if err != nil {
		t.Errorf("%s: %v", key, err)
		return ""
	}
	var files []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			slices.Sort(files)
			return strings.Join(files, "")
		}
		var b []byte
		if err == nil {
			b, err = io.ReadAll(r)
		}
		if err != nil {
			t.Errorf("%s: %v", key, err)
			return ""
		}
		if h.Typeflag == tar.TypeReg {
			files = append(files, strings.TrimPrefix(h.Name, "./")+":\n"+string(b))
		}
	}
}

// told is what the program writes down of files.
func told(files string) string {
	holds := map[string]string{"a": given["raw/a"], "b": given["raw/b"], "stream_0": given["raw/a"] + given["raw/b"], "weights": "weights"}
	var said strings.Builder
	for _, f := range strings.Fields(files) {
		fmt.Fprintf(&said, "%s %x\n", f, sha256.Sum256([]byte(holds[f])))
	}
	return said.String()
}

func trained(hosts, files string) func(string) map[string]string {
	return func(job string) map[string]string {
		var model, output string
		for _, h := range strings.Fields(hosts) {
			model += h + ":\n" + told(files)
			output += "said-" + h + ":\nsaid"
		}
		made := map[string]string{"out/" + job + "/output/model.tar.gz": model, "out/" + job + "/output/output.tar.gz": output}
		if strings.HasPrefix(job, "spot") {
			made["out/checkpoints/"+job+"/starts"] = "xx"
		}
		return made
	}
}

func left(job string) map[string]string {
	out := "out/" + job + "/output/"
	return map[string]string{out + "model/algo-1": told("a b"), out + "model/large": strings.Repeat("\x00", 17<<20), out + "data/said-algo-1": "said"}
}

func processed(job string) map[string]string {
	return map[string]string{"out/" + job + "/algo-1": told("a b stream_0"), "out/" + job + "/algo-2": told("a b stream_0")}
}

func transformed(job string) map[string]string {
	return map[string]string{"out/" + job + "/a.out": "ONE\nTWO\n", "out/" + job + "/b.out": "THREE\n"}
}

func compiled(job string) map[string]string {
	return map[string]string{"out/" + job + "/caps-ml_c5.tar.gz": "compiled:\n" + told("weights")}
}

func nothing(string) map[string]string { return nil }

func uri(key string) string { return "s3://" + bucket + "/" + key }

func source(key string) members { return members{"S3DataType": "S3Prefix", "S3Uri": uri(key)} }

func (v *vpc) network() members {
	return members{"Subnets": v.subnets[:], "SecurityGroupIds": list{v.group}}
}

func channelNamed(name, mode string) members {
	return members{"ChannelName": name, "InputMode": mode, "DataSource": members{"S3DataSource": source("raw/")}}
}

func instancesOf(n int) members {
	return members{"InstanceType": "ml.m5.large", "InstanceCount": n, "VolumeSizeInGB": 1}
}

func homeTraining(_ *vpc, name string) members {
	return members{"TrainingJobName": name, "RoleArn": role, "AlgorithmSpecification": members{"TrainingImage": "mine:1", "TrainingInputMode": "File"},
		"InputDataConfig": list{channelNamed("whole", "File")}, "OutputDataConfig": members{"S3OutputPath": uri("out")},
		"ResourceConfig": instancesOf(1), "StoppingCondition": members{"MaxRuntimeInSeconds": 600}}
}

func pairTraining(v *vpc, name string) members {
	in := homeTraining(v, name)
	in["InputDataConfig"] = list{channelNamed("whole", "File"), channelNamed("shown", "FastFile"), channelNamed("stream", "Pipe")}
	in["ResourceConfig"], in["VpcConfig"] = instancesOf(2), v.network()
	return in
}

func apartTraining(v *vpc, name string) members {
	in := homeTraining(v, name)
	in["ResourceConfig"], in["VpcConfig"], in["EnableNetworkIsolation"] = instancesOf(2), v.network(), true
	return in
}

func spotTraining(v *vpc, name string) members {
	in := homeTraining(v, name)
	in["VpcConfig"], in["EnableManagedSpotTraining"], in["CheckpointConfig"] = v.network(), true, members{"S3Uri": uri("out/checkpoints/" + name)}
	in["StoppingCondition"] = members{"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 3600}
	return in
}

func sealedTraining(v *vpc, name string) members {
	in := homeTraining(v, name)
	in["ResourceConfig"], in["VpcConfig"], in["EnableInterContainerTrafficEncryption"] = instancesOf(2), v.network(), true
	return in
}

// warmTraining leaves its instances, or has those that another left: only those of the first job are there in time.
func warmTraining(v *vpc, name string) members {
	in := homeTraining(v, name)
	in["VpcConfig"] = v.network()
	in["ResourceConfig"].(members)["KeepAlivePeriodInSeconds"] = 3600
	return in
}

// looseTraining leaves a file that goes into S3 in parts.
func looseTraining(v *vpc, name string) members {
	in := homeTraining(v, name)
	in["OutputDataConfig"].(members)["CompressionType"] = "NONE"
	return in
}

func processing(v *vpc, name string) members {
	input := func(as, mode string) members {
		s := source("raw/")
		s["S3InputMode"], s["LocalPath"] = mode, "/opt/ml/processing/"+as
		return members{"InputName": as, "S3Input": s}
	}
	return members{"ProcessingJobName": name, "RoleArn": role, "AppSpecification": members{"ImageUri": "mine:1", "ContainerArguments": list{"process"}},
		"ProcessingInputs": list{input("whole", "File"), input("stream", "Pipe")},
		"ProcessingOutputConfig": members{"Outputs": list{members{"OutputName": "out", "S3Output": members{
			"S3Uri": uri("out/" + name), "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "Continuous"}}}},
		"ProcessingResources": members{"ClusterConfig": instancesOf(2)}, "NetworkConfig": members{"VpcConfig": v.network()}}
}

func transform(_ *vpc, name string) members {
	return members{"TransformJobName": name, "ModelName": "caps", "TransformInput": members{"DataSource": members{"S3DataSource": source("rows/")}},
		"TransformOutput": members{"S3OutputPath": uri("out/" + name)}, "TransformResources": members{"InstanceType": "ml.m5.large", "InstanceCount": 1}}
}

func compilation(v *vpc, name string) members {
	return members{"CompilationJobName": name, "RoleArn": role, "InputConfig": members{"S3Uri": uri("caps.tar.gz"), "Framework": "ONNX"},
		"OutputConfig": members{"S3OutputLocation": uri("out/" + name), "TargetDevice": "ml_c5"}, "StoppingCondition": members{"MaxRuntimeInSeconds": 600}, "VpcConfig": v.network()}
}

func recommendation(v *vpc, name string) members {
	return members{"JobName": name, "JobType": "Advanced", "RoleArn": role, "InputConfig": members{"ModelName": "caps",
		"EndpointConfigurations": list{members{"InstanceType": "ml.m5.large"}, members{"InstanceType": "ml.c5.xlarge"}},
		"TrafficPattern":         members{"TrafficType": "PHASES", "Phases": list{members{"InitialNumberOfUsers": 1, "SpawnRate": 0, "DurationInSeconds": 1}}},
		"ContainerConfig":        members{"PayloadConfig": members{"SamplePayloadUrl": uri("sample.tar.gz"), "SupportedContentTypes": list{"text/csv"}}}, "VpcConfig": v.network()}}
}

func tuning(v *vpc, name string) members {
	job := homeTraining(v, "")
	delete(job, "TrainingJobName")
	job["OutputDataConfig"] = members{"S3OutputPath": uri("trials")}
	job["AlgorithmSpecification"].(members)["MetricDefinitions"] = list{members{"Name": "loss", "Regex": "loss=([0-9.]+);"}}
	return members{"HyperParameterTuningJobName": name, "TrainingJobDefinition": job, "HyperParameterTuningJobConfig": members{
		"Strategy": "Random", "HyperParameterTuningJobObjective": members{"Type": "Minimize", "MetricName": "loss"},
		"ResourceLimits":  members{"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
		"ParameterRanges": members{"IntegerParameterRanges": list{members{"Name": "k", "MinValue": "2", "MaxValue": "30"}}}}}
}

func hosting(_ *vpc, name string) members {
	return members{"EndpointName": name, "EndpointConfigName": "caps"}
}

// variant is a configuration of endpoints with one instance.
func variant(name string) members {
	return members{"EndpointConfigName": name, "ProductionVariants": list{members{"VariantName": "all", "ModelName": "caps", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}}}
}
