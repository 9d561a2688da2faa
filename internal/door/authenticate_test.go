package door_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/sigv4"
	"cloister/internal/value/model"
)

// dress is how one protocol says no.
type dress struct {
	service, method, path, body, content, target string
}

var dresses = map[string]dress{
	"query":     {"iam", "POST", "/", "Action=ListUsers&Version=2010-05-08", "application/x-www-form-urlencoded", ""},
	"json":      {"logs", "POST", "/", "{}", "application/x-amz-json-1.1", "Logs_20140328.DescribeLogGroups"},
	"rest-json": {"sagemakerruntime", "POST", "/endpoints/digits/invocations", "1,2", "text/csv", ""},
	"rest-xml":  {"s3", "GET", "/bucket/key", "", "", ""},
}

func (d dress) request(c *doortest.Client) *http.Request {
	r := c.Request(d.service, d.method, d.path, d.body)
	if d.content != "" {
		r.Header.Set("Content-Type", d.content)
	}
	if d.target != "" {
		r.Header.Set("X-Amz-Target", d.target)
	}
	return r
}

func (d dress) scope() sigv4.Scope {
	return sigv4.Scope{Region: doortest.Region, Service: model.MustLoad(d.service).SigningName}
}

// says is a fault in one dress.
type says struct {
	status     int
	code, text string
}

const badSignature = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

