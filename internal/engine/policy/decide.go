package policy

import (
	"math/bits"
	"slices"
)

// Attached is a policy where it is attached.
type Attached struct {
	Document *Document
	// Name is an inline policy's name, or a managed policy's.
	Name string
	// ARN is a managed policy's own, or that of the bucket, role or endpoint that carries the policy.
	ARN string
	// Version is a managed policy's: v3.
	Version string
	// Owner is the account that may read the document; empty for AWS's own, which everybody may.
	Owner string
	// Level is the root, unit or account that an organisation's policy is attached to.
	Level string
}

// Stack is every policy that applies to one request.
type Stack struct {
	Identity []Attached // of the user and its groups, or of the role
	Resource []Attached // of the resource; the role's trust policy where Trust is set
	Boundary []Attached
	Session  []Attached
	Endpoint []Attached // of the VPC endpoint the request came by; none means full access
	// SCP and RCP have an element for each level, from the organisation's root to the account; none
	// where the account is in no organisation, or is the one that manages it.
	SCP, RCP [][]Attached

	// HasBoundary and HasSession say that there is a limit even if its list is empty, which then
	// allows nothing.
	HasBoundary, HasSession bool
	// ViaEndpoint says that the request came through a VPC endpoint; only Explain tells it.
	ViaEndpoint bool
	// Trust says that Resource is a role's trust policy. Required says that identity policies alone
	// are not enough even in one account, as for KMS keys; Trust implies it.
	Trust, Required bool
}

func (s *Stack) bounded() bool { return s.HasBoundary || len(s.Boundary) > 0 }
func (s *Stack) session() bool { return s.HasSession || len(s.Session) > 0 }

// Request is one question.
type Request struct {
	Principal Principal
	// Action is service:Operation.
	Action string
	// Resource is an ARN, or "*" for an action without one.
	Resource string
	// ResourceAccount owns the resource; empty means the principal's account.
	ResourceAccount string
	// Related says that both accounts belong to one organisation, so that the caller may know the cause of a denial.
	Related bool
	// Context may be nil.
	Context *Context
}

func (r *Request) crossAccount() bool {
	return r.ResourceAccount != "" && r.ResourceAccount != r.Principal.Account
}

// outside tells whether the caller is nobody that the resource's owner knows.
func (r *Request) outside() bool { return r.crossAccount() && !r.Related }

// Result is the answer to a request and what decided it.
type Result struct {
	Effect Effect `json:"effect"`
	// Kind is the kind of policy that decided. An implicit deny names the kind that should have
	// allowed; NoPolicy means that the account's root user needs none.
	Kind Kind `json:"kind"`
	// Policy, PolicyARN and the rest name the statement that decided; empty for an implicit deny.
	Policy    string `json:"policy,omitempty"`
	PolicyARN string `json:"policyArn,omitempty"`
	Sid       string `json:"sid,omitempty"`
	Statement int    `json:"statement,omitempty"` // from 1
}

// Decide answers a request. It reads only the statements that may be about the action, and stops at
// the first Deny.
func Decide(stack *Stack, r *Request) Result {
	e := evaluation{stack: stack, request: r, action: nameAction(r.Action), target: newTarget(r.Resource)}
	return e.decide()
}

// evaluation is one request on its way through the stack.
type evaluation struct {
	stack   *Stack
	request *Request
	action  actionName
	target  target
	trace   *Decision // nil unless explaining

	deny finding // the first in the order of causes
}

// finding is a statement that matched.
type finding struct {
	kind      Kind
	attached  *Attached
	statement *statement
	grant     Grant
}

func (f *finding) found() bool { return f.statement != nil }

func (f *finding) result(effect Effect) Result {
	return Result{effect, f.kind, f.attached.Name, f.attached.ARN, f.statement.sid, f.statement.number}
}

// element is the part of a statement that did not match.
type element uint8

const (
	allMatched element = iota
	principalElement
	actionElement
	resourceElement
	conditionElement
)

var elementNames = [...]string{"", "Principal", "Action", "Resource", "Condition"}

// decide walks the kinds of policy in the order in which AWS's sentences name causes, so that the
// first Deny is the one to report.
func (e *evaluation) decide() Result {
	s, p := e.stack, &e.request.Principal
	resourceKind := Resource
	if s.Trust {
		resourceKind = Trust
	}
	a := allows{
		scp: !e.underSCP(p) || e.levels(SCP, s.SCP),
		rcp: !underRCP(p) || e.levels(RCP, s.RCP),
	}
	a.endpoint = e.limit(Endpoint, s.Endpoint, len(s.Endpoint) > 0)
	a.boundary = e.limit(Boundary, s.Boundary, s.bounded() && p.hasIdentity())
	a.session = e.limit(Session, s.Session, s.session() && p.hasIdentity())
	a.resource = e.policies(resourceKind, s.Resource)
	if p.hasIdentity() {
		a.identity = e.policies(Identity, s.Identity)
	}
	if e.deny.found() {
		return e.deny.result(ExplicitDeny)
	}
	return e.combine(&a, resourceKind)
}

