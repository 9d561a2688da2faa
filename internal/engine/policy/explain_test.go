package policy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func explained(t *testing.T) *Decision {
	t.Helper()
	mine := mustParse(t, `{"Version":"2012-10-17","Statement":[
{"Sid":"Other","Effect":"Allow","Action":"iam:*","Resource":"*"},
{"Sid":"Here","Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"},"ForAllValues:StringLike":{"aws:TagKeys":["t*"]}}},
{"Sid":"NotThis","Effect":"Allow","NotAction":"s3:*","Resource":"*"},
{"Sid":"There","Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::there/*"}]}`)
	bucket := mustParse(t, `{"Version":"2012-10-17","Statement":[
{"Sid":"Team","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"},
{"Sid":"Stranger","Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"s3:*","Resource":"*"},
{"Sid":"OnlyEndpoint","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}}]}`)
	s := &Stack{
		Identity:    []Attached{{Document: mine, Name: "mine", ARN: "arn:aws:iam::111122223333:policy/mine"}},
		Resource:    []Attached{{Document: bucket, ARN: "arn:aws:s3:::bucket"}},
		Session:     []Attached{{Document: mustParse(t, `{"Statement":{"Effect":"Allow","Action":"iam:X","Resource":"*"}}`)}},
		ViaEndpoint: true,
	}
	c := set{"aws:SourceVpc": "vpc-1", "aws:TagKeys": many{"team", "tier"}}.context()
	d := Explain(s, &Request{Principal: session, Action: "s3:GetObject", Resource: bucketKey, ResourceAccount: home, Context: c})
	// What was seen must outlast the context.
	c.Set(SourceVpc, "vpc-changed")
	return d
}

