package policy

import (
	"fmt"
	"strings"
	"testing"
)

const (
	home, away = "111122223333", "444455556666"
	bucketKey  = "arn:aws:s3:::bucket/key"
)

func policyOf(t *testing.T, name, arn, effect, principal string) []Attached {
	t.Helper()
	if principal != "" {
		principal = `"Principal":` + principal + `,`
	}
	text := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Sid":"The%s",%s"Effect":%q,"Action":"s3:*","Resource":"*"}}`, name, principal, effect)
	return []Attached{{Document: mustParse(t, text), Name: name, ARN: arn}}
}

// The cells of facts 3.1 and 3.2: a letter for each policy, in the order identity, boundary, session,
// resource by its grant. "-" is no such policy, "0" one that says nothing, "1" one that allows.
func TestEvaluationOrder(t *testing.T) {
	grants := map[byte]func(Principal) string{
		'd': func(p Principal) string { return `{"AWS":"` + p.ARN + `"}` },
		'r': func(p Principal) string { return `{"AWS":"` + p.Issuer + `"}` },
		'*': func(Principal) string { return `"*"` },
		'a': func(Principal) string { return `{"AWS":"` + home + `"}` },
		'0': func(Principal) string { return `{"AWS":"999999999999"}` },
	}
	silent := policyOf(t, "silent", "", "Allow", "")
	silent[0].Document = mustParse(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:Nothing","Resource":"*"}}`)
	cases := []struct {
		who    Principal
		cells  string
		owner  string
		effect Effect
		kind   Kind
	}{
		{ann, "1---", home, Allowed, Identity},
		{ann, "0---", home, ImplicitDeny, Identity},
		{ann, "----", home, ImplicitDeny, Identity},
		{ann, "1---", "", Allowed, Identity},
		{ann, "11--", home, Allowed, Identity},
		{ann, "10--", home, ImplicitDeny, Boundary},
		{ann, "01--", home, ImplicitDeny, Identity},
		{session, "1-1-", home, Allowed, Identity},
		{session, "1-0-", home, ImplicitDeny, Session},
		{session, "0-1-", home, ImplicitDeny, Identity},
		{session, "100-", home, ImplicitDeny, Boundary},
		// A resource policy in the same account.
		{ann, "---d", home, Allowed, Resource},
		{ann, "-0-d", home, Allowed, Resource}, // not limited by a boundary
		{session, "-00d", home, Allowed, Resource},
		{session, "---r", home, Allowed, Resource},
		{session, "-0-r", home, ImplicitDeny, Boundary}, // named by its role: limited by both
		{session, "--0r", home, ImplicitDeny, Session},
		{session, "-11r", home, Allowed, Resource},
		{session, "---*", home, Allowed, Resource},
		{session, "-0-*", home, Allowed, Resource},
		{session, "--0*", home, ImplicitDeny, Session},
		{ann, "---a", home, ImplicitDeny, Identity}, // an account only delegates
		{ann, "1--a", home, Allowed, Identity},
		{ann, "10-a", home, ImplicitDeny, Boundary},
		{ann, "1--0", home, Allowed, Identity},
		{ann, "0--0", home, ImplicitDeny, Identity},
		// Across accounts.
		{ann, "1--d", away, Allowed, Resource},
		{ann, "1--a", away, Allowed, Resource},
		{ann, "1--*", away, Allowed, Resource},
		{ann, "1--0", away, ImplicitDeny, Resource},
		{ann, "1---", away, ImplicitDeny, Resource},
		{ann, "0--d", away, ImplicitDeny, Identity},
		{ann, "10-d", away, ImplicitDeny, Boundary}, // always limited
		{session, "1-0d", away, ImplicitDeny, Session},
		{session, "111r", away, Allowed, Resource},
		// Root needs no policy, in its own account.
		{genPrincipals[1], "----", home, Allowed, NoPolicy},
		{genPrincipals[1], "----", away, ImplicitDeny, Resource},
		{genPrincipals[1], "---a", away, Allowed, Resource},
		// A federated session has what its own policy and the user's share.
		{fred, "1---", home, ImplicitDeny, Identity},
		{fred, "1-1-", home, Allowed, Identity},
		{fred, "1-0-", home, ImplicitDeny, Session},
		{fred, "---d", home, Allowed, Resource},
		{fred, "--0r", home, ImplicitDeny, Session},
		// Callers without policies of their own.
		{genPrincipals[0], "---*", home, Allowed, Resource},
		{genPrincipals[0], "1---", home, ImplicitDeny, Resource},
		{genPrincipals[0], "---a", home, ImplicitDeny, Resource},
		{service, "---*", away, Allowed, Resource},
		{service, "1--0", home, ImplicitDeny, Resource},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s/%s/%s", name(&c.who), c.cells, c.owner), func(t *testing.T) {
			list := func(i int) []Attached {
				switch c.cells[i] {
				case '0':
					return silent
				case '1':
					return policyOf(t, "open", "", "Allow", "")
				}
				return nil
			}
			s := &Stack{Identity: list(0), Boundary: list(1), Session: list(2)}
			if grant, ok := grants[c.cells[3]]; ok {
				s.Resource = policyOf(t, "bucket", "arn:aws:s3:::bucket", "Allow", grant(c.who))
			}
			r := &Request{Principal: c.who, Action: "s3:GetObject", Resource: bucketKey, ResourceAccount: c.owner}
			if got := Decide(s, r); got.Effect != c.effect || got.Kind != c.kind {
				t.Errorf("%s by %q, want %s by %q", got.Effect, got.Kind, c.effect, c.kind)
			}
		})
	}
}

