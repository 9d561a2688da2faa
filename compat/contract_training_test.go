package compat

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

const recorder = "mine:1"

// contractJob is what all training jobs here have in common, with changes.
func (c *contract) contractJob(name string, change m) m {
	job := m{
		"TrainingJobName": name, "RoleArn": role, "AlgorithmSpecification": m{"TrainingImage": recorder, "TrainingInputMode": "File"},
		"OutputDataConfig": m{"S3OutputPath": "s3://" + bucket + "/out"}, "StoppingCondition": m{"MaxRuntimeInSeconds": 600},
		"ResourceConfig": m{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
	}
	for k, v := range change {
		job[k] = v
	}
	return job
}

// network is the VPC as requests name it.
func (c *contract) network() m {
	return m{"Subnets": c.subnets[:], "SecurityGroupIds": []string{c.group}}
}

// runs is the specification of an algorithm with more.
func runs(more m) m {
	more["TrainingImage"], more["TrainingInputMode"] = recorder, "File"
	return more
}

// train asks for the training jobs.
func (c *contract) train(t *testing.T) {
	t.Helper()
	from := func(kind, key string, more m) m {
		s3 := m{"S3DataType": kind, "S3Uri": "s3://" + bucket + "/" + key}
		for k, v := range more {
			s3[k] = v
		}
		return m{"S3DataSource": s3}
	}
	channel := func(name string, source m, more m) m {
		ch := m{"ChannelName": name, "DataSource": source}
		for k, v := range more {
			ch[k] = v
		}
		return ch
	}
	pipe := "Pipe"
	c.create(t, "CreateTrainingJob", c.contractJob("training-Given", m{
		"HyperParameters": m{"quoted": `"abc"`, "number": "10"}, "VpcConfig": c.network(), "ResourceConfig": m{"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
		"Environment": m{"COLOUR": "of the request", "ORDER": "passes=2 early=stream write=/opt/ml/model/same:HOST write=/opt/ml/output/data/extra:more " +
			"remove=/opt/ml/checkpoints/gone write=/opt/ml/checkpoints/sub/new:HOST say=both"},
		"CheckpointConfig": m{"S3Uri": "s3://" + bucket + "/chk"},
		"InputDataConfig": []m{
			channel("whole", from("S3Prefix", "data/", nil), m{"ContentType": "text/csv"}),
			channel("word", from("S3Prefix", "data", nil), nil),
			channel("part", from("S3Prefix", "data/", m{"S3DataDistributionType": "ShardedByS3Key"}), nil),
			channel("listed", from("ManifestFile", "manifest", nil), nil),
			channel("zipped", from("S3Prefix", "zip/", nil), nil),
			channel("fast", from("S3Prefix", "data/", nil), m{"InputMode": "FastFile"}),
			channel("stream", from("S3Prefix", "data/", nil), m{"InputMode": pipe}),
			channel("turn", from("S3Prefix", "data/", m{"S3DataDistributionType": "ShardedByS3Key"}), m{"InputMode": pipe}),
			channel("unzip", from("S3Prefix", "zip/", nil), m{"InputMode": pipe, "CompressionType": "Gzip"}),
			channel("wrapped", from("S3Prefix", "data/", nil), m{"InputMode": pipe, "RecordWrapperType": "RecordIO"}),
			channel("mixed", from("S3Prefix", "mix/", nil), m{"InputMode": pipe, "ShuffleConfig": m{"Seed": 7}}),
			channel("lines", from("AugmentedManifestFile", "lines", m{"AttributeNames": []string{"label", "x-ref"}}), m{"InputMode": pipe, "RecordWrapperType": "RecordIO"}),
		},
	}))
	c.create(t, "CreateTrainingJob", c.contractJob("training-entry", m{
		"VpcConfig": c.network(), "EnableNetworkIsolation": true, "AlgorithmSpecification": runs(m{"ContainerEntrypoint": []string{"/recorder", "to=/opt/ml/output/data"}}),
		"InputDataConfig": []m{channel("whole", from("S3Prefix", "data/", nil), nil)},
		"Environment":     m{"ORDER": "exit=3 fill=/opt/ml/output/failure:2000 write=/opt/ml/model/m:x outside=s3." + region + ".amazonaws.com:443"},
	}))
	c.create(t, "CreateTrainingJob", c.contractJob("training-args", m{
		"AlgorithmSpecification": runs(m{"ContainerArguments": []string{"one", "two"}, "MetricDefinitions": []m{{"Name": "loss", "Regex": "loss:([0-9.]+)"}}}),
		"Environment":            m{"ORDER": "to=/opt/ml/output/data say=loss:0.75 say=loss:0.5 outside=api.sagemaker." + region + ".amazonaws.com:443"},
	}))
	c.create(t, "CreateTrainingJob", c.contractJob("training-both", m{
		"VpcConfig": c.network(), "AlgorithmSpecification": runs(m{"ContainerEntrypoint": []string{"/recorder"}, "ContainerArguments": []string{"wait=yes"}}),
		"CheckpointConfig": m{"S3Uri": "s3://" + bucket + "/other/", "LocalPath": "/checkpoints"}, "Environment": m{"ORDER": "write=/checkpoints/here:yes watch=/checkpoints exit=9"},
		"OutputDataConfig": m{"S3OutputPath": "s3://" + bucket + "/out/", "CompressionType": "NONE"},
	}))
	c.create(t, "CreateTrainingJob", c.contractJob("training-groups", m{
		"ResourceConfig": m{"VolumeSizeInGB": 1, "InstanceGroups": []m{
			{"InstanceGroupName": "first", "InstanceType": "ml.m5.large", "InstanceCount": 1}, {"InstanceGroupName": "second", "InstanceType": "ml.m5.xlarge", "InstanceCount": 1}}},
		"InputDataConfig": []m{channel("theirs", from("S3Prefix", "data/", m{"InstanceGroupNames": []string{"second"}}), nil)},
	}))
	c.create(t, "CreateTrainingJob", c.contractJob("training-eats", m{
		"ResourceConfig": m{"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}, "Environment": m{"ORDER": "say=recorded:algo-1 eat=yes"},
	}))
	c.create(t, "CreateTrainingJob", c.contractJob("training-late", m{
		"StoppingCondition": m{"MaxRuntimeInSeconds": 8}, "Environment": m{"ORDER": "wait=yes exit=5"},
	}))
}

// readTraining waits for a training job's end; one of them it stops, as soon as its checkpoint is in S3.
func (g *evidence) readTraining(t *testing.T) {
	t.Helper()
	if g.name == "training-both" {
		waitFor(t, "no checkpoint comes to S3 while its job trains", func() bool { _, ok := g.object(t, "other/here"); return ok })
		g.put(t, "other/late", "late")
		g.create(t, "StopTrainingJob", m{"TrainingJobName": g.name})
	}
	g.settle(t, "TrainingJob", "TrainingJobName")
	at := "out/" + g.name + "/output/"
	for _, kind := range []string{"model", "output"} {
		if text, ok := g.object(t, at+kind+".tar.gz"); ok {
			for name, member := range unpack(t, text) {
				g.packed[kind+"/"+name] = member
			}
		}
		if text, ok := g.object(t, at+kind+"/algo-1.json"); ok {
			g.packed["loose/algo-1.json"] = text
		}
	}
	for name, text := range g.packed {
		if strings.HasSuffix(name, ".json") {
			g.keep(t, text)
		}
	}
	g.readLogs(t, "/aws/sagemaker/TrainingJobs", g.name+"/", "recorded")
}

var trainingRows = []row{
	{"without an override the word train takes the command's place", "training-Given", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Args, []string{"/recorder", "of-the-entrypoint", "train"})
	}},
	{"an entrypoint alone runs without the word train", "training-entry", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Args, []string{"/recorder", "to=/opt/ml/output/data"})
	}},
	{"arguments alone follow the image's entrypoint", "training-args", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Args, []string{"/recorder", "of-the-entrypoint", "one", "two"})
	}},
	{"entrypoint and arguments are the whole command", "training-both", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Args, []string{"/recorder", "wait=yes"})
	}},
	{"the image's user, directory and variables hold", "training-Given", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		greeting, _ := w.env("GREETING")
		same(t, []any{w.User, w.Group, w.Directory, greeting}, []any{4711, 4712, "/etc", "of the image"})
	}},
	{"what the image has below opt ml is hidden", "training-Given", func(t *testing.T, g *evidence) {
		if _, there := g.at(t, "algo-1").Files["/opt/ml/hidden"]; there {
			t.Error("it is there")
		}
	}},
	{"hyperparameters are strings as they were given", "training-Given", func(t *testing.T, g *evidence) {
		document(t, g.at(t, "algo-1").Files["/opt/ml/input/config/hyperparameters.json"].Text, `{"quoted":"\"abc\"","number":"10"}`)
	}},
	{"without hyperparameters the file has none", "training-args", func(t *testing.T, g *evidence) {
		document(t, g.at(t, "algo-1").Files["/opt/ml/input/config/hyperparameters.json"].Text, `{}`)
	}},
	{"the channels' configuration", "training-Given", func(t *testing.T, g *evidence) {
		one := func(mode, distribution, wrapper string) string {
			return `{"TrainingInputMode":"` + mode + `","S3DistributionType":"` + distribution + `","RecordWrapperType":"` + wrapper + `"}`
		}
		all, sharded := "FullyReplicated", "ShardedByS3Key"
		document(t, g.at(t, "algo-2").Files["/opt/ml/input/config/inputdataconfig.json"].Text, `{
			"whole":{"TrainingInputMode":"File","S3DistributionType":"FullyReplicated","RecordWrapperType":"None","ContentType":"text/csv"},
			"word":`+one("File", all, "None")+`,"part":`+one("File", sharded, "None")+`,"listed":`+one("File", all, "None")+`,"zipped":`+one("File", all, "None")+`,
			"fast":`+one("FastFile", all, "None")+`,"stream":`+one("Pipe", all, "None")+`,"turn":`+one("Pipe", sharded, "None")+`,"unzip":`+one("Pipe", all, "None")+`,
			"wrapped":`+one("Pipe", all, "RecordIO")+`,"mixed":`+one("Pipe", all, "None")+`,"lines":`+one("Pipe", all, "RecordIO")+`}`)
	}},
	{"the resources' configuration", "training-Given", func(t *testing.T, g *evidence) {
		for _, host := range []string{"algo-1", "algo-2"} {
			document(t, g.at(t, host).Files["/opt/ml/input/config/resourceconfig.json"].Text, `{"current_host":"`+host+`","hosts":["algo-1","algo-2"],
				"network_interface_name":"eth0","current_instance_type":"ml.m5.large","current_group_name":"homogeneousCluster",
				"instance_groups":[{"instance_group_name":"homogeneousCluster","instance_type":"ml.m5.large","hosts":["algo-1","algo-2"]}]}`)
		}
	}},
	{"instance groups in the resources' configuration", "training-groups", func(t *testing.T, g *evidence) {
		document(t, g.at(t, "algo-2").Files["/opt/ml/input/config/resourceconfig.json"].Text, `{"current_host":"algo-2","hosts":["algo-1","algo-2"],
			"network_interface_name":"eth0","current_instance_type":"ml.m5.xlarge","current_group_name":"second","instance_groups":[
			{"instance_group_name":"first","instance_type":"ml.m5.large","hosts":["algo-1"]},{"instance_group_name":"second","instance_type":"ml.m5.xlarge","hosts":["algo-2"]}]}`)
	}},
	{"there are no other files of configuration", "training-Given", func(t *testing.T, g *evidence) {
		var names []string
		for name := range g.at(t, "algo-1").below("/opt/ml/input/config") {
			names = append(names, name)
		}
		slices.Sort(names)
		same(t, names, []string{"hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"})
	}},
	{"the places for results are there and any user may write", "training-Given", func(t *testing.T, g *evidence) {
		for _, dir := range []string{"model", "output", "output/data", "checkpoints"} {
			if mode := g.at(t, "algo-1").Files["/opt/ml/"+dir].Mode; mode != "drwxrwxrwx" {
				t.Errorf("%s is %q", dir, mode)
			}
		}
		for _, at := range []string{"/opt/ml", "/opt/ml/model", "/opt/ml/checkpoints", "/tmp", "/dev/shm"} {
			same(t, g.at(t, "algo-1").Written[at], "")
		}
	}},
	{"the platform's variables", "training-Given", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-2")
		for name, want := range map[string]string{
			"TRAINING_JOB_NAME": "training-Given", "TRAINING_JOB_ARN": "arn:aws:sagemaker:" + region + ":" + account + ":training-job/training-given",
			"AWS_REGION": region, "CURRENT_HOST": "algo-2", "COLOUR": "of the request",
		} {
			value, _ := w.env(name)
			same(t, value, want)
		}
	}},
	{"no variable is the platform's beyond these", "training-Given", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		same(t, w.names(), map[string]bool{"PATH": true, "GREETING": true, "COLOUR": true, "ORDER": true, "TRAINING_JOB_NAME": true, "TRAINING_JOB_ARN": true,
			"AWS_REGION": true, "CURRENT_HOST": true, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": true, "HOME": w.names()["HOME"]})
	}},
	{"the role's credentials are told", "training-Given", func(t *testing.T, g *evidence) { same(t, g.at(t, "algo-1").Lent, "200 OK "+role) }},
	{"each host is called by its name and finds the others", "training-Given", func(t *testing.T, g *evidence) {
		one, two := g.at(t, "algo-1"), g.at(t, "algo-2")
		same(t, []string{one.Hostname, two.Hostname}, []string{"algo-1", "algo-2"})
		same(t, one.Peers, two.Peers)
		for name, at := range one.Peers {
			if !strings.HasPrefix(at, "10.0.") || !strings.Contains(one.Etc["hosts"], at+" "+name+"\n") && !strings.Contains(one.Etc["hosts"], at+"\t"+name+"\n") {
				t.Errorf("%s is at %s; %s", name, at, one.Etc["hosts"])
			}
		}
	}},
	{"the interface that the configuration names is the subnet's", "training-Given", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		same(t, w.Links, map[string][]string{"eth0": {w.Peers["algo-1"] + "/24"}})
	}},
	{"the resolver is the VPC's", "training-Given", func(t *testing.T, g *evidence) {
		if text := g.at(t, "algo-1").Etc["resolv.conf"]; !strings.Contains(text, "nameserver 10.0.0.2\n") {
			t.Error(text)
		}
	}},
	{"nothing else of this machine is mounted", "training-Given", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		kernel := regexp.MustCompile(`^/(proc|sys|dev)(/|$)`)
		for at, how := range w.Mounts {
			access := strings.Split(strings.Fields(how)[1], ",")[0]
			switch {
			case kernel.MatchString(at):
			case at == "/opt/ml", at == "/opt/ml/checkpoints", at == "/tmp":
				same(t, access, "rw")
			case at == "/", strings.HasPrefix(at, "/etc/"), at == "/opt/ml/input/data/fast":
				same(t, access, "ro")
			default:
				t.Errorf("%s is %s", at, how)
			}
		}
	}},
	{"the first process has no rights of the machine's", "training-Given", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		same(t, []any{w.PID, w.Rights["CapEff"], w.Rights["CapBnd"], w.Rights["NoNewPrivs"]}, []any{1, "0000000000000000", "0000000000000000", "1"})
	}},
	{"the instance type's processors and memory are the limits", "training-Given", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Limits["memory"], "8589934592")
		if cpu := g.at(t, "algo-1").Limits["cpu"]; cpu == "" || cpu == "-1" || cpu == "max" {
			t.Errorf("processor time %q", cpu)
		}
	}},
	{"an isolated container has no network and no credentials", "training-entry", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		_, told := w.env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
		same(t, []any{told, w.Lent, len(w.Links)}, []any{false, "nowhere to ask", 0})
		if w.Outside == "reached" || w.Outside == "" {
			t.Errorf("outside: %q", w.Outside)
		}
	}},
	{"an isolated container has its data all the same", "training-entry", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").below("/opt/ml/input/data/whole"), map[string]string{"a.csv": "1,2\n", "b/c.csv": "3,4\n"})
	}},
	{"a job without a VPC has the service's network", "training-args", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		same(t, []any{w.Outside, len(w.Links["eth0"]), w.Lent}, []any{"reached", 1, "200 OK " + role})
	}},
	{"each host has a log stream of its own", "training-Given", func(t *testing.T, g *evidence) {
		same(t, g.streams(), []string{"training-Given/algo-1-TIME", "training-Given/algo-2-TIME"})
	}},
	{"a line of either stream is an event", "training-Given", func(t *testing.T, g *evidence) {
		for name, lines := range g.logs {
			same(t, [2]bool{slices.Contains(lines, "both"), slices.Contains(lines, "both to stderr")}, [2]bool{true, true})
			if len(lines) != 3 {
				t.Errorf("%s: %q", name, lines)
			}
		}
	}},
}
