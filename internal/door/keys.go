package door

import (
	"strconv"
	"strings"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
)

// fact is how a global condition key gets its value: when says whether the request has it at all (nil:
// always), then text or list says what it is.
type fact struct {
	key  policy.Key
	when func(*subject) bool
	text func(*subject) string
	list func(*subject) []string
}

// facts has a row for each global key that a request to Cloister may have. Keys that are not here belong
// to what is not here: MFA devices, AssumeRoot, instances with roles of their own, chat, services that
// call on with who called them (aws:CalledVia names eleven, none of which is served).
var facts = []fact{
	// The path.
	{key: policy.SourceIP, when: public, text: source},
	{key: policy.VpcSourceIP, when: private, text: source},
	{key: policy.SourceVpc, when: private, text: func(b *subject) string { return b.origin().VPC }},
	{key: policy.SourceVpce, when: private, text: func(b *subject) string { return b.origin().EndpointID }},
	{key: policy.SourceVpcArn, when: tellsVPC, text: func(b *subject) string {
		return "arn:aws:ec2:" + b.x.Region + ":" + b.EndpointAccount + ":vpc/" + b.origin().VPC
	}},
	{key: policy.VpceAccount, when: tellsOwner, text: func(b *subject) string { return b.EndpointAccount }},
	{key: policy.VpceOrgID, when: tellsOrganization, text: func(b *subject) string { return b.EndpointSide.ID }},
	{key: policy.VpceOrgPaths, when: func(b *subject) bool { return tellsOwner(b) && b.EndpointSide != nil }, list: func(b *subject) []string {
		return paths(b.EndpointSide, b.EndpointAccount)
	}},
	{key: policy.SecureTransport, text: func(b *subject) string { return strconv.FormatBool(b.x.Secure) }},
	{key: policy.ViaAWSService, text: func(b *subject) string { return strconv.FormatBool(b.origin().Forwarded) }},
	{key: policy.ViaAWSMCPService, text: func(*subject) string { return "false" }},

	// The request.
	{key: policy.RequestedRegion, text: func(b *subject) string { return b.x.asked() }},
	{key: policy.UserAgent, text: agent},
	{key: policy.Referer, when: func(b *subject) bool { return referer(b) != "" }, text: referer},

	// The caller.
	{key: policy.PrincipalArn, when: customer, text: func(b *subject) string { return b.identity().PrincipalARN }},
	{key: policy.PrincipalAccount, when: human, text: func(b *subject) string { return nameless(b, "anonymous", b.identity().Account) }},
	{key: policy.PrincipalOrgID, when: organized, text: func(b *subject) string { return b.Caller.ID }},
	{key: policy.PrincipalOrgPaths, when: organized, list: func(b *subject) []string { return paths(b.Caller, b.identity().Account) }},
	{key: policy.PrincipalType, when: human, text: func(b *subject) string {
		return nameless(b, string(caller.Anonymous), string(b.identity().Kind))
	}},
	{key: policy.UserID, when: human, text: func(b *subject) string { return nameless(b, "anonymous", b.identity().ID) }},
	{key: policy.Username, when: func(b *subject) bool { return b.identity().Kind == caller.User }, text: func(b *subject) string { return b.identity().Name }},
	{key: policy.FederatedProvider, when: func(b *subject) bool { return b.identity().Provider != "" }, text: func(b *subject) string { return b.identity().Provider }},
	{key: policy.SourceIdentity, when: func(b *subject) bool {
		return b.identity().SourceIdentity != "" && b.identity().Kind != caller.Federated
	}, text: func(b *subject) string { return b.identity().SourceIdentity }},
	{key: policy.TokenIssueTime, when: temporary, text: issued},
	{key: policy.MultiFactorAuthPresent, when: temporary, text: func(*subject) string { return "false" }}, // there are no devices

	// A service that calls.
	{key: policy.PrincipalIsAWSService, when: signed, text: func(b *subject) string { return strconv.FormatBool(service(b)) }},
	{key: policy.PrincipalServiceName, when: service, text: func(b *subject) string { return b.identity().ServiceName }},
	{key: policy.PrincipalServiceNamesList, when: service, list: func(b *subject) []string { return []string{b.identity().ServiceName} }},
	{key: policy.SourceArn, when: func(b *subject) bool { return b.identity().SourceARN != "" }, text: func(b *subject) string { return b.identity().SourceARN }},
	{key: policy.SourceAccount, when: deputy, text: func(b *subject) string { return b.identity().Account }},
	{key: policy.SourceOrgID, when: organizedDeputy, text: func(b *subject) string { return b.Caller.ID }},
	{key: policy.SourceOrgPaths, when: organizedDeputy, list: func(b *subject) []string { return paths(b.Caller, b.identity().Account) }},

	// The resource.
	{key: policy.ResourceAccount, when: owned, text: func(b *subject) string { return b.Account }},
	{key: policy.ResourceOrgID, when: ownedByOne, text: func(b *subject) string { return b.Owner.ID }},
	{key: policy.IAMPermissionsBoundary, when: bounded, text: func(b *subject) string { return b.Boundary }}, // of operations that do not bring one
	{key: policy.ResourceOrgPaths, when: ownedByOne, list: func(b *subject) []string { return paths(b.Owner, b.Account) }},
}

