package wire

import (
	"net/http"
	"strings"
	"testing"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
	"cloister/internal/value/shape/ec2"
	"cloister/internal/value/shape/s3"
	"cloister/internal/value/shape/sagemaker"
)

func post(body string, headers ...string) *Request {
	r := &Request{Method: "POST", Path: "/", Header: http.Header{}, Bytes: []byte(body), Length: int64(len(body))}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestSageMaker(t *testing.T) {
	svc := model.MustLoad("sagemaker")
	r := post(`{"ModelName":"m","ExecutionRoleArn":"arn:aws:iam::123456789012:role/r","Nonsense":{"a":[1,null]},"Tags":[{"Key":"k","Value":"v"}]}`,
		"X-Amz-Target", "SageMaker.CreateModel")
	op, err := Route(svc, r)
	if err != nil {
		t.Fatal(err)
	}
	var in sagemaker.CreateModelInput
	if err := Decode(op, r, &in); err != nil {
		t.Fatal(err)
	}
	if *in.ModelName != "m" || in.Tags[0].Value == nil || *in.Tags[0].Value != "v" {
		t.Errorf("%+v", in)
	}
	w, err := Encode(op, &sagemaker.CreateModelOutput{ModelArn: new("arn")}, "id")
	if err != nil || string(w.Bytes) != `{"ModelArn":"arn"}` || w.Header.Get("x-amzn-RequestId") != "id" {
		t.Errorf("%v %+v", err, w)
	}
	bad := Decode(op, post(`{"ModelName":"-","Containers":[{"Image":" "}]}`), &sagemaker.CreateModelInput{})
	f, ok := fault.As(bad)
	if !ok {
		t.Fatal(bad)
	}
	t.Log(f.Message)
	if !strings.HasPrefix(f.Message, "2 validation errors detected: Value '-' at 'modelName' failed to satisfy constraint: Member must satisfy regular expression pattern: ") ||
		!strings.Contains(f.Message, "; Value ' ' at 'containers.1.member.image' failed") {
		t.Error(f.Message)
	}
}

func TestEC2(t *testing.T) {
	svc := model.MustLoad("ec2")
	r := post("Action=CreateVpcEndpoint&Version=2016-11-15&VpcId=vpc-1&ServiceName=s&SubnetId.1=a&SubnetId.2=b&TagSpecification.1.ResourceType=vpc-endpoint&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v")
	op, err := Route(svc, r)
	if err != nil {
		t.Fatal(err)
	}
	var in ec2.CreateVpcEndpointRequest
	if err := Decode(op, r, &in); err != nil {
		t.Fatal(err)
	}
	if len(in.SubnetIds) != 2 || *in.TagSpecifications[0].Tags[0].Value != "v" {
		t.Errorf("%+v", in)
	}
	for body, want := range map[string]string{
		"Action=CreateVpcEndpoint&ServiceName=v":                           "MissingParameter: The request must contain the parameter VpcId",
		"Action=CreateVpcEndpoint&VpcId=v&ServiceName=s&Foo.1.Bar=1":       "UnknownParameter: The parameter Foo.1.Bar is not recognized",
		"Action=CreateVpcEndpoint&ServiceName=s&VpcId=v&DryRun=perhaps":    "InvalidParameterValue: Value (perhaps) for parameter dryRun is invalid. Expecting a value of type boolean.",
		"Action=DescribeVpcs&MaxResults=1":                                 "InvalidParameterValue: Value ( 1 ) for parameter maxResults is invalid. Expecting a value greater than 5.",
		"Action=CreateVpcEndpoint&ServiceName=s&VpcId=v&VpcEndpointType=x": "InvalidParameterValue: Value (x) for parameter vpcEndpointType is invalid.",
	} {
		r := post(body)
		op, _ := Route(svc, r)
		var in any = &ec2.CreateVpcEndpointRequest{}
		if op.Name == "DescribeVpcs" {
			in = &ec2.DescribeVpcsRequest{}
		}
		if err := Decode(op, r, in); err == nil || err.Error() != want {
			t.Errorf("%s: %v", body, err)
		}
	}
	w, err := Encode(op, &ec2.CreateVpcEndpointResult{VpcEndpoint: &ec2.VpcEndpoint{VpcEndpointId: new("vpce-1"), SubnetIds: []string{"a", "b"}}}, "id")
	if err != nil {
		t.Fatal(err)
	}
	want := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + `<CreateVpcEndpointResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>id</requestId>` +
		`<vpcEndpoint><vpcEndpointId>vpce-1</vpcEndpointId><subnetIdSet><item>a</item><item>b</item></subnetIdSet></vpcEndpoint></CreateVpcEndpointResponse>`
	if string(w.Bytes) != want {
		t.Error(string(w.Bytes))
	}
}

func TestS3(t *testing.T) {
	svc := model.MustLoad("s3")
	for in, want := range map[string]string{
		"GET /":                            "ListBuckets",
		"PUT /b":                           "CreateBucket",
		"PUT /b/":                          "CreateBucket",
		"GET /b":                           "ListObjects",
		"GET /b?list-type=2&prefix=x":      "ListObjectsV2",
		"GET /b/k/x//y":                    "GetObject",
		"GET /b/k?x-id=GetObject":          "GetObject",
		"GET /b/k?uploadId=1":              "ListParts",
		"PUT /b/k?uploadId=1&partNumber=2": "UploadPart",
		"PUT /b/k":                         "PutObject",
		"POST /b/k?uploads":                "CreateMultipartUpload",
		"POST /b/k?uploadId=1":             "CompleteMultipartUpload",
		"DELETE /b/k?uploadId=1":           "AbortMultipartUpload",
		"DELETE /b/k":                      "DeleteObject",
		"POST /b?delete":                   "DeleteObjects",
		"PUT /b?policy":                    "PutBucketPolicy",
		"GET /b?location":                  "GetBucketLocation",
		"GET /b?analytics":                 "ListBucketAnalyticsConfigurations",
		"GET /b?analytics&id=1":            "GetBucketAnalyticsConfiguration",
		"HEAD /b":                          "HeadBucket",
		"GET /b/k?attributes":              "GetObjectAttributes",
	} {
		method, uri, _ := strings.Cut(in, " ")
		path, query, _ := strings.Cut(uri, "?")
		op, err := Route(svc, &Request{Method: method, Path: path, RawQuery: query, Header: http.Header{}})
		if err != nil || op.Name != want {
			t.Errorf("%s: %v %v", in, op, err)
		}
	}
	w, err := Encode(svc.Operations["GetBucketLocation"], &s3.GetBucketLocationOutput{LocationConstraint: new("eu-west-1")}, "id")
	if err != nil || !strings.HasSuffix(string(w.Bytes), `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-1</LocationConstraint>`) {
		t.Error(err, string(w.Bytes))
	}
}
