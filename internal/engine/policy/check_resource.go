package policy

import (
	"slices"
	"strings"
)

func (d *Document) checkResourceBased() *Malformed {
	if s := d.duplicateSid(); s != nil {
		return malformed("The Statement Ids in the policy are not unique").in("Sid").of(s)
	}
	return d.each(somePrincipal, validPrincipals, func(s *statement) *Malformed {
		switch {
		case len(s.actions) == 0:
			return malformed("Missing required field Action").in(s.actionElement())
		case len(s.resources) == 0:
			return malformed("Missing required field Resource").in(s.resourceElement())
		}
		return nil
	}, everyAction)
}

// somePrincipal wants Principal; NotPrincipal may only take away.
func somePrincipal(s *statement) *Malformed {
	switch {
	case s.principals == nil:
		return malformed("Missing required field Principal")
	case s.principals.not && s.allow:
		return malformed("Allow with NotPrincipal is not allowed.").in("NotPrincipal")
	}
	return nil
}

func validPrincipals(s *statement) *Malformed {
	for i := range s.principals.names {
		if n := &s.principals.names[i]; !n.valid() {
			return malformed(`Invalid principal in policy: "%s":"%s"`, principalLabel(n.group), n.written).in(s.principalElement(), n.group).item(s.principals.place(i))
		}
	}
	return nil
}

// principalLabel is the kind of principal as AWS prints it.
func principalLabel(group string) string {
	if group == "AWS" {
		return group
	}
	return strings.ToUpper(group)
}

// valid tells whether the name has a form that a policy may hold. There are no partial wildcards.
func (n *principalName) valid() bool {
	if n.written == "*" {
		return true
	}
	if n.written == "" || strings.ContainsAny(n.written, "*? ") {
		return false
	}
	switch n.kind {
	case servicePrincipal:
		return strings.HasSuffix(n.text, ".amazonaws.com") || strings.HasSuffix(n.text, ".amazonaws.com.cn")
	case accountPrincipal:
		return len(n.text) == accountLength && digits(n.text)
	case sessionPrincipal:
		return n.role != "" && n.session != ""
	case idPrincipal:
		return len(n.text) >= 16 && (strings.HasPrefix(n.text, "AIDA") || strings.HasPrefix(n.text, "AROA"))
	case arnPrincipal:
		return validEntity(n.text)
	}
	return true
}

func validEntity(arn string) bool {
	var parts [segments]string
	splitARN(arn, &parts)
	if parts[0] != "arn" || parts[3] != "" || len(parts[4]) != accountLength || !digits(parts[4]) {
		return false
	}
	name := parts[2] + ":" + parts[5]
	return !strings.HasSuffix(name, "/") && slices.ContainsFunc([]string{"iam:user/", "iam:role/", "sts:federated-user/"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// assumeActions are what a trust policy may speak of.
var assumeActions = []string{
	"sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity", "sts:tagsession", "sts:setsourceidentity",
	"sts:setcontext",
}

func (d *Document) checkTrust() *Malformed {
	if s := d.duplicateSid(); s != nil {
		return malformed("The Statement Ids in the policy are not unique").in("Sid").of(s)
	}
	other := func(a action) bool { return !a.assumes() }
	return d.each(somePrincipal, func(s *statement) *Malformed {
		switch {
		case s.principals.not:
			return malformed("AssumeRole policy must not contain NotPrincipal field.").in("NotPrincipal")
		case len(s.actions) == 0:
			return malformed("Missing required field Action").in(s.actionElement())
		case s.notAction || slices.ContainsFunc(s.actions, other):
			return malformed("AssumeRole policy may only specify STS AssumeRole actions.").in(s.actionElement()).item(max(0, slices.IndexFunc(s.actions, other)))
		case s.hasResource:
			return malformed("Has prohibited field Resource").in(s.resourceElement())
		case s.allow && len(s.conditions) == 0 && s.principals.names[0].written == "cognito-identity.amazonaws.com":
			return malformed("A condition block must be present for the Cognito provider")
		}
		return nil
	}, validPrincipals)
}

func (a *action) assumes() bool {
	return strings.HasPrefix(a.text, "sts:") &&
		slices.ContainsFunc(assumeActions, func(name string) bool { return matchAction(a.text, name) })
}

// FullAccess tells whether the document allows everyone everything, as RCPFullAWSAccess does, which AWS
// Organizations attaches itself and lets no customer write.
func (d *Document) FullAccess() bool {
	if len(d.statements) != 1 {
		return false
	}
	s := &d.statements[0]
	everyone := s.principals == nil || !s.principals.not && len(s.principals.names) == 1 && s.principals.names[0].kind == anyPrincipal
	return s.allow && everyone && s.anyAction && !s.notAction && len(s.resources) == 1 && s.resources[0].all && !s.notResource && len(s.conditions) == 0
}

// checkRCP wants what AWS Organizations does of customers: only Deny, for everyone, of actions with their
// service's name ("*" alone is for RCPFullAWSAccess).
func (d *Document) checkRCP() *Malformed {
	return d.each(func(s *statement) *Malformed {
		everyone := s.principals != nil && !s.principals.not && len(s.principals.names) == 1 && s.principals.names[0].written == "*"
		switch every := slices.IndexFunc(s.actions, func(a action) bool { return a.written == "*" }); {
		case s.allow || !everyone || len(s.actions) == 0 || s.notAction || len(s.resources) == 0:
			return malformed(controlRefusal)
		case every >= 0:
			return malformed(controlRefusal).in("Action").item(every)
		}
		return nil
	}, everyAction, controlResources(false))
}

// Services names the services whose actions the statements speak of, in small letters; "*" is all of them.
func (d *Document) Services() (out []string) {
	for i := range d.statements {
		for j := range d.statements[i].actions {
			name, _, _ := strings.Cut(fold(d.statements[i].actions[j].written), ":")
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
