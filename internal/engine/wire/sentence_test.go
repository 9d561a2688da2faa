package wire

import (
	"net/http"
	"strings"
	"testing"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

// call decodes a request into the input of the operation it is routed to.
func call(t *testing.T, service string, r *Request) error {
	t.Helper()
	op, err := Route(model.MustLoad(service), r)
	if err != nil {
		return err
	}
	return Decode(op, r, inputOf(op))
}

func TestSentences(t *testing.T) {
	target := func(name, body string) *Request { return post(body, "X-Amz-Target", name) }
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		service string
		request *Request
		want    string
	}{
		{"sagemaker", target("SageMaker.DescribeModel", `{}`),
			"ValidationException: 1 validation error detected: Value null at 'modelName' failed to satisfy constraint: Member must not be null"},
		{"sagemaker", target("SageMaker.DescribeModel", `{"ModelName":null}`),
			"ValidationException: 1 validation error detected: Value null at 'modelName' failed to satisfy constraint: Member must not be null"},
		{"sagemaker", target("SageMaker.ListModels", `{"MaxResults":101,"SortBy":"Size"}`),
			"ValidationException: 2 validation errors detected: Value 'Size' at 'sortBy' failed to satisfy constraint: Member must satisfy enum value set: [Name, CreationTime]; " +
				"Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"},
		{"sagemaker", target("SageMaker.AddTags", `{"ResourceArn":"arn:x","Tags":[{"Key":"a","Value":"b"},{"Value":"c"}]}`),
			"ValidationException: 2 validation errors detected: Value 'arn:x' at 'resourceArn' failed to satisfy constraint: Member must satisfy regular expression pattern: " +
				`arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:.+; Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be null`},
		{"sagemaker", target("SageMaker.AddTags", `{"ResourceArn":"arn:x","Tags":[null]}`), "null"},
		{"sagemaker", target("SageMaker.CreateModel", `{"ModelName":"m","VpcConfig":{"Subnets":["ok","no way"],"SecurityGroupIds":["sg"]}}`),
			"ValidationException: 1 validation error detected: Value '[ok, no way]' at 'vpcConfig.subnets' failed to satisfy constraint: Member must satisfy constraint: " +
				"[Member must have length less than or equal to 32, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: [-0-9a-zA-Z]+]"},
		{"sagemaker", target("SageMaker.ListModels", `{"MaxResults":"5"}`), "SerializationException: STRING_VALUE can not be converted to an Integer"},
		{"sagemaker", target("SageMaker.ListModels", `{"NameContains":5}`), "SerializationException: NUMBER_VALUE can not be converted to a String"},
		{"sagemaker", target("SageMaker.ListModels", `{"NameContains":{}}`), "SerializationException: Start of structure or map found where not expected."},
		{"sagemaker", target("SageMaker.ListModels", `{"NameContains":"a"`), "SerializationException: "},
		{"sagemaker", target("SageMaker.ListModels", `{"NameContains":"a"} x`), "SerializationException: "},
		{"sagemaker", target("SageMaker.Nothing", `{}`), "UnknownOperationException: "},
		{"sagemaker", target("Other.ListModels", `{}`), "UnknownOperationException: "},
		{"logs", target("Logs_20140328.DescribeLogGroups", `{"limit":10001}`),
			"InvalidParameterException: 1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 50"},
		{"cloister", target("Cloister.ExplainRequest", `{"RequestId":""}`),
			"ValidationException: 1 validation error detected: Value '' at 'requestId' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"sts", post("Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=Session1:2"),
			`ValidationError: 1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		{"iam", post("Action=UpdateServiceSpecificCredential&Status=x&ServiceSpecificCredentialId=ABCDEFGHIJKLMNOPQRSTU"),
			"ValidationError: 1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set"},
		{"iam", post("Action=Nothing&Version=2010-05-08"), "InvalidAction: Could not find operation Nothing for version 2010-05-08"},
		{"ec2", post("Action=RunInstances"), "InvalidAction: The action RunInstances is not valid for this web service."},
		{"ec2", post("Version=2016-11-15"), "MissingParameter: The request must contain the parameter Action"},
		{"sagemakerruntime", &Request{Method: "POST", Path: "/endpoints/" + long + "/invocations", Header: http.Header{}},
			"ValidationError: 1 validation error detected: Value '" + long + "' at 'endpointName' failed to satisfy constraint: Member must have length less than or equal to 63"},
		{"sagemakerruntime", &Request{Method: "GET", Path: "/endpoints/e/invocations", Header: http.Header{}}, "UnknownOperationException: "},
		{"s3", &Request{Method: "PUT", Path: "/b", Header: http.Header{"X-Amz-Acl": {"everyone"}}}, "InvalidArgument: "},
		{"s3", &Request{Method: "PUT", Path: "/b/k", Header: http.Header{"X-Amz-Storage-Class": {"FakeClass"}}}, "InvalidStorageClass: The storage class you specified is not valid"},
		{"s3", &Request{Method: "PUT", Path: "/b", RawQuery: "tagging", Header: http.Header{}}, "MissingRequestBodyError: Request Body is empty"},
		{"s3", &Request{Method: "PUT", Path: "/b", RawQuery: "tagging", Header: http.Header{}, Bytes: []byte("<Tagging><TagSet>")}, "MalformedXML: "},
		{"s3", &Request{Method: "PUT", Path: "/b", RawQuery: "tagging", Header: http.Header{}, Bytes: []byte("<Other/>")}, "MalformedXML: "},
		{"s3", &Request{Method: "PUT", Path: "/b", RawQuery: "tagging", Header: http.Header{}, Bytes: []byte("<!DOCTYPE a><Tagging/>")}, "MalformedXML: "},
		{"s3", &Request{Method: "PATCH", Path: "/b/k", Header: http.Header{}}, "MethodNotAllowed: The specified method is not allowed against this resource."},
	} {
		err := call(t, c.service, c.request)
		if f, ok := fault.As(err); !ok || !strings.Contains(f.Error(), c.want) || strings.HasSuffix(c.want, ": ") && f.Message != "" && !strings.HasPrefix(c.want, "Malformed") {
			t.Errorf("%s %s:\n got %v\nwant %v", c.service, c.request.Bytes, err, c.want)
		}
	}
}

func TestSecretsAreNotRepeated(t *testing.T) {
	err := call(t, "iam", post("Action=CreateLoginProfile&UserName=u&Password=hunter2%0A"+strings.Repeat("x", 200)))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
	err = call(t, "sts", post("Action=AssumeRoleWithWebIdentity&RoleSessionName=s&RoleArn=arn:aws:iam::123456789012:role/r&WebIdentityToken=abc"))
	if err == nil || strings.Contains(err.Error(), "abc") || !strings.Contains(err.Error(), "'***' at 'webIdentityToken'") {
		t.Error(err)
	}
}

// Every pattern of every model is one that an engine knows.
func TestPatternsCompile(t *testing.T) {
	linears := 0
	for _, id := range model.IDs() {
		for name, s := range model.MustLoad(id).Shapes {
			if s.Pattern == "" {
				continue
			}
			switch compile(s.Pattern).(type) {
			case lenient:
				t.Errorf("%s.%s: %s", id, name, s.Pattern)
			case linear:
				linears++
			}
		}
	}
	if linears < 300 {
		t.Errorf("only %d", linears)
	}
}

func TestPatternsMatchWhole(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{`[a-z]+`, "abc", true}, {`[a-z]+`, "abc1", false}, {`[a-z]+`, "abc\n", false}, {`a|b`, "ab", false},
		{`[\u0009\u0020-\u007E]*`, "a b", true}, {`[\u0020-\uD7FF]*`, "é", true}, {`[\uD800\uDC00-\uDBFF\uDFFF]`, "😀", true}, {`[\uD800\uDC00-\uDBFF\uDFFF]`, "e", false}, {`\u0041`, "A", true}, {`\\u0041`, `\u0041`, true},
		{`(?!aws:)[\p{Alnum}:-]+`, "aws:x", false}, {`(?!aws:)[\p{Alnum}:-]+`, "my:x", true}, {`\p{Alpha}+`, "ab", true}, {`\p{Alpha}+`, "a1", false},
		{`(?!x)a{1,2000}`, "aa", true}, {`(a+)+(?!x)b`, strings.Repeat("a", 5000), false},
	} {
		if got := compile(c.pattern).matches(c.text); got != c.want {
			t.Errorf("%s on %q: %v", c.pattern, c.text, got)
		}
	}
}
