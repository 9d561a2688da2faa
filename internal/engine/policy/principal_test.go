package policy

import (
	"testing"

	"cloister/internal/value/caller"
)

var (
	ann     = genPrincipals[2]
	session = genPrincipals[4]
	fred    = genPrincipals[5]
	service = genPrincipals[7]
)

// The table of facts 1.1: how each form of Principal means each kind of caller.
func TestPrincipals(t *testing.T) {
	role, anonymous, root, web := genPrincipals[3], genPrincipals[0], genPrincipals[1], genPrincipals[6]
	owner := ann
	owner.CanonicalID = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
	cases := []struct {
		element string
		who     Principal
		want    Grant
	}{
		{`"*"`, anonymous, AnyGrant},
		{`"*"`, service, AnyGrant},
		{`{"AWS":"*"}`, anonymous, AnyGrant},
		{`{"AWS":["444455556666","*"]}`, ann, AnyGrant},
		{`{"AWS":"111122223333"}`, ann, AccountGrant},
		{`{"AWS":"111122223333"}`, root, AccountGrant},
		{`{"AWS":"arn:aws:iam::111122223333:root"}`, session, AccountGrant},
		{`{"AWS":"111122223333"}`, service, NoGrant},
		{`{"AWS":"444455556666"}`, ann, NoGrant},
		{`{"AWS":"arn:aws:iam::111122223333:user/ann"}`, ann, DirectGrant},
		{`{"AWS":"arn:aws:iam::111122223333:user/Ann"}`, ann, NoGrant},
		{`{"AWS":"arn:aws:iam::111122223333:user/*"}`, ann, NoGrant},
		{`{"AWS":"arn:aws:iam::111122223333:user/ann"}`, anonymous, NoGrant},
		{`{"AWS":"arn:aws:iam::111122223333:user/ann"}`, fred, RoleGrant},
		{`{"AWS":"arn:aws:sts::111122223333:federated-user/fred"}`, fred, DirectGrant},
		{`{"AWS":"arn:aws:iam::111122223333:role/trainer"}`, session, RoleGrant},
		{`{"AWS":"arn:aws:iam::111122223333:role/trainer"}`, role, RoleGrant},
		{`{"AWS":"arn:aws:sts::111122223333:assumed-role/trainer/job"}`, session, DirectGrant},
		{`{"AWS":"arn:aws:sts::111122223333:assumed-role/TRAINER/job"}`, session, DirectGrant},
		{`{"AWS":"arn:aws:sts::111122223333:assumed-role/trainer/JOB"}`, session, NoGrant},
		{`{"AWS":"arn:aws:sts::444455556666:assumed-role/trainer/job"}`, session, NoGrant},
		{`{"AWS":"arn:aws:sts::111122223333:assumed-role/trainer/job"}`, role, NoGrant},
		{`{"AWS":"AIDAEXAMPLEANN"}`, ann, DirectGrant},
		{`{"AWS":"AROAEXAMPLE"}`, session, RoleGrant},
		{`{"AWS":"AROAEXAMPLE"}`, role, RoleGrant},
		{`{"AWS":"AROAOTHER"}`, session, NoGrant},
		{`{"AWS":"AROAEXAMPLE"}`, service, NoGrant},
		{`{"Service":"sagemaker.amazonaws.com"}`, service, DirectGrant},
		{`{"Service":["ec2.amazonaws.com","SageMaker.amazonaws.com"]}`, service, DirectGrant},
		{`{"Service":"*"}`, service, DirectGrant},
		{`{"Service":"ec2.amazonaws.com"}`, service, NoGrant},
		{`{"Service":"sagemaker.amazonaws.com"}`, ann, NoGrant},
		{`{"Federated":"accounts.google.com"}`, web, DirectGrant},
		{`{"Federated":"*"}`, web, DirectGrant},
		{`{"Federated":"www.amazon.com"}`, web, NoGrant},
		{`{"AWS":"444455556666","Federated":"accounts.google.com"}`, web, DirectGrant},
		{`{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}`, owner, AccountGrant},
		{`{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}`, ann, NoGrant},
	}
	for _, c := range cases {
		d := mustParse(t, `{"Statement":{"Effect":"Allow","Principal":`+c.element+`,"Action":"*","Resource":"*"}}`)
		if got := d.statements[0].principals.grant(&c.who, true, false); got != c.want {
			t.Errorf("%s for %s: %s, want %s", c.element, c.who.ARN, got, c.want)
		}
	}
}

