package policy

// allows is what every kind of policy says, once none denies.
type allows struct {
	scp, rcp, endpoint, boundary, session bool // true also where the kind does not apply
	resource, identity                    finding
}

// combine is AWS's evaluation order for a request that nothing denies explicitly.
func (e *evaluation) combine(a *allows, resourceKind Kind) Result {
	switch {
	case !a.scp:
		return Result{Kind: SCP}
	case !a.rcp:
		return Result{Kind: RCP}
	case !a.endpoint:
		return Result{Kind: Endpoint}
	}
	if !e.request.Principal.hasIdentity() {
		return byResource(a, resourceKind)
	}
	if e.request.crossAccount() {
		return e.acrossAccounts(a, resourceKind)
	}
	return e.inOneAccount(a, resourceKind)
}

// byResource is for callers that have no policies of their own.
func byResource(a *allows, resourceKind Kind) Result {
	if a.resource.found() {
		return a.resource.result(Allowed)
	}
	return Result{Kind: resourceKind}
}

func (e *evaluation) inOneAccount(a *allows, resourceKind Kind) Result {
	required := e.stack.Trust || e.stack.Required
	named := a.resource.grant == AccountGrant || a.resource.grant == AnyGrant
	if e.identityAllows(a) && a.boundary && a.session && (!required || named) {
		return e.byIdentity(a)
	}
	var granted bool
	switch a.resource.grant {
	case DirectGrant: // neither boundary nor session policy limits it
		granted = true
	case RoleGrant:
		granted = a.boundary && a.session
	case AnyGrant:
		granted = a.session
	}
	switch {
	case granted:
		return a.resource.result(Allowed)
	case required && !a.resource.found():
		return Result{Kind: resourceKind}
	}
	return Result{Kind: limiting(a, Identity)}
}

// acrossAccounts needs both sides, and a boundary limits even a session that is named.
func (e *evaluation) acrossAccounts(a *allows, resourceKind Kind) Result {
	switch {
	case !a.boundary || !a.session:
		return Result{Kind: limiting(a, resourceKind)}
	case !a.resource.found():
		return Result{Kind: resourceKind}
	case !e.identityAllows(a):
		return Result{Kind: Identity}
	}
	return a.resource.result(Allowed)
}

// limiting is the kind that an implicit deny is blamed on.
func limiting(a *allows, otherwise Kind) Kind {
	switch {
	case !a.boundary:
		return Boundary
	case !a.session:
		return Session
	}
	return otherwise
}

// identityAllows is the identity side before its limits. The root user may do all in its account; a
// federated session without a session policy has no permissions of its own.
func (e *evaluation) identityAllows(a *allows) bool {
	switch e.request.Principal.Kind {
	case RootUser:
		return true
	case FederatedUser:
		return a.identity.found() && e.stack.session()
	}
	return a.identity.found()
}

func (e *evaluation) byIdentity(a *allows) Result {
	if !a.identity.found() { // the root user
		return Result{Effect: Allowed}
	}
	return a.identity.result(Allowed)
}