// Facts 3.1: trust and key policies must allow; 3.3: naming the user is enough, naming the account is not.
func TestRequiredResourcePolicies(t *testing.T) {
	cases := []struct {
		who      Principal
		identity bool
		names    string
		effect   Effect
		kind     Kind
	}{
		{ann, true, `{"AWS":"999999999999"}`, ImplicitDeny, Trust},
		{ann, false, `{"AWS":"` + ann.ARN + `"}`, Allowed, Trust},
		{ann, false, `{"AWS":"` + home + `"}`, ImplicitDeny, Identity},
		{ann, true, `{"AWS":"` + home + `"}`, Allowed, Identity},
		{ann, false, `"*"`, Allowed, Trust},
		{session, true, `{"AWS":"` + session.Issuer + `"}`, Allowed, Trust},
		{service, false, `{"Service":"sagemaker.amazonaws.com"}`, Allowed, Trust},
		{service, false, `{"Service":"ec2.amazonaws.com"}`, ImplicitDeny, Trust},
		{genPrincipals[6], false, `{"Federated":"accounts.google.com"}`, Allowed, Trust},
		{genPrincipals[1], false, `{"AWS":"` + ann.ARN + `"}`, ImplicitDeny, Trust},
	}
	for _, c := range cases {
		trust := mustParse(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":`+c.names+`,"Action":"sts:AssumeRole"}}`)
		s := &Stack{Trust: true, Resource: []Attached{{Document: trust, ARN: "arn:aws:iam::111122223333:role/r"}}}
		if c.identity {
			s.Identity = []Attached{{Document: mustParse(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}}`)}}
		}
		r := &Request{Principal: c.who, Action: "sts:AssumeRole", Resource: "arn:aws:iam::111122223333:role/r", ResourceAccount: home}
		if got := Decide(s, r); got.Effect != c.effect || got.Kind != c.kind {
			t.Errorf("%s trusting %s: %s by %q", name(&c.who), c.names, got.Effect, got.Kind)
		}
		s.Trust, s.Required = false, true
		if got := Decide(s, r); got.Effect != c.effect {
			t.Errorf("%s with a required policy for %s: %s", name(&c.who), c.names, got.Effect)
		}
	}
}

// Facts 3.1, steps 2 to 4: what stands above the account.
func TestOrganisationAndEndpoint(t *testing.T) {
	open, closed := policyOf(t, "open", "", "Allow", ""), policyOf(t, "closed", "", "Allow", "")
	closed[0].Document = mustParse(t, `{"Statement":{"Effect":"Allow","Action":"iam:X","Resource":"*"}}`)
	forAll := policyOf(t, "all", "", "Allow", `"*"`)
	root, anonymous, linked := genPrincipals[1], genPrincipals[0], genPrincipals[8]
	cases := []struct {
		about  string
		who    Principal
		stack  Stack
		effect Effect
		kind   Kind
	}{
		{"every level allows", ann, Stack{SCP: [][]Attached{open, open}}, Allowed, Identity},
		{"one policy of a level is enough", ann, Stack{SCP: [][]Attached{append(closed[:1:1], open...)}}, Allowed, Identity},
		{"a level without an Allow", ann, Stack{SCP: [][]Attached{open, closed}}, ImplicitDeny, SCP},
		{"a level without policies", ann, Stack{SCP: [][]Attached{open, {}}}, ImplicitDeny, SCP},
		{"root is under SCPs", root, Stack{SCP: [][]Attached{closed}}, ImplicitDeny, SCP},
		{"service-linked roles are not", linked, Stack{SCP: [][]Attached{closed}, RCP: [][]Attached{closed}}, Allowed, Identity},
		{"nor anonymous callers", anonymous, Stack{SCP: [][]Attached{closed}}, Allowed, Resource},
		{"nor services", service, Stack{SCP: [][]Attached{closed}, RCP: [][]Attached{closed}}, Allowed, Resource},
		{"RCPs reach anonymous callers", anonymous, Stack{RCP: [][]Attached{policyOf(t, "rcp", "", "Deny", `"*"`)}}, ExplicitDeny, RCP},
		{"an RCP level without an Allow", ann, Stack{RCP: [][]Attached{closed}}, ImplicitDeny, RCP},
		{"an RCP that allows", ann, Stack{RCP: [][]Attached{forAll}}, Allowed, Identity},
		{"an endpoint policy must allow", ann, Stack{Endpoint: closed}, ImplicitDeny, Endpoint},
		{"root too", root, Stack{Endpoint: closed}, ImplicitDeny, Endpoint},
		{"an endpoint policy names principals", ann, Stack{Endpoint: open}, ImplicitDeny, Endpoint},
		{"an endpoint policy that allows", ann, Stack{Endpoint: forAll, ViaEndpoint: true}, Allowed, Identity},
		{"an endpoint without a policy", ann, Stack{ViaEndpoint: true}, Allowed, Identity},
		{"a boundary that is gone allows nothing", ann, Stack{HasBoundary: true}, ImplicitDeny, Boundary},
		{"a session without policies may do nothing", session, Stack{HasSession: true}, ImplicitDeny, Session},
	}
	for _, c := range cases {
		t.Run(c.about, func(t *testing.T) {
			s := c.stack
			s.Identity = open
			if !c.who.hasIdentity() {
				s.Resource = forAll
			}
			r := &Request{Principal: c.who, Action: "s3:GetObject", Resource: bucketKey, ResourceAccount: home}
			if got := Decide(&s, r); got.Effect != c.effect || got.Kind != c.kind {
				t.Errorf("%s by %q, want %s by %q", got.Effect, got.Kind, c.effect, c.kind)
			}
		})
	}
}

// Facts 4: the whole sentence, for every kind of policy, explicit and implicit.
func TestSentences(t *testing.T) {
	const who = "User: arn:aws:sts::111122223333:assumed-role/trainer/job is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::bucket/key\" "
	open, deny := policyOf(t, "open", "", "Allow", ""), func(arn, principal string) []Attached { return policyOf(t, "no", arn, "Deny", principal) }
	silent := []Attached{{Document: mustParse(t, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"iam:X","Resource":"*"}}`)}}
	const managed, scp = "arn:aws:iam::111122223333:policy/no", "arn:aws:organizations::111122223333:policy/o-1/service_control_policy/p-1"
	cases := []struct {
		want  string
		stack Stack
	}{
		{"because no identity-based policy allows the s3:GetObject action", Stack{}},
		{"because no permissions boundary allows the s3:GetObject action", Stack{Identity: open, Boundary: silent}},
		{"because no session policy allows the s3:GetObject action", Stack{Identity: open, Session: silent}},
		{"because no VPC endpoint policy allows the s3:GetObject action", Stack{Identity: open, Endpoint: silent}},
		{"because no service control policy allows the s3:GetObject action", Stack{Identity: open, SCP: [][]Attached{silent}}},
		{"because no resource-based policy allows the s3:GetObject action", Stack{Identity: open, Resource: silent, Required: true}},
		{"because no role trust policy allows the s3:GetObject action", Stack{Identity: open, Resource: silent, Trust: true}},
		{"with an explicit deny in an identity-based policy", Stack{Identity: append(open[:1:1], deny("", "")...)}},
		{"with an explicit deny in an identity-based policy: " + managed, Stack{Identity: deny(managed, "")}},
		{"with an explicit deny in a permissions boundary: " + managed, Stack{Identity: open, Boundary: deny(managed, "")}},
		{"with an explicit deny in a session policy", Stack{Identity: open, Session: deny("", "")}},
		{"with an explicit deny in a VPC endpoint policy", Stack{Identity: open, Endpoint: deny("vpce-1", `"*"`)}},
		{"with an explicit deny in a resource-based policy", Stack{Identity: open, Resource: deny("arn:aws:s3:::bucket", `"*"`)}},
		{"with an explicit deny in the role trust policy", Stack{Identity: open, Trust: true, Resource: deny("arn:aws:iam::1:role/r", `"*"`)}},
		{"with an explicit deny in a service control policy: " + scp, Stack{Identity: open, SCP: [][]Attached{deny(scp, "")}}},
		{"with an explicit deny in a resource control policy", Stack{Identity: open, RCP: [][]Attached{deny("", `"*"`)}}},
	}
	for _, c := range cases {
		r := &Request{Principal: session, Action: "s3:GetObject", Resource: bucketKey, ResourceAccount: home}
		got := Sentence(r, Decide(&c.stack, r))
		if got != who+c.want {
			t.Errorf("got  %s\nwant %s", got, who+c.want)
		}
	}
}

// Facts 4, last points: which cause is told where several would do, and who is told none.
func TestOrderOfCauses(t *testing.T) {
	deny := func(who string) []Attached { return policyOf(t, "no", "", "Deny", who) }
	s := Stack{Identity: deny(""), Resource: deny(`"*"`), Session: deny(""), Boundary: deny(""), Endpoint: deny(`"*"`), RCP: [][]Attached{deny(`"*"`)}, SCP: [][]Attached{deny("")}}
	r := &Request{Principal: session, Action: "s3:GetObject", Resource: bucketKey, ResourceAccount: home}
	for _, step := range []struct {
		kind   Kind
		remove func()
	}{
		{SCP, func() { s.SCP = nil }}, {RCP, func() { s.RCP = nil }}, {Endpoint, func() { s.Endpoint = nil }}, {Boundary, func() { s.Boundary = nil }},
		{Session, func() { s.Session = nil }}, {Resource, func() { s.Resource = nil }}, {Identity, func() {}},
	} {
		if got := Decide(&s, r); got.Kind != step.kind || got.Effect != ExplicitDeny || got.Sid != "Theno" || got.Policy != "no" {
			t.Errorf("%+v, want %s", got, step.kind)
		}
		if got := Explain(&s, r).Result; got.Kind != step.kind {
			t.Errorf("explained by %s, want %s", got.Kind, step.kind)
		}
		step.remove()
	}
}

func TestSentenceForms(t *testing.T) {
	across := &Request{Principal: ann, Action: "sts:AssumeRole", Resource: "arn:aws:iam::444455556666:role/r", ResourceAccount: away}
	copied := *across
	related := &copied
	related.Related = true
	for _, c := range []struct {
		r      *Request
		result Result
		want   string
	}{
		{across, Result{Kind: Trust}, "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/r"},
		{across, Result{Kind: Identity}, "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/r"},
		{related, Result{Kind: Trust}, "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/r because no role trust policy allows the sts:AssumeRole action"},
		{&Request{Principal: Principal{Kind: Federated, Name: "accounts.google.com"}, Action: "sts:AssumeRoleWithWebIdentity", Resource: "*"}, Result{Kind: Trust}, "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{&Request{Principal: ann, Action: "ec2:DescribeVpcs", Resource: "*"}, Result{Kind: Identity}, "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: ec2:DescribeVpcs because no identity-based policy allows the ec2:DescribeVpcs action"},
		{&Request{Principal: ann, Action: "s3:ListAllMyBuckets"}, Result{Effect: Allowed}, "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: s3:ListAllMyBuckets"},
		{&Request{Action: "s3:GetObject", Resource: "x"}, Result{Kind: Resource}, `User: anonymous is not authorized to perform: s3:GetObject on resource: "x" because no resource-based policy allows the s3:GetObject action`},
		{&Request{Principal: Principal{Kind: Federated, Name: "accounts.google.com"}, Action: "sts:X", Resource: "*"}, Result{Kind: Trust}, "User: accounts.google.com is not authorized to perform: sts:X on resource: * because no role trust policy allows the sts:X action"},
	} {
		if got := Sentence(c.r, c.result); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// What is allowed names its statement too; the first that grants most is told.
func TestAllowedNamesItsStatement(t *testing.T) {
	d := mustParse(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"Other","Effect":"Allow","Action":"iam:*","Resource":"*"},
		{"Sid":"First","Effect":"Allow","Action":"s3:*","Resource":"*"},
		{"Sid":"Second","Effect":"Allow","Action":"*","Resource":"*"}]}`)
	r := &Request{Principal: ann, Action: "s3:GetObject", Resource: bucketKey, ResourceAccount: home}
	got := Decide(&Stack{Identity: []Attached{{Document: d, Name: "mine"}}}, r)
	if want := (Result{Effect: Allowed, Kind: Identity, Policy: "mine", Sid: "First", Statement: 2}); got != want {
		t.Errorf("%+v", got)
	}
	bucket := mustParse(t, strings.ReplaceAll(`{"Statement":[
		{"Sid":"Anyone","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"},
		{"Sid":"Me","Effect":"Allow","Principal":{"AWS":"ANN"},"Action":"s3:*","Resource":"*"},
		{"Sid":"MeToo","Effect":"Allow","Principal":{"AWS":"ANN"},"Action":"s3:*","Resource":"*"}]}`, "ANN", ann.ARN))
	got = Decide(&Stack{Resource: []Attached{{Document: bucket, ARN: "arn:aws:s3:::bucket"}}}, r)
	if want := (Result{Effect: Allowed, Kind: Resource, PolicyARN: "arn:aws:s3:::bucket", Sid: "Me", Statement: 2}); got != want {
		t.Errorf("%+v", got)
	}
}
