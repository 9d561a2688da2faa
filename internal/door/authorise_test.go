package door_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	smshape "cloister/internal/value/shape/sagemaker"
	stsshape "cloister/internal/value/shape/sts"
)

const ann = "arn:aws:iam::111122223333:user/ann"

func TestADenialNamesThePolicyInEveryProtocolsDress(t *testing.T) {
	h := doortest.Open(t, runtime(t), new(objects).service(t))
	none := h.As(t, h.User(t, "ann", ""))
	denied := h.As(t, h.User(t, "bob", doortest.Deny("iam:ListUsers", "logs:*", "sagemaker:*", "s3:*")))
	for family, want := range map[string]struct {
		status         int
		code, on, what string
	}{
		"query":     {403, "AccessDenied", "arn:aws:iam::111122223333:user/", "iam:ListUsers"},
		"json":      {400, "AccessDeniedException", "arn:aws:logs:us-east-1:111122223333:log-group::log-stream:", "logs:DescribeLogGroups"},
		"rest-json": {403, "AccessDeniedException", "arn:aws:sagemaker:us-east-1:111122223333:endpoint/digits", "sagemaker:InvokeEndpoint"},
		"rest-xml":  {403, "AccessDenied", `"arn:aws:s3:::bucket/key"`, "s3:GetObject"},
	} {
		d := dresses[family]
		none.Do(d.request(none), d.service).Fault(t, want.status, want.code,
			"User: "+ann+" is not authorized to perform: "+want.what+" on resource: "+want.on+" because no identity-based policy allows the "+want.what+" action")
		denied.Do(d.request(denied), d.service).Fault(t, want.status, want.code,
			"User: arn:aws:iam::111122223333:user/bob is not authorized to perform: "+want.what+" on resource: "+want.on+" with an explicit deny in an identity-based policy")
	}
}

