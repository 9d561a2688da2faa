package policy

import "strings"

// refApplies tells whether a statement is about the request, and for an Allow how it grants.
func refApplies(s refStatement, kind Kind, modern bool, stack *Stack, r *Request, ctx refContext) (Grant, bool) {
	grant := DirectGrant
	if kind == Resource || kind == Trust || kind == Endpoint || kind == RCP {
		bounded := stack.HasBoundary || len(stack.Boundary) > 0
		if e, ok := s["Principal"]; ok {
			grant = refPrincipal(e, &r.Principal)
		} else if e, ok := s["NotPrincipal"]; ok {
			grant = refNotPrincipal(e, &r.Principal, s["Effect"] == "Allow", bounded)
		} else {
			grant = NoGrant
		}
		if grant == NoGrant {
			return grant, false
		}
	}
	if a, ok := s["Action"]; ok && !refAction(a, r.Action) {
		return grant, false
	}
	if a, ok := s["NotAction"]; ok && refAction(a, r.Action) {
		return grant, false
	}
	named := func(v any) bool {
		for _, p := range refStrings(v) {
			if refResource(p, r.Resource, kind, modern, ctx) {
				return true
			}
		}
		return false
	}
	if v, ok := s["Resource"]; ok && !named(v) {
		return grant, false
	}
	if v, ok := s["NotResource"]; ok && named(v) {
		return grant, false
	}
	block, _ := s["Condition"].(map[string]any)
	for op, keys := range block {
		for key, wanted := range keys.(map[string]any) {
			if !refCondition(op, key, refStrings(wanted), modern, ctx) {
				return grant, false
			}
		}
	}
	return grant, true
}

type refAnswer struct {
	deny, allow bool
	grants      map[Grant]bool
}

func refPolicies(kind Kind, list []Attached, stack *Stack, r *Request, ctx refContext) refAnswer {
	out := refAnswer{grants: map[Grant]bool{}}
	for _, at := range list {
		statements, modern := refStatements(at.Document)
		for _, s := range statements {
			grant, ok := refApplies(s, kind, modern, stack, r, ctx)
			switch {
			case ok && s["Effect"] == "Deny":
				out.deny = true
			case ok:
				out.allow = true
				out.grants[grant] = true
			}
		}
	}
	return out
}

// refDecide is the compact form of the evaluation order in the facts on IAM, section 3.1.
func refDecide(stack *Stack, r *Request, ctx refContext) Effect {
	p := r.Principal
	human := p.Kind != Anonymous && p.Kind != Service && p.Kind != Federated
	linked := strings.Contains(p.Issuer+p.ARN, "role/aws-service-role/")
	deny, refused := false, false
	organisation := func(kind Kind, levels [][]Attached) {
		for _, level := range levels {
			a := refPolicies(kind, level, stack, r, ctx)
			deny, refused = deny || a.deny, refused || !a.allow
		}
	}
	if human && !linked {
		organisation(SCP, stack.SCP)
	}
	if p.Kind != Service && !linked {
		organisation(RCP, stack.RCP)
	}
	endpoint := refPolicies(Endpoint, stack.Endpoint, stack, r, ctx)
	refused = refused || len(stack.Endpoint) > 0 && !endpoint.allow
	kind := Resource
	if stack.Trust {
		kind = Trust
	}
	resource := refPolicies(kind, stack.Resource, stack, r, ctx)
	deny = deny || endpoint.deny || resource.deny
	boundaryOK, sessionOK, identity := true, true, false
	session := stack.HasSession || len(stack.Session) > 0
	if human {
		if stack.HasBoundary || len(stack.Boundary) > 0 {
			a := refPolicies(Boundary, stack.Boundary, stack, r, ctx)
			boundaryOK, deny = a.allow, deny || a.deny
		}
		if session {
			a := refPolicies(Session, stack.Session, stack, r, ctx)
			sessionOK, deny = a.allow, deny || a.deny
		}
		a := refPolicies(Identity, stack.Identity, stack, r, ctx)
		deny = deny || a.deny
		identity = a.allow || p.Kind == RootUser
		if p.Kind == FederatedUser && !session {
			identity = false
		}
	}
	switch {
	case deny:
		return ExplicitDeny
	case refused:
		return ImplicitDeny
	}
	g := resource.grants
	ident := identity && boundaryOK && sessionOK
	var yes bool
	switch {
	case !human:
		yes = resource.allow
	case r.ResourceAccount != "" && r.ResourceAccount != p.Account:
		yes = ident && resource.allow
	default:
		must := stack.Trust || stack.Required
		yes = g[DirectGrant] || g[RoleGrant] && boundaryOK && sessionOK || g[AnyGrant] && sessionOK ||
			ident && (!must || g[AccountGrant] || g[AnyGrant])
	}
	if yes {
		return Allowed
	}
	return ImplicitDeny
}