func TestReportTellsEverything(t *testing.T) {
	const cause = "with an explicit deny in a resource-based policy"
	stranger := func(number int, sid, effect, failed string, line int) StatementReport {
		return StatementReport{Number: number, Sid: sid, Effect: effect, Failed: failed, Start: Position{line, 1}}
	}
	here := stranger(2, "Here", "Allow", "", 3)
	here.Matched = true
	here.Conditions = []ConditionReport{
		{"StringEquals", "aws:SourceVpc", []string{"vpc-1"}, []string{"vpc-1"}, true, false},
		{"ForAllValues:StringLike", "aws:TagKeys", []string{"t*"}, []string{"team", "tier"}, true, false},
	}
	team := stranger(1, "Team", "Allow", "", 2)
	team.Matched, team.Grant = true, "account"
	deny := stranger(3, "OnlyEndpoint", "Deny", "", 4)
	deny.Matched, deny.Conditions = true, []ConditionReport{{"StringNotEquals", "aws:SourceVpce", []string{"vpce-1"}, nil, true, false}}
	want := Report{
		Result:    Result{Effect: ExplicitDeny, Kind: Resource, PolicyARN: "arn:aws:s3:::bucket", Sid: "OnlyEndpoint", Statement: 3},
		Principal: session.ARN, Action: "s3:GetObject", Resource: bucketKey, Owner: home, Cause: cause, Endpoint: true,
		Message: "User: " + session.ARN + " is not authorized to perform: s3:GetObject on resource: \"" + bucketKey + "\" " + cause,
		Policies: []PolicyReport{
			{Kind: Session, Statements: []StatementReport{{Number: 1, Effect: "Allow", Failed: "Action", Start: Position{1, 14}}}},
			{Kind: Resource, ARN: "arn:aws:s3:::bucket", Effect: ExplicitDeny, Statements: []StatementReport{team, stranger(2, "Stranger", "Allow", "Principal", 3), deny}},
			{Kind: Identity, Name: "mine", ARN: "arn:aws:iam::111122223333:policy/mine", Effect: Allowed, Statements: []StatementReport{
				stranger(1, "Other", "Allow", "Action", 2), here, stranger(3, "NotThis", "Allow", "Action", 4), stranger(4, "There", "Allow", "Resource", 5)}},
		},
	}
	got := explained(t).Report()
	for i := range got.Policies {
		for j := range got.Policies[i].Statements {
			s := &got.Policies[i].Statements[j]
			if s.End.Line != s.Start.Line || s.End.Column <= s.Start.Column {
				t.Errorf("statement %d ends at %v", s.Number, s.End)
			}
			s.End = Position{}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReportSurvivesJSON(t *testing.T) {
	d := explained(t)
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.Report(), back); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(raw), `"seen":null`) {
		t.Error("an absent key is not told from an empty one")
	}
	for _, bad := range []string{`{"effect":"Maybe"}`, `{"kind":"house rules"}`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

func TestLines(t *testing.T) {
	r := explained(t).Report()
	want := `ExplicitDeny with an explicit deny in a resource-based policy
session policy : ImplicitDeny
resource-based policy arn:aws:s3:::bucket: ExplicitDeny
  statement 1 Team: Allow
  statement 2 Stranger: not matched, Principal
  statement 3 OnlyEndpoint: Deny
    aws:SourceVpce StringNotEquals vpce-1 holds: absent
identity-based policy mine (arn:aws:iam::111122223333:policy/mine): Allowed
  statement 2 Here: Allow
    aws:SourceVpc StringEquals vpc-1 holds: vpc-1
    aws:TagKeys ForAllValues:StringLike t* holds: team, tier
  statement 4 There: not matched, Resource`
	if diff := cmp.Diff(want, strings.Join(r.Lines(), "\n")); diff != "" {
		t.Error(diff)
	}
	other := Explain(&Stack{Identity: []Attached{{Document: mustParse(t, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a:b":"true"}}}}`), Name: "plain"}}},
		&Request{Principal: ann, Action: "s3:GetObject", Resource: "*", Context: set{"a:b": "false"}.context()}).Report()
	want = "ImplicitDeny because no identity-based policy allows the s3:GetObject action\nidentity-based policy plain: ImplicitDeny\n" +
		"  statement 1: not matched, Condition\n    a:b Bool true does not hold: false"
	if diff := cmp.Diff(want, strings.Join(other.Lines(), "\n")); diff != "" {
		t.Error(diff)
	}
}

// Facts 3.1: no short cut. A Deny found first hides nothing, and organisation policies are told too.
func TestExplainConsultsEveryPolicy(t *testing.T) {
	deny := []Attached{{Document: mustParse(t, `{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}`)}}
	s := &Stack{Identity: deny, Resource: deny, Boundary: deny, Session: deny, Endpoint: deny, SCP: [][]Attached{deny, deny}, RCP: [][]Attached{deny}}
	r := Explain(s, &Request{Principal: ann, Action: "s3:GetObject", Resource: "*"}).Report()
	var kinds []Kind
	for _, p := range r.Policies {
		kinds = append(kinds, p.Kind)
		if p.Effect != ExplicitDeny || !p.Statements[0].Matched {
			t.Errorf("%+v", p)
		}
	}
	if diff := cmp.Diff([]Kind{SCP, SCP, RCP, Endpoint, Boundary, Session, Resource, Identity}, kinds); diff != "" {
		t.Error(diff)
	}
	if got := Explain(&Stack{}, &Request{Principal: genPrincipals[1], Action: "s3:GetObject", Resource: "*"}).Report(); got.Message != "" || got.Cause != "" || got.Effect != Allowed {
		t.Errorf("%+v", got)
	}
}

func TestAReportForAnotherAccountHidesDocuments(t *testing.T) {
	deny := mustParse(t, `{"Statement":[{"Sid":"Hush","Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-secret"}}}]}`)
	allow := mustParse(t, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	s := &Stack{Identity: []Attached{{Document: allow, Name: "mine", Owner: "111122223333"}}, Resource: []Attached{{Document: deny, Name: "theirs", ARN: "arn:aws:s3:::b", Owner: "444455556666"}}}
	r := Explain(s, &Request{Principal: ann, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Context: set{"aws:SourceVpce": "vpce-secret"}.context()}).Report()
	if got := r.For("444455556666"); got.Sid != "Hush" || got.Policies[0].Name != "theirs" || !got.Policies[1].Hidden {
		t.Errorf("its owner reads %+v", got)
	}
	got := r.For("111122223333")
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if got.Effect != ExplicitDeny || strings.Contains(string(text), "Hush") || strings.Contains(string(text), "vpce-secret") || strings.Contains(string(text), "theirs") || got.Policies[1].Name != "mine" {
		t.Errorf("another account reads %s", text)
	}
	if lines := strings.Join(got.Lines(), "\n"); !strings.Contains(lines, "resource-based policy of another account") {
		t.Errorf("it is told %s", lines)
	}
	if r.Policies[0].Name != "theirs" {
		t.Error("the report itself was changed")
	}
}

// Facts 4: a caller of another account and organisation gets no cause, so the report must not have one either, nor
// tell whether there is a policy; also after it was kept as JSON.
func TestNobodyOutsideReadsWhetherTheOwnerDenies(t *testing.T) {
	theirs := Attached{Document: mustParse(t, `{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}}`), Owner: away}
	mine := Attached{Document: mustParse(t, `{"Version":"2012-10-17","Statement":[{"Sid":"No","Effect":"Deny","NotAction":"iam:*","NotResource":["arn:aws:s3:::x"],
		"Condition":{"StringEquals":{"aws:SourceVpc":["a","b"]}}},{"Effect":"Allow","Action":"*","Resource":"*"}]}`), Name: "mine", ARN: "arn:p", Version: "v2", Level: "r-1", Owner: home}
	s := &Stack{Identity: []Attached{mine}, Resource: []Attached{theirs}}
	r := &Request{Principal: ann, Action: "s3:GetObject", Resource: bucketKey, ResourceAccount: away}
	d := Explain(s, r)
	text, err := json.Marshal(d)
	var back Report
	if err := errors.Join(err, json.Unmarshal(text, &back)); err != nil {
		t.Fatal(err)
	}
	for _, report := range []Report{d.Report(), back} {
		got := report.For(home)
		if got.Result != (Result{Effect: Untold}) || got.Cause != "" || len(got.Policies) != 1 || got.Policies[0].Effect != Allowed {
			t.Errorf("outside: %+v", got)
		}
		if lines := strings.Join(got.Lines(), "\n"); strings.Contains(lines, "another account") ||
			!strings.Contains(lines, "identity-based policy mine (arn:p) v2 at r-1: Allowed") || strings.Contains(lines, "ExplicitDeny") {
			t.Error(lines)
		}
	}
	if small := Explain(&Stack{}, r); d.Weight() <= small.Weight() || small.Weight() < 512 {
		t.Errorf("%d bytes are more than %d", d.Weight(), small.Weight())
	}
	r.Related = true
	if got := Explain(s, r).Report().For(home); got.Effect != ExplicitDeny || got.Cause == "" || got.Policies[0].Effect != ExplicitDeny {
		t.Errorf("of one organisation: %+v", got)
	}
	if got := d.Denials(home); got != nil {
		t.Errorf("another account's denial is told: %+v", got)
	}
	want := []Denial{{Actions: []string{"s3:*"}, Resources: []string{"*"}}}
	if diff := cmp.Diff(want, d.Denials(away)); diff != "" {
		t.Error(diff)
	}
	r.Context = set{"aws:SourceVpc": "a"}.context()
	want = []Denial{{Sid: "No", NotAction: true, NotResource: true, Actions: []string{"iam:*"}, Resources: []string{"arn:aws:s3:::x"}, Conditions: []Wanted{{"aws:SourceVpc", []string{"a", "b"}}}}}
	if diff := cmp.Diff(want, Explain(s, r).Denials(home)); diff != "" {
		t.Error(diff)
	}
}

// What a condition of one's own policy sees of another account's resource is not told: whoever writes the condition
// could read the tags otherwise.
func TestWhatIsSeenOfAnothersResourceIsItsOwners(t *testing.T) {
	mine := Attached{Document: mustParse(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{
		"aws:ResourceTag/plan":"*","S3:resourcetag/plan":"*","aws:ResourceAccount":"4*","aws:ResourceOrgID":"o-*","aws:username":"ann"}}}}`), Name: "mine", Owner: home}
	c := set{"aws:ResourceTag/plan": "merger", "s3:ResourceTag/plan": "merger", "aws:ResourceAccount": away, "aws:ResourceOrgID": "o-theirs", "aws:username": "ann"}.context()
	r := Explain(&Stack{Identity: []Attached{mine}}, &Request{Principal: ann, Action: "s3:GetObject", Resource: bucketKey, ResourceAccount: away, Context: c}).Report()
	got := r.For(home)
	text, err := json.Marshal(got)
	lines := strings.Join(got.Lines(), "\n")
	for _, secret := range []string{"merger", away, "o-theirs"} {
		if err != nil || strings.Contains(string(text), secret) || strings.Contains(lines, secret) {
			t.Errorf("%s is told: %s\n%s", secret, text, lines)
		}
	}
	if !strings.Contains(lines, "aws:username StringLike ann holds: ann") || !strings.Contains(lines, "aws:ResourceTag/plan StringLike * holds: not told") || got.Policies[0].Statements[0].Conditions[0].Seen != nil {
		t.Error(lines)
	}
	if seen := r.Policies[0].Statements[0].Conditions[0].Seen; len(seen) != 1 || r.Owner != away {
		t.Errorf("the report itself was changed: %v", seen)
	}
	if again := r.For(away); again.Owner != away {
		t.Errorf("its owner reads %+v", again)
	}
}

// AWS's RCPFullAWSAccess is everybody's to read, but where it is attached tells what the owner's organisation is made of.
func TestWhereControlPoliciesAreIsTheOwnersAffair(t *testing.T) {
	full := mustParse(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`)
	other := mustParse(t, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}}`)
	const manager = "999988887777"
	s := &Stack{Identity: []Attached{{Document: full, Name: "mine", Owner: home}}, Resource: []Attached{{Document: full, Owner: away}},
		RCP: [][]Attached{{{Document: full, Name: "Full", Level: "r-secret"}}, {{Document: full, Name: "Full", Level: "ou-secret"}, {Document: other, Name: "guard", Level: "ou-secret", Owner: manager}}}}
	s.Identity[0].Document = mustParse(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	r := &Request{Principal: ann, Action: "s3:GetObject", Resource: bucketKey, ResourceAccount: away}
	for account, want := range map[string]int{home: 2, away: 5, manager: 3} {
		got := Explain(s, r).Report().For(account)
		if len(got.Policies) != want || got.Effect != Allowed {
			t.Errorf("%s reads %+v", account, got.Policies)
		}
		if lines := strings.Join(got.Lines(), "\n"); strings.Contains(lines, "r-secret") != (account == away) || strings.Contains(lines, "ou-secret") != (account != home) {
			t.Errorf("%s reads %s", account, lines)
		}
	}
	r.Action, r.Related = "sqs:SendMessage", true
	if got := Explain(s, r).Report().For(home); got.Result != (Result{Effect: ExplicitDeny, Kind: RCP}) || len(got.Policies) != 3 || !got.Policies[0].Hidden || got.Policies[0].Level != "" {
		t.Errorf("of one organisation: %+v", got)
	}
}
