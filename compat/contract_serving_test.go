package compat

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// host makes two models, and has one serve as an endpoint and the other in a transform job.
func (c *contract) host(t *testing.T) {
	t.Helper()
	for name, data := range map[string]m{
		"packed": {"ModelDataUrl": "s3://" + bucket + "/model.tar.gz"},
		"loose":  {"ModelDataSource": m{"S3DataSource": m{"S3Uri": "s3://" + bucket + "/tree/", "S3DataType": "S3Prefix", "CompressionType": "None"}}},
	} {
		data["Image"], data["ContainerHostname"], data["Environment"] = recorder, "front", m{"COLOUR": "of the model", "OF": "model"}
		c.create(t, "CreateModel", m{"ModelName": name, "ExecutionRoleArn": role, "VpcConfig": c.network(), "PrimaryContainer": data})
	}
	c.create(t, "CreateEndpointConfig", m{"EndpointConfigName": "contract", "ProductionVariants": []m{
		{"VariantName": "all", "ModelName": "packed", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}}})
	c.create(t, "CreateEndpoint", m{"EndpointName": "endpoint-One", "EndpointConfigName": "contract"})
	c.create(t, "CreateTransformJob", c.transformJob("transform-One"))
}

func (c *contract) transformJob(name string) m {
	return m{
		"TransformJobName": name, "ModelName": "loose", "MaxPayloadInMB": 1, "Environment": m{"OF": "job"},
		"TransformInput":     m{"ContentType": "text/csv", "DataSource": m{"S3DataSource": m{"S3DataType": "S3Prefix", "S3Uri": "s3://" + bucket + "/batch/"}}},
		"TransformOutput":    m{"S3OutputPath": "s3://" + bucket + "/out/transform", "Accept": "application/json"},
		"TransformResources": m{"InstanceType": "ml.m5.large", "InstanceCount": 1},
	}
}

// readEndpoint invokes the endpoint and deletes it.
func (g *evidence) readEndpoint(t *testing.T) {
	t.Helper()
	if status := g.serving(t, g.name, "InService", "Failed"); status != "InService" {
		t.Fatalf("the endpoint is %s: %v", status, g.call(t, "sagemaker", "SageMaker.DescribeEndpoint", `{"EndpointName":"`+g.name+`"}`))
	}
	out, err := g.signed(t, "sagemaker", "-i", "-H", "Content-Type: text/x-mine", "-H", "Accept: text/y-mine", "-H", "X-Amzn-SageMaker-Custom-Attributes: mine", "-H", "X-Mine: mine",
		"-H", "Cookie: mine", "--data-binary", "asked", "https://"+g.listen+"/endpoints/"+g.name+"/invocations")
	head, body, _ := strings.Cut(out, "\r\n\r\n")
	if err != nil || !strings.Contains(head, " 200") {
		t.Fatal(err, out)
	}
	g.packed["head"] = head
	g.keep(t, body)
	g.create(t, "DeleteEndpoint", m{"EndpointName": g.name})
	g.readLogs(t, "/aws/sagemaker/Endpoints/"+g.name, "all/", "heard ")
}

func (g *evidence) readTransform(t *testing.T) {
	t.Helper()
	g.settle(t, "TransformJob", "TransformJobName")
	text, ok := g.object(t, "out/transform/in/one.csv.out")
	if !ok {
		t.Fatalf("no output: %v\nthe server: %s", g.says, g.lastWords())
	}
	g.keep(t, text)
	g.readLogs(t, "/aws/sagemaker/TransformJobs", g.name+"/", "heard ")
}

// headers are those that a container was sent, without those of the connection itself.
func (w *written) headers() map[string][]string {
	out := map[string][]string{}
	for k, v := range w.Asked.Header {
		if k != "Accept-Encoding" && k != "User-Agent" {
			out[k] = v
		}
	}
	return out
}

// serves are rows of every container that serves; model is how its model is brought.
func serves(of, model string, more ...row) []row {
	return append([]row{
		{"the word serve takes the command's place", of, func(t *testing.T, g *evidence) {
			same(t, g.at(t, "front").Args, []string{"/recorder", "of-the-entrypoint", "serve"})
		}},
		{"the container's host name is the model's", of, func(t *testing.T, g *evidence) { same(t, g.at(t, "front").Hostname, "front") }},
		{model + " and cannot be written", of, func(t *testing.T, g *evidence) {
			w := g.at(t, "front")
			same(t, w.below("/opt/ml/model"), map[string]string{"sub/weights": "w"})
			if no := w.Written["/opt/ml/model"]; no == "" {
				t.Error("it can be written")
			}
		}},
		{"the image's user and directory hold", of, func(t *testing.T, g *evidence) {
			w := g.at(t, "front")
			same(t, []any{w.User, w.Group, w.Directory}, []any{4711, 4712, "/etc"})
		}},
		{"the role's credentials are told", of, func(t *testing.T, g *evidence) { same(t, g.at(t, "front").Lent, "200 OK "+role) }},
		{"the interface is the subnet's", of, func(t *testing.T, g *evidence) {
			if at := g.at(t, "front").Links["eth0"]; len(at) != 1 || !strings.HasPrefix(at[0], "10.0.") {
				t.Errorf("eth0 is at %v", at)
			}
		}},
		{"health is asked for at port 8080", of, func(t *testing.T, g *evidence) {
			if !slices.Contains(g.at(t, "front").Before, "GET /ping AHC/2.0") {
				t.Error(g.at(t, "front").Before)
			}
		}},
		{"the end is SIGTERM", of, func(t *testing.T, g *evidence) {
			for _, lines := range g.logs {
				if slices.Contains(lines, "heard terminated") {
					return
				}
			}
			t.Error(g.logs)
		}},
	}, more...)
}