// Facts 1.2.
func TestNotPrincipal(t *testing.T) {
	anonymous, role := genPrincipals[0], genPrincipals[3]
	const user, roleARN, sessionARN = `"arn:aws:iam::111122223333:user/ann"`, `"arn:aws:iam::111122223333:role/trainer"`, `"arn:aws:sts::111122223333:assumed-role/trainer/job"`
	cases := []struct {
		names   string
		who     Principal
		allow   bool
		bounded bool
		want    bool
	}{
		{user, ann, true, false, false},
		{user, session, true, false, true},
		{user, anonymous, true, false, true},
		{roleARN, session, true, false, false}, // any form excludes from an Allow
		{user, ann, false, false, false},
		{user, session, false, false, true},
		{roleARN, session, false, false, true}, // a Deny spares only who is listed in full
		{sessionARN, session, false, false, true},
		{roleARN + "," + sessionARN, session, false, false, false},
		{roleARN, role, false, false, false},
		{`"111122223333"`, session, false, false, false},
		{`"*"`, anonymous, false, false, false},
		{user, ann, false, true, true}, // a boundary undoes the exemption
		{`"444455556666"`, anonymous, false, true, true},
	}
	for _, c := range cases {
		effect := map[bool]string{true: "Allow", false: "Deny"}[c.allow]
		d := mustParse(t, `{"Statement":{"Effect":"`+effect+`","NotPrincipal":{"AWS":[`+c.names+`]},"Action":"*","Resource":"*"}}`)
		if got := d.statements[0].principals.grant(&c.who, c.allow, c.bounded) != NoGrant; got != c.want {
			t.Errorf("%s NotPrincipal %s for %s, boundary %v: %v", effect, c.names, c.who.ARN, c.bounded, got)
		}
	}
}

// Facts 1.1: a saved document means the user that was, not a later namesake.
func TestBindMeansTheEntityOfThatTime(t *testing.T) {
	d := mustParse(t, `{"Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:user/ann","arn:aws:iam::111122223333:role/trainer"]},"Action":"*","Resource":"*"},
		{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	bound := d.Bind(func(arn string) (string, bool) {
		id, ok := map[string]string{"arn:aws:iam::111122223333:user/ann": "AIDAEXAMPLEANN", "arn:aws:iam::111122223333:role/trainer": "AROAEXAMPLE"}[arn]
		return id, ok
	})
	namesake := ann
	namesake.ID = "AIDALATER"
	for _, c := range []struct {
		document *Document
		who      Principal
		want     Grant
	}{{bound, ann, DirectGrant}, {bound, namesake, NoGrant}, {d, namesake, DirectGrant}, {bound, session, RoleGrant}, {bound, fred, RoleGrant}} {
		if got := c.document.statements[0].principals.grant(&c.who, true, false); got != c.want {
			t.Errorf("%s: %s, want %s", c.who.ID, got, c.want)
		}
	}
	if bound.String() != d.String() {
		t.Error("binding changes the text")
	}
}

func TestPrincipalOf(t *testing.T) {
	for _, c := range []struct {
		id   caller.Identity
		want Principal
	}{
		{caller.Identity{Kind: caller.Anonymous}, Principal{}},
		{caller.Identity{Kind: caller.Root, Account: "1", ARN: "r", PrincipalARN: "r", ID: "1"}, Principal{Kind: RootUser, Account: "1", ARN: "r", ID: "1"}},
		{caller.Identity{Kind: caller.User, Account: "1", ARN: "u", PrincipalARN: "u", ID: "AIDA"}, Principal{Kind: User, Account: "1", ARN: "u", ID: "AIDA"}},
		{caller.Identity{Kind: caller.AssumedRole, Account: "1", ARN: "s", PrincipalARN: "r", ID: "AROA:s"}, Principal{Kind: RoleSession, Account: "1", ARN: "s", Issuer: "r", ID: "AROA:s"}},
		{caller.Identity{Kind: caller.FederatedUser, Account: "1", ARN: "f", PrincipalARN: "f", Issuer: "u", ID: "1:f"}, Principal{Kind: FederatedUser, Account: "1", ARN: "f", Issuer: "u", ID: "1:f"}},
		{caller.Identity{Kind: caller.Federated, ARN: "p", Provider: "p"}, Principal{Kind: Federated, ARN: "p", Name: "p"}},
		{caller.ForService("sagemaker.amazonaws.com", "1", "").Identity, Principal{Kind: Service, Account: "1", ARN: "sagemaker.amazonaws.com", ID: "sagemaker.amazonaws.com", Name: "sagemaker.amazonaws.com"}},
	} {
		if got := PrincipalOf(c.id); got != c.want {
			t.Errorf("%s: %+v", c.id.Kind, got)
		}
	}
}
