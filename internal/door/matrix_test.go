package door_test

import (
	"fmt"
	"strings"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/value/fault"
)

// The matrix of acceptance through the door: every kind of caller, signed and by wire, against every kind of
// policy that can be about it, in the resource's account and in another; each answer, its sentence and its
// record held against the rules of the evaluation order (facts iam 3.1 to 4), which stand here in plain words,
// one after the other, without the engine. The engine's twin is policy.TestMatrixOfCallersPoliciesAndOutcomes.

// What cannot exist, and so is no row:
//
//	caller                      policy or call               why
//	root                        identity, boundary           IAM has no way to attach any to a root user
//	root, user                  session policy               long-term keys have no session; GetSessionToken takes no policy
//	root, federated user        sts:AssumeRole               refused before any policy is asked: a root takes no role on, and a
//	                                                         federated user calls nothing of STS but GetCallerIdentity
//	a user's own session        session policy               as above
//	service                     identity, boundary, session  it has none, and no account whose SCPs would limit it
//	service                     RCP                          does not apply to calls by services (facts iam 3.1)
//	service                     endpoint policy              it calls from inside, through no endpoint
//	anonymous                   identity, boundary, session  there is nobody whom they could be attached to; no SCP either
//	anonymous                   all services but S3          refused as MissingAuthenticationToken: TestNobodyElseComesWithoutASignature
//	another account             logs:DescribeLogGroups       a call about one's own account; there is no resource of another's
//	anybody                     resource policy of logs      the service keeps none
//	anybody                     absent trust policy          no role is without one
//	anybody                     RCP that is silent           on AWS RCPFullAWSAccess cannot be detached; here its row is asked all the same
//	service                     record of the call           nobody is given its request id
type say string

// What a policy says about the call. The last four are of resource policies, which "allow" by naming the account.
const (
	allows   say = "allows"
	silent   say = "is silent"
	denies   say = "denies"
	absent   say = "is absent"
	everyone say = "allows everyone"
	itself   say = "names the caller"
	maker    say = "names the caller's role or user"
)

// guest is a kind of caller.
type guest struct {
	name      string
	cross     bool // is of another account than the resource
	related   bool // of the same organisation then
	kinds     []policy.Kind
	short     bool // is a variant of another one: one kind of policy after the other is enough
	root      bool
	federated bool
	nobody    bool // anonymous or a service: only resource policies can let it in
	maker     bool // is a session of a role or user that policies can name
	sts, logs bool // whether it can make these calls
	come      func(*matrix, *row) visitor
}

func guests() []guest {
	organisation := []policy.Kind{policy.SCP, policy.RCP, policy.Endpoint, policy.Resource}
	user := append([]policy.Kind{policy.Boundary, policy.Identity}, organisation...)
	session := append([]policy.Kind{policy.Session}, user...)
	return []guest{
		{name: "root", kinds: organisation, root: true, logs: true, come: (*matrix).root},
		{name: "user", kinds: user, sts: true, logs: true, come: userBy("inline")},
		{name: "user by a group", kinds: user, short: true, sts: true, logs: true, come: userBy("group")},
		{name: "user by a managed policy", kinds: user, short: true, sts: true, logs: true, come: userBy("managed")},
		{name: "a user's own session", kinds: user, short: true, sts: true, logs: true, come: (*matrix).ownSession},
		{name: "role session", kinds: session, maker: true, sts: true, logs: true, come: sessionOf(false)},
		{name: "chained role session", kinds: session, maker: true, sts: true, logs: true, come: sessionOf(true)},
		{name: "federated user", kinds: session, federated: true, maker: true, logs: true, come: (*matrix).federatedUser},
		{name: "root of another account", cross: true, kinds: organisation, root: true, come: (*matrix).root},
		{name: "user of another account", cross: true, kinds: user, sts: true, come: userBy("inline")},
		{name: "role session of another account", cross: true, kinds: session, short: true, maker: true, sts: true, come: sessionOf(false)},
		{name: "user of the organisation's other account", cross: true, related: true, kinds: user, short: true, sts: true, come: userBy("managed")},
		{name: "role session of the organisation's other account", cross: true, related: true, kinds: session, maker: true, sts: true, come: sessionOf(true)},
		{name: "service", kinds: []policy.Kind{policy.Resource}, nobody: true, sts: true, come: service(doortest.Account)},
		{name: "service for another account", cross: true, kinds: []policy.Kind{policy.Resource}, nobody: true, sts: true, come: service(doortest.Other)},
		{name: "anonymous", cross: true, kinds: []policy.Kind{policy.RCP, policy.Endpoint, policy.Resource}, nobody: true, come: (*matrix).anonymous},
	}
}

// row is one place of the matrix.
type row struct {
	*guest
	target string // s3, sts or logs: the service that is called
	says   map[policy.Kind]say
}

