package directory

import (
	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/value/caller"
)

// Question is what a check asks: may the caller do Action to Resource?
type Question struct {
	Action, Resource string
	// Account owns the resource, if the directory does not know better; empty means the one in IAM's ARNs, else the caller's.
	Account string
}

// Facts are what the directory knows of the two sides of a question. The lists are not to be changed.
type Facts struct {
	Account                     string        // that owns the resource
	Principal, Resource         []caller.Tag  // their tags; a session's win over its role's
	Caller, Owner, EndpointSide *Organization // of the caller's account, the resource's and the endpoint's; nil for none
	EndpointAccount             string
	Boundary                    string // of the user or role that is asked about
}

// Stack gives every policy that has a say in one question, and what is known of its two sides.
func (d *Directory) Stack(c *caller.Caller, q *Question) (s policy.Stack, f Facts) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	id := &c.Identity
	f.Account = q.Account
	if o := d.owner(q.Resource); o.of != nil && q.Action != "s3:CreateBucket" { // of a name that is taken the service tells
		r := o.of
		f.Account = r.Account
		s.Trust = r.Trust && assumes(q.Action)
		if (!r.Trust || s.Trust) && !keeps(id, r, q.Action) {
			s.Resource = o.policies
		}
	}
	if f.Account == "" {
		f.Account = id.Account
		if of, ok := accountIn(q.Resource); ok {
			f.Account = of // a role of another account is that account's, also before there is one
		}
	}
	f.Resource = d.tagsOf(q.Resource)
	if p := d.principal[q.Resource]; p != nil {
		f.Boundary = p.Boundary
	}
	d.identity(id, &s, &f)
	d.limits(id, &s)
	if c.Origin.Place == caller.Endpoint {
		s.ViaEndpoint = true
		s.Endpoint = nowhere
		if e, ok := d.endpoint[c.Origin.EndpointID]; ok {
			s.Endpoint, f.EndpointAccount, f.EndpointSide = e.policies, e.of.Account, d.member[e.of.Account]
		}
	}
	f.Caller, f.Owner = d.member[id.Account], d.member[f.Account]
	if id.Kind != caller.Service && id.Kind != caller.Anonymous {
		s.SCP = f.Caller.levels(f.Caller.scp(), id.Account)
	}
	if policy.Controlled(q.Action) {
		s.RCP = f.Owner.levels(f.Owner.rcp(), f.Account)
	}
	return s, f
}

// tagsOf gives the tags that a resource was told to have; users and roles have theirs with them. The lock is held.
func (d *Directory) tagsOf(arn string) []caller.Tag {
	if p := d.principal[arn]; p != nil {
		return p.Tags
	}
	return d.tags[spelled(arn)]
}

// spelled is the ARN that a resource is known by: SageMaker's names are the same in any case, and Logs
// speaks of a group as of a stream without a name.
func spelled(arn string) string {
	switch {
	case strings.HasPrefix(arn, "arn:aws:sagemaker:"):
		return strings.ToLower(arn)
	case strings.HasPrefix(arn, "arn:aws:logs:"):
		return strings.TrimSuffix(strings.TrimSuffix(arn, ":*"), ":log-stream:")
	}
	return arn
}

// assumes tells whether an action on a role is a matter of its trust policy.
func assumes(action string) bool {
	a := strings.ToLower(action)
	return strings.HasPrefix(a, "sts:assumerole") || a == "sts:tagsession" || a == "sts:setsourceidentity" || a == "sts:setcontext"
}

// identity puts in what speaks of the caller: its own policies, its groups', and its boundary.
func (d *Directory) identity(id *caller.Identity, s *policy.Stack, f *Facts) {
	if id.Kind != caller.Federated { // whose tags are still those of a request
		f.Principal = id.Tags
	}
	arn := id.PrincipalARN
	switch id.Kind {
	case caller.User, caller.AssumedRole:
	case caller.FederatedUser:
		arn = id.Issuer
		if strings.HasSuffix(arn, ":root") {
			s.Identity = anything // the session's policies are the only limit
			return
		}
	default:
		return
	}
	p := d.principal[arn]
	if p == nil {
		return
	}
	if id.Kind != caller.FederatedUser {
		f.Principal = merge(id.Tags, p.Tags)
	}
	l := p.made.Load()
	if l == nil || l.epoch != d.epoch {
		l = d.join(p.Principal)
		p.made.Store(l)
	}
	s.Identity, s.Boundary, s.HasBoundary = l.identity, l.boundary, p.Boundary != ""
}

// withManaged appends managed policies. One that nobody knows may have denied anything.
func (d *Directory) withManaged(list []policy.Attached, arns []string) []policy.Attached {
	for _, a := range arns {
		if m := d.managed[a]; m != nil {
			list = append(list, *m)
		} else {
			list = append(list, policy.Attached{Document: nothing, ARN: a, Name: "that is gone"})
		}
	}
	return list
}

// merge lays a session's tags over the role's; keys are the same in any case.
func merge(over, under []caller.Tag) []caller.Tag {
	if len(over) == 0 {
		return under
	}
	out := over[:len(over):len(over)]
next:
	for _, t := range under {
		for _, o := range over {
			if policy.SameKey(o.Key, t.Key) {
				continue next
			}
		}
		out = append(out, t)
	}
	return out
}

// limits puts in the session's policies; one that cannot be read or found allows nothing.
func (d *Directory) limits(id *caller.Identity, s *policy.Stack) {
	s.HasSession = len(id.SessionPolicies)+len(id.SessionARNs) > 0
	for _, text := range id.SessionPolicies {
		if doc, err := d.parsed.get(text, policy.Parse); err == nil {
			s.Session = append(s.Session, policy.Attached{Document: doc, Name: "session policy"})
		}
	}
	for _, a := range id.SessionARNs {
		if m := d.managed[a]; m != nil {
			s.Session = append(s.Session, *m)
		}
	}
}

// keeps tells what no bucket policy takes from the root of the account that owns the bucket: to read,
// replace and delete that policy. Without it a bucket that denies everyone would be lost.
func keeps(id *caller.Identity, r *Resource, action string) bool {
	if id.Kind != caller.Root || id.Account != r.Account {
		return false
	}
	return action == "s3:GetBucketPolicy" || action == "s3:PutBucketPolicy" || action == "s3:DeleteBucketPolicy"
}