var hostingRows = serves("endpoint-One", "the model's archive is unpacked",
	row{"the container's variables are the model's", "endpoint-One", func(t *testing.T, g *evidence) {
		w := g.at(t, "front")
		colour, _ := w.env("COLOUR")
		greeting, _ := w.env("GREETING")
		_, batch := w.env("SAGEMAKER_BATCH")
		same(t, []any{colour, greeting, batch}, []any{"of the model", "of the image", false})
	}},
	row{"a request has its body and only InvokeEndpoint's headers", "endpoint-One", func(t *testing.T, g *evidence) {
		w := g.at(t, "front")
		same(t, []any{w.Asked.Method, w.Asked.Path, w.Asked.Body}, []any{"POST", "/invocations", "asked"})
		same(t, w.headers(), map[string][]string{"Content-Type": {"text/x-mine"}, "Accept": {"text/y-mine"}, "X-Amzn-Sagemaker-Custom-Attributes": {"mine"}, "Content-Length": {"5"}})
	}},
	row{"an answer has its type, its attributes and the variant", "endpoint-One", func(t *testing.T, g *evidence) {
		head := http.Header{}
		for _, line := range strings.Split(g.packed["head"], "\r\n")[1:] {
			k, v, _ := strings.Cut(line, ": ")
			head.Set(k, v)
		}
		same(t, []string{head.Get("Content-Type"), head.Get("X-Amzn-SageMaker-Custom-Attributes"), head.Get("x-Amzn-Invoked-Production-Variant")}, []string{"application/json", "answered", "all"})
	}},
)

var transformRows = serves("transform-One", "a model of several objects is as they are",
	row{"the container's variables are the model's, then the job's", "transform-One", func(t *testing.T, g *evidence) {
		w := g.at(t, "front")
		colour, _ := w.env("COLOUR")
		of, _ := w.env("OF")
		same(t, []any{colour, of}, []any{"of the model", "job"})
	}},
	row{"of the batch's variables those are set that the request says", "transform-One", func(t *testing.T, g *evidence) {
		w := g.at(t, "front")
		batch, _ := w.env("SAGEMAKER_BATCH")
		payload, _ := w.env("SAGEMAKER_MAX_PAYLOAD_IN_MB")
		_, strategy := w.env("SAGEMAKER_BATCH_STRATEGY")
		_, concurrency := w.env("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS")
		same(t, []any{batch, payload, strategy, concurrency}, []any{"true", "1", false, false})
	}},
	row{"the container is asked for its parameters, which it need not have", "transform-One", func(t *testing.T, g *evidence) {
		if before := g.at(t, "front").Before; !strings.HasPrefix(strings.Join(before, "\n"), "GET /ping") || !strings.Contains(strings.Join(before, "\n"), "\nGET /execution-parameters ") {
			t.Error(before)
		}
	}},
	row{"an object is a request with the job's types", "transform-One", func(t *testing.T, g *evidence) {
		w := g.at(t, "front")
		same(t, []any{w.Asked.Method, w.Asked.Path, w.Asked.Body}, []any{"POST", "/invocations", "9,9\n"})
		same(t, w.headers(), map[string][]string{"Content-Type": {"text/csv"}, "Accept": {"application/json"}, "Content-Length": {"4"}})
	}},
	row{"the log's streams are the instance's and the platform's", "transform-One", func(t *testing.T, g *evidence) {
		streams := strings.Join(g.streams(), " ")
		if !regexp.MustCompile(`^transform-One/i-[0-9a-f]{17}-TIME transform-One/i-[0-9a-f]{17}/data-log$`).MatchString(streams) {
			t.Error(streams)
		}
	}},
	row{"all objects done is Completed", "transform-One", func(t *testing.T, g *evidence) {
		same(t, []any{g.says["TransformJobStatus"], g.says["FailureReason"]}, []any{"Completed", nil})
	}},
)