func (r *row) account() string {
	if r.cross {
		return doortest.Other
	}
	return doortest.Account
}

func (r *row) String() string {
	text := r.name + " to " + r.target + ":"
	for _, k := range r.kinds {
		text += fmt.Sprintf(" %s %s,", k, r.says[k])
	}
	return text
}

// rows are one kind of policy after the other saying each thing while the rest allow; and each pair of kinds.
func (g *guest) rows(target string) (out []*row) {
	kinds := make([]policy.Kind, 0, len(g.kinds))
	for _, k := range g.kinds {
		if k != policy.Resource || target != "logs" {
			kinds = append(kinds, k)
		}
	}
	words := func(k policy.Kind, pair bool) []say {
		list := []say{silent, denies}
		if k == policy.Resource {
			if list = append(list, everyone, itself); g.maker {
				list = append(list, maker)
			}
		}
		if !pair && k != policy.RCP && (k != policy.Resource || target != "sts") {
			list = append(list, absent)
		}
		return list
	}
	add := func(says map[policy.Kind]say) {
		r := &row{guest: g, target: target, says: map[policy.Kind]say{}}
		for _, k := range kinds {
			r.says[k] = allows
		}
		for k, w := range says {
			r.says[k] = w
		}
		out = append(out, r)
	}
	add(nil)
	for i, one := range kinds {
		for _, w := range words(one, false) {
			add(map[policy.Kind]say{one: w})
		}
		for _, other := range kinds[i+1:] {
			for _, w := range words(one, true) {
				for _, x := range words(other, true) {
					if !g.short {
						add(map[policy.Kind]say{one: w, other: x})
					}
				}
			}
		}
	}
	return out
}

// outcome is what the rules say of a row: kind is the policy that a denial is blamed on.
type outcome struct {
	effect policy.Effect
	kind   policy.Kind
}

// want goes through the rules in their order.
func (r *row) want() outcome {
	resource := policy.Resource
	if r.target == "sts" {
		resource = policy.Trust
	}
	lacks := func(k policy.Kind) bool { return r.says[k] == silent }
	// A deny anywhere decides; of several, the first of this order is told.
	for _, k := range []policy.Kind{policy.SCP, policy.RCP, policy.Endpoint, policy.Boundary, policy.Session, policy.Resource, policy.Identity} {
		if r.says[k] == denies {
			if k == policy.Resource {
				k = resource
			}
			return outcome{policy.ExplicitDeny, k}
		}
	}
	for _, k := range []policy.Kind{policy.SCP, policy.RCP, policy.Endpoint} {
		if lacks(k) {
			return outcome{policy.ImplicitDeny, k}
		}
	}
	yes, no := outcome{effect: policy.Allowed}, func(k policy.Kind) outcome { return outcome{policy.ImplicitDeny, k} }
	named := r.says[policy.Resource]
	granted := named == allows || named == everyone || named == itself || named == maker
	identity := r.root || r.says[policy.Identity] == allows
	if r.federated && r.says[policy.Session] == absent {
		identity = false // without a session policy such a session has no permissions of its own
	}
	bounded, limited := lacks(policy.Boundary), lacks(policy.Session)
	switch {
	case r.nobody:
		if granted {
			return yes
		}
		return no(resource)
	// Across accounts both sides must allow, whomever the resource's side names.
	case r.cross && bounded:
		return no(policy.Boundary)
	case r.cross && limited:
		return no(policy.Session)
	case r.cross && !granted:
		return no(resource)
	case r.cross && !identity:
		return no(policy.Identity)
	case r.cross:
		return yes
	// In one account a resource policy that names who comes needs no identity policy beside it. What may limit it
	// depends on whom it names: the very caller, nothing; its role or user, both; everyone, the session policy.
	case named == itself && !r.root:
		return yes
	case named == maker && !bounded && !limited, named == everyone && !limited:
		return yes
	case r.target == "sts" && !granted:
		return no(resource) // a role's trust policy must allow
	case bounded:
		return no(policy.Boundary)
	case limited:
		return no(policy.Session)
	case !identity:
		return no(policy.Identity)
	}
	return yes
}

// sentence is AWS's for an outcome, and what S3 says instead to whom it tells no cause.
func (r *row) sentence(o outcome, v *visitor, action, on string) string {
	text := "User: " + v.arn + " is not authorized to perform: " + action + " on resource: " + on
	if r.cross && !r.related {
		if r.target == "s3" {
			return "Access Denied"
		}
		return text
	}
	if o.effect == policy.ImplicitDeny {
		return text + " because no " + o.kind.String() + " allows the " + action + " action"
	}
	return text + map[policy.Kind]string{
		policy.SCP:      " with an explicit deny in a service control policy: " + controlARN(policy.SCP),
		policy.RCP:      " with an explicit deny in a resource control policy: " + controlARN(policy.RCP),
		policy.Endpoint: " with an explicit deny in a VPC endpoint policy",
		policy.Boundary: " with an explicit deny in a permissions boundary: " + managedARN(r.account(), denies),
		policy.Session:  " with an explicit deny in a session policy",
		policy.Resource: " with an explicit deny in a resource-based policy",
		policy.Trust:    " with an explicit deny in the role trust policy",
		policy.Identity: " with an explicit deny in an identity-based policy" + v.by,
	}[o.kind]
}

