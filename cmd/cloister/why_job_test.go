package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloister/internal/engine/sigv4"
	"cloister/internal/service/ec2"
	shape "cloister/internal/value/shape/ec2"
	"cloister/internal/value/shape/iam"
	"cloister/internal/value/shape/sagemaker"
)

type m = map[string]any

// office is where jobs are made that all fail, as their image is nowhere; who asks why does so over TLS.
type office struct {
	*workplace
	api  *client // as root
	ann  *client
	vpc  m      // a VpcConfig
	long string // the name of a training job that is too long for other kinds
}

func newOffice(t *testing.T) *office {
	o := &office{workplace: newWorkplace(t), long: "a-training-job-" + strings.Repeat("x", 40)}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: o.authority.Pool(), ServerName: "localhost"}}
	t.Cleanup(tr.CloseIdleConnections)
	o.api = &client{instance: instance{Door: "https://" + o.running.door, Region: "us-east-1"}, credentials: o.running.root, http: &http.Client{Transport: tr}}
	if err := o.houseRoles(t.Context(), o.conf.Account); err != nil {
		t.Fatal(err)
	}
	key := o.do(o.workplace.root, "iam", "CreateAccessKey", &iam.CreateAccessKeyRequest{UserName: new("ann")}).(*iam.CreateAccessKeyResponse).AccessKey
	ann := *o.api
	ann.credentials = sigv4.Credentials{AccessKey: *key.AccessKeyId, Secret: *key.SecretAccessKey}
	o.ann = &ann
	o.do(o.workplace.root, "iam", "PutRolePolicy", &iam.PutRolePolicyRequest{RoleName: new("other"), PolicyName: new("p"),
		PolicyDocument: new(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)})
	in := o.do(o.workplace.root, "ec2", "DescribeSubnets", &shape.DescribeSubnetsRequest{SubnetIds: []string{o.subnet}}).(*shape.DescribeSubnetsResult).Subnets[0].VpcId
	group := *o.do(o.workplace.root, "ec2", "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{Filters: []shape.Filter{
		{Name: new("vpc-id"), Values: []string{*in}}}}).(*shape.DescribeSecurityGroupsResult).SecurityGroups[0].GroupId
	o.vpc = m{"Subnets": []string{o.subnet}, "SecurityGroupIds": []string{group}}
	return o
}

// make asks for something, with its role.
func (o *office) make(operation string, in m) {
	o.t.Helper()
	if err := o.api.sagemaker("Create"+operation, in, &m{}); err != nil {
		o.t.Fatalf("%s: %v", operation, err)
	}
}

// job makes one and waits until it has failed.
func (o *office) job(k jobKind, name string, in m) {
	o.t.Helper()
	in[k.member+"Name"] = name
	if k.operation != "TransformJob" && k.operation != "HyperParameterTuningJob" {
		in["RoleArn"] = o.strict
	}
	o.make(k.operation, in)
	for until := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		d := &jobDescription{}
		if err := o.api.sagemaker("Describe"+k.operation, m{k.member + "Name": name}, d); err != nil {
			o.t.Fatal(err)
		}
		j := d.told(k, name)
		if strings.EqualFold(j.Status, "Failed") {
			return
		}
		if time.Now().After(until) {
			o.t.Fatalf("%s %s: %+v", k.operation, name, j)
		}
	}
}

const nowhere = "nobodys/image:1"

var cluster = m{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}

func (o *office) training() m {
	return m{"AlgorithmSpecification": m{"TrainingImage": nowhere, "TrainingInputMode": "File"}, "OutputDataConfig": m{"S3OutputPath": "s3://nobodys/out"},
		"ResourceConfig": cluster, "StoppingCondition": m{"MaxRuntimeInSeconds": 60}}
}

