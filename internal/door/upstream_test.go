package door_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/directory"
)

// An upstream is a server of the operator's; this one tells what it was sent.
type upstream struct {
	*httptest.Server
	calls atomic.Int32
}

func openUpstream(t *testing.T) *upstream {
	u := new(upstream)
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Upstream", "yes")
		w.Header().Set("X-Amzn-Requestid", "theirs")
		if strings.Contains(string(body), "teapot") {
			w.WriteHeader(http.StatusTeapot)
		}
		fmt.Fprintf(w, "%s %s %s host=%s principal=%s vpc=%s vpce=%s source=%s signed=%v body=%s", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Host,
			r.Header.Get("X-Cloister-Principal"), r.Header.Get("X-Cloister-Vpc"), r.Header.Get("X-Cloister-Vpce"), r.Header.Get("X-Cloister-Source"),
			strings.Contains(r.Header.Get("Authorization"), "/secretsmanager/aws4_request"), body)
	}))
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) behind(t *testing.T, h *doortest.House, ids ...string) {
	h.Door.Upstreams = map[string]*url.URL{}
	for _, id := range ids {
		at, err := url.Parse(u.URL + "/base/")
		if err != nil {
			t.Fatal(err)
		}
		h.Door.Upstreams[id] = at
	}
}

// ask calls a service by any host and headers; header is name, value, name, value.
func ask(c *doortest.Client, signing, method, target, body string, header ...string) *doortest.Answer {
	r, err := http.NewRequest(method, "https://"+target, strings.NewReader(body))
	if err != nil {
		c.TB.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if c.Credentials.AccessKey != "" {
		sigv4.Sign(r, sigv4.Hash([]byte(body)), c.Credentials, sigv4.Scope{Region: doortest.Region, Service: signing}, c.Now())
	}
	return c.Send(r)
}

const secrets = "secretsmanager.us-east-1.amazonaws.com/"

func getSecret(c *doortest.Client) *doortest.Answer {
	return ask(c, "secretsmanager", "POST", secrets, `{"SecretId":"s"}`, "X-Amz-Target", "secretsmanager.GetSecretValue", "Content-Type", "application/x-amz-json-1.1")
}

func TestWithoutAnUpstreamTheAnswerNamesTheSetting(t *testing.T) {
	h := doortest.Open(t)
	c := h.As(t, h.Root)
	a := getSecret(c)
	a.Fault(t, 501, "NotImplementedException", "secretsmanager is not served by this Cloister. To hand its calls on, name an upstream in the configuration: services: {secretsmanager: https://…}")
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "application/x-amz-json") {
		t.Errorf("not in the protocol's dress: %v", a.Header)
	}
	if a := ask(c, "sns", "POST", "sns.us-east-1.amazonaws.com/", "Action=ListTopics", "Content-Type", "application/x-www-form-urlencoded"); a.Status != 501 || a.XML("Code") != "NotImplementedException" {
		t.Errorf("sns: %d %s", a.Status, a.Body)
	}
	if a := ask(c, "sagemaker", "GET", "d-1.studio.us-east-1.sagemaker.aws/auth", ""); a.Status != 501 {
		t.Errorf("studio: %d %s", a.Status, a.Body)
	}
}

