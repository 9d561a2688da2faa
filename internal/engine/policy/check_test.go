package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// verdict is what AWS would say on saving a text as a policy of a kind; "" when it would save it.
func verdict(kind Kind, text string) string {
	d, err := Parse(text)
	if err == nil {
		err = d.Check(kind)
	}
	if err == nil {
		return ""
	}
	return Refusal(kind, err)
}

// Facts 5, in the order of its list.
func TestIdentityPolicies(t *testing.T) {
	document := func(elements string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + elements + `}]}`
	}
	resource := func(text string) string { return document(`"Action":"s3:*","Resource":"` + text + `"`) }
	action := func(text string) string { return document(`"Resource":"*","Action":"` + text + `"`) }
	cases := []struct{ text, want string }{
		{document(`"Action":"s3:*","Resource":"*"`), ""},
		{`not JSON`, "Syntax errors in policy."},
		{`{"Version":"2012-10-17","Statement":[]}`, "Syntax errors in policy."},
		{document(`"Foo":"s3:*"`), "Syntax errors in policy."},
		{`{"Version":"2012-10-17","Statement":{"Effect":"allow","Action":"*","Resource":"*"}}`, legacyParsing},
		{document(`"Action":"*","Resource":"*","Condition":{"DateLessThan":{"a:b":"soon"}}`), legacyParsing},
		{resource("arn:aws:s3::bucket"), legacyParsing},
		{document(`"Action":"*","Resource":"*","Sid":"a"},{"Effect":"Deny","Action":"*","Resource":"*","Sid":"a"`), "Statement IDs (SID) in a single policy must be unique."},
		{document(`"Action":"*","Resource":"*","Sid":""},{"Effect":"Deny","Action":"*","Resource":"*","Sid":""`), ""},
		{document(`"Action":"*","Resource":"*","Sid":"a b"`), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"},
		{document(`"Resource":"*"`), "Policy statement must contain actions."},
		{document(`"Resource":"*","Action":[]`), "Policy statement must contain actions."},
		{resource("bucket"), `Resource bucket must be in ARN format or "*".`},
		{resource(""), `Resource  must be in ARN format or "*".`},
		{resource("**"), ""},
		{resource("arn:gcp:s3:::b"), `Partition "gcp" is not valid for resource "arn:gcp:s3:::b".`},
		{resource("arn:gcp:s3"), `Partition "gcp" is not valid for resource "arn:gcp:s3:*:*:*".`},
		{resource("arn:aws-cn:s3:::b"), ""},
		{resource("arn:*:s3:::b"), ""},
		{resource("arn:aws:*:::b"), "Resource vendor must be fully qualified and cannot contain regexes."},
		{resource("arn:aws"), "Resource vendor must be fully qualified and cannot contain regexes."},
		{resource("arn:aws:s3:us-east-1::b"), "Resource arn:aws:s3:us-east-1::b can not contain region information."},
		{resource("arn:aws:s3:us-east-1:111122223333:accesspoint/a"), ""},
		{resource("arn:aws:iam:us-east-1:111122223333:user/a"), "IAM resource arn:aws:iam:us-east-1:111122223333:user/a cannot contain region information."},
		{resource("arn:aws:iam::111122223333:role/*"), ""},
		{resource("arn:aws:iam::111122223333:*"), ""},
		{resource("arn:aws:iam::111122223333:thing/x"), `IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.`},
		{action("GetObject"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{action("s3:Get:Object"), "Actions/Condition can contain only one colon."},
		{action("s*:GetObject"), "Vendor s* is not valid"},
		{action(":GetObject"), "Vendor  is not valid"},
		{action("a-b.c_1:GetObject"), ""},
		{document(`"Action":"s3:*"`), "Policy statement must contain resources."},
		{document(`"Action":"s3:*","NotResource":[]`), "Policy statement must contain resources."},
		{document(`"Action":"s3:*","Resource":"*","Principal":"*"`), "Policy document should not specify a principal."},
		// The order is by kind of fault: the second statement's fault comes first here.
		{document(`"Action":"s3:*"},{"Effect":"Allow","Resource":"*"`), "Policy statement must contain actions."},
	}
	for _, c := range cases {
		for _, kind := range []Kind{Identity, Session, SCP, Managed, Boundary} {
			if got := verdict(kind, c.text); got != c.want {
				t.Errorf("%s\nas %s: %q, want %q", c.text, kind, got, c.want)
			}
		}
	}
	for _, text := range []string{`{"Statement":` + plainStatement + `}`, `{"Version":"2008-10-17","Statement":` + plainStatement + `}`} {
		if got := verdict(Identity, text); got != "" {
			t.Errorf("inline: %s", got)
		}
		if got := verdict(Managed, text); got != "Policy document must be version 2012-10-17 or greater." {
			t.Errorf("managed: %q", got)
		}
	}
}

func TestResourcePolicies(t *testing.T) {
	statement := func(elements string) string { return `{"Statement":[{"Effect":"Allow",` + elements + `}]}` }
	rest := `,"Action":"s3:*","Resource":"arn:aws:s3:::b"`
	cases := []struct{ text, want string }{
		{statement(`"Principal":"*"` + rest), ""},
		{statement(`"Principal":"*","Sid":"with spaces"` + rest), ""}, // facts 1: S3 allows them
		{`{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"111122223333"}` + rest + `}}`, ""},
		{``, "Policies must be valid JSON and the first byte must be '{'"},
		{`{}`, "Missing required field Statement"},
		{`{"Statement":[]}`, "Could not parse the policy: Statement is empty!"},
		{`{"Version":"2020-01-01","Statement":[]}`, "The policy must contain a valid version string"},
		{`{"Statement":{"Principal":"*"}}`, "Missing required field Effect"},
		{`{"Statement":{"Effect":"Permit"}}`, "Invalid effect: Permit"},
		{statement(`"Principal":"me"` + rest), "Invalid policy syntax."},
		{statement(`"Principal":{}` + rest), "Invalid policy syntax."},
		{statement(`"Who":"me"`), `Policy has invalid syntax: unknown element "Who"`},
		{statement(`"Sid":"a","Principal":"*"` + rest + `},{"Effect":"Deny","Sid":"a","Principal":"*"` + rest), "The Statement Ids in the policy are not unique"},
		{statement(rest[1:]), "Missing required field Principal"},
		{statement(`"NotPrincipal":"*"` + rest), "Allow with NotPrincipal is not allowed."},
		{statement(`"Principal":"*","Resource":"*"`), "Missing required field Action"},
		{statement(`"Principal":"*","Action":"s3:*"`), "Missing required field Resource"},
		{statement(`"Principal":"*","Resource":"*","Action":"s3"`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
	}
	for _, c := range cases {
		if got := verdict(Resource, c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
	// Facts on PrivateLink 1.10.
	if got := verdict(Endpoint, "{\n \"Statement\": x}"); got != "The Policy Document is not valid. Syntax error at position (2,15)" {
		t.Error(got)
	}
	if got := verdict(Endpoint, `{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}`); got != "" {
		t.Error(got)
	}
}

// Facts 1.1: the forms of a principal that a policy may hold.
func TestPrincipalForms(t *testing.T) {
	good := []string{
		`"*"`, `{"AWS":"*"}`, `{"AWS":"111122223333"}`, `{"AWS":"arn:aws:iam::111122223333:root"}`, `{"AWS":"arn:aws:iam::111122223333:user/path/ann"}`,
		`{"AWS":"arn:aws:iam::111122223333:role/r"}`, `{"AWS":"arn:aws:sts::111122223333:assumed-role/r/s"}`, `{"AWS":"arn:aws:sts::111122223333:federated-user/f"}`,
		`{"AWS":"AIDACKCEVSQ6C2EXAMPLE"}`, `{"AWS":"AROACKCEVSQ6C2EXAMPLE"}`, `{"Service":"s3.us-east-1.amazonaws.com"}`, `{"Service":"ec2.amazonaws.com.cn"}`,
		`{"Federated":"accounts.google.com"}`, `{"CanonicalUser":"79a59df900b949e55d96a1e698fbaced"}`,
	}
	bad := map[string]string{
		`{"AWS":"arn:aws:iam::111122223333:role/*"}`:          `"AWS":"arn:aws:iam::111122223333:role/*"`,
		`{"AWS":"arn:aws:iam::1:user/ann"}`:                   `"AWS":"arn:aws:iam::1:user/ann"`,
		`{"AWS":"arn:aws:iam::1111:root"}`:                    `"AWS":"arn:aws:iam::1111:root"`,
		`{"AWS":"arn:aws:iam::111122223333:group/g"}`:         `"AWS":"arn:aws:iam::111122223333:group/g"`,
		`{"AWS":"arn:aws:iam::111122223333:user/"}`:           `"AWS":"arn:aws:iam::111122223333:user/"`,
		`{"AWS":"arn:aws:iam:us-east-1:111122223333:user/a"}`: `"AWS":"arn:aws:iam:us-east-1:111122223333:user/a"`,
		`{"AWS":"urn:aws:iam::111122223333:user/a"}`:          `"AWS":"urn:aws:iam::111122223333:user/a"`,
		`{"AWS":"arn:aws:sts::111122223333:assumed-role/r"}`:  `"AWS":"arn:aws:sts::111122223333:assumed-role/r"`,
		`{"AWS":"ann"}`:                 `"AWS":"ann"`,
		`{"AWS":""}`:                    `"AWS":""`,
		`{"AWS":["*","AIDA"]}`:          `"AWS":"AIDA"`,
		`{"AWS":"XIDACKCEVSQ6C2EXAMP"}`: `"AWS":"XIDACKCEVSQ6C2EXAMP"`,
		`{"Service":"sagemaker"}`:       `"SERVICE":"sagemaker"`,
	}
	for _, p := range good {
		if got := verdict(Trust, `{"Statement":{"Effect":"Allow","Principal":`+p+`,"Action":"sts:AssumeRole"}}`); got != "" {
			t.Errorf("%s: %s", p, got)
		}
	}
	for p, quoted := range bad {
		for _, kind := range []Kind{Trust, Resource} {
			text := `{"Statement":{"Effect":"Allow","Principal":` + p + `,"Action":"sts:AssumeRole","Resource":"*"}}`
			if kind == Trust {
				text = strings.Replace(text, `,"Resource":"*"`, "", 1)
			}
			if got := verdict(kind, text); got != "Invalid principal in policy: "+quoted {
				t.Errorf("%s: %s", p, got)
			}
		}
	}
}

// Facts 5, trust policies.
func TestTrustPolicies(t *testing.T) {
	statement := func(elements string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + elements + `}]}`
	}
	trusted := func(action string) string {
		return statement(`"Principal":{"Service":"sagemaker.amazonaws.com"},"Action":` + action)
	}
	cases := []struct{ text, want string }{
		{trusted(`"sts:AssumeRole"`), ""},
		{trusted(`["sts:assumerole","sts:TagSession","sts:SetSourceIdentity","sts:AssumeRoleWithWebIdentity","sts:AssumeRoleWithSAML","sts:SetContext"]`), ""},
		{trusted(`"sts:Assume*"`), ""},
		{`{`, "This policy contains invalid Json"},
		{`{"Version":"2012","Statement":[]}`, "The policy must contain a valid version string"},
		{`{"Statement":[]}`, "Could not parse the policy: Statement is empty!"},
		{`{}`, "Could not parse the policy: Statement is empty!"},
		{`{"Statement":{"Action":"sts:AssumeRole"}}`, "Missing required field Effect"},
		{`{"Statement":{"Effect":"ALLOW"}}`, "Invalid effect: ALLOW"},
		{statement(`"Principal":"me"`), "Principal must be a JSON object."},
		{statement(`"Principal":{}`), "Missing required field Principal cannot be empty!"},
		{statement(`"Extra":"x"`), "Syntax error in policy."},
		{statement(`"Sid":"a"},{"Effect":"Deny","Sid":"a"`), "The Statement Ids in the policy are not unique"},
		{statement(`"Action":"sts:AssumeRole"`), "Missing required field Principal"},
		{statement(`"NotPrincipal":"*","Action":"sts:AssumeRole"`), "Allow with NotPrincipal is not allowed."},
		{`{"Statement":{"Effect":"Deny","NotPrincipal":"*","Action":"sts:AssumeRole"}}`, "AssumeRole policy must not contain NotPrincipal field."},
		{statement(`"Principal":"*"`), "Missing required field Action"},
		{trusted(`"s3:GetObject"`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{trusted(`"*"`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{trusted(`"sts:GetCallerIdentity"`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{statement(`"Principal":"*","NotAction":"sts:AssumeRole"`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{trusted(`"sts:AssumeRole","Resource":"*"`), "Has prohibited field Resource"},
		{statement(`"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"`), "A condition block must be present for the Cognito provider"},
		{statement(`"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"Null":{"a:b":"true"}}`), ""},
	}
	for _, c := range cases {
		if got := verdict(Trust, c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
}

// Facts 1: a resource control policy only denies, and to everyone.
func TestResourceControlPolicies(t *testing.T) {
	const no = "The provided policy document does not meet the requirements of the specified policy type."
	for elements, want := range map[string]string{
		`"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"`:                    "",
		`"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"`:                   no,
		`"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"`: no,
		`"Effect":"Deny","NotPrincipal":"*","Action":"s3:*","Resource":"*"`:                 no,
		`"Effect":"Deny","Action":"s3:*","Resource":"*"`:                                    no,
		`"Effect":"Deny","Principal":"*","NotAction":"s3:*","Resource":"*"`:                 no,
		`"Effect":"Deny","Principal":"*","Resource":"*"`:                                    no,
		`"Effect":"Deny","Principal":"*","Action":"s3:*"`:                                   no,
		`"Effect":"Deny","Principal":"*","Action":"GetObject","Resource":"*"`:               "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
	} {
		if got := verdict(RCP, `{"Version":"2012-10-17","Statement":{`+elements+`}}`); got != want {
			t.Errorf("%s: %q", elements, got)
		}
	}
}

// Facts 1.4 and 11: ARNs of fewer than six parts, where policies are saved.
func TestShortResourcesAtSave(t *testing.T) {
	const no = "The provided policy document does not meet the requirements of the specified policy type."
	for _, c := range []struct {
		kind       Kind
		text, want string
	}{
		{Identity, "arn:aws:s3", ""}, {Identity, "arn:aws:s3:*", ""}, {Boundary, "arn:aws:s3", ""}, {Session, "arn:aws:s3", ""},
		{SCP, "arn:aws:s3", no}, {SCP, "arn:aws:s3:*", ""}, {SCP, "arn:*:s3", no}, {SCP, "arn:aws:s3:::b", ""}, {SCP, "*", ""}, {SCP, "**", ""},
		{RCP, "arn:aws:s3", no}, {RCP, "arn:aws:s3:*", no}, {RCP, "arn:aws:s3:::b", ""}, {RCP, "*", ""},
	} {
		statement := `"Effect":"Deny","Action":"s3:*","Resource":"` + c.text + `"`
		if c.kind == RCP {
			statement += `,"Principal":"*"`
		}
		if got := verdict(c.kind, `{"Version":"2012-10-17","Statement":{`+statement+`}}`); got != c.want {
			t.Errorf("%s in a %s: %q", c.text, c.kind, got)
		}
	}
}

func TestRefusalOfOtherErrors(t *testing.T) {
	if got := Refusal(Identity, errors.New("anything")); got != "anything" {
		t.Error(got)
	}
}

func TestFullAccess(t *testing.T) {
	const whole = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`
	for text, want := range map[string]bool{
		whole: true,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`:                                                                   true,
		`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"*"}]}`:                                                       false,
		`{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`:                                                                           false,
		`{"Statement":[{"Effect":"Allow","Principal":"*","NotAction":"*","Resource":"*"}]}`:                                                                       false,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}`:                                                                       false,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:s3:::b"}]}`:                                                             false,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"Null":{"aws:SourceVpc":"true"}}}]}`:                            false,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"*"}]}`: false,
	} {
		if got := mustParse(t, text).FullAccess(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// The place that a refusal names is that of the offending value, or of what it is missing in.
func TestRefusalsSayWhere(t *testing.T) {
	const head = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"},\n"
	trust := func(rest string) string { return "{\"Statement\":{\"Effect\":\"Allow\",\n" + rest + "}}" }
	const someone = `"Principal":{"AWS":"*","Service":["a.amazonaws.com","b"]},`
	for _, c := range []struct {
		kind Kind
		text string
		want string
	}{
		{Identity, "{\n x", "Syntax errors in policy. (line 2, column 2)"},
		{Managed, "{\n\"Version\":\"2008-10-17\",\"Statement\":" + plainStatement + "}", "Policy document must be version 2012-10-17 or greater. (line 2, column 11)"},
		{Managed, "{\"Statement\":" + plainStatement + "}", "Policy document must be version 2012-10-17 or greater. (line 1, column 1)"},
		{Identity, head + ` {"Effect":"Allow","Resource":"*"}]}`, "Policy statement must contain actions. (line 2, column 2)"},
		{Identity, head + `{"Effect":"Allow","Resource":"*","Action":["s3:*","Get"]}]}`, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. (line 2, column 51)"},
		{Identity, head + `{"Effect":"Allow","NotResource":["*","b"],"Action":"*"}]}`, `Resource b must be in ARN format or "*". (line 2, column 38)`},
		{Identity, head + `{"Effect":"Allow","Resource":"*","NotPrincipal":"*","Action":"*"}]}`, "Policy document should not specify a principal. (line 2, column 49)"},
		{Identity, head + `{"Effect":"Allow","Resource":"*","Action":"*","Condition":{"Null":{"a:b":"true"},"DateLessThan":{"a:b":["2020-01-01","soon"]}}}]}`, legacyParsing + " (line 2, column 118)"},
		{Identity, head + `{"Effect":"allow","Resource":"*","Action":"*"}]}`, legacyParsing + " (line 2, column 11)"},
		{SCP, strings.Replace(head, `"Effect"`, `"Sid":"a","Effect"`, 1) + `{"Sid":"a","Effect":"Allow","Resource":"*","Action":"*"}]}`, "Statement IDs (SID) in a single policy must be unique. (line 2, column 8)"},
		{Trust, trust(`"Action":"sts:AssumeRole"`), "Missing required field Principal (line 1, column 14)"},
		{Trust, trust(someone + `"Action":"sts:AssumeRole"`), `Invalid principal in policy: "SERVICE":"b" (line 2, column 53)`},
		{Trust, trust(`"Principal":"*","Action":["sts:AssumeRole","s3:*"]`), "AssumeRole policy may only specify STS AssumeRole actions. (line 2, column 44)"},
		{RCP, strings.Replace(trust(`"Principal":"*","Action":["s3:*","*"],"Resource":"*"`), "Allow", "Deny", 1), "The provided policy document does not meet the requirements of the specified policy type. (line 2, column 34)"},
		{RCP, trust(`"Principal":"*","Action":"s3:*"`), "The provided policy document does not meet the requirements of the specified policy type. (line 1, column 14)"},
		{Endpoint, "{", "The Policy Document is not valid. Syntax error at position (1,2)"},
	} {
		d, err := Parse(c.text)
		if err == nil {
			err = d.Check(c.kind)
		}
		if got := Told(c.kind, err); got != c.want {
			t.Errorf("%s\n%q, want %q", c.text, got, c.want)
		}
	}
	// By names of elements, of which the last that is there is told.
	for text, want := range map[string]string{
		`{"Version":"2008-10-17","Statement":` + plainStatement + `}`: "Version",
		`{"Statement":` + plainStatement + `}`:                        "",
	} {
		var m *Malformed
		if err := mustParse(t, text).Check(Managed); !errors.As(err, &m) || m.Element != want {
			t.Errorf("%s: %+v, want %q", text, m, want)
		}
	}
	for text, want := range map[string]string{
		`{"Effect":"Allow","Resource":"*"}`:                                                        "Statement",
		`[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Allow","Resource":"*"}]`:       "Statement[1]",
		`[{"Effect":"Allow","Action":["*","x"],"Resource":"*"}]`:                                   "Statement[0].Action[1]",
		`[{"Effect":"Allow","Action":"*","Resource":["*"],"Principal":{"AWS":["*"]}}]`:             "Statement[0].Principal",
		`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateEquals":{"a:b":["x"]}}}`:  "Statement.Condition.DateEquals.a:b[0]",
		`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateNotEquals":{"a:b":"x"}}}`: "Statement.Condition.DateNotEquals.a:b",
	} {
		var m *Malformed
		if err := mustParse(t, `{"Statement":`+text+`}`).Check(Identity); !errors.As(err, &m) || m.Element != want {
			t.Errorf("%s: %+v, want %q", text, m, want)
		}
	}
	if _, err := Parse("{}"); !strings.HasPrefix(err.Error(), "line 1, column 1: ") {
		t.Error(err)
	}
	if err := mustParse(t, `{"Statement":{"Effect":"Allow"}}`).Check(Identity); err.Error() != "Policy statement must contain actions." {
		t.Error(err)
	}
	if got := Told(Identity, errors.New("anything")); got != "anything" {
		t.Error(got)
	}
}

func TestServicesOfADocument(t *testing.T) {
	d := mustParse(t, `{"Statement":[{"Effect":"Deny","Principal":"*","Action":["S3:Get*","sqs:*"],"Resource":"*"},{"Effect":"Deny","NotAction":["*","s3:x"],"Resource":"*"}]}`)
	if diff := cmp.Diff([]string{"*", "s3", "sqs"}, d.Services()); diff != "" {
		t.Error(diff)
	}
}

func TestKeysAreTheSameInAnyASCIICase(t *testing.T) {
	if !SameKey("aws:Team", "AWS:team") || SameKey("stack", "ſtack") || SameKey("a", "ab") {
		t.Error("keys are told apart by the case of ASCII letters, or by less")
	}
}

// An account in the policy of a gateway endpoint is its root user alone (the PrivateLink guide, "Principals for gateway endpoints").
func TestAccountsThatAreTheirRoots(t *testing.T) {
	for _, principal := range []string{`{"AWS":"111122223333"}`, `{"AWS":["arn:aws:iam::111122223333:root"]}`} {
		d := mustParse(t, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":`+principal+`},{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}`)
		for _, c := range []struct {
			kind       PrincipalKind
			d          *Document
			wantEffect Effect
		}{{User, d, Allowed}, {User, d.RootsOnly(), ImplicitDeny}, {RootUser, d.RootsOnly(), Allowed}} {
			all := []Attached{{Document: mustParse(t, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)}}
			r := &Request{Principal: Principal{Kind: c.kind, ARN: "arn:aws:iam::111122223333:x", Account: "111122223333"}, Action: "s3:GetObject", Resource: "*"}
			if got := Decide(&Stack{Identity: all, Endpoint: []Attached{{Document: c.d}}}, r); got.Effect != c.wantEffect {
				t.Errorf("%s, %v: %v, want %v", principal, c.kind, got.Effect, c.wantEffect)
			}
		}
	}
}
