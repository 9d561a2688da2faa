package door_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
	stsshape "cloister/internal/value/shape/sts"
)

// Attacks on who one is and by which way one came. Forged source headers, forged hosts, revoked keys and
// dead sessions have tests of their own in authorise_test.go and authenticate_test.go.

// again is a request as it was signed, to be sent once more, perhaps changed.
func again(t *testing.T, r *http.Request) *http.Request {
	t.Helper()
	c := r.Clone(t.Context())
	if r.GetBody != nil {
		b, err := r.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		c.Body = b
	}
	return c
}

// A signature is good for what was signed and for a quarter of an hour: as on AWS, the very same request may be
// sent again in that time, and nothing else.
func TestASignatureIsForOneRequest(t *testing.T) {
	h := doortest.Open(t)
	ann := h.As(t, h.User(t, "ann", doortest.Allow("iam:ListUsers", "iam:GetUser")))
	r := ann.Request("iam", "POST", "/", "Action=ListUsers&Version=2010-05-08")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	ann.Sign(r, "iam")
	ann.Send(again(t, r)).Good(t)
	ann.Send(again(t, r)).Good(t)
	for what, change := range map[string]func(*http.Request){
		"another body": func(r *http.Request) {
			const body = "Action=GetUser&Version=2010-05-08&UserName=ann"
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		},
		"another path":  func(r *http.Request) { r.URL.Path = "/x" },
		"another query": func(r *http.Request) { r.URL.RawQuery = "Action=GetUser" },
		"another time": func(r *http.Request) {
			r.Header.Set("X-Amz-Date", h.Now().UTC().Add(time.Minute).Format("20060102T150405Z"))
		},
		"a truncated signature": func(r *http.Request) {
			a := r.Header.Get("Authorization")
			r.Header.Set("Authorization", a[:len(a)-2])
		},
		"no signature": func(r *http.Request) {
			a := r.Header.Get("Authorization")
			r.Header.Set("Authorization", a[:strings.LastIndex(a, "Signature=")+len("Signature=")])
		},
		"another's key": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), ann.Credentials.AccessKey, h.Root.AccessKey, 1))
		},
		"fewer signed headers": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "host;", "", 1))
		},
		"another service's scope": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/iam/", "/sts/", 1))
		},
		"two signatures": func(r *http.Request) {
			good := r.Header.Get("Authorization")
			r.Header["Authorization"] = []string{good[:len(good)-1] + "x", good}
		},
	} {
		x := again(t, r)
		change(x)
		if a := ann.Send(x); a.Status < 400 || a.Status > 403 {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	h.Pass(15*time.Minute + time.Second)
	if a := ann.Send(again(t, r)); a.Status != 403 || a.Code != "SignatureDoesNotMatch" {
		t.Errorf("a quarter of an hour later: %d %s", a.Status, a.Body)
	}
}

// A presigned address opens what its signer may, by the way that his policy asks for and by no other.
func TestAPresignedAddressOverAnotherEndpoint(t *testing.T) {
	o := &objects{last: []byte("secret")}
	h := doortest.Open(t, o.service(t))
	full, err := policy.Parse(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"vpce-0aaa", "vpce-0bbb"} {
		h.Directory.SetEndpoint(&directory.Endpoint{ID: id, Account: doortest.Account, Policy: &policy.Attached{Document: full}})
	}
	k := h.User(t, "ann", doortest.AllowIf(`{"StringEquals":{"aws:SourceVpce":"vpce-0aaa"}}`, "s3:GetObject"))
	r := h.As(t, sigv4.Credentials{}).Request("s3", "GET", "/bucket/key", "")
	sigv4.Presign(r, "UNSIGNED-PAYLOAD", k, sigv4.Scope{Region: doortest.Region, Service: "s3"}, time.Hour, h.Now())
	by := func(place string) *doortest.Answer {
		c := h.As(t, sigv4.Credentials{})
		if place != "" {
			c = h.Via(t, sigv4.Credentials{}, h.Through(doortest.Endpoint(place, "s3")))
		}
		return c.Send(again(t, r))
	}
	if a := by("vpce-0aaa"); a.Status != 200 || string(a.Body) != "secret" {
		t.Errorf("by its endpoint: %d %s", a.Status, a.Body)
	}
	for _, place := range []string{"vpce-0bbb", ""} {
		if a := by(place); a.Status != 403 || a.Code != "AccessDenied" {
			t.Errorf("by %q: %d %s", place, a.Status, a.Body)
		}
	}
	h.As(t, h.Root).Query("iam", "UpdateAccessKey", "UserName", "ann", "AccessKeyId", k.AccessKey, "Status", "Inactive").Good(t)
	if a := by("vpce-0aaa"); a.Status != 403 || a.Code != "InvalidAccessKeyId" {
		t.Errorf("with a key that is off: %d %s", a.Status, a.Body)
	}
}

// A service acts for one customer's resource: a role that asks whose is not lent for another's.
func TestTheConfusedDeputy(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	const mine, model = "111122223333", "arn:aws:sagemaker:us-east-1:111122223333:model/mine"
	root.Query("iam", "CreateRole", "RoleName", "guarded", "AssumeRolePolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"`+mine+`"},"ArnEquals":{"aws:SourceArn":"`+model+`"}}}]}`).Good(t)
	assume := func(service, account, source string) error {
		_, err := h.Door.Call(t.Context(), caller.ForService(service, account, source), "sts", "AssumeRole",
			&stsshape.AssumeRoleRequest{RoleArn: new("arn:aws:iam::111122223333:role/guarded"), RoleSessionName: new("work")})
		return err
	}
	if err := assume("sagemaker.amazonaws.com", mine, model); err != nil {
		t.Errorf("for its own model: %v", err)
	}
	for what, err := range map[string]error{
		"another customer's":                      assume("sagemaker.amazonaws.com", "444455556666", "arn:aws:sagemaker:us-east-1:444455556666:model/mine"),
		"an account that is only said in the ARN": assume("sagemaker.amazonaws.com", "444455556666", model),
		"another model":                           assume("sagemaker.amazonaws.com", mine, model+"2"),
		"no resource":                             assume("sagemaker.amazonaws.com", mine, ""),
		"another service":                         assume("vpc-flow-logs.amazonaws.com", mine, model),
	} {
		if err == nil || !strings.Contains(err.Error(), "sts:AssumeRole") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