func TestWhatAHeaderSaysOfTheSourceIsNotBelieved(t *testing.T) {
	h := doortest.Open(t)
	c := h.As(t, h.User(t, "ann", doortest.AllowIf(`{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`, "iam:ListUsers")))
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Amz-Source-Ip", "X-Amz-Source-Vpc", "True-Client-Ip"} {
		r := c.Request("iam", "POST", "/", "Action=ListUsers&Version=2010-05-08")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(name, "198.51.100.9")
		if a := c.Do(r, "iam"); a.Code != "AccessDenied" {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	from := h.Via(t, c.Credentials, h.Through(caller.Origin{Place: caller.Internet, Source: doortest.Endpoint("", "iam").Source}))
	from.Query("iam", "ListUsers").Fault(t, 403, "AccessDenied", "User: "+ann+" is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111122223333:user/ because no identity-based policy allows the iam:ListUsers action")
	real := h.As(t, h.User(t, "bob", doortest.AllowIf(`{"IpAddress":{"aws:SourceIp":"127.0.0.1"}}`, "iam:ListUsers")))
	real.Query("iam", "ListUsers").Good(t)
}

func TestTheVPCEndpointDecidesTooAndIsOnlyForItsService(t *testing.T) {
	h := doortest.Open(t, runtime(t))
	c := h.User(t, "ann", doortest.AllowIf(`{"StringEquals":{"aws:SourceVpc":"vpc-0aaa","aws:SourceVpce":"vpce-0aaa"}}`, "sagemaker:InvokeEndpoint"))
	through := h.Via(t, c, h.Through(doortest.Endpoint("vpce-0aaa", "sagemakerruntime")))
	invoke := func(c *doortest.Client, name string) *doortest.Answer {
		return c.Do(c.Request("sagemakerruntime", "POST", "/endpoints/"+name+"/invocations", "1"), "sagemakerruntime")
	}
	no := func(name, cause string) string {
		return "User: " + ann + " is not authorized to perform: sagemaker:InvokeEndpoint on resource: arn:aws:sagemaker:us-east-1:111122223333:endpoint/" + name + " " + cause
	}
	invoke(through, "digits").Fault(t, 403, "AccessDeniedException", no("digits", "because no VPC endpoint policy allows the sagemaker:InvokeEndpoint action"))
	doc, err := policy.Parse(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sagemaker:InvokeEndpoint","Resource":"arn:aws:sagemaker:*:*:endpoint/digits"},
		{"Effect":"Deny","Principal":"*","Action":"*","Resource":"arn:aws:sagemaker:*:*:endpoint/secret"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	h.Directory.SetEndpoint(&directory.Endpoint{ID: "vpce-0aaa", Account: doortest.Account, Policy: &policy.Attached{Document: doc, Name: "VPC endpoint policy"}})
	invoke(through, "digits").Good(t)
	invoke(through, "other").Fault(t, 403, "AccessDeniedException", no("other", "because no VPC endpoint policy allows the sagemaker:InvokeEndpoint action"))
	invoke(through, "secret").Fault(t, 403, "AccessDeniedException", no("secret", "with an explicit deny in a VPC endpoint policy"))
	invoke(h.As(t, c), "digits").Fault(t, 403, "AccessDeniedException", no("digits", "because no identity-based policy allows the sagemaker:InvokeEndpoint action"))

	const elsewhere = "The VPC endpoint vpce-0aaa serves com.amazonaws.us-east-1.sagemaker.runtime and not "
	through.Query("sts", "GetCallerIdentity").Fault(t, 403, "AccessDenied", elsewhere+"sts in us-east-1.")
	through.Call("logs", "DescribeLogGroups", "{}").Fault(t, 400, "AccessDeniedException", elsewhere+"logs in us-east-1.")
	h.Directory.RemoveEndpoint("vpce-0aaa")
	invoke(through, "digits").Fault(t, 403, "AccessDeniedException", no("digits", "because no VPC endpoint policy allows the sagemaker:InvokeEndpoint action"))
}

func TestASessionPolicyOnlyTakesAway(t *testing.T) {
	h := doortest.Open(t)
	admin := h.As(t, h.User(t, "admin", doortest.Allow("*")))
	role := h.Role(t, "worker", doortest.Allow("iam:ListUsers", "iam:GetUser"))
	session := "arn:aws:sts::111122223333:assumed-role/worker/one"
	limited := h.As(t, admin.Assume(role, "one", "Policy", doortest.Allow("iam:ListUsers", "iam:ListRoles")))
	for range 2 {
		limited.Query("iam", "ListUsers").Good(t)
		limited.Query("iam", "GetUser", "UserName", "admin").Fault(t, 403, "AccessDenied", "User: "+session+
			" is not authorized to perform: iam:GetUser on resource: arn:aws:iam::111122223333:user/admin because no session policy allows the iam:GetUser action")
		limited.Query("iam", "ListRoles").Fault(t, 403, "AccessDenied", "User: "+session+
			" is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::111122223333:role/ because no identity-based policy allows the iam:ListRoles action")
	}
	h.As(t, admin.Assume(role, "one")).Query("iam", "GetUser", "UserName", "admin").Good(t)
}

func TestAnOperationThatAsksNothingIsForNobody(t *testing.T) {
	s := &stub{ran: map[string]int{}}
	h := doortest.Open(t, s.service(t))
	root := h.As(t, h.Root)
	root.Call("sagemaker", "DeleteModel", `{"ModelName":"m"}`).
		Fault(t, 400, "AccessDeniedException", "sagemaker.DeleteModel asks no question, so nobody may call it")
	h.As(t, h.User(t, "ann", doortest.Allow("sagemaker:*"))).Call("sagemaker", "DescribeEndpoint", `{"EndpointName":"e"}`).
		Fault(t, 400, "AccessDeniedException", "User: "+ann+" is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/r because no identity-based policy allows the iam:PassRole action")
	if len(s.ran) != 0 {
		t.Errorf("these ran: %v", s.ran)
	}
}

func TestWhatGoesWrongInsideStaysInside(t *testing.T) {
	h := doortest.Open(t, (&stub{}).service(t))
	root := h.As(t, h.Root)
	for _, op := range []string{"ListEndpoints", "ListTrainingJobs"} {
		a := root.Call("sagemaker", op, "{}").Fault(t, 500, "InternalFailure", "We encountered an internal error. Please try again.")
		if strings.Contains(string(a.Body), "secret") {
			t.Errorf("%s shows %s", op, a.Body)
		}
		if !strings.Contains(h.Log.String(), a.RequestID()) {
			t.Errorf("%s: the log does not name request %s", op, a.RequestID())
		}
	}
	if log := h.Log.String(); strings.Count(log, "/var/secret") != 2 || strings.Contains(log, h.Root.Secret) {
		t.Errorf("the log holds\n%s", log)
	}
	root.Call("sagemaker", "DescribeModel", `{"ModelName":"m"}`).Fault(t, 400, "ValidationException", `Could not find model "m".`)
	root.Call("sagemaker", "ListModels", "{}").Good(t)
}

func TestMalformedInputIsAnsweredByTheModel(t *testing.T) {
	h := doortest.Open(t, (&stub{}).service(t))
	root := h.As(t, h.Root)
	root.Call("sagemaker", "DescribeModel", `{}`).Fault(t, 400, "ValidationException",
		"1 validation error detected: Value null at 'modelName' failed to satisfy constraint: Member must not be null")
	if a := root.Call("sagemaker", "DescribeModel", `{"ModelName":`); a.Code != "SerializationException" || a.Status != 400 {
		t.Errorf("half a JSON text: %d %s", a.Status, a.Body)
	}
	root.Call("sagemaker", "Conjure", `{}`).Fault(t, 400, "UnknownOperationException", "")
	root.Call("sagemaker", "CreateDomain", `{}`).Fault(t, 400, "UnknownOperationException", "") // in the model, not served
	root.Query("iam", "Conjure").Fault(t, 400, "InvalidAction", "Could not find operation Conjure for version 2010-05-08")
}

func TestInsideCallsPassTheSameChecks(t *testing.T) {
	s := &stub{ran: map[string]int{}}
	h := doortest.Open(t, s.service(t))
	ctx := context.Background()
	root := caller.Caller{Identity: caller.Identity{Kind: caller.Root, Account: doortest.Account, ARN: "root", PrincipalARN: "root", ID: doortest.Account},
		Origin: caller.Origin{Place: caller.Inside}}
	if out, err := h.Door.Call(ctx, root, "sagemaker", "ListModels", new(smshape.ListModelsInput)); err != nil || out.(*smshape.ListModelsOutput).Models == nil {
		t.Errorf("%v, %v", out, err)
	}
	for name, c := range map[string]struct {
		as      caller.Caller
		service string
		op      string
		in      any
		code    string
	}{
		"nobody's service":      {root, "dynamodb", "ListModels", new(smshape.ListModelsInput), ""},
		"unknown operation":     {root, "sagemaker", "Conjure", new(smshape.ListModelsInput), ""},
		"required member":       {root, "sts", "AssumeRole", new(stsshape.AssumeRoleRequest), "ValidationError"},
		"another type":          {root, "sagemaker", "DescribeModel", new(stsshape.AssumeRoleRequest), ""},
		"nil":                   {root, "sagemaker", "DescribeModel", nil, ""},
		"a fault":               {root, "sagemaker", "DescribeModel", &smshape.DescribeModelInput{ModelName: new("m")}, "ValidationException"},
		"a panic":               {root, "sagemaker", "ListEndpoints", new(smshape.ListEndpointsInput), ""},
		"no checks":             {root, "sagemaker", "DeleteModel", &smshape.DeleteModelInput{ModelName: new("m")}, "AccessDeniedException"},
		"a service":             {caller.ForService("sagemaker.amazonaws.com", doortest.Account, ""), "sagemaker", "ListModels", new(smshape.ListModelsInput), "AccessDeniedException"},
		"a role nobody knows":   {caller.ForServiceLinkedRole("x.amazonaws.com", "r", doortest.Account), "sagemaker", "ListModels", new(smshape.ListModelsInput), "AccessDeniedException"},
		"nobody":                {caller.Caller{}, "sts", "GetCallerIdentity", new(stsshape.GetCallerIdentityRequest), "MissingAuthenticationToken"},
		"nobody, with policies": {caller.Caller{}, "sagemaker", "ListModels", new(smshape.ListModelsInput), "AccessDeniedException"},
	} {
		out, err := h.Door.Call(ctx, c.as, c.service, c.op, c.in)
		if err == nil {
			t.Errorf("%s: answered %v", name, out)
			continue
		}
		if f, ok := fault.As(err); ok != (c.code != "") || ok && f.Code != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
	if len(s.ran) != 0 {
		t.Errorf("these ran: %v", s.ran)
	}
}

func TestARevokedKeyIsDeadAtOnce(t *testing.T) {
	h := doortest.Open(t)
	root, k := h.As(t, h.Root), h.User(t, "ann", doortest.Allow("*"))
	c := h.As(t, k)
	for range 3 {
		root.Query("iam", "UpdateAccessKey", "UserName", "ann", "AccessKeyId", k.AccessKey, "Status", "Inactive").Good(t)
		c.Query("sts", "GetCallerIdentity").Fault(t, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
		root.Query("iam", "UpdateAccessKey", "UserName", "ann", "AccessKeyId", k.AccessKey, "Status", "Active").Good(t)
		c.Query("sts", "GetCallerIdentity").Good(t)
	}
	root.Query("iam", "PutUserPolicy", "UserName", "ann", "PolicyName", "inline", "PolicyDocument", doortest.Deny("iam:ListUsers")).Good(t)
	if a := c.Query("iam", "ListUsers"); a.Code != "AccessDenied" {
		t.Errorf("a policy is in force late: %d", a.Status)
	}
	root.Query("iam", "DeleteAccessKey", "UserName", "ann", "AccessKeyId", k.AccessKey).Good(t)
	c.Query("sts", "GetCallerIdentity").Fault(t, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

// A session that was opened before its role was deleted and made anew is of the old role.
func TestASessionDiesWithItsRole(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	admin := h.As(t, h.User(t, "admin", doortest.Allow("*")))
	arn := h.Role(t, "worker", "")
	c := h.As(t, admin.Assume(arn, "one"))
	if got := c.Query("sts", "GetCallerIdentity").Good(t).XML("Arn"); got != "arn:aws:sts::111122223333:assumed-role/worker/one" {
		t.Errorf("told to be %s", got)
	}
	root.Query("iam", "DeleteRole", "RoleName", "worker").Good(t)
	c.Query("sts", "GetCallerIdentity").Fault(t, 403, "InvalidClientTokenId", "The security token included in the request is invalid")
	h.Role(t, "worker", "")
	c.Query("sts", "GetCallerIdentity").Fault(t, 403, "InvalidClientTokenId", "The security token included in the request is invalid")

	k := admin.Assume(arn, "two")
	h.Restart()
	c = h.As(t, k)
	c.Query("sts", "GetCallerIdentity").Good(t) // the token is the record
	h.Pass(time.Hour + time.Second)
	c.Query("sts", "GetCallerIdentity").Fault(t, 403, "ExpiredToken", "The security token included in the request is expired")
}

func TestPresignedRequestsArePassed(t *testing.T) {
	h := doortest.Open(t)
	c := h.As(t, sigv4.Credentials{})
	r := c.Request("sts", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "")
	sigv4.Presign(r, sigv4.Hash(nil), h.Root, sigv4.Scope{Region: doortest.Region, Service: "sts"}, time.Minute, h.Now())
	if a := c.Send(r).Good(t); a.XML("Account") != doortest.Account {
		t.Errorf("%s", a.Body)
	}
	h.Pass(2 * time.Minute)
	if a := c.Send(r); a.Status != 403 || a.Code != "SignatureDoesNotMatch" {
		t.Errorf("late: %d %s", a.Status, a.Body)
	}
}
