package policy

import (
	"fmt"
	"strings"
	"testing"
)

const otherARN = "arn:aws:s3:::bucket/home/ann/x"

func TestResources(t *testing.T) {
	ctx := set{"aws:username": "ann", "aws:PrincipalTag/wild": "*", "aws:TagKeys": many{"ann"}}
	cases := []struct {
		pattern, resource string
		want              bool
		source            string
	}{
		{"*", "*", true, "facts 1.4"},
		{"*", otherARN, true, "facts 1.4"},
		{"**", "*", true, "facts 1.4"},
		{"arn:aws:s3:::*", "*", false, "facts 1.4: no resource-level permissions"},
		{"arn:aws:s3:::bucket/*", otherARN, true, "facts 1.4: a star crosses / in the last part"},
		{"arn:aws:s3:::*x", "arn:aws:s3:::a:b:x", true, "facts 1.4: and colons"},
		{"arn:aws:s3:::bucket", otherARN, false, "facts 1.4"},
		{"arn:aws:s3:::Bucket/*", otherARN, false, "facts 1.4: case counts"},
		{"arn:aws:s3*bucket/*", otherARN, false, "facts 1.4: a star before the fifth colon cannot cross one"},
		{"arn:*:s3:*:*:bucket/*", otherARN, true, "facts 1.4"},
		{"arn:aws:s3:::bucket/home/ann/?", otherARN, true, "facts 1.4"},
		{"arn:aws:s3:::bucket/home/ann/x?", otherARN, false, "facts 1.4: ? is exactly one"},
		{"arn:aws:s3:::bucket/home/ann/x*", otherARN, true, "facts 1.4: * may be empty"},
		{"arn:aws:s3:::bucket/home/???/*", "arn:aws:s3:::bucket/home/añé/x", true, "facts 1.5: ? is a character, not a byte"},
		{"arn:aws:s3:::*?", "arn:aws:s3:::é", true, "facts 1.5"},
		{"arn:aws:s3:::*?", "arn:aws:s3:::", false, "facts 1.4"},
		{"arn:aws:s3:::?", "arn:aws:s3:::", false, "facts 1.4"},
		{"arn:aws:s3:::*é?", "arn:aws:s3:::eé", false, "facts 1.4"},
		{"arn:aws:s3:::*a?c*d", "arn:aws:s3:::xaabcyd", true, "facts 1.4"},
		{"arn:aws:s3:::*a?c*d", "arn:aws:s3:::xabbyd", false, "facts 1.4"},
		{"arn:aws:s3:::*one*two*", "arn:aws:s3:::two one", false, "facts 1.4: in order"},
		{"arn:aws:s3:::a*a", "arn:aws:s3:::a", false, "facts 1.4: ends do not overlap"},
		{"arn:aws:ec2:*:*:*/i-1", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", true, "facts 1.4, open: the type may be a wildcard"},
		{"arn:aws:s3:::bucket/home/${aws:username}/*", otherARN, true, "facts 1.5"},
		{"arn:aws:s3:::bucket/home/${AWS:UserName}/*", otherARN, true, "facts 1.5: key names ignore case"},
		{"arn:aws:s3:::*/${aws:username}/x", otherARN, true, "facts 1.5"},
		{"arn:aws:s3:::*${aws:username}*", otherARN, true, "facts 1.5"},
		{"arn:aws:s3:::${aws:username}?", "arn:aws:s3:::ann", false, "facts 1.5: the value takes all"},
		{"arn:aws:s3:::*?${aws:username}", "arn:aws:s3:::ann", false, "facts 1.5: the value takes all"},
		{"arn:aws:s3:::*?${aws:username}", "arn:aws:s3:::xann", true, "facts 1.5"},
		{"arn:aws:s3:::*${aws:userid}*", otherARN, false, "facts 1.5: no value, no match"},
		{"arn:aws:s3:::*${aws:userid}", otherARN, false, "facts 1.5"},
		{"arn:aws:s3:::bucket/home/${aws:userid, 'ann'}/*", otherARN, true, "facts 1.5: default"},
		{"arn:aws:s3:::bucket/home/${aws:userid,'ann'}/*", otherARN, true, "facts 1.5: default"},
		{"arn:aws:s3:::bucket/home/${aws:userid, ann}/*", otherARN, true, "a default without quotation marks"},
		{"arn:aws:s3:::${aws:userid, 'bucket/home}'}/*", "arn:aws:s3:::bucket/home}/x", true, "a brace inside a default"},
		{"arn:aws:s3:::${aws:username, 'bucket'}/*", otherARN, false, "facts 1.5: the value comes before the default"},
		{"arn:aws:s3:::${aws:PrincipalTag/wild}", otherARN, false, "facts 1.5: a value is literal"},
		{"arn:aws:s3:::${aws:PrincipalTag/wild}", "arn:aws:s3:::*", true, "facts 1.5: a value is literal"},
		{"arn:aws:s3:::${aws:TagKeys}", "arn:aws:s3:::ann", false, "facts 1.5: single-valued keys only"},
		{"arn:aws:s3:::${*}", otherARN, false, "facts 1.5"},
		{"arn:aws:s3:::${*}${?}${$}", "arn:aws:s3:::*?$", true, "facts 1.5"},
		{"arn:aws:s3:::${aws:username", "arn:aws:s3:::${aws:username", true, "an open variable is text"},
		{"arn:aws:s3:::$ann", "arn:aws:s3:::$ann", true, "a dollar is text"},
		{"arn:aws:s3:${aws:username}::b", "arn:aws:s3:ann::b", false, "facts 1.4: variables only after the fifth colon"},
		{"arn:aws:s3:*${aws:username}::b", "arn:aws:s3:ann::b", false, "facts 1.4: variables only after the fifth colon"},
		{"arn:aws:s3:a*${aws:username}*::b", "arn:aws:s3:aann::b", false, "facts 1.4: variables only after the fifth colon"},
		{"arn:aws:s3:*::b", "arn:aws:s3:ann::b", true, "facts 1.4"},
		{"bucket", "bucket", false, "a resource that is no ARN is no one's"},
		{"", otherARN, false, "empty"},
	}
	for _, c := range cases {
		t.Run(c.pattern, func(t *testing.T) {
			for _, not := range []string{"", "Not"} {
				d := mustParse(t, fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","%sResource":%q}}`, not, c.pattern))
				r := &Request{Principal: genPrincipals[2], Action: "s3:GetObject", Resource: c.resource, Context: ctx.context()}
				got := Decide(&Stack{Identity: []Attached{{Document: d}}}, r).Effect == Allowed
				if got != (c.want == (not == "")) {
					t.Errorf("%sResource on %s: %v (%s)", not, c.resource, got, c.source)
				}
			}
		})
	}
}

// Facts 1.4: what an ARN with fewer than six parts matches depends on the kind of policy.
func TestShortARNs(t *testing.T) {
	everything := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`
	cases := []struct {
		pattern string
		kinds   map[Kind]bool
	}{
		{"arn:aws:s3", map[Kind]bool{Identity: true, Session: true, Boundary: true}},
		{"arn:aws:s3:*", map[Kind]bool{Identity: true, Session: true, Boundary: true, Resource: true, Endpoint: true, SCP: true}},
		{"arn:*:s3", map[Kind]bool{Identity: true, Session: true, Boundary: true, Resource: true, Endpoint: true}},
		{"arn:aws:sqs:*", map[Kind]bool{}},
	}
	for _, c := range cases {
		for _, kind := range []Kind{Identity, Session, Boundary, Resource, Endpoint, SCP, RCP} {
			short := []Attached{{Document: mustParse(t, strings.Replace(everything, `"Resource":"*"`, `"Resource":"`+c.pattern+`"`, 1))}}
			full := []Attached{{Document: mustParse(t, everything)}}
			s := &Stack{Identity: full}
			switch kind {
			case Identity:
				s.Identity = short
			case Session:
				s.Session = short
			case Boundary:
				s.Boundary = short
			case Resource:
				s.Identity, s.Resource = nil, short
			case Endpoint:
				s.Endpoint = short
			case SCP:
				s.SCP = [][]Attached{short}
			case RCP:
				s.RCP = [][]Attached{short}
			}
			got := Decide(s, &Request{Principal: genPrincipals[2], Action: "s3:GetObject", Resource: otherARN}).Effect == Allowed
			if got != c.kinds[kind] {
				t.Errorf("%s in a %s: %v", c.pattern, kind, got)
			}
		}
	}
}

func TestActions(t *testing.T) {
	cases := []struct {
		pattern, action string
		want            bool
	}{
		{"s3:GetObject", "s3:GetObject", true},
		{"S3:getobject", "s3:GetObject", true}, // facts 1.3: both halves ignore case
		{"s3:Get*", "S3:GETOBJECT", true},
		{"s3:*Object", "s3:GetObject", true},
		{"s3:*Object", "s3:GetObjectAcl", false},
		{"s3:*et*b*t", "s3:GetObject", true},
		{"s3:?etObject", "s3:GetObject", true},
		{"s3:?GetObject", "s3:GetObject", false},
		{"s3:*", "s3:GetObject", true},
		{"s3:*", "s3express:GetObject", false},
		{"s3*:Get*", "s3express:GetObject", true}, // refused at save, and still no surprise
		{"*", "anything:AtAll", true},
		{"**", "anything:AtAll", true},
		{"*:*", "anything:AtAll", true},
		{"s3:${aws:username}", "s3:ann", false}, // facts 1.3: no variables
		{"s3:Get", "s3:GetObject", false},
		{"s3:GetObjectAcl", "s3:GetObject", false},
		{"s3:GetObject*", "s3:GetObject", true},
		{"kms:Decrypt", "\u212Ams:Decrypt", false}, // the Kelvin sign is no k
		{"s3:x", "", false},
		{"s3", "s3", true},
	}
	for _, c := range cases {
		for _, not := range []bool{false, true} {
			element := map[bool]string{false: "Action", true: "NotAction"}[not]
			d := mustParse(t, fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow",%q:["iam:X",%q],"Resource":"*"}}`, element, c.pattern))
			r := &Request{Principal: genPrincipals[2], Action: c.action, Resource: "*", Context: set{"aws:username": "ann"}.context()}
			if got := Decide(&Stack{Identity: []Attached{{Document: d}}}, r).Effect == Allowed; got != (c.want != not) {
				t.Errorf("%s %s for %s: %v", element, c.pattern, c.action, got)
			}
		}
	}
}

