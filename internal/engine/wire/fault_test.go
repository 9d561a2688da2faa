package wire

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
	"cloister/internal/value/shape/iam"
	"cloister/internal/value/shape/logs"
	"cloister/internal/value/shape/s3"
	"cloister/internal/value/shape/sagemaker"
	"cloister/internal/value/shape/sagemakerruntime"
)

const xmlHead = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

func TestFaults(t *testing.T) {
	kind := func(code string, status int) fault.Kind { return fault.Kind{Code: code, Status: status} }
	for _, c := range []struct {
		service string
		fault   *fault.Fault
		status  int
		body    string
	}{
		{"sagemaker", kind("ValidationException", 400).New(`Could not find model "%s".`, "a"), 400,
			`{"__type":"ValidationException","message":"Could not find model \"a\"."}`},
		{"sagemaker", kind("ResourceInUse", 400).New("x"), 400, `{"__type":"ResourceInUse","Message":"x"}`},
		{"sagemaker", kind("AccessDeniedException", 400).New("User: x"), 400, `{"__type":"AccessDeniedException","Message":"User: x"}`},
		{"logs", kind("ResourceNotFoundException", 400).New("x"), 400, `{"__type":"ResourceNotFoundException","message":"x"}`},
		{"logs", kind("MalformedQueryException", 400).New("x").With("queryCompileError", &logs.QueryCompileError{Message: new("m")}), 400,
			`{"__type":"MalformedQueryException","message":"x","queryCompileError":{"message":"m"}}`},
		{"sagemakerruntime", kind("ModelError", 424).New("m").With("OriginalStatusCode", 500).With("ErrorCode", "CLIENT_ERROR_FROM_MODEL"), 424,
			`{"Message":"m","ErrorCode":"CLIENT_ERROR_FROM_MODEL","OriginalStatusCode":500}`},
		{"iam", kind("NoSuchEntity", 404).New("The user with name <x> cannot be found."), 404,
			xmlHead + `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code>` +
				`<Message>The user with name &lt;x&gt; cannot be found.</Message></Error><RequestId>id</RequestId></ErrorResponse>`},
		{"iam", fault.Internal.New("x"), 500, xmlHead + `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Receiver</Type>` +
			`<Code>InternalFailure</Code><Message>x</Message></Error><RequestId>id</RequestId></ErrorResponse>`},
		{"ec2", kind("InvalidVpcID.NotFound", 400).New("The vpc ID 'vpc-1' does not exist"), 400,
			xmlHead + `<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>The vpc ID 'vpc-1' does not exist</Message></Error></Errors><RequestID>id</RequestID></Response>`},
		{"s3", kind("NoSuchKey", 404).New("The specified key does not exist.").With("Key", "a&b"), 404,
			xmlHead + `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>a&amp;b</Key><RequestId>id</RequestId><HostId>` + hostID("id") + `</HostId></Error>`},
	} {
		w := EncodeFault(model.MustLoad(c.service), nil, c.fault, "id")
		if w.Status != c.status || string(w.Bytes) != c.body || w.Length != int64(len(c.body)) {
			t.Errorf("%d %s\nwant %s", w.Status, w.Bytes, c.body)
		}
		header := "X-Amzn-Requestid"
		if c.service == "s3" {
			header = "X-Amz-Request-Id"
		}
		if w.Header.Get(header) != "id" {
			t.Error(w.Header)
		}
		if c.service == "sagemakerruntime" && w.Header.Get("x-amzn-ErrorType") != "ModelError" {
			t.Error(w.Header)
		}
	}
	w := EncodeFault(model.MustLoad("s3"), model.MustLoad("s3").Operations["HeadObject"], kind("404", 404).New("Not Found"), "id")
	if w.Status != 404 || len(w.Bytes) != 0 {
		t.Errorf("%+v", w)
	}
}

