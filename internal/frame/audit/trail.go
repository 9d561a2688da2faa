package audit

import (
	"strings"
	"time"

	"cloister/internal/value/caller"
)

// Trail is an entry in the form of CloudTrail's records: who called, by which way, and what came of it. What was asked
// for and answered (requestParameters, responseElements) is not in it, as the log does not keep it.
type Trail struct {
	EventVersion       string        `json:"eventVersion"`
	UserIdentity       TrailIdentity `json:"userIdentity"`
	EventTime          time.Time     `json:"eventTime"`
	EventSource        string        `json:"eventSource"`
	EventName          string        `json:"eventName"`
	AWSRegion          string        `json:"awsRegion"`
	SourceIPAddress    string        `json:"sourceIPAddress"`
	UserAgent          string        `json:"userAgent"`
	ErrorCode          string        `json:"errorCode,omitempty"`
	ErrorMessage       string        `json:"errorMessage,omitempty"`
	RequestID          string        `json:"requestID"`
	EventType          string        `json:"eventType"`
	RecipientAccountID string        `json:"recipientAccountId"`
	VPCEndpointID      string        `json:"vpcEndpointId,omitempty"`
}

// TrailIdentity is CloudTrail's userIdentity.
type TrailIdentity struct {
	Type           string        `json:"type"`
	PrincipalID    string        `json:"principalId,omitempty"`
	ARN            string        `json:"arn,omitempty"`
	AccountID      string        `json:"accountId,omitempty"`
	AccessKeyID    string        `json:"accessKeyId,omitempty"`
	UserName       string        `json:"userName,omitempty"`
	SessionContext *TrailSession `json:"sessionContext,omitempty"`
	InvokedBy      string        `json:"invokedBy,omitempty"`
	// IdentityProvider is whose token said who the caller is.
	IdentityProvider string `json:"identityProvider,omitempty"`
}

// TrailSession is CloudTrail's sessionContext, of temporary credentials.
type TrailSession struct {
	SessionIssuer *TrailIssuer `json:"sessionIssuer,omitempty"`
	Attributes    struct {
		CreationDate     time.Time `json:"creationDate"`
		MFAAuthenticated string    `json:"mfaAuthenticated"`
	} `json:"attributes"`
	SourceIdentity string `json:"sourceIdentity,omitempty"`
}

// TrailIssuer is whose session it is.
type TrailIssuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId,omitempty"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

// types are CloudTrail's words for kinds of callers.
var types = map[caller.Kind]string{
	caller.Root: "Root", caller.User: "IAMUser", caller.AssumedRole: "AssumedRole", caller.FederatedUser: "FederatedUser", caller.Service: "AWSService",
	caller.Federated: "WebIdentityUser",
}

// Trail gives the entry in CloudTrail's form.
func (e *Entry) Trail() Trail {
	t := Trail{
		EventVersion: "1.08", UserIdentity: e.trailIdentity(), EventTime: e.Time.UTC().Truncate(time.Second), EventSource: e.Source + ".amazonaws.com",
		EventName: e.Operation, AWSRegion: e.Region, SourceIPAddress: e.Origin.Source.String(), UserAgent: e.UserAgent, ErrorMessage: e.Message,
		RequestID: e.RequestID, EventType: "AwsApiCall", RecipientAccountID: e.account(), VPCEndpointID: e.Origin.EndpointID,
	}
	if e.Origin.Place == caller.Inside {
		t.SourceIPAddress, t.UserAgent = "AWS Internal", "AWS Internal"
		if e.Identity.ServiceName != "" {
			t.SourceIPAddress, t.UserAgent = e.Identity.ServiceName, e.Identity.ServiceName
		}
	}
	switch {
	case e.Code == "":
	case e.Source == "ec2" && e.Status >= 500:
		t.ErrorCode = "Server." + e.Code
	case e.Source == "ec2":
		t.ErrorCode = "Client." + e.Code
	default:
		t.ErrorCode = strings.Replace(e.Code, "AccessDeniedException", "AccessDenied", 1)
	}
	return t
}

func (e *Entry) trailIdentity() TrailIdentity {
	id := &e.Identity
	switch {
	case id.Kind == caller.Service:
		return TrailIdentity{Type: types[id.Kind], InvokedBy: id.ServiceName}
	case id.Kind == caller.Federated:
		return TrailIdentity{Type: types[id.Kind], PrincipalID: id.Provider + ":" + claim(id, ":aud") + ":" + id.ID, UserName: id.ID, IdentityProvider: id.Provider}
	case id.Kind == caller.Anonymous && e.Source == "s3":
		return TrailIdentity{Type: "AWSAccount", AccountID: "ANONYMOUS_PRINCIPAL"}
	case id.Kind == caller.Anonymous:
		return TrailIdentity{Type: "Unknown"}
	}
	t := TrailIdentity{Type: types[id.Kind], PrincipalID: id.ID, ARN: id.ARN, AccountID: id.Account, AccessKeyID: id.AccessKey, UserName: id.Name}
	if !id.Session && id.Kind != caller.AssumedRole {
		return t
	}
	t.SessionContext = &TrailSession{SourceIdentity: id.SourceIdentity}
	a := &t.SessionContext.Attributes
	a.CreationDate, a.MFAAuthenticated = id.Issued.UTC(), "false"
	if id.Issued.IsZero() { // a service takes its role on for the call
		a.CreationDate = e.Time.UTC().Truncate(time.Second)
	}
	switch id.Kind {
	case caller.AssumedRole:
		unique, _, _ := strings.Cut(id.ID, ":")
		t.SessionContext.SessionIssuer = &TrailIssuer{"Role", unique, id.PrincipalARN, id.Account, last(id.PrincipalARN)}
	case caller.FederatedUser:
		t.SessionContext.SessionIssuer = &TrailIssuer{"IAMUser", "", id.Issuer, id.Account, last(id.Issuer)}
	}
	return t
}

// claim gives what a token says by a key with this end.
func claim(id *caller.Identity, end string) string {
	for _, c := range id.Claims {
		if strings.HasSuffix(c.Key, end) && len(c.Values) > 0 {
			return c.Values[0]
		}
	}
	return ""
}

// last is the name at the end of an ARN.
func last(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
