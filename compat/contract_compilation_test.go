package compat

import "testing"

// compile asks for a compilation job, which the operator's compiler does: the recorder.
func (c *contract) compile(t *testing.T) {
	t.Helper()
	c.create(t, "CreateCompilationJob", m{
		"CompilationJobName": "compilation-One", "RoleArn": role, "StoppingCondition": m{"MaxRuntimeInSeconds": 900},
		"InputConfig":  m{"S3Uri": "s3://" + bucket + "/model.tar.gz", "Framework": "ONNX"},
		"OutputConfig": m{"S3OutputLocation": "s3://" + bucket + "/out/compilation/", "TargetDevice": "ml_c5"},
		"VpcConfig":    c.network(),
	})
}

func (g *evidence) readCompilation(t *testing.T) {
	t.Helper()
	in := string(encoded(t, m{"CompilationJobName": g.name}))
	g.reaches(t, "DescribeCompilationJob", in, "CompilationJobStatus", "COMPLETED", "FAILED", "STOPPED")
	g.says = g.call(t, "sagemaker", "SageMaker.DescribeCompilationJob", in)
	archive, ok := g.object(t, "out/compilation/model-ml_c5.tar.gz")
	if !ok {
		t.Fatalf("no model: %v\nthe server: %s", g.says, g.lastWords())
	}
	g.keep(t, unpack(t, archive)["algo-1.json"])
	g.readLogs(t, "/aws/sagemaker/CompilationJobs", g.name+"/", "recorded algo-")
}

var compilationRows = []row{
	{"the compiler runs as it is", "compilation-One", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		same(t, []any{w.Args, w.User, w.Directory}, []any{[]string{"/recorder", "of-the-entrypoint", "of-the-command"}, 4711, "/etc"})
	}},
	{"the compiler is given the unpacked model and the request", "compilation-One", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		same(t, w.below("/opt/ml/input/data/model"), map[string]string{"sub/weights": "w"})
		document(t, w.Files["/opt/ml/input/config/compilationjobconfig.json"].Text, `{"CompilationJobName":"compilation-One",
			"CompilationJobArn":"arn:aws:sagemaker:`+region+`:`+account+`:compilation-job/compilation-one",
			"InputConfig":{"S3Uri":"s3://`+bucket+`/model.tar.gz","Framework":"ONNX","DataInputConfig":null,"FrameworkVersion":null},
			"OutputConfig":{"S3OutputLocation":"s3://`+bucket+`/out/compilation/","TargetDevice":"ml_c5","TargetPlatform":null,"CompilerOptions":null,"KmsKeyId":null}}`)
	}},
	{"the compiler's variables and credentials", "compilation-One", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-1")
		name, _ := w.env("COMPILATION_JOB_NAME")
		same(t, []any{name, w.Lent}, []any{"compilation-One", "200 OK " + role})
	}},
	{"the compiled model has the target in its name", "compilation-One", func(t *testing.T, g *evidence) {
		same(t, g.says["ModelArtifacts"], m{"S3ModelArtifacts": "s3://" + bucket + "/out/compilation/model-ml_c5.tar.gz"})
	}},
	{"statuses of compilation are in capital letters", "compilation-One", func(t *testing.T, g *evidence) {
		same(t, g.says["CompilationJobStatus"], "COMPLETED")
	}},
}