func TestEmptyAnswers(t *testing.T) {
	sm := model.MustLoad("sagemaker")
	w, err := Encode(sm.Operations["DeleteModel"], &struct{}{}, "id")
	if err != nil || len(w.Bytes) != 0 || w.Status != 200 {
		t.Error(err, w)
	}
	w, err = Encode(sm.Operations["ListModels"], new(sagemaker.ListModelsOutput), "id")
	if err != nil || string(w.Bytes) != `{"Models":[]}` {
		t.Error(err, string(w.Bytes))
	}
	w, err = Encode(model.MustLoad("iam").Operations["ListRoles"], new(iam.ListRolesResponse), "id")
	if err != nil || string(w.Bytes) != xmlHead+`<ListRolesResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListRolesResult><Roles></Roles></ListRolesResult>`+
		`<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></ListRolesResponse>` {
		t.Error(err, string(w.Bytes))
	}
	w, err = Encode(model.MustLoad("s3").Operations["DeleteObject"], new(s3.DeleteObjectOutput), "id")
	if err != nil || w.Status != 204 || w.Bytes != nil {
		t.Error(err, w)
	}
	if _, err := Encode(sm.Operations["ListModels"], new(sagemaker.CreateModelOutput), "id"); err == nil {
		t.Error("another operation's output was taken")
	}
}

func TestHeadersOfAnswers(t *testing.T) {
	at := time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)
	w, err := Encode(model.MustLoad("s3").Operations["HeadObject"], &s3.HeadObjectOutput{ContentLength: new(int64(7)), LastModified: &at,
		ETag: new(`"x"`), Metadata: map[string]string{"Colour": "blue\r\nX-Evil: 1"}}, "id")
	if err != nil || w.Header.Get("Content-Length") != "7" || w.Header.Get("Last-Modified") != "Sat, 21 Nov 2026 01:02:03 GMT" ||
		w.Header["x-amz-meta-colour"][0] != "blue  X-Evil: 1" {
		t.Error(err, w.Header)
	}
	w, err = Encode(model.MustLoad("sagemakerruntime").Operations["InvokeEndpoint"], &sagemakerruntime.InvokeEndpointOutput{Body: []byte("1,2"),
		ContentType: new("text/csv"), InvokedProductionVariant: new("v")}, "id")
	if err != nil || string(w.Bytes) != "1,2" || w.Header.Get("Content-Type") != "text/csv" || w.Header.Get("x-Amzn-Invoked-Production-Variant") != "v" {
		t.Error(err, w)
	}
}

func TestCompressedBody(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(`{"ModelName":"m"}`))
	z.Close()
	op := model.MustLoad("sagemaker").Operations["DescribeModel"]
	in := new(sagemaker.DescribeModelInput)
	if err := Decode(op, post(b.String(), "Content-Encoding", "gzip"), in); err != nil || *in.ModelName != "m" {
		t.Error(err)
	}
	if err := Decode(op, post("no gzip", "Content-Encoding", "gzip"), in); !fault.Is(err, "SerializationException") {
		t.Error(err)
	}
}

func TestStreams(t *testing.T) {
	op := model.MustLoad("s3").Operations["PutObject"]
	body := strings.NewReader("bytes")
	in := new(s3.PutObjectRequest)
	r := &Request{Method: "PUT", Path: "/b/a%2Fb%20c", Header: http.Header{"Content-Encoding": {"aws-chunked"}, "X-Amz-Meta-Colour": {"blue"}}, Body: body, Length: 5}
	if err := Decode(op, r, in); err != nil {
		t.Fatal(err)
	}
	if in.Body != body || *in.Key != "a/b c" || in.ContentEncoding != nil || in.Metadata["colour"] != "blue" || !Streams(op) {
		t.Errorf("%+v", in)
	}
	if err := Decode(model.MustLoad("s3").Operations["DeleteObjects"], r, new(s3.DeleteObjectsRequest)); err == nil {
		t.Error("a body nobody read was taken")
	}
}

func TestDocumentHidesSecrets(t *testing.T) {
	in := &iam.CreateLoginProfileRequest{UserName: new("u"), Password: new("secret")}
	d := Document(model.MustLoad("iam").Operations["CreateLoginProfile"], in)
	if d["userName"] != "u" || d["password"] != Hidden {
		t.Error(d)
	}
}
