package sigv4_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cloister/internal/engine/sigv4"
)

// TestFaults is the table of what each family of front ends answers.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		kind                           sigv4.Kind
		query, json, restJSON, ec2, s3 string
	}{
		{sigv4.NoCredentials, "403 MissingAuthenticationToken: Request is missing Authentication Token", "400 MissingAuthenticationTokenException: Request is missing Authentication Token",
			"403 MissingAuthenticationTokenException: Request is missing Authentication Token", "400 MissingParameter: The request must contain the parameter AWSAccessKeyId", "403 AccessDenied: Access Denied"},
		{sigv4.UnknownKey, "403 InvalidClientTokenId: The security token included in the request is invalid.", "400 UnrecognizedClientException: The security token included in the request is invalid.",
			"403 UnrecognizedClientException: The security token included in the request is invalid.", "401 AuthFailure: AWS was not able to validate the provided access credentials",
			"403 InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records."},
		{sigv4.BadToken, "403 InvalidClientTokenId: The security token included in the request is invalid", "400 UnrecognizedClientException: The security token included in the request is invalid",
			"403 UnrecognizedClientException: The security token included in the request is invalid", "401 AuthFailure: AWS was not able to validate the provided access credentials",
			"400 InvalidToken: The provided token is malformed or otherwise invalid."},
		{sigv4.ExpiredToken, "403 ExpiredToken: The security token included in the request is expired", "400 ExpiredTokenException: The security token included in the request is expired",
			"403 ExpiredTokenException: The security token included in the request is expired", "400 RequestExpired: Request has expired.", "400 ExpiredToken: The provided token has expired."},
		{sigv4.Mismatch, "403 SignatureDoesNotMatch: The request signature we calculated", "400 InvalidSignatureException: The request signature we calculated",
			"403 InvalidSignatureException: The request signature we calculated", "401 AuthFailure: AWS was not able", "403 SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check your key and signing method."},
	} {
		for family, want := range map[string]string{"query": c.query, "json": c.json, "rest-json": c.restJSON, "ec2": c.ec2, "rest-xml": c.s3, "another": c.json} {
			f := sigv4.Refuse(c.kind).Fault(family)
			if got := fmt.Sprintf("%d %s", f.Status, f.Error()); !strings.HasPrefix(got, want) {
				t.Errorf("%d in %s: %s", c.kind, family, got)
			}
		}
	}
}

// TestObjectFaults is S3's answers, which say more than the others'.
func TestObjectFaults(t *testing.T) {
	type answer struct {
		status  int
		code    string
		message string
		fields  string // names of further elements, "name=value" where the value is asked
	}
	for name, c := range map[string]struct {
		of   string
		edit func(v *vector, now *time.Time)
		want answer
	}{
		"mismatch": {"key 0", func(v *vector, _ *time.Time) { v.Secret = "x" }, answer{403, "SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided. Check your key and signing method.",
			"AWSAccessKeyId=AKIDEXAMPLE StringToSign SignatureProvided StringToSignBytes=41_57_53_34 CanonicalRequest=PUT CanonicalRequestBytes=50_55_54"}},
		"v2 mismatch": {"v2 key 0", func(v *vector, _ *time.Time) { v.Secret = "x" }, answer{403, "SignatureDoesNotMatch", "The request signature", "AWSAccessKeyId StringToSign=GET"}},
		"skew": {"key 0", func(_ *vector, now *time.Time) { *now = now.Add(time.Hour) }, answer{403, "RequestTimeTooSkewed",
			"The difference between the request time and the current time is too large.", "RequestTime=20261121T103000Z ServerTime=2026-11-21T11:30:00Z MaxAllowedSkewMilliseconds=900000"}},
		"early":           {"key 0", func(_ *vector, now *time.Time) { *now = now.Add(-time.Hour) }, answer{403, "RequestTimeTooSkewed", "The difference", "RequestTime ServerTime"}},
		"presigned early": {"key presigned 0", func(_ *vector, now *time.Time) { *now = now.Add(-time.Hour) }, answer{403, "AccessDenied", "Request is not valid yet", ""}},
		"expired": {"key presigned 0", func(_ *vector, now *time.Time) { *now = now.Add(2 * time.Hour) }, answer{403, "AccessDenied", "Request has expired",
			"Expires=2026-11-21T11:30:00Z ServerTime=2026-11-21T12:30:00Z X-Amz-Expires=3600"}},
		"v2 expired":  {"v2 key 0", func(_ *vector, now *time.Time) { *now = now.Add(2 * time.Hour) }, answer{403, "AccessDenied", "Request has expired", "Expires ServerTime"}},
		"header":      {"key presigned 0", func(v *vector, _ *time.Time) { v.Headers["X-Amz-Acl"] = []string{"x"} }, answer{403, "AccessDenied", "There were headers present in the request which were not signed", "HeadersNotSigned=x-amz-acl"}},
		"region":      {"key 0", func(v *vector, _ *time.Time) { v.Region = "eu-west-1" }, answer{400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'", "Region=eu-west-1"}},
		"query scope": {"key presigned 0", func(v *vector, _ *time.Time) { v.Region = "eu-west-1" }, answer{400, "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter; the region 'us-east-1' is wrong; expecting 'eu-west-1'", "Region"}},
		"body":        {"key 0", func(v *vector, _ *time.Time) { v.Body = nil }, answer{400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.", "ClientComputedContentSHA256 S3ComputedContentSHA256=" + sigv4.EmptyPayload}},
	} {
		t.Run(name, func(t *testing.T) {
			v, now := named(t, c.of), signedAt
			c.edit(&v, &now)
			e := verify(v, v.request(), v.Body, now)
			if e == nil {
				t.Fatal("accepted")
			}
			f := e.Fault("rest-xml")
			if f.Status != c.want.status || f.Code != c.want.code || !strings.HasPrefix(f.Message, c.want.message) {
				t.Errorf("got %d %v", f.Status, f)
			}
			for _, field := range strings.Fields(c.want.fields) {
				key, value, _ := strings.Cut(field, "=")
				if got := fmt.Sprint(f.Fields[key]); f.Fields[key] == nil || !strings.HasPrefix(strings.ReplaceAll(got, " ", "_"), value) {
					t.Errorf("%s is %q", key, got)
				}
			}
		})
	}
}

func TestSecretsStayIn(t *testing.T) {
	c := sigv4.Credentials{AccessKey: "AKIA", Secret: "hush", Token: "quiet"}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "credentials", c)
	fmt.Fprintf(&b, "%v %+v %#v %s", c, c, c, c)
	if s := b.String(); strings.Contains(s, "hush") || strings.Contains(s, "quiet") || !strings.Contains(s, "AKIA") {
		t.Error(s)
	}
	if s := sigv4.Refuse(sigv4.UnknownKey).Error(); !strings.Contains(s, "invalid") {
		t.Error(s)
	}
}
