package policy

import (
	"strings"

	"cloister/internal/value/caller"
)

// PrincipalKind is what a principal is.
type PrincipalKind uint8

const (
	Anonymous     PrincipalKind = iota // no signature
	RootUser                           // an account's root user
	User                               // an IAM user
	Role                               // a role itself, without a session
	RoleSession                        // a session of AssumeRole and its kin
	FederatedUser                      // a session of GetFederationToken
	Federated                          // an identity provider's user before it has a session
	Service                            // an AWS service
)

// Principal is who asks.
type Principal struct {
	Kind PrincipalKind
	// ARN is what GetCallerIdentity prints: of the user, the root user, or the session.
	ARN string
	// Issuer is the ARN of the role, or of the user for a FederatedUser, whose session it is.
	Issuer  string
	Account string
	// ID is aws:userid: AIDA…, AROA…:session, or the account for root.
	ID string
	// Name is what a Service or Federated principal is named by in a policy: sagemaker.amazonaws.com,
	// or a provider's ARN.
	Name string
	// CanonicalID is the account's long id that S3 knows it by; empty matches none.
	CanonicalID string
}

// PrincipalOf is the principal behind an authenticated identity.
func PrincipalOf(id caller.Identity) Principal {
	p := Principal{ARN: id.ARN, Account: id.Account, ID: id.ID, Name: id.ServiceName}
	switch id.Kind {
	case caller.Root:
		p.Kind = RootUser
	case caller.User:
		p.Kind = User
	case caller.AssumedRole:
		p.Kind, p.Issuer = RoleSession, id.PrincipalARN
	case caller.FederatedUser:
		p.Kind, p.Issuer = FederatedUser, id.Issuer
	case caller.Federated:
		p.Kind, p.Name = Federated, id.Provider
	case caller.Service:
		p.Kind = Service
	}
	return p
}

// hasIdentity tells whether identity-based policies can be about the principal.
func (p *Principal) hasIdentity() bool {
	switch p.Kind {
	case RootUser, User, Role, RoleSession, FederatedUser:
		return true
	}
	return false
}

// serviceLinked tells whether it is a session of a service-linked role, which organisation policies
// do not reach.
func (p *Principal) serviceLinked() bool {
	return strings.Contains(p.Issuer, ":role/aws-service-role/") || strings.Contains(p.ARN, ":role/aws-service-role/")
}

// Grant is how an Allow of a resource-based policy means the caller. Each way is limited by fewer of
// the caller's other policies than the one before it, so that the greatest decides.
type Grant uint8

const (
	NoGrant      Grant = iota
	AccountGrant       // the account: it only hands the question on to identity policies
	RoleGrant          // the role of a session, the user of a federated session
	AnyGrant           // everyone
	DirectGrant        // the very caller
)

var grantNames = [...]string{"none", "account", "role", "everyone", "direct"}

func (g Grant) String() string { return grantNames[g] }

type principalKind uint8

const (
	anyPrincipal principalKind = iota
	accountPrincipal
	arnPrincipal
	sessionPrincipal
	idPrincipal
	servicePrincipal
	federatedPrincipal
	canonicalPrincipal
)

// principalName is one member of a Principal or NotPrincipal element.
type principalName struct {
	kind    principalKind
	group   string // AWS, Service, Federated, CanonicalUser; empty for a bare "*"
	written string
	text    string // what is compared: an account, an ARN, an id
	role    string // of a session's ARN
	session string
	id      string // the unique id the ARN was bound to
	// rootOnly says that an account means its root user and nobody else of it.
	rootOnly bool
}

const accountLength = 12

func newPrincipalName(group, text string) principalName {
	n := principalName{group: group, written: text, text: text}
	switch group {
	case "Service":
		n.kind = servicePrincipal
		return n
	case "Federated":
		n.kind = federatedPrincipal
		return n
	case "CanonicalUser":
		n.kind = canonicalPrincipal
		return n
	}
	var parts [segments]string
	switch {
	case text == "*":
		n.kind = anyPrincipal
	case len(text) == accountLength && digits(text):
		n.kind = accountPrincipal
	case !splitARN(text, &parts):
		n.kind = idPrincipal
	case parts[2] == "iam" && parts[5] == "root":
		n.kind, n.text = accountPrincipal, parts[4]
	case parts[2] == "sts" && strings.HasPrefix(parts[5], "assumed-role/"):
		n.kind, n.text = sessionPrincipal, parts[4]
		n.role, n.session, _ = strings.Cut(strings.TrimPrefix(parts[5], "assumed-role/"), "/")
	default:
		n.kind = arnPrincipal
	}
	return n
}