// global is facts by key.
var global = func() map[policy.Key]*fact {
	m := make(map[policy.Key]*fact, len(facts))
	for i := range facts {
		m[facts[i].key] = &facts[i]
	}
	return m
}()

func source(b *subject) string { return b.origin().Source.String() }

func public(b *subject) bool  { return b.origin().Place == caller.Internet }
func private(b *subject) bool { return b.origin().Place == caller.Endpoint }

// signed, service, customer and human are kinds of callers: who proved to be somebody, an AWS service,
// somebody of an account, and anybody but a service.
func signed(b *subject) bool {
	return b.identity().Kind != caller.Anonymous && b.identity().Kind != ""
}
func service(b *subject) bool  { return b.identity().Kind == caller.Service }
func customer(b *subject) bool { return signed(b) && !service(b) }
func human(b *subject) bool    { return !service(b) }

// nameless puts a word in the place of what nobody has.
func nameless(b *subject, word, value string) string {
	if signed(b) {
		return value
	}
	return word
}

func organized(b *subject) bool       { return customer(b) && b.Caller != nil }
func deputy(b *subject) bool          { return service(b) && b.identity().Account != "" }
func organizedDeputy(b *subject) bool { return deputy(b) && b.Caller != nil }

// temporary tells credentials that end. A role has no others.
func temporary(b *subject) bool {
	return b.identity().Session || b.identity().Kind == caller.AssumedRole || b.identity().Kind == caller.FederatedUser
}

// issued is when the credentials were made; a service that acts as its own role takes it on for each call.
func issued(b *subject) string {
	t := b.identity().Issued
	if t.IsZero() {
		t = b.x.Time
	}
	return t.UTC().Format(time.RFC3339)
}

// agent is what a client calls itself. Calls of services come without a header.
func agent(b *subject) string {
	switch {
	case service(b):
		return b.identity().ServiceName
	case b.origin().Place == caller.Inside:
		return "AWS Internal"
	}
	return b.x.UserAgent
}

// bounded tells what depends on the boundary that a user or role has: giving and taking its policies.
func bounded(b *subject) bool {
	name, ok := strings.CutPrefix(strings.ToLower(b.action), "iam:")
	if !ok || b.Boundary == "" {
		return false
	}
	for _, verb := range []string{"attach", "detach", "put", "delete"} {
		if name == verb+"userpolicy" || name == verb+"rolepolicy" {
			return true
		}
	}
	return name == "deleteuserpermissionsboundary" || name == "deleterolepermissionsboundary"
}

func referer(b *subject) string {
	if b.x.request == nil {
		return ""
	}
	return strings.Clone(first(b.x.request.Header, "Referer")) // a record must not keep the whole head alive
}

func paths(o *directory.Organization, account string) []string { return []string{o.Path(account)} }

// ownerless are actions that AWS lists as having no aws:ResourceAccount, nor what goes with it.
var ownerless = func() map[string]bool {
	m := map[string]bool{}
	for _, a := range strings.Fields(`ec2:AcceptVpcEndpointConnections ec2:AcceptVpcPeeringConnection ec2:CreateVpcEndpoint ec2:CreateVpcPeeringConnection
		ec2:DeleteVpcPeeringConnection ec2:RejectVpcEndpointConnections ec2:RejectVpcPeeringConnection route53:AssociateVPCWithHostedZone
		route53:CreateVPCAssociationAuthorization route53:DeleteVPCAssociationAuthorization route53:DisassociateVPCFromHostedZone route53:ListHostedZonesByVPC`) {
		m[a] = true
	}
	return m
}()

func owned(b *subject) bool      { return b.Account != "" && !ownerless[b.action] }
func ownedByOne(b *subject) bool { return owned(b) && b.Owner != nil }

// perimeter are the services whose requests tell who owns the endpoint (facts: privatelink 6.2). SageMaker, STS,
// Logs and Secrets Manager are not among them.
var perimeter = map[string]bool{"s3": true, "kms": true, "lambda": true, "ecr": true, "ecs": true, "iam": true, "dynamodb": true, "firehose": true,
	"athena": true, "cloudformation": true, "route53": true, "scheduler": true, "ebs": true}

func tellsOwner(b *subject) bool {
	return private(b) && b.EndpointAccount != "" && perimeter[b.service()] && !strings.EqualFold(b.action, "iam:PassRole")
}

func tellsVPC(b *subject) bool { return tellsOwner(b) && b.service() != "dynamodb" }

func tellsOrganization(b *subject) bool {
	s := b.service()
	return b.EndpointSide != nil && (tellsOwner(b) || private(b) && (s == "sqs" || s == "ses"))
}
