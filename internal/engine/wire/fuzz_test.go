package wire

import (
	"net/http"
	"strings"
	"testing"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
	"cloister/internal/value/shape/iam"
)

// FuzzDecode sends any bytes to one operation of each protocol: the answer is an input or a fault.
func FuzzDecode(f *testing.F) {
	targets := []struct{ service, operation, method, path string }{
		{"sagemaker", "CreateTrainingJob", "POST", "/"}, {"ec2", "CreateVpcEndpoint", "POST", "/"}, {"iam", "CreateRole", "POST", "/"},
		{"sagemakerruntime", "InvokeEndpoint", "POST", "/endpoints/e/invocations"}, {"s3", "DeleteObjects", "POST", "/b"},
		{"s3", "PutBucketLifecycleConfiguration", "PUT", "/b"}, {"s3", "PutBucketAcl", "PUT", "/b"},
	}
	for i, body := range []string{`{"TrainingJobName":"x","Tags":[{"Key":"a","Value":null}],"HyperParameters":{"k":"v"}}`,
		"Action=CreateVpcEndpoint&VpcId=v&SubnetId.1=a&TagSpecification.1.Tag.1.Key=k", "Action=CreateRole&RoleName=%ff&Tags.member.1.Key=",
		"\x00\xff", "<Delete><Object><Key>k</Key></Object></Delete>", "<LifecycleConfiguration><Rule><ID>a</ID></Rule></LifecycleConfiguration>",
		`<AccessControlPolicy><AccessControlList><Grant><Grantee xmlns:xsi="x" xsi:type="CanonicalUser"/></Grant></AccessControlList></AccessControlPolicy>`} {
		f.Add(uint8(i), []byte(body), "delete", "header")
		f.Add(uint8(i), []byte(strings.Repeat("[{\"a\":", 200)+strings.Repeat("<a>", 200)), "a.1.b=c", "")
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte, query, header string) {
		x := targets[int(which)%len(targets)]
		svc := model.MustLoad(x.service)
		op := svc.Operations[x.operation]
		r := &Request{Method: x.method, Path: x.path, RawQuery: query, Bytes: body, Header: http.Header{"X-Amz-Acl": {header}, "Content-Encoding": {header}}}
		if _, err := Route(svc, r); err != nil {
			if _, ok := fault.As(err); !ok {
				t.Fatal(err)
			}
		}
		in := inputOf(op)
		err := Decode(op, r, in)
		if err == nil {
			Document(op, in)
			return
		}
		f, ok := fault.As(err)
		if !ok {
			t.Fatal(err)
		}
		if w := EncodeFault(svc, op, f, "id"); w.Status < 400 {
			t.Fatalf("%+v", w)
		}
	})
}

func TestDeepBodiesAreRefused(t *testing.T) {
	op := model.MustLoad("sagemaker").Operations["CreateModel"]
	for _, body := range []string{
		`{"x":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + "}",
		`{"x":` + strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000) + "}",
	} {
		if err := Decode(op, post(body), inputOf(op)); !fault.Is(err, "SerializationException") {
			t.Error(err)
		}
	}
	role := model.MustLoad("iam").Operations["CreateRole"]
	if err := Decode(role, post(strings.Repeat("a.", 100000)+"b=1"), new(iam.CreateRoleRequest)); !fault.Is(err, "MalformedInput") {
		t.Error(err)
	}
	bucket := model.MustLoad("s3").Operations["PutBucketAcl"]
	r := &Request{Method: "PUT", Path: "/b", RawQuery: "acl", Bytes: []byte(strings.Repeat("<a>", 1000) + strings.Repeat("</a>", 1000))}
	if err := Decode(bucket, r, inputOf(bucket)); !fault.Is(err, "MalformedXML") {
		t.Error(err)
	}
}