// The index must find the same statements whatever their number and the crowd in its tables.
func TestIndexOfManyStatements(t *testing.T) {
	var list []string
	for i := range 700 {
		list = append(list, fmt.Sprintf(`{"Sid":"S%d","Effect":"Allow","Action":["svc%d:Op%d","svc%d:List*"],"Resource":"*"}`, i, i%50, i, i))
	}
	list = append(list, `{"Sid":"last","Effect":"Deny","NotAction":"svc*:*","Resource":"*"}`)
	d := mustParse(t, `{"Statement":[`+strings.Join(list, ",")+`]}`)
	ask := func(action string) Result {
		return Decide(&Stack{Identity: []Attached{{Document: d}}}, &Request{Principal: genPrincipals[2], Action: action, Resource: "*"})
	}
	for i := range 700 {
		for _, action := range []string{fmt.Sprintf("SVC%d:op%d", i%50, i), fmt.Sprintf("svc%d:ListThings", i)} {
			if got := ask(action); got.Effect != Allowed || got.Sid != fmt.Sprint("S", i) {
				t.Fatalf("%s: %+v", action, got)
			}
		}
	}
	if got := ask("svc1:Op2"); got.Effect != ImplicitDeny {
		t.Errorf("%+v", got)
	}
	if got := ask("other:Op"); got.Effect != ExplicitDeny || got.Sid != "last" || got.Statement != 701 {
		t.Errorf("%+v", got)
	}
}

// Hostile patterns take time in proportion to what they are: the runs of a pattern are each looked
// for once. A matcher that tried stars again would not end here.
func TestHostilePatternsEnd(t *testing.T) {
	stars := strings.Repeat("*a", 2000) + "*b"
	text := "arn:aws:s3:::" + strings.Repeat("a", 4000)
	d := mustParse(t, fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:%s","Resource":["arn:aws:s3:::%s","arn:aws:s3:::%s"]}}`,
		strings.Repeat("*a", 1000)+"b", stars, strings.Repeat("?*", 2000)+"b"))
	r := &Request{Principal: genPrincipals[2], Action: "s3:" + strings.Repeat("a", 2000) + "b", Resource: text}
	if got := Decide(&Stack{Identity: []Attached{{Document: d}}}, r).Effect; got != ImplicitDeny {
		t.Error(got)
	}
	for _, text := range []string{
		strings.Repeat("${", MaxSize/4), strings.Repeat("${a,'", MaxSize/8), strings.Repeat("${a,'x}", MaxSize/10), strings.Repeat("*?", MaxSize/4),
	} {
		mustParse(t, fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":%q}}`, text))
	}
}
