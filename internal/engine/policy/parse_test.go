package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const plainStatement = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`

func TestParseRefuses(t *testing.T) {
	with := func(element string) string { return `{"Statement":{"Effect":"Allow",` + element + `}}` }
	cases := []struct {
		text   string
		defect Defect
		at     Position
		says   string
	}{
		{``, NotJSON, Position{1, 1}, "ends too early"},
		{`x`, NotJSON, Position{1, 1}, "expected a value"},
		{`[]`, NotJSON, Position{1, 1}, "a policy is an object"},
		{`{} x`, NotJSON, Position{1, 4}, "after the end"},
		{"{\n  \"Version\" 1}", NotJSON, Position{2, 13}, `expected ':'`},
		{`{"Id":"é", 5}`, NotJSON, Position{1, 12}, "member name"},
		{`{"Id":"a" "b"}`, NotJSON, Position{1, 11}, `expected ',' or '}'`},
		{`{"Statement":["a" "b"]}`, NotJSON, Position{1, 19}, `expected ',' or ']'`},
		{`{"Statement":[`, NotJSON, Position{1, 15}, "ends too early"},
		{`{"Statement":[x]}`, NotJSON, Position{1, 15}, "expected a value"},
		{`{"Id":"a`, NotJSON, Position{1, 7}, "without an end"},
		{`{"Id`, NotJSON, Position{1, 2}, "without an end"},
		{`{"Id":"\n` + "\n" + `"}`, NotJSON, Position{1, 10}, "control character"},
		{`{"Id":"\`, NotJSON, Position{1, 8}, "without an end"},
		{`{"Id":"\n`, NotJSON, Position{1, 7}, "without an end"},
		{`{"Id":"\x"}`, NotJSON, Position{1, 8}, "unknown escape"},
		{`{"Id":"\u12G4"}`, NotJSON, Position{1, 8}, "malformed"},
		{`{"Id":"\u12`, NotJSON, Position{1, 8}, "malformed"},
		{`{"Id":-}`, NotJSON, Position{1, 7}, "number"},
		{`{"Id":01}`, NotJSON, Position{1, 7}, "number"},
		{`{"Id":1.}`, NotJSON, Position{1, 7}, "number"},
		{`{"Id":1.e1}`, NotJSON, Position{1, 7}, "number"},
		{`{"Id":--1}`, NotJSON, Position{1, 7}, "number"},
		{strings.Repeat("[", 100), NotJSON, Position{1, 14}, "nested"},
		{"{\"Id\":\"\xff\"}", NotJSON, Position{1, 1}, "UTF-8"},
		{strings.Repeat(" ", MaxSize+1), NotJSON, Position{1, 1}, "longer"},
		{`{}`, NoStatement, Position{1, 1}, "no Statement"},
		{`{"Statement":[]}`, EmptyStatement, Position{1, 14}, "empty"},
		{`{"Statement":"x"}`, BadGrammar, Position{1, 14}, "object"},
		{`{"Statement":["x"]}`, BadGrammar, Position{1, 15}, "object"},
		{`{"Statement":[null]}`, BadGrammar, Position{1, 15}, "object"},
		{`{"Statement":` + plainStatement + `,"Extra":true}`, BadGrammar, Position{1, 72}, `unknown element "Extra"`},
		{`{"statement":` + plainStatement + `}`, BadGrammar, Position{1, 2}, `"statement"`},
		{`{"Id":5,"Statement":` + plainStatement + `}`, BadGrammar, Position{1, 7}, "string"},
		{`{"Version":"2012-10-18","Statement":` + plainStatement + `}`, BadVersion, Position{1, 12}, "Version"},
		{`{"Version":2012,"Statement":` + plainStatement + `}`, BadVersion, Position{1, 12}, "Version"},
		{`{"Statement":` + plainStatement + `,"Statement":` + plainStatement + `}`, BadGrammar, Position{1, 72}, "twice"},
		{`{"Statement":{"Action":"*"}}`, NoEffect, Position{1, 14}, "Effect"},
		{`{"Statement":{"Effect":5}}`, BadGrammar, Position{1, 24}, "string"},
		{`{"Statement":[{"Effect":"allow"},{"Effect":"deny"}]}`, BadEffect, Position{1, 25}, "Effect"},
		{`{"Statement":[{"Effect":"allow"},{"Effect":"Deny","Foo":1}]}`, BadGrammar, Position{1, 51}, "Foo"}, // grammar comes first
		{with(`"Sid":5`), BadGrammar, Position{1, 38}, "Sid"},
		{with(`"Action":5`), BadGrammar, Position{1, 41}, "Action"},
		{with(`"Action":[5]`), BadGrammar, Position{1, 42}, "Action"},
		{with(`"Action":"*","NotAction":"*"`), BadGrammar, Position{1, 45}, "opposite"},
		{with(`"Resource":"*","NotResource":"*"`), BadGrammar, Position{1, 47}, "opposite"},
		{with(`"Resource":{}`), BadGrammar, Position{1, 43}, "Resource"},
		{with(`"Principal":"*","NotPrincipal":"*"`), BadGrammar, Position{1, 48}, "opposite"},
		{with(`"Principal":"me"`), PrincipalNotObject, Position{1, 44}, "Principal"},
		{with(`"Principal":["*"]`), PrincipalNotObject, Position{1, 44}, "Principal"},
		{with(`"Principal":{}`), EmptyPrincipal, Position{1, 44}, "empty"},
		{with(`"Principal":{"AWS":[]}`), EmptyPrincipal, Position{1, 44}, "empty"},
		{with(`"Principal":{"Aws":"*"}`), BadGrammar, Position{1, 45}, "Aws"},
		{with(`"Principal":{"AWS":5}`), BadGrammar, Position{1, 51}, "AWS"},
		{with(`"Condition":[]`), BadGrammar, Position{1, 44}, "Condition"},
		{with(`"Condition":{"StringEquals":"x"}`), BadGrammar, Position{1, 60}, "StringEquals"},
		{with(`"Condition":{"StringSame":{"a:b":"x"}}`), BadGrammar, Position{1, 45}, "StringSame"},
		{with(`"Condition":{"NullIfExists":{"a:b":"x"}}`), BadGrammar, Position{1, 45}, "NullIfExists"},
		{with(`"Condition":{"ForSomeValues:StringEquals":{"a:b":"x"}}`), BadGrammar, Position{1, 45}, "ForSomeValues"},
		{with(`"Condition":{"StringEquals":{"a:b":"x","A:B":"y"}}`), BadGrammar, Position{1, 71}, "twice"},
		{with(`"Condition":{"StringEquals":{"a:b":{}}}`), BadGrammar, Position{1, 67}, "a:b"},
		{with(`"Condition":{"StringEquals":{"a:b":[null]}}`), BadGrammar, Position{1, 68}, "a:b"},
	}
	for _, c := range cases {
		_, err := Parse(c.text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%.80s: %v", c.text, err)
			continue
		}
		if syntax.Defect != c.defect || syntax.Position != c.at || !strings.Contains(syntax.Message, c.says) {
			t.Errorf("%.80s: defect %d at %v: %s", c.text, syntax.Defect, syntax.Position, err)
		}
		if !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d, column %d: ", c.at.Line, c.at.Column)) {
			t.Error(err)
		}
	}
}

func TestParseAccepts(t *testing.T) {
	for _, text := range []string{
		`{"Statement":` + plainStatement + `}`,
		" \t\r\n{\"Statement\" : [ " + plainStatement + " , " + plainStatement + " ] }\n",
		`{"Version":"2008-10-17","Id":"","Statement":{"Sid":"","Effect":"Deny","NotAction":["*"],"NotResource":[],"NotPrincipal":"*","Condition":{}}}`,
		`{"Statement":{"Effect":"Allow","Condition":{"NoSuchOperator":{}}}}`, // facts 5: an empty block passes
		`{"Statement":{"Effect":"Allow","Condition":{"Bool":{"a:b":[true,false,"true",1.5e3,-0.1]}}}}`,
		`{"Statement":{"Effect":"Allow","Condition":{"NumericEquals":{"a:b":1e999}}}}`,
		`{"Id":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83d\ud83dx\ud83d","Statement":{"Effect":"Allow"}}`,
	} {
		if d, err := Parse(text); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if d.String() != text {
			t.Errorf("%s is given back as %s", text, d)
		}
	}
}

func TestEscapes(t *testing.T) {
	d := mustParse(t, `{"Statement":{"Sid":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83d\ud83dx\ud83d","Effect":"Allow"}}`)
	if got, want := d.statements[0].sid, "\"\\/\b\f\n\r\té😀\ufffd\ufffdx\ufffd"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStatementPositions(t *testing.T) {
	d := mustParse(t, "{\"Statement\":[\n  {\"Effect\":\"Allow\"}, {\"Sid\":\"é\",\"Effect\":\"Deny\"},\n{\"Effect\":\"Allow\"\n}]}")
	var got [][2]Position
	for _, s := range d.statements {
		got = append(got, [2]Position{s.start, s.limit})
	}
	want := [][2]Position{{{2, 3}, {2, 20}}, {{2, 23}, {2, 49}}, {{3, 1}, {4, 1}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDocumentFacts(t *testing.T) {
	d := mustParse(t, `{"Version":"2012-10-17", "Statement":[{"Effect":"Allow","Principal":{"AWS":["*","111122223333"],"Service":"ec2.amazonaws.com"},
		"Action":"s3:*","Resource":["arn:aws:s3:::${aws:username}*${aws:PrincipalTag/a b}*${s3:prefix, 'x'}"],
		"Condition":{"StringEquals":{"aws:SourceVpc":"${aws:USERNAME}${aws:userid}","AWS:sourcevpce":"x"}}},`+plainStatement+`]}`)
	if got := d.ContextKeys(); cmp.Diff([]string{"aws:username", "aws:PrincipalTag/a b", "s3:prefix", "aws:SourceVpc", "aws:userid", "AWS:sourcevpce"}, got) != "" {
		t.Error(got)
	}
	if got := d.Principals(); cmp.Diff([]PrincipalName{{"AWS", "*"}, {"AWS", "111122223333"}, {"Service", "ec2.amazonaws.com"}}, got) != "" {
		t.Error(got)
	}
	if d.Version() != Version2012 {
		t.Error(d.Version())
	}
	if got := mustParse(t, "{ \"Statement\" :\n\t[{\"Effect\": \"Allow\"}]}").Size(); got != len(`{"Statement":[{"Effect":"Allow"}]}`) {
		t.Error(got) // facts 5.1: white space is not counted
	}
}

func TestContextKeysOfOneAction(t *testing.T) {
	d := mustParse(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::${aws:username}/*"},
		{"Effect":"Deny","NotAction":"s3:GetObject","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)
	for action, want := range map[string][]string{"S3:getobject": {"aws:username"}, "s3:GetBucketAcl": {"aws:username", "aws:SecureTransport"}, "sqs:SendMessage": {"aws:SecureTransport"}} {
		if diff := cmp.Diff(want, d.ContextKeysFor(action)); diff != "" {
			t.Errorf("%s: %s", action, diff)
		}
	}
}

func TestRenamed(t *testing.T) {
	const old, other = "arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/bob"
	now := func(arn string) string {
		if arn == old {
			return "AIDA\"1"
		}
		return arn
	}
	for text, want := range map[string]string{
		`{"Statement": {"Effect":"Allow", "Principal": {"AWS" : "` + old + `"}}}`: `{"Statement": {"Effect":"Allow", "Principal": {"AWS" : "AIDA\"1"}}}`,
		`{"Statement":[{"Effect":"Deny","NotPrincipal":{"Service":"x","AWS":["` + other + `","` + old + `","` + old + `"]}},{"Effect":"Allow","Principal":"*"}, {"Effect":"Allow","Principal":{"AWS":"` + old + `"}}]}`: `{"Statement":[{"Effect":"Deny","NotPrincipal":{"Service":"x","AWS":["` + other + `","AIDA\"1","AIDA\"1"]}},{"Effect":"Allow","Principal":"*"}, {"Effect":"Allow","Principal":{"AWS":"AIDA\"1"}}]}`,
		`{"Statement":{"Effect":"Allow","Action":"` + old + `"}}`: `{"Statement":{"Effect":"Allow","Action":"` + old + `"}}`,
	} {
		if got := mustParse(t, text).Renamed(now); got != want {
			t.Errorf("%s\n%s", got, want)
		}
	}
}