// open makes jobs of all kinds, three of them of one name.
func (o *office) open() {
	train, process, transform, compile, tune, recommend := jobKinds[0], jobKinds[1], jobKinds[2], jobKinds[3], jobKinds[4], jobKinds[5]
	o.job(train, o.long, o.training())
	o.job(train, "same", o.training())
	o.job(process, "same", m{"AppSpecification": m{"ImageUri": nowhere}, "ProcessingResources": m{"ClusterConfig": cluster},
		"NetworkConfig": m{"VpcConfig": o.vpc, "EnableInterContainerTrafficEncryption": true}})
	o.model("m", o.vpc)
	o.job(transform, "transformed", m{"ModelName": "m", "TransformResources": m{"InstanceType": "ml.m5.large", "InstanceCount": 1},
		"TransformInput":  m{"DataSource": m{"S3DataSource": m{"S3DataType": "S3Prefix", "S3Uri": "s3://nobodys/in"}}},
		"TransformOutput": m{"S3OutputPath": "s3://nobodys/out"}})
	o.job(compile, "same", m{"StoppingCondition": m{"MaxRuntimeInSeconds": 60}, "InputConfig": m{"S3Uri": "s3://nobodys/m.tar.gz", "DataInputConfig": `{"data":[1]}`, "Framework": "MXNET"},
		"OutputConfig": m{"S3OutputLocation": "s3://nobodys/out", "TargetDevice": "ml_c5"}})
	o.job(recommend, "recommended", m{"JobType": "Default", "InputConfig": m{"ModelName": "m", "ContainerConfig": m{"SupportedInstanceTypes": []string{"ml.m5.large"},
		"PayloadConfig": m{"SamplePayloadUrl": "s3://nobodys/p.tar.gz", "SupportedContentTypes": []string{"text/csv"}}}}})
	trial := o.training()
	trial["RoleArn"], trial["VpcConfig"], trial["DefinitionName"] = o.strict, o.vpc, "d"
	trial["TuningObjective"] = m{"Type": "Minimize", "MetricName": "loss"}
	trial["HyperParameterRanges"] = m{"CategoricalParameterRanges": []m{{"Name": "side", "Values": []string{"left", "right"}}}}
	trial["AlgorithmSpecification"] = m{"TrainingImage": nowhere, "TrainingInputMode": "File", "MetricDefinitions": []m{{"Name": "loss", "Regex": "loss:([0-9.]+)"}}}
	o.job(tune, "tuned", m{"HyperParameterTuningJobConfig": m{"Strategy": "Grid", "ResourceLimits": m{"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1}},
		"TrainingJobDefinitions": []m{trial}})
}

func (o *office) model(name string, vpc m) {
	o.make("Model", m{"ModelName": name, "ExecutionRoleArn": o.strict, "PrimaryContainer": m{"Image": nowhere}, "VpcConfig": vpc})
}

// why is what is told, and the error behind it.
func why(api *client, name string) (story *jobStory, said string) {
	w := &whyCommand{connectionFlags: connectionFlags{Job: name, Protocol: "tcp"}}
	story, err := w.jobs(api)
	if story != nil {
		said = story.tell()
	}
	if err != nil {
		said += "error: " + err.Error()
	}
	return story, said
}

// TestWhyAJobFailed asks of jobs of every kind, of a name that several have, and as somebody who may ask some of it only.
func TestWhyAJobFailed(t *testing.T) {
	o := newOffice(t)
	o.open()
	has := func(said string, wanted ...string) {
		t.Helper()
		for _, want := range wanted {
			if !strings.Contains(said, want) {
				t.Errorf("%q is not in\n%s", want, said)
			}
		}
	}
	const bare, noImage, lost = "It has no VpcConfig: it is in no network of the account's.\n", "Failed: ClientError: ", "    => does not arrive: "
	story, said := why(o.api, o.long)
	has(said, "Training job "+o.long+": Failed, made 2", noImage+"Cannot find the training image "+nowhere, bare)
	if len(story.Jobs) != 1 || strings.Contains(said, "error: ") || strings.Contains(said, "From ") {
		t.Error(said)
	}
	story, said = why(o.api, "same")
	has(said, "Training job same: Failed", "\n\nProcessing job same: Failed", noImage+"Cannot find the image "+nowhere, "is UDP to port 500,", "\n\nCompilation job same: FAILED", bare)
	if len(story.Jobs) != 3 || strings.Count(said, bare) != 2 || strings.Count(said, "\nFrom ") != 2 || strings.Contains(said, "error: ") {
		t.Fatal(said)
	}
	b, err := json.Marshal(story)
	has(string(b), `{"Jobs":[{"Kind":"TrainingJob","Name":"same","Status":"Failed","Created":"2`, `"FailureReason":"ClientError: Cannot find the image `, `"Encrypted":true`,
		`"VpcConfig":null`, `"VpcConfig":{"Subnets":["`+o.subnet+`"]`, `"Connections":[{"From":"`, `{"Peer":"`+o.subnet+`","From":"`, `"Reaches":false`, `"Kind":"CompilationJob"`)
	if err != nil || story.Jobs[1].Connections[1].Explanation.Protocol != "udp" {
		t.Errorf("%v %s", err, b)
	}
	for name, first := range map[string]string{"transformed": "Transform job transformed: Failed", "recommended": "Inference Recommender job recommended: FAILED", "tuned": "Tuning job tuned: Failed"} {
		if _, said = why(o.api, name); !strings.HasPrefix(said, first) || strings.Contains(said, "error: ") {
			t.Error(said)
		}
		has(said, "\nFailed: ", lost, "a host of the same groups in "+o.subnet)
	}
	story, said = why(o.api, "tuned")
	has(said, "Failed: No training job succeeded after 2 attempts.", "\n  trial tuned-001-", "\n  trial tuned-002-", " failed: ClientError: Cannot find the training image "+nowhere)
	if tried := story.Jobs[0]; len(tried.FailedTrials) != 2 || tried.MoreFailedTrials != 0 || !strings.HasPrefix(tried.FailedTrials[0].TrainingJobName, "tuned-001-") {
		t.Errorf("%+v", tried)
	}
	if _, said = why(o.api, "none"); said != "error: there is no job none in us-east-1" {
		t.Error(said)
	}
	o.asAnn(has)
	o.withoutModel(has)
	o.may(`{"Effect":"Allow","Resource":"arn:aws:ec2:us-east-1:*:subnet/` + o.subnet + `","Action":"cloister:ExplainConnection"}`)
	for peer, want := range map[string]string{o.subnet: "", "subnet-0123456789abcdef0": "AccessDeniedException"} {
		_, err := explain(o.ann, m{"SubnetId": o.subnet, "SecurityGroupIds": o.vpc["SecurityGroupIds"], "To": ":1", "PeerSubnetId": peer})
		if refusal(err) != want {
			t.Errorf("who may ask about %s asks about the way to %s: %v", o.subnet, peer, err)
		}
	}
}

// asAnn asks as somebody who may do so much.
func (o *office) asAnn(has func(string, ...string)) {
	allow := func(actions string) string { return `{"Effect":"Allow","Resource":"*","Action":[` + actions + `]}` }
	const describe = `"sagemaker:DescribeTrainingJob","sagemaker:DescribeHyperParameterTuningJob"`
	not := func(what string) string {
		return "AccessDeniedException: User: " + o.workplace.ann.Identity.ARN + " is not authorized to perform: " + what
	}
	for _, c := range []struct {
		actions, job string
		says         []string
		never        string
	}{
		{`"iam:GetUser"`, "same", []string{"error: no job same was found in us-east-1, but the caller may not look for jobs of every kind:\n  training job: " + not("sagemaker:DescribeTrainingJob"),
			"\n  Inference Recommender job: " + not("sagemaker:DescribeInferenceRecommendationsJob")}, "there is no job"},
		{describe, "none", []string{"error: no job none was found", "\n  processing job: "}, "\n  training job: "},
		{describe, "same", []string{"Training job same: Failed", "\nThe caller may not look for jobs of every kind:\n  processing job: " + not("sagemaker:DescribeProcessingJob")}, "error: "},
		{describe, "tuned", []string{"Failed: No training job succeeded", "\n  2 of its trials failed\n", "error: which trials failed: " + not("sagemaker:ListTrainingJobsForHyperParameterTuningJob"),
			"\n" + not("cloister:ExplainConnection")}, "trial tuned"},
		{`"sagemaker:Describe*Job"`, "transformed", []string{"Transform job transformed: Failed", "\nIts network is not known.\n",
			"error: the model m, whose network the job has: " + not("sagemaker:DescribeModel")}, "no network of"},
	} {
		o.may(allow(c.actions))
		_, said := why(o.ann, c.job)
		if has(said, c.says...); strings.Contains(said, c.never) {
			o.t.Errorf("%s, with %s:\n%s", c.job, c.actions, said)
		}
	}
}

// withoutModel asks of a job whose model is gone, and then of another time's.
func (o *office) withoutModel(has func(string, ...string)) {
	o.do(o.workplace.root, "sagemaker", "DeleteModel", &sagemaker.DeleteModelInput{ModelName: new("m")})
	_, said := why(o.api, "transformed")
	has(said, "Failed: ClientError: The image", "Its network is not known.", "error: the model m, whose network the job has: ValidationException: ")
	o.model("m", o.vpc)
	_, said = why(o.api, "transformed")
	has(said, "Failed: ClientError: The image", "Its network is not known.", "error: the model m is newer than the job: ")
}

// TestManyTrialsThatFailed: so many are told of, in a line each, and the others are counted. What containers write as a
// reason does nothing to a terminal.
func TestManyTrialsThatFailed(t *testing.T) {
	j := &toldJob{Kind: "HyperParameterTuningJob", Name: "t", Status: "InProgress", MoreFailedTrials: 7, VpcConfig: &vpcConfig{},
		Connections: []connection{{"", &ec2.Explanation{From: "f", Note: "no address"}}}}
	for i := range mostTrials {
		j.FailedTrials = append(j.FailedTrials, failedTrial{fmt.Sprint("t-", i), "AlgorithmError: a\n\x1b[2Jb"})
	}
	said := (&jobStory{Jobs: []*toldJob{j}}).tell()
	if strings.Count(said, " failed: AlgorithmError: a [2Jb\n") != mostTrials || !strings.Contains(said, "\n  and 7 more of its trials failed\n") {
		t.Errorf("%q", said)
	}
}