func TestMatrixOfCallersPoliciesAndOutcomesThroughTheDoor(t *testing.T) {
	m := newMatrix(t)
	seen := map[string]int{}
	all := guests()
	for i := range all {
		g := &all[i]
		targets := []string{"s3"}
		if g.sts {
			targets = append(targets, "sts")
		}
		if g.logs {
			targets = append(targets, "logs")
		}
		for _, target := range targets {
			for _, r := range g.rows(target) {
				o := m.hold(r)
				seen[fmt.Sprint(o.effect, " ", o.kind)]++
				seen["rows"]++
			}
		}
	}
	for _, k := range []policy.Kind{policy.SCP, policy.RCP, policy.Endpoint, policy.Boundary, policy.Session, policy.Resource, policy.Trust, policy.Identity} {
		for _, e := range []policy.Effect{policy.ImplicitDeny, policy.ExplicitDeny} {
			if seen[fmt.Sprint(e, " ", k)] == 0 {
				t.Errorf("no row was %s by a %s", e, k)
			}
		}
	}
	t.Log(seen)
}

// hold makes the call of a row and holds answer and record to the rules.
func (m *matrix) hold(r *row) outcome {
	m.t.Helper()
	o := r.want()
	v := r.come(m, r)
	c := m.call(r, &v)
	text, code, status := "", "", 0
	if o.effect != policy.Allowed {
		text = r.sentence(o, &v, c.action, c.on)
		code, status = "AccessDenied", 403
		if r.target == "logs" {
			code, status = "AccessDeniedException", 400
		}
	}
	if c.err != nil { // from inside
		f, ok := fault.As(c.err)
		if !ok || f.Code != code || f.Message != text || f.Status != status {
			m.t.Errorf("%s\n got %v\nwant %q %s %s", r, c.err, code, text, o.kind)
		}
		return o
	}
	if c.answer == nil {
		if text != "" {
			m.t.Errorf("%s\n was let in\nwant %s", r, text)
		}
		return o
	}
	a := c.answer
	if a.Code != code || a.Text != text || code != "" && a.Status != status || code == "" && a.Status != 200 {
		m.t.Errorf("%s\n got %d %s %q\nwant %d %s %q", r, a.Status, a.Code, a.Text, status, code, text)
		return o
	}
	m.recorded(r, o, a)
	return o
}

// recorded holds the record of a call, as the caller's account may read it, to its outcome.
func (m *matrix) recorded(r *row, o outcome, a *doortest.Answer) {
	m.t.Helper()
	reader, other := r.account(), doortest.Other
	switch {
	case r.guest.name == "anonymous": // is on record with the owner of what was asked for
		reader = doortest.Account
	case r.cross:
		other = doortest.Account
	}
	e, err := m.Audit.Find(m.t.Context(), reader, a.RequestID())
	if err != nil || e == nil || len(e.Decisions) != 1 {
		m.t.Errorf("%s: on record is %+v, %v", r, e, err)
		return
	}
	effect, kind, outside := o.effect, o.kind, r.cross && !r.related && reader != doortest.Account
	if owners := kind == policy.Resource || kind == policy.Trust || kind == policy.RCP; owners && outside {
		effect, kind = policy.Untold, policy.NoPolicy // what the owner's policies say is the owner's affair
	}
	d := &e.Decisions[0]
	if e.Code != a.Code || e.Message != a.Text || d.Effect != effect || effect != policy.Allowed && d.Kind != kind || (d.Cause == "") != (effect == policy.Allowed || effect == policy.Untold) {
		m.t.Errorf("%s\nrecord %s %s %s %q\nwant   %s %s %s", r, e.Code, d.Effect, d.Kind, d.Cause, a.Code, effect, kind)
	}
	for i := range d.Policies {
		p := &d.Policies[i]
		if reader == doortest.Account || p.Kind != policy.Resource && p.Kind != policy.Trust {
			continue
		}
		if p.Name+p.ARN != "" || len(p.Statements) > 0 || o.effect != policy.Allowed && outside {
			m.t.Errorf("%s: the record tells of the owner's policy: %+v", r, p)
		}
	}
	if e, err := m.Audit.Find(m.t.Context(), other, a.RequestID()); e != nil || err != nil {
		m.t.Errorf("%s: account %s reads it: %+v %v", r, other, e, err)
	}
}

// title makes of a word a part of a name.
func (s say) title() string { return strings.NewReplacer(" ", "-", "'", "").Replace(string(s)) }
