package audit_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cloister/internal/frame/audit"
	"cloister/internal/value/caller"
)

// Seed 001 pages 218-220 show the form of an event; who is in it, the documentation of userIdentity.
func TestTrail(t *testing.T) {
	internet := caller.Origin{Place: caller.Internet, Source: netip.MustParseAddr("198.51.100.7")}
	endpoint := caller.Origin{Place: caller.Endpoint, Source: netip.MustParseAddr("10.0.0.7"), EndpointID: "vpce-1"}
	inside := caller.Origin{Place: caller.Inside}
	role := caller.Identity{Kind: caller.AssumedRole, Account: account, ARN: "arn:aws:sts::111122223333:assumed-role/r/s", PrincipalARN: "arn:aws:iam::111122223333:role/p/r", ID: "AROAX:s",
		AccessKey: "ASIAX", Session: true, Issued: start, SourceIdentity: "ann"}
	own := role
	own.Issued, own.Session, own.AccessKey, own.SourceIdentity = time.Time{}, false, "", ""
	head := func(rest string) string {
		return `{"eventVersion":"1.08","userIdentity":` + strings.Replace(rest, "|", `,"eventTime":"2026-11-21T00:00:00Z","eventSource":"sagemaker.amazonaws.com","eventName":"CreateModel","awsRegion":"us-east-1",`, 1) +
			`,"requestID":"one","eventType":"AwsApiCall","recipientAccountId":"111122223333"`
	}
	for name, c := range map[string]struct {
		entry audit.Entry
		want  string
	}{
		"user": {audit.Entry{Caller: caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: account, ARN: "arn:u", ID: "AIDAX", Name: "ann", AccessKey: "AKIAX"}, Origin: internet},
			UserAgent: "cli", Code: "AccessDeniedException", Message: "no", Status: 400},
			head(`{"type":"IAMUser","principalId":"AIDAX","arn":"arn:u","accountId":"111122223333","accessKeyId":"AKIAX","userName":"ann"}|"sourceIPAddress":"198.51.100.7","userAgent":"cli","errorCode":"AccessDenied","errorMessage":"no"`) + `}`},
		"session through an endpoint": {audit.Entry{Caller: caller.Caller{Identity: role, Origin: endpoint}, Code: "ValidationException", Message: "m", Status: 400},
			head(`{"type":"AssumedRole","principalId":"AROAX:s","arn":"arn:aws:sts::111122223333:assumed-role/r/s","accountId":"111122223333","accessKeyId":"ASIAX","sessionContext":{"sessionIssuer":`+
				`{"type":"Role","principalId":"AROAX","arn":"arn:aws:iam::111122223333:role/p/r","accountId":"111122223333","userName":"r"},"attributes":{"creationDate":"2026-11-21T00:00:00Z","mfaAuthenticated":"false"},"sourceIdentity":"ann"}}|`+
				`"sourceIPAddress":"10.0.0.7","userAgent":"","errorCode":"ValidationException","errorMessage":"m"`) + `,"vpcEndpointId":"vpce-1"}`},
		"a service's own session": {audit.Entry{Caller: caller.Caller{Identity: own, Origin: inside}},
			head(`{"type":"AssumedRole","principalId":"AROAX:s","arn":"arn:aws:sts::111122223333:assumed-role/r/s","accountId":"111122223333","sessionContext":{"sessionIssuer":`+
				`{"type":"Role","principalId":"AROAX","arn":"arn:aws:iam::111122223333:role/p/r","accountId":"111122223333","userName":"r"},"attributes":{"creationDate":"2026-11-21T00:00:00Z","mfaAuthenticated":"false"}}}|`+
				`"sourceIPAddress":"AWS Internal","userAgent":"AWS Internal"`) + `}`},
		"a service": {audit.Entry{Caller: caller.ForService("sagemaker.amazonaws.com", account, "")},
			head(`{"type":"AWSService","invokedBy":"sagemaker.amazonaws.com"}|"sourceIPAddress":"sagemaker.amazonaws.com","userAgent":"sagemaker.amazonaws.com"`) + `}`},
		"a token's bearer": {audit.Entry{Caller: caller.Caller{Identity: caller.Identity{Kind: caller.Federated, ID: "repo:a", Provider: "arn:p", Claims: []caller.Claim{{Key: "x:sub", Values: []string{"repo:a"}}, {Key: "x:aud", Values: []string{"app"}}}}, Origin: internet}, Recipient: account},
			head(`{"type":"WebIdentityUser","principalId":"arn:p:app:repo:a","userName":"repo:a","identityProvider":"arn:p"}|"sourceIPAddress":"198.51.100.7","userAgent":""`) + `}`},
		"nobody": {audit.Entry{Caller: caller.Caller{Identity: caller.Identity{Kind: caller.Anonymous}, Origin: internet}, Recipient: account},
			head(`{"type":"Unknown"}|"sourceIPAddress":"198.51.100.7","userAgent":""`) + `}`},
		"federated": {audit.Entry{Caller: caller.Caller{Identity: caller.Identity{Kind: caller.FederatedUser, Account: account, ARN: "arn:f", ID: "1:f", Issuer: "arn:aws:iam::111122223333:user/ann", Session: true, Issued: start}, Origin: internet}},
			head(`{"type":"FederatedUser","principalId":"1:f","arn":"arn:f","accountId":"111122223333","sessionContext":{"sessionIssuer":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann","accountId":"111122223333","userName":"ann"},`+
				`"attributes":{"creationDate":"2026-11-21T00:00:00Z","mfaAuthenticated":"false"}}}|"sourceIPAddress":"198.51.100.7","userAgent":""`) + `}`},
	} {
		e := c.entry
		e.RequestID, e.Time, e.Source, e.Operation, e.Region = "one", start.Add(time.Millisecond), "sagemaker", "CreateModel", "us-east-1"
		if text, err := json.Marshal(e.Trail()); err != nil || string(text) != c.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", name, err, text, c.want)
		}
	}
	if got := (&audit.Entry{Source: "s3", Caller: caller.Caller{Identity: caller.Identity{Kind: caller.Anonymous}}}).Trail().UserIdentity; got.AccountID != "ANONYMOUS_PRINCIPAL" || got.Type != "AWSAccount" {
		t.Errorf("S3's anonymous caller is %+v", got)
	}
	for status, want := range map[int]string{403: "Client.UnauthorizedOperation", 500: "Server.UnauthorizedOperation"} {
		if got := (&audit.Entry{Source: "ec2", Code: "UnauthorizedOperation", Status: status}).Trail().ErrorCode; got != want {
			t.Errorf("EC2's %d is %s", status, got)
		}
	}
}
