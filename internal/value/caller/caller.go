// Package caller says who is calling and by which wire.
//
// An Origin is filled in by the fabric when it accepts a connection, before a byte is read: no
// header can alter it. An Identity is filled in by authentication. The package knows neither.
package caller

import (
	"net/netip"
	"time"
)

// Place is the kind of wire a call came by.
type Place int

const (
	// Internet is every caller outside all VPCs, the host's loopback door included.
	Internet Place = iota
	// Endpoint is a caller that reached us through a VPC endpoint.
	Endpoint
	// Inside is Cloister itself, acting for a service or a role; there is no wire.
	Inside
	// Metadata is a workload that asks for its own credentials; nothing else is told to it.
	Metadata
)

func (p Place) String() string {
	return [...]string{"internet", "vpc-endpoint", "inside", "metadata"}[p]
}

// Origin is the path a connection really took.
type Origin struct {
	Place Place `json:"place"`
	// VPC is set for Places Endpoint and Metadata, EndpointID and EndpointInterface for Endpoint. EndpointInterface is the ENI
	// that took the connection; empty for a gateway endpoint, which has none.
	VPC               string `json:"vpc,omitempty"`
	EndpointID        string `json:"endpoint,omitempty"`
	EndpointInterface string `json:"endpoint_interface,omitempty"`
	// Service is the service name of the endpoint, as com.amazonaws.us-east-1.sagemaker.api; a
	// connection through an endpoint may only call that service.
	Service string `json:"service,omitempty"`
	// Subnet and Interface are those of the caller, where the fabric knows the source address.
	Subnet    string `json:"subnet,omitempty"`
	Interface string `json:"interface,omitempty"`
	// Source is the caller's address: private through an endpoint, public from the internet.
	Source netip.Addr `json:"source"`
	// Target is the address and port that was dialled.
	Target netip.AddrPort `json:"target"`
	// Forwarded tells, for Place Inside, that a service passes on the very call of who called it, with that
	// caller's rights: aws:ViaAWSService. A service that has a session of its own makes calls of its own.
	Forwarded bool `json:"forwarded,omitempty"`
}

// Kind is the kind of principal.
type Kind string

const (
	Anonymous   Kind = "Anonymous"   // no signature: an identity, not a bypass
	Root        Kind = "Account"     // the account's root user
	User        Kind = "User"        // an IAM user
	AssumedRole Kind = "AssumedRole" // a role session
	// FederatedUser is a session of GetFederationToken.
	FederatedUser Kind = "FederatedUser"
	// Federated is who a provider's token names, before there is a session.
	Federated Kind = "Federated"
	Service   Kind = "Service" // an AWS service, as sagemaker.amazonaws.com
)

// Identity is an authenticated principal (or Anonymous).
type Identity struct {
	Kind    Kind   `json:"kind"`
	Account string `json:"account"` // twelve digits; empty for Anonymous
	// ARN is what GetCallerIdentity prints: the user's, the root's, or the session's (not the role's).
	ARN string `json:"arn"`
	// PrincipalARN is the value of aws:PrincipalArn: for a session the role's ARN, else ARN.
	PrincipalARN string `json:"principal_arn"`
	// ID is the value of aws:userid: AIDA…, AROA…:session, or the account for root.
	ID string `json:"id"`
	// Name is the value of aws:username; empty but for users.
	Name string `json:"name,omitempty"`
	// AccessKey is the key the call was signed with; empty when there was no wire.
	AccessKey string `json:"access_key,omitempty"`
	// SessionPolicies are the documents given to AssumeRole, each a JSON text.
	SessionPolicies []string `json:"session_policies,omitempty"`
	// SessionARNs are managed session policies, looked up at each decision.
	SessionARNs []string `json:"session_arns,omitempty"`
	// ServiceName is set for Kind Service: sagemaker.amazonaws.com.
	ServiceName string `json:"service_name,omitempty"`
	// SourceARN is, for Kind Service, the resource that the service acts for: aws:SourceArn.
	SourceARN string `json:"source_arn,omitempty"`

	// Session tells temporary credentials, those of GetSessionToken for a user or the root among them.
	Session bool `json:"session,omitempty"`
	// Issuer is the ARN of the user who made a FederatedUser's session.
	Issuer string `json:"issuer,omitempty"`
	// Issued is when temporary credentials were made: aws:TokenIssueTime.
	Issued time.Time `json:"issued,omitzero"`
	// Tags are the session's own; they win over the role's. Transitive names those that sessions made by
	// this one inherit.
	Tags       []Tag    `json:"tags,omitempty"`
	Transitive []string `json:"transitive,omitempty"`
	// SourceIdentity is set once in a chain of sessions and never changes: aws:SourceIdentity.
	SourceIdentity string `json:"source_identity,omitempty"`
	// Provider is the identity provider of a web identity's session: aws:FederatedProvider.
	Provider string `json:"provider,omitempty"`
	// Claims are condition keys that the provider's token gave, as issuer.example:sub.
	Claims []Claim `json:"claims,omitempty"`
}

// Claim is a condition key with its values.
type Claim struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
	Many   bool     `json:"many,omitempty"`
}

// Tag is a tag of a principal, a session or a resource.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Caller is the answer to both questions.
type Caller struct {
	Identity Identity `json:"identity"`
	Origin   Origin   `json:"origin"`
}

// ForService is the caller that a controller is when it acts for its own service: name is
// "sagemaker.amazonaws.com", account the account it acts in, source the ARN of the resource it acts for,
// empty where there is none yet.
func ForService(name, account, source string) Caller {
	return Caller{
		Identity: Identity{Kind: Service, Account: account, ARN: name, PrincipalARN: name, ID: name, ServiceName: name, SourceARN: source},
		Origin:   Origin{Place: Inside},
	}
}

// ForServiceLinkedRole is the caller that a controller is when it keeps house in a customer's
// account: a session of the role that the service has there, as in AWS. role is its name.
func ForServiceLinkedRole(service, role, account string) Caller {
	return Caller{
		Identity: Identity{
			Kind: AssumedRole, Account: account, ID: "AROA" + role + ":cloister",
			ARN:          "arn:aws:sts::" + account + ":assumed-role/" + role + "/cloister",
			PrincipalARN: ServiceLinkedRoleARN(service, role, account),
		},
		Origin: Origin{Place: Inside},
	}
}

// ServiceLinkedRoleARN names the role that a service has in an account.
func ServiceLinkedRoleARN(service, role, account string) string {
	return "arn:aws:iam::" + account + ":role/aws-service-role/" + service + "/" + role
}
