package policy

import (
	"fmt"
	"strings"
	"testing"
)

// Tricks with case and Unicode: what AWS compares without case is ASCII alone, and nothing is made canonical.
// Sources: facts iam 1.3 (actions), 1.4 (resources), 1.5 (variables), 2 (keys), 1.1 (principals).
func TestTricksOfCaseAndUnicode(t *testing.T) {
	allow := func(action, resource string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%q,"Resource":%q}]}`, action, resource)
	}
	when := func(operator, key, value string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{%q:{%q:%q}}}]}`, operator, key, value)
	}
	const bucket, kelvin, long, dotless, wide = "arn:aws:s3:::bucket/key", "\u212a", "\u017f", "\u0131", "\uff1a"
	for _, c := range []struct {
		what, policy, action, resource string
		context                        set
		want                           Effect
	}{
		{"an action in another case", allow("S3:getobject", bucket), "s3:GetObject", bucket, nil, Allowed},
		{"the Kelvin sign is no k", allow(kelvin+"ms:Decrypt", "*"), "kms:Decrypt", "*", nil, ImplicitDeny},
		{"and not in the request", allow("kms:Decrypt", "*"), kelvin + "ms:Decrypt", "*", nil, ImplicitDeny},
		{"the long s is no s", allow(long+"3:GetObject", "*"), "s3:GetObject", "*", nil, ImplicitDeny},
		{"the dotless i is no i", allow(dotless+"am:GetUser", "*"), "iam:GetUser", "*", nil, ImplicitDeny},
		{"a resource in another case", allow("*", "arn:aws:s3:::Bucket/key"), "s3:GetObject", bucket, nil, ImplicitDeny},
		{"an ARN's prefix in another case", allow("*", "ARN:aws:s3:::bucket/key"), "s3:GetObject", bucket, nil, ImplicitDeny},
		{"a wide colon", allow("*", "arn"+wide+"aws:s3:::bucket/key"), "s3:GetObject", bucket, nil, ImplicitDeny},
		{"a composed letter and its parts", allow("*", "arn:aws:s3:::bucket/\u00e9"), "s3:GetObject", "arn:aws:s3:::bucket/e\u0301", nil, ImplicitDeny},
		{"one character is one rune", allow("*", "arn:aws:s3:::bucket/?"), "s3:GetObject", "arn:aws:s3:::bucket/\u00e9", nil, Allowed},
		{"a star does not cross the fifth colon", allow("*", "arn:aws:s3*key"), "s3:GetObject", bucket, nil, ImplicitDeny},
		{"a star in a name is a star", allow("*", "arn:aws:s3:::bucket/*"), "s3:GetObject", "arn:aws:s3:::bucket/../other/*", nil, Allowed},
		{"a request's star is a character", allow("*", "arn:aws:s3:::bucket/k"), "s3:GetObject", "arn:aws:s3:::bucket/*", nil, ImplicitDeny},
		{"a key in another case", when("StringEquals", "AWS:SOURCEVPCE", "vpce-1"), "s3:GetObject", bucket, set{"aws:SourceVpce": "vpce-1"}, Allowed},
		{"a key with the long s", when("StringEquals", "aws:"+long+"ourceVpce", "vpce-1"), "s3:GetObject", bucket, set{"aws:SourceVpce": "vpce-1"}, ImplicitDeny},
		{"a value in another case", when("StringEquals", "aws:SourceVpce", "VPCE-1"), "s3:GetObject", bucket, set{"aws:SourceVpce": "vpce-1"}, ImplicitDeny},
		{"a value that ends in zero bytes", when("StringEquals", "aws:SourceVpce", "vpce-1"), "s3:GetObject", bucket, set{"aws:SourceVpce": "vpce-1\x00"}, ImplicitDeny},
		{"a value with a space", when("StringEquals", "aws:SourceVpce", "vpce-1"), "s3:GetObject", bucket, set{"aws:SourceVpce": " vpce-1"}, ImplicitDeny},
		{"a variable's value is no pattern", allow("*", "arn:aws:s3:::bucket/${aws:username}/x"), "s3:GetObject", "arn:aws:s3:::bucket/ann/x", set{"aws:username": "*"}, ImplicitDeny},
		{"and no variable", allow("*", "arn:aws:s3:::bucket/${aws:username}"), "s3:GetObject", "arn:aws:s3:::bucket/ann", set{"aws:username": "${aws:userid}", "aws:userid": "ann"}, ImplicitDeny},
		{"and no separator", allow("*", "arn:aws:s3:::bucket/${aws:username}"), "s3:GetObject", "arn:aws:s3:::bucket/a/b", set{"aws:username": "a/b"}, Allowed},
	} {
		r := &Request{Principal: genPrincipals[2], Action: c.action, Resource: c.resource}
		if c.context != nil {
			r.Context = c.context.context()
		}
		s := &Stack{Identity: []Attached{{Document: mustParse(t, c.policy)}}}
		if got := Decide(s, r).Effect; got != c.want {
			t.Errorf("%s: %s, wanted %s", c.what, got, c.want)
		}
	}
}

// Bombs: documents as large, as deep and as full of wildcards as can be are read or refused, and decided by, in
// time that grows with their size; the test ends, that is the proof. Sources: facts iam 5.1, DESIGN.md.
func TestPolicyBombs(t *testing.T) {
	fill := func(head, piece, tail string) string {
		return head + strings.Repeat(piece, (MaxSize-len(head)-len(tail))/len(piece)) + tail
	}
	const head, tail = `{"Version":"2012-10-17","Statement":[`, `{"Effect":"Allow","Action":"sns:Publish","Resource":"*"}]}`
	for what, text := range map[string]string{
		"statements":       fill(head, `{"Effect":"Allow","Action":"s3:*Get*O*","Resource":"arn:aws:s3:::*a*b*c*"},`, tail),
		"actions":          fill(head+`{"Effect":"Deny","Resource":"*","Action":[`, `"s3:*x*y",`, `"s3:Z"]}]}`),
		"resources":        fill(head+`{"Effect":"Deny","Action":"*","Resource":[`, `"arn:aws:s3:::*?*?*x",`, `"arn:aws:s3:::z"]}]}`),
		"stars":            fill(head+`{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::`, "*a", `"}]}`),
		"question marks":   fill(head+`{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::`, "?*", `"}]}`),
		"variables":        fill(head+`{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::`, "${aws:username}*", `"}]}`),
		"condition values": fill(head+`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:username":[`, `"*a*b*c",`, `"z"]}}}]}`),
		"spaces":           fill(head, " ", tail),
	} {
		d := mustParse(t, text)
		r := &Request{Principal: genPrincipals[2], Action: "s3:" + strings.Repeat("Get", 40), Resource: "arn:aws:s3:::" + strings.Repeat("a", 2000), Context: set{"aws:username": strings.Repeat("a", 2000)}.context()}
		s := &Stack{Identity: []Attached{{Document: d}}}
		if got, why := Decide(s, r), Explain(s, r); got.Effect != why.Effect {
			t.Errorf("%s: %s, and explained %s", what, got.Effect, why.Effect)
		}
	}
	for what, text := range map[string]string{
		"too long": fill(head, " ", tail) + "  ", "too deep": strings.Repeat("[", 100000), "deep objects": strings.Repeat(`{"a":`, 20000),
		"deep values": head + `{"Effect":"Allow","Action":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `,"Resource":"*"}]}`,
	} {
		if d, err := Parse(text); err == nil {
			t.Errorf("%s: read as %d statements", what, len(d.statements))
		}
	}
}