// grant tells how the name means the principal.
func (n *principalName) grant(p *Principal) Grant {
	switch n.kind {
	case anyPrincipal:
		return AnyGrant
	case accountPrincipal:
		if p.hasIdentity() && p.Account == n.text && (!n.rootOnly || p.Kind == RootUser) {
			return AccountGrant
		}
	case arnPrincipal:
		return n.arnGrant(p)
	case sessionPrincipal:
		return n.sessionGrant(p)
	case idPrincipal:
		return n.idGrant(p, n.text)
	case servicePrincipal:
		return grantIf(p.Kind == Service && (n.text == "*" || foldEqual(n.text, p.Name)), DirectGrant)
	case federatedPrincipal:
		return grantIf(p.Kind == Federated && (n.text == "*" || n.text == p.Name), DirectGrant)
	case canonicalPrincipal:
		return grantIf(p.hasIdentity() && n.text != "" && n.text == p.CanonicalID, AccountGrant)
	}
	return NoGrant
}

func grantIf(yes bool, g Grant) Grant {
	if yes {
		return g
	}
	return NoGrant
}

func (n *principalName) arnGrant(p *Principal) Grant {
	if !p.hasIdentity() {
		return NoGrant
	}
	if n.id != "" && p.Kind != FederatedUser { // a namesake made later is somebody else
		return n.idGrant(p, n.id)
	}
	switch n.text {
	case p.ARN:
		return grantIf(p.ARN != "", grantOfSelf(p))
	case p.Issuer:
		return grantIf(p.Issuer != "", RoleGrant)
	}
	return NoGrant
}

// grantOfSelf is what naming a principal's own ARN is worth: a role is only ever used by sessions.
func grantOfSelf(p *Principal) Grant {
	if p.Kind == Role {
		return RoleGrant
	}
	return DirectGrant
}

func (n *principalName) idGrant(p *Principal, id string) Grant {
	own, _, session := strings.Cut(p.ID, ":")
	if !p.hasIdentity() || own == "" || own != id {
		return grantIf(p.hasIdentity() && p.ID != "" && p.ID == id, DirectGrant)
	}
	if session {
		return RoleGrant
	}
	return grantOfSelf(p)
}

// sessionGrant compares a session's ARN by account, role name and session name; role names ignore
// case, as they do in IAM.
func (n *principalName) sessionGrant(p *Principal) Grant {
	if p.Kind != RoleSession {
		return NoGrant
	}
	other := newPrincipalName("AWS", p.ARN)
	same := other.kind == sessionPrincipal && other.text == n.text && foldEqual(other.role, n.role) && other.session == n.session
	return grantIf(same, DirectGrant)
}

// principals is a Principal or NotPrincipal element.
type principals struct {
	not   bool
	names []principalName
}

// grant is how the element means the principal; bounded tells that it has a permissions boundary.
func (e *principals) grant(p *Principal, allow, bounded bool) Grant {
	best := NoGrant
	for i := range e.names {
		best = max(best, e.names[i].grant(p))
	}
	switch {
	case !e.not:
		return best
	case allow:
		return grantIf(best == NoGrant, AnyGrant)
	case bounded && p.hasIdentity():
		return AnyGrant // AWS: such a Deny always reaches a principal with a boundary
	}
	return grantIf(!e.exempts(p), AnyGrant)
}

// exempts tells whether a Deny with NotPrincipal spares the principal: its account is listed, or all
// of its own names are; for a session, the session's and the role's.
func (e *principals) exempts(p *Principal) bool {
	var own, issuer bool
	for i := range e.names {
		switch e.names[i].grant(p) {
		case AccountGrant, AnyGrant:
			return true
		case DirectGrant:
			own = true
		case RoleGrant:
			issuer = true
		}
	}
	if p.Kind == Role {
		return issuer
	}
	return own && (issuer || p.Issuer == "")
}