func TestACallGoesOnAsItCameWithTheNameOfTheCaller(t *testing.T) {
	h, u := doortest.Open(t), openUpstream(t)
	u.behind(t, h, "secretsmanager")
	creds := h.User(t, "ann", doortest.Allow("secretsmanager:GetSecretValue"))
	through := h.Via(t, creds, h.Through(doortest.Endpoint("vpce-0aaa", "secretsmanager")))
	doc, err := policy.Parse(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	h.Directory.SetEndpoint(&directory.Endpoint{ID: "vpce-0aaa", Account: doortest.Account, Policy: &policy.Attached{Document: doc, Name: "VPC endpoint policy"}})
	a := getSecret(through).Good(t)
	want := `POST /base/  host=secretsmanager.us-east-1.amazonaws.com principal=` + ann + ` vpc=vpc-0aaa vpce=vpce-0aaa source=10.0.1.7 signed=true body={"SecretId":"s"}`
	if string(a.Body) != want || a.Header.Get("X-Upstream") != "yes" {
		t.Errorf("got  %s\nwant %s", a.Body, want)
	}
	if a := ask(h.As(t, creds), "secretsmanager", "POST", secrets, "teapot", "X-Amz-Target", "secretsmanager.GetSecretValue", "X-Cloister-Principal", "arn:aws:iam::111122223333:root", "X-Cloister-Vpce", "vpce-0bad"); a.Status != http.StatusTeapot ||
		!strings.Contains(string(a.Body), "principal="+ann+" vpc= vpce= source=127.0.0.1") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	u.Close()
	getSecret(through).Fault(t, 503, "ServiceUnavailableException", "The upstream of secretsmanager does not answer (the setting services: {secretsmanager: …} says where it is).")
}

func TestNothingUnprovenOrRefusedReachesAnUpstream(t *testing.T) {
	h, u := doortest.Open(t), openUpstream(t)
	u.behind(t, h, "secretsmanager", "sns", "apigateway", "metrics")
	ann := h.As(t, h.User(t, "ann", doortest.Allow("secretsmanager:ListSecrets", "sns:ListTopics", "apigateway:GET", "sagemaker:BatchPutMetrics")))
	for name, a := range map[string]*doortest.Answer{
		"an action that is not allowed": getSecret(ann),
		"no signature":                  getSecret(h.As(t, sigv4.Credentials{})),
		"a wrong secret":                getSecret(h.As(t, sigv4.Credentials{AccessKey: ann.Credentials.AccessKey, Secret: "x"})),
		"another service's signature":   ask(ann, "kms", "POST", secrets, "{}", "X-Amz-Target", "secretsmanager.ListSecrets"),
		"two actions":                   ask(ann, "sns", "POST", "sns.us-east-1.amazonaws.com/?Action=ListTopics", "Action=DeleteTopic", "Content-Type", "application/x-www-form-urlencoded"),
		"two actions, one unsaid":       ask(ann, "sns", "POST", "sns.us-east-1.amazonaws.com/?Action=ListTopics", "Action=DeleteTopic", "Content-Type", "text/plain"),
		"no action":                     ask(ann, "secretsmanager", "POST", secrets, "{}"),
		"an action that is none":        ask(ann, "secretsmanager", "POST", secrets, "{}", "X-Amz-Target", "secretsmanager.*"),
		"two protocols":                 ask(ann, "secretsmanager", "POST", strings.TrimSuffix(secrets, "/")+"/service/secretsmanager/operation/DeleteSecret", "{}", "X-Amz-Target", "secretsmanager.ListSecrets"),
		"another method":                ask(ann, "apigateway", "DELETE", "apigateway.us-east-1.amazonaws.com/restapis/1", ""),
		"a form nobody knows":           ask(ann, "sagemaker", "PUT", "metrics.sagemaker.us-east-1.amazonaws.com/BatchPutMetrics", "{}"),
	} {
		if a.Status < 400 || a.Status >= 500 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if n := u.calls.Load(); n != 0 {
		t.Errorf("%d calls reached the upstream", n)
	}
	ask(ann, "apigateway", "GET", "apigateway.us-east-1.amazonaws.com/restapis?limit=1", "").Good(t)
	ask(ann, "sns", "POST", "sns.us-east-1.amazonaws.com/", "Action=ListTopics", "Content-Type", "application/x-www-form-urlencoded").Good(t)
}

// What a call is about is not known here: a Deny for one resource denies, an Allow for one allows nothing.
func TestAnUnknownResourceIsDeniedByAnyDeny(t *testing.T) {
	h, u := doortest.Open(t), openUpstream(t)
	u.behind(t, h, "secretsmanager")
	for name, c := range map[string]struct {
		policy string
		status int
	}{
		"one":  {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:secretsmanager:*:*:secret:s"}]}`, 400},
		"deny": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"arn:aws:secretsmanager:*:*:secret:prod"}]}`, 400},
		"not":  {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","NotResource":"arn:aws:secretsmanager:*:*:secret:prod"}]}`, 400},
		"all":  {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"kms:*","Resource":"*"}]}`, 200},
	} {
		if a := getSecret(h.As(t, h.User(t, name, c.policy))); a.Status != c.status {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}
