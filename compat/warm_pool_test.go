package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWarmPool has two jobs run one after the other on one cluster, with the server killed in between: the interface is
// the same, and of the first job, which leaves all that it can, the second finds nothing.
func TestWarmPool(t *testing.T) {
	t.Parallel()
	needRoot(t)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.data, "config.yaml"), []byte("instance_quotas:\n  ml.m5.large for training warm pool usage: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.run(t)
	v := d.vpc(t)
	d.provide(t)
	if out, err := d.command("image", "load", layoutOf(t, "hoarder", map[string]any{"Entrypoint": []string{"/hoarder"}})).CombinedOutput(); err != nil {
		t.Fatalf("load: %v %s", err, out)
	}
	one := v.pooled(t, "one", "")
	interfaces := v.managed(t, "one")
	if len(interfaces) != 1 {
		t.Fatalf("the pool has interfaces %q", interfaces)
	}
	d.crash(t)
	d.restart(t)
	two := v.pooled(t, "two", one.Path)
	if now := v.managed(t, "two"); !slices.Equal(now, interfaces) || two.Address != one.Address || !strings.HasPrefix(one.Address, "10.0.") {
		t.Errorf("one had %s at %s, two has %s at %s", interfaces, one.Address, now, two.Address)
	}
	if was := v.warm(t, "one"); was.Status != "Reused" || was.ReusedByJob != "two" {
		t.Errorf("the pool of one is %+v", was)
	}
	configuration := []string{"/opt/ml/input/config/hyperparameters.json", "/opt/ml/input/config/inputdataconfig.json", "/opt/ml/input/config/resourceconfig.json"}
	for name, found := range map[string]hoard{"one": one, "two": two} {
		if !slices.Equal(found.Files, configuration) || len(found.Processes)+len(found.Sockets) > 0 {
			t.Errorf("%s found %+v", name, found)
		}
	}
	if two.Path == one.Path || two.Path == "" || two.Status == 200 || two.Status == 0 {
		t.Errorf("the credentials of one are at %s, of two at %s, who gets %d for the former", one.Path, two.Path, two.Status)
	}
	t.Logf("starting took %s, and then %s", v.starting(t, "one"), v.starting(t, "two"))
	if d.sagemaker(t, "UpdateTrainingJob", `{"TrainingJobName":"two","ResourceConfig":{"KeepAlivePeriodInSeconds":0}}`, "TrainingJobArn") == "" {
		t.Error("the pool cannot be ended")
	}
	waitFor(t, "the interface is still there", func() bool { return len(v.managed(t, "*")) == 0 })
	if was := v.warm(t, "two"); was.Status != "Terminated" {
		t.Errorf("the pool of two is %+v", was)
	}
}

// hoard is what a hoarder tells.
type hoard struct {
	Files, Processes, Sockets []string
	Path, Address             string
	Status                    int
}

// pooled runs a hoarder whose cluster is kept, and gives what it found.
func (v *vpc) pooled(t *testing.T, name, former string) (h hoard) {
	t.Helper()
	v.sagemaker(t, "CreateTrainingJob", `{"TrainingJobName":"`+name+`","RoleArn":"`+role+`","HyperParameters":{"former":"`+former+`"},
"AlgorithmSpecification":{"TrainingImage":"mine:1","TrainingInputMode":"File"},
"OutputDataConfig":{"S3OutputPath":"s3://`+bucket+`/models","CompressionType":"NONE"},"StoppingCondition":{"MaxRuntimeInSeconds":600},
"ResourceConfig":{"InstanceType":"ml.m5.large","InstanceCount":1,"VolumeSizeInGB":1,"KeepAlivePeriodInSeconds":600},
"VpcConfig":{"Subnets":["`+v.subnets[0]+`"],"SecurityGroupIds":["`+v.group+`"]}}`, "TrainingJobArn")
	v.completed(t, name)
	if was := v.warm(t, name); was.Status != "Available" {
		t.Fatalf("the pool of %s is %+v", name, was)
	}
	said := v.s3(t, "/models/"+name+"/output/model/report.json")
	if err := json.Unmarshal([]byte(said), &h); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return h
}

// described gives a training job's description.
func (v *vpc) described(t *testing.T, name string, into any) {
	t.Helper()
	said, err := v.curl(t, "sagemaker", "-H", "Content-Type: application/x-amz-json-1.1", "-H", "X-Amz-Target: SageMaker.DescribeTrainingJob",
		"--data-binary", `{"TrainingJobName":"`+name+`"}`)
	if err == nil {
		err = json.Unmarshal([]byte(said), into)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}

type warmPool struct{ Status, ReusedByJob string }

func (v *vpc) warm(t *testing.T, name string) warmPool {
	t.Helper()
	var job struct{ WarmPoolStatus warmPool }
	v.described(t, name, &job)
	return job.WarmPoolStatus
}

// starting is how long a job was in that stage.
func (v *vpc) starting(t *testing.T, name string) time.Duration {
	t.Helper()
	var job struct {
		SecondaryStatusTransitions []struct{ StartTime, EndTime float64 }
	}
	v.described(t, name, &job)
	first := job.SecondaryStatusTransitions[0]
	took, err := time.ParseDuration(fmt.Sprint(first.EndTime-first.StartTime, "s"))
	if err != nil {
		t.Fatal(err)
	}
	return took.Round(time.Millisecond)
}

var interfaceID = regexp.MustCompile(`<networkInterfaceId>([^<]+)</networkInterfaceId>`)

// managed are the interfaces that the service has in the VPC for a job.
func (v *vpc) managed(t *testing.T, of string) (ids []string) {
	t.Helper()
	said := v.ec2(t, "DescribeNetworkInterfaces", "Filter.1.Name", "description", "Filter.1.Value.1", "*managed by SageMaker*/"+of+" - *", "Filter.2.Name", "vpc-id", "Filter.2.Value.1", v.id)
	for _, m := range interfaceID.FindAllStringSubmatch(said, -1) {
		ids = append(ids, m[1])
	}
	return ids
}
