package compat

import (
	"slices"
	"strings"
	"testing"
)

const processingRoot = "/opt/ml/processing/"

// processingJob is what all processing jobs here have in common, with changes.
func (c *contract) processingJob(name string, hosts int, change m) m {
	job := m{
		"ProcessingJobName": name, "RoleArn": role, "AppSpecification": m{"ImageUri": recorder}, "NetworkConfig": m{"VpcConfig": c.network()},
		"ProcessingResources": m{"ClusterConfig": m{"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 1}},
		"ProcessingOutputConfig": m{"Outputs": []m{{"OutputName": "record", "S3Output": m{
			"LocalPath": processingRoot + "output", "S3Uri": "s3://" + bucket + "/out/" + name, "S3UploadMode": "EndOfJob"}}}},
	}
	for k, v := range change {
		job[k] = v
	}
	return job
}

// process asks for the processing jobs.
func (c *contract) process(t *testing.T) {
	t.Helper()
	in := func(name, kind, key string, more m) m {
		s3 := m{"S3DataType": kind, "S3Uri": "s3://" + bucket + "/" + key, "LocalPath": processingRoot + name, "S3InputMode": "File"}
		for k, v := range more {
			s3[k] = v
		}
		return m{"InputName": name, "S3Input": s3}
	}
	c.create(t, "CreateProcessingJob", c.processingJob("processing-Plain", 1, m{
		"Environment": m{"COLOUR": "of the request", "ORDER": "exit=4 write=/opt/ml/output/message:bye write=/opt/ml/processing/output/sub/f:x link=/opt/ml/processing/output/link:/etc/passwd"},
	}))
	c.create(t, "CreateProcessingJob", c.processingJob("processing-two", 2, m{
		"AppSpecification": m{"ImageUri": recorder, "ContainerEntrypoint": []string{"/recorder"}},
		"Environment":      m{"ORDER": "stream=/opt/ml/processing/stream_0,/opt/ml/processing/stream_1 write=/opt/ml/output/message:HOST;"},
		"ProcessingInputs": []m{
			in("whole", "S3Prefix", "data/", nil), in("part", "S3Prefix", "data/", m{"S3DataDistributionType": "ShardedByS3Key"}),
			in("listed", "ManifestFile", "manifest", nil), in("stream", "S3Prefix", "zip/", m{"S3InputMode": "Pipe", "S3CompressionType": "Gzip"}),
			{"InputName": "own", "AppManaged": true, "S3Input": in("own", "S3Prefix", "data/", nil)["S3Input"]},
		},
	}))
	c.create(t, "CreateProcessingJob", c.processingJob("processing-apart", 2, m{
		"AppSpecification": m{"ImageUri": recorder, "ContainerArguments": []string{"outside=s3." + region + ".amazonaws.com:443"}},
		"NetworkConfig":    m{"VpcConfig": c.network(), "EnableNetworkIsolation": true},
		"ProcessingInputs": []m{in("whole", "S3Prefix", "data/", nil)},
	}))
}

func (g *evidence) readProcessing(t *testing.T) {
	t.Helper()
	g.settle(t, "ProcessingJob", "ProcessingJobName")
	for _, host := range []string{"algo-1", "algo-2"} {
		if text, ok := g.object(t, "out/"+g.name+"/"+host+".json"); ok {
			g.keep(t, text)
		}
	}
	g.readLogs(t, "/aws/sagemaker/ProcessingJobs", g.name+"/", "recorded algo-")
}

var processingRows = []row{
	{"without an override the image's entrypoint and command run", "processing-Plain", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Args, []string{"/recorder", "of-the-entrypoint", "of-the-command"})
	}},
	{"an entrypoint alone ignores the image's command", "processing-two", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-2").Args, []string{"/recorder"})
	}},
	{"arguments alone follow the image's entrypoint", "processing-apart", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Args, []string{"/recorder", "of-the-entrypoint", "outside=s3." + region + ".amazonaws.com:443"})
	}},
	{"the request with its nulls is the job's configuration", "processing-Plain", func(t *testing.T, g *evidence) {
		document(t, g.at(t, "algo-1").Files["/opt/ml/config/processingjobconfig.json"].Text, `{
			"ProcessingJobArn":"arn:aws:sagemaker:`+region+`:`+account+`:processing-job/processing-plain","ProcessingJobName":"processing-Plain",
			"AppSpecification":{"ImageUri":"`+recorder+`","ContainerEntrypoint":null,"ContainerArguments":null},
			"Environment":{"COLOUR":"of the request","ORDER":"exit=4 write=/opt/ml/output/message:bye write=/opt/ml/processing/output/sub/f:x link=/opt/ml/processing/output/link:/etc/passwd"},
			"ProcessingInputs":[],
			"ProcessingOutputConfig":{"KmsKeyId":null,"Outputs":[{"OutputName":"record","AppManaged":false,"FeatureStoreOutput":null,"S3Output":{
				"LocalPath":"/opt/ml/processing/output","S3Uri":"s3://`+bucket+`/out/processing-Plain","S3UploadMode":"EndOfJob"}}]},
			"ProcessingResources":{"ClusterConfig":{"InstanceCount":1,"InstanceType":"ml.m5.large","VolumeSizeInGB":1,"VolumeKmsKeyId":null}},
			"RoleArn":"`+role+`","StoppingCondition":{"MaxRuntimeInSeconds":86400}}`)
	}},
	{"the configuration is not below input", "processing-two", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-2")
		document(t, w.Files["/opt/ml/config/resourceconfig.json"].Text,
			`{"current_host":"algo-2","hosts":["algo-1","algo-2"],"network_interface_name":"eth0","current_instance_type":"ml.m5.large"}`)
		if _, there := w.Files["/opt/ml/input"]; there {
			t.Error("there is /opt/ml/input")
		}
		same(t, len(w.below("/opt/ml/config")), 2)
	}},
	{"the platform's variables", "processing-Plain", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		for name, want := range map[string]string{
			"PROCESSING_JOB_NAME": "processing-Plain", "PROCESSING_JOB_ARN": "arn:aws:sagemaker:" + region + ":" + account + ":processing-job/processing-plain",
			"AWS_REGION": region, "COLOUR": "of the request", "GREETING": "of the image",
		} {
			value, _ := w.env(name)
			same(t, value, want)
		}
		same(t, w.Lent, "200 OK "+role)
	}},
	{"the image's user and directory hold", "processing-Plain", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		same(t, []any{w.User, w.Group, w.Directory, w.Hostname}, []any{4711, 4712, "/etc", "algo-1"})
	}},
	{"inputs are at their paths", "processing-two", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		same(t, w.below(processingRoot+"whole"), map[string]string{"a.csv": "1,2\n", "b/c.csv": "3,4\n"})
		same(t, w.below(processingRoot+"listed"), map[string]string{"b/c.csv": "3,4\n"})
	}},
	{"a sharded input is dealt out by key", "processing-two", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").below(processingRoot+"part"), map[string]string{"a.csv": "1,2\n"})
		same(t, g.at(t, "algo-2").below(processingRoot+"part"), map[string]string{"b/c.csv": "3,4\n"})
	}},
	{"a streamed input comes decompressed out of pipes", "processing-two", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Streams, map[string][]string{processingRoot + "stream_0": {"unzipped"}, processingRoot + "stream_1": {"unzipped"}})
		same(t, g.at(t, "algo-1").below("/opt/ml/processing")["stream_0"], "p")
	}},
	{"what the application manages is not copied", "processing-two", func(t *testing.T, g *evidence) {
		same(t, len(g.at(t, "algo-1").below(processingRoot+"own")), 0)
	}},
	{"the place for an output is there and any user may write", "processing-two", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Files[processingRoot+"output"].Mode, "drwxrwxrwx")
	}},
	{"outputs keep their paths and links are not followed", "processing-Plain", func(t *testing.T, g *evidence) {
		text, _ := g.object(t, "out/processing-Plain/sub/f")
		_, linked := g.object(t, "out/processing-Plain/link")
		same(t, []any{text, linked}, []any{"x", false})
	}},
	{"an end other than 0 is an algorithm's error", "processing-Plain", func(t *testing.T, g *evidence) {
		same(t, []any{g.says["ProcessingJobStatus"], g.says["FailureReason"]}, []any{"Failed", "AlgorithmError: , exit code: 4"})
	}},
	{"all 0 is Completed", "processing-two", func(t *testing.T, g *evidence) {
		same(t, []any{g.says["ProcessingJobStatus"], g.says["FailureReason"]}, []any{"Completed", nil})
	}},
	{"the message is told also of a job that failed", "processing-Plain", func(t *testing.T, g *evidence) { same(t, g.says["ExitMessage"], "bye") }},
	{"the messages of several hosts are one", "processing-two", func(t *testing.T, g *evidence) { same(t, g.says["ExitMessage"], "algo-1;algo-2;") }},
	{"hosts find each other", "processing-two", func(t *testing.T, g *evidence) {
		one, two := g.at(t, "algo-1"), g.at(t, "algo-2")
		same(t, one.Peers, two.Peers)
		same(t, []any{len(one.Peers), one.Links["eth0"], two.Links["eth0"]}, []any{2, []string{one.Peers["algo-1"] + "/24"}, []string{one.Peers["algo-2"] + "/24"}})
	}},
	{"isolated hosts have each other at the interface that is named, and their data", "processing-apart", func(t *testing.T, g *evidence) {
		one, two := g.at(t, "algo-1"), g.at(t, "algo-2")
		same(t, one.Peers, two.Peers)
		for host, w := range map[string]*written{"algo-1": one, "algo-2": two} {
			at := w.Links["eth0"]
			if len(w.Links) != 1 || len(at) != 1 || !strings.HasPrefix(at[0], w.Peers[host]+"/") || strings.HasPrefix(at[0], "10.0.1.") || strings.HasPrefix(at[0], "10.0.2.") {
				t.Errorf("%s: %v, and its peers are at %v", host, w.Links, w.Peers)
			}
			same(t, w.below(processingRoot+"whole"), map[string]string{"a.csv": "1,2\n", "b/c.csv": "3,4\n"})
		}
	}},
	{"isolated hosts have no credentials and reach nobody else", "processing-apart", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-2")
		_, told := w.env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
		same(t, []any{told, w.Lent, w.Outside == "reached"}, []any{false, "nowhere to ask", false})
	}},
	{"each host has a log stream of its own", "processing-two", func(t *testing.T, g *evidence) {
		streams := g.streams()
		same(t, streams, []string{"processing-two/algo-1-TIME", "processing-two/algo-2-TIME"})
		same(t, slices.ContainsFunc(streams, func(s string) bool { return strings.Contains(s, "data-log") }), false)
	}},
}