// stopped tells that a Deny was found and nobody asked for the rest.
func (e *evaluation) stopped() bool { return e.trace == nil && e.deny.found() }

func (e *evaluation) underSCP(p *Principal) bool { return p.hasIdentity() && !p.serviceLinked() }

func underRCP(p *Principal) bool { return p.Kind != Service && !p.serviceLinked() }

// levels asks an organisation's policies: each level must allow.
func (e *evaluation) levels(kind Kind, levels [][]Attached) bool {
	allowed := true
	for _, level := range levels {
		f := e.policies(kind, level)
		allowed = allowed && f.found()
	}
	return allowed
}

// limit asks policies that only ever take away.
func (e *evaluation) limit(kind Kind, list []Attached, applies bool) bool {
	if !applies {
		return true
	}
	f := e.policies(kind, list)
	return f.found()
}

// policies asks policies of one kind and gives the Allow that grants most, the first of those.
func (e *evaluation) policies(kind Kind, list []Attached) (best finding) {
	if e.stopped() {
		return best
	}
	if e.trace != nil && len(list) > 0 {
		e.trace.consulted = append(e.trace.consulted, consulted{kind, list})
	}
	for i := range list {
		e.document(kind, &list[i], &best)
		if e.stopped() {
			break
		}
	}
	return best
}

// wordsInPlace is enough marks for most documents without an allocation.
const wordsInPlace = 4

func (e *evaluation) document(kind Kind, at *Attached, best *finding) {
	d := at.Document
	var room [wordsInPlace]uint64
	marks := room[:]
	if len(d.allows) > len(room) {
		marks = make([]uint64, len(d.allows))
	}
	marks = marks[:len(d.allows)]
	d.index.mark(&e.action, marks)
	if e.trace != nil {
		e.explain(kind, at, marks, best)
		return
	}
	for w, word := range marks {
		for denies := word &^ d.allows[w]; denies != 0; denies &= denies - 1 {
			s := &d.statements[w*64+bits.TrailingZeros64(denies)]
			if grant, failed := e.matches(s, kind); failed == allMatched {
				e.deny = finding{kind, at, s, grant}
				return
			}
		}
	}
	for w, word := range marks {
		for allows := word & d.allows[w]; allows != 0; allows &= allows - 1 {
			if best.grant == DirectGrant {
				return // nothing grants more
			}
			s := &d.statements[w*64+bits.TrailingZeros64(allows)]
			if grant, failed := e.matches(s, kind); failed == allMatched && (!best.found() || grant > best.grant) {
				*best = finding{kind, at, s, grant}
			}
		}
	}
}

// matches tells whether a statement that names the action is about the request; if not, which
// element stands in the way. Statements of kinds that name no principals grant as directly as can be.
func (e *evaluation) matches(s *statement, kind Kind) (Grant, element) {
	grant, failed := e.fits(s, kind)
	if failed != allMatched {
		return grant, failed
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(e.request.Context) {
			return grant, conditionElement
		}
	}
	return grant, allMatched
}

// fits is matches but for the conditions.
func (e *evaluation) fits(s *statement, kind Kind) (Grant, element) {
	grant := DirectGrant
	if kind.namesPrincipals() {
		if grant = e.grant(s); grant == NoGrant {
			return NoGrant, principalElement
		}
	}
	if s.notAction && s.namesAction(e.action.text) {
		return grant, actionElement
	}
	if !e.resource(s, kind) {
		return grant, resourceElement
	}
	return grant, allMatched
}

func (e *evaluation) grant(s *statement) Grant {
	if s.principals == nil {
		return NoGrant
	}
	return s.principals.grant(&e.request.Principal, s.allow, e.stack.bounded())
}

func (s *statement) namesAction(text string) bool {
	for i := range s.actions {
		if matchAction(s.actions[i].text, text) {
			return true
		}
	}
	return false
}

// UnknownResource is the Resource of a request of which nobody knows what it is about: a Deny for
// any resource denies it, and only an Allow for all resources allows it.
const UnknownResource = "(unknown)"

// resource answers Resource and NotResource; trust policies have neither and mean their role.
func (e *evaluation) resource(s *statement, kind Kind) bool {
	if e.target.unknown && s.hasResource {
		return !s.allow || !s.notResource && slices.ContainsFunc(s.resources, func(r resource) bool { return r.all })
	}
	for i := range s.resources {
		if s.resources[i].matches(&e.target, kind, e.request.Context) {
			return !s.notResource
		}
	}
	return s.notResource || !s.hasResource
}