func TestWhoIsNotProvenIsToldSoInTheWordsOfTheProtocol(t *testing.T) {
	h := doortest.Open(t, runtime(t), new(objects).service(t))
	admin := h.As(t, h.User(t, "admin", doortest.Allow("*")))
	root := h.As(t, h.Root)

	gone := h.User(t, "gone", "")
	root.Query("iam", "DeleteAccessKey", "UserName", "gone", "AccessKeyId", gone.AccessKey).Good(t)
	asleep := h.User(t, "asleep", "")
	root.Query("iam", "UpdateAccessKey", "UserName", "asleep", "AccessKeyId", asleep.AccessKey, "Status", "Inactive").Good(t)
	role := h.Role(t, "worker", doortest.Allow("*"))
	expired := admin.Assume(role, "short", "DurationSeconds", "900")
	h.Pass(20 * time.Minute)
	lost := admin.Assume(h.Role(t, "lost", ""), "lost")
	root.Query("iam", "DeleteRole", "RoleName", "lost").Good(t)
	live := admin.Assume(role, "live")
	wrongSecret, wrongToken, noToken := admin.Credentials, live, live
	wrongSecret.Secret += "x"
	wrongToken.Token = "AAAA" + live.Token[4:]
	noToken.Token = ""
	now := h.Now()
	stamp := func(d time.Duration) string { return now.Add(d).UTC().Format("20060102T150405Z") }

	for name, c := range map[string]struct {
		as    sigv4.Credentials
		scope func(sigv4.Scope) sigv4.Scope
		at    time.Time
		after func(*http.Request)
		want  map[string]says
	}{
		"no signature": {after: func(r *http.Request) { r.Header.Del("Authorization") }, want: map[string]says{
			"query":     {403, "MissingAuthenticationToken", "Request is missing Authentication Token"},
			"json":      {400, "MissingAuthenticationTokenException", "Request is missing Authentication Token"},
			"rest-json": {403, "MissingAuthenticationTokenException", "Request is missing Authentication Token"},
			"rest-xml":  {403, "AccessDenied", "Access Denied"},
		}},
		"wrong secret": {as: wrongSecret, want: map[string]says{
			"query":     {403, "SignatureDoesNotMatch", badSignature},
			"json":      {400, "InvalidSignatureException", badSignature},
			"rest-json": {403, "InvalidSignatureException", badSignature},
			"rest-xml":  {403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method."},
		}},
		"deleted key":       {as: gone, want: unknownKey},
		"inactive key":      {as: asleep, want: unknownKey},
		"session, no token": {as: noToken, want: unknownKey},
		"deleted role":      {as: lost, want: badToken},
		"forged token":      {as: wrongToken, want: badToken},
		"expired session": {as: expired, want: map[string]says{
			"query":     {403, "ExpiredToken", "The security token included in the request is expired"},
			"json":      {400, "ExpiredTokenException", "The security token included in the request is expired"},
			"rest-json": {403, "ExpiredTokenException", "The security token included in the request is expired"},
			"rest-xml":  {400, "ExpiredToken", "The provided token has expired."},
		}},
		"stale": {at: now.Add(-16 * time.Minute), want: map[string]says{
			"query":    {403, "SignatureDoesNotMatch", "Signature expired: " + stamp(-16*time.Minute) + " is now earlier than " + stamp(-15*time.Minute) + " (" + stamp(0) + " - 15 min.)"},
			"rest-xml": {403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."},
		}},
		"wrong region": {scope: func(s sigv4.Scope) sigv4.Scope { s.Region = "eu-west-1"; return s }, want: map[string]says{
			"query":    {403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region, not 'eu-west-1'."},
			"json":     {400, "InvalidSignatureException", "Credential should be scoped to a valid region, not 'eu-west-1'."},
			"rest-xml": {400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'"},
		}},
		"wrong service": {scope: func(s sigv4.Scope) sigv4.Scope { s.Service = "ec2"; return s }, want: map[string]says{
			"query": {403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'iam'."},
			"json":  {400, "InvalidSignatureException", "Credential should be scoped to correct service: 'logs'."},
		}},
		"another path": {after: func(r *http.Request) { r.URL.RawQuery = "x=1" }, want: map[string]says{
			"query": {403, "SignatureDoesNotMatch", badSignature},
			"json":  {400, "InvalidSignatureException", badSignature},
		}},
		"a header more": {after: func(r *http.Request) { r.Header.Set("X-Amz-Extra", "1") }, want: map[string]says{
			"query": {403, "SignatureDoesNotMatch", "'x-amz-extra' must be a 'SignedHeader' in the AWS Authorization."},
		}},
		"nothing wrong":           {want: map[string]says{"query": {200, "", ""}, "json": {200, "", ""}, "rest-json": {200, "", ""}, "rest-xml": {200, "", ""}}},
		"nothing wrong, session":  {as: live, want: map[string]says{"query": {200, "", ""}, "json": {200, "", ""}, "rest-json": {200, "", ""}, "rest-xml": {200, "", ""}}},
		"nearly 15 minutes early": {at: now.Add(14 * time.Minute), want: map[string]says{"query": {200, "", ""}}},
	} {
		for family, want := range c.want {
			t.Run(name+"/"+family, func(t *testing.T) {
				d := dresses[family]
				if c.as.AccessKey == "" {
					c.as = admin.Credentials
				}
				if c.scope == nil {
					c.scope = func(s sigv4.Scope) sigv4.Scope { return s }
				}
				if c.at.IsZero() {
					c.at = now
				}
				client := h.As(t, c.as)
				r := d.request(client)
				sigv4.Sign(r, sigv4.Hash([]byte(d.body)), c.as, c.scope(d.scope()), c.at)
				if c.after != nil {
					c.after(r)
				}
				a := client.Send(r)
				if name == "stale" && a.Code == "SignatureDoesNotMatch" && strings.HasPrefix(a.Text, "Signature expired: "+stamp(-16*time.Minute)) {
					want.text = a.Text // the server's own second may have passed
				}
				a.Fault(t, want.status, want.code, want.text)
			})
		}
	}
}

var (
	unknownKey = map[string]says{
		"query":     {403, "InvalidClientTokenId", "The security token included in the request is invalid."},
		"json":      {400, "UnrecognizedClientException", "The security token included in the request is invalid."},
		"rest-json": {403, "UnrecognizedClientException", "The security token included in the request is invalid."},
		"rest-xml":  {403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."},
	}
	badToken = map[string]says{
		"query":     {403, "InvalidClientTokenId", "The security token included in the request is invalid"},
		"json":      {400, "UnrecognizedClientException", "The security token included in the request is invalid"},
		"rest-json": {403, "UnrecognizedClientException", "The security token included in the request is invalid"},
		"rest-xml":  {400, "InvalidToken", "The provided token is malformed or otherwise invalid."},
	}
)

// A request that was signed for one host is worth nothing at another, even of the same service.
func TestAHostIsSigned(t *testing.T) {
	h := doortest.Open(t)
	c := h.As(t, h.Root)
	r := c.Request("sts", "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	c.Sign(r, "sts")
	r.Host = "vpce-0aaa-x1y2z3w4.sts.us-east-1.vpce.amazonaws.com"
	c.Send(r).Fault(t, 403, "SignatureDoesNotMatch", badSignature)

	r.Host = "STS.us-east-1.amazonaws.com" // signed as it is sent, found whatever its case
	c.Do(r, "sts").Good(t)
	r.Host = "sts.us-east-1.amazonaws.com:443"
	c.Do(r, "sts").Good(t)
}

func TestAHostThatIsNobodysIsRefusedAndTheDoorStaysOpen(t *testing.T) {
	h := doortest.Open(t)
	c := h.As(t, h.Root)
	for _, host := range []string{"example.com", "redshift.us-east-1.amazonaws.com", "ec2.us-east-1.amazonaws.com", "[::1]:443", "s3.eu-west-1.amazonaws.com", "."} {
		r := c.Request("sts", "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15")
		r.Host = host
		if a := c.Send(r); a.Status != http.StatusNotFound || a.Code != "UnknownOperationException" {
			t.Errorf("%s answered %d %s %s", host, a.Status, a.Code, a.Body)
		}
	}
	c.Query("sts", "GetCallerIdentity").Good(t)
}

// The loopback door has no name of AWS's: the signature and the form say what is called.
func TestTheLoopbackDoorIsEveryServices(t *testing.T) {
	h := doortest.Open(t, runtime(t), new(stub).service(t))
	c := h.As(t, h.Root)
	for family, d := range map[string]dress{"query": dresses["query"], "json": dresses["json"], "rest-json": dresses["rest-json"],
		"json of two services with one name": {"sagemaker", "POST", "/", "{}", "application/x-amz-json-1.1", "SageMaker.ListModels"}} {
		r := d.request(c)
		r.Host = "localhost"
		if a := c.Do(r, d.service); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", family, a.Status, a.Body)
		}
	}
}
