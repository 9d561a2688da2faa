package policy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func printedTexts(f *testing.F) []string {
	files, _ := filepath.Glob("testdata/printed/*.json")
	var texts []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return append(texts, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotPrincipal":{"AWS":["*"],"Service":"x"},"NotAction":"a:*","NotResource":"arn:aws:s3:::${aws:username, 'x'}*?","Condition":{"ForAllValues:NumericLessThanIfExists":{"s3:max-keys":[1,"2"]},"Null":{"a:b":true},"NotIpAddress":{"aws:SourceIp":"::/0"},"DateEquals":{"aws:CurrentTime":"2020-01-02T03:04:05.6+07:00"}}}}`)
}

// No text makes the parser, the checks, the evaluator or the report panic, and Decide and Explain
// agree on whatever parses.
func FuzzDocument(f *testing.F) {
	for _, text := range printedTexts(f) {
		f.Add(text, "s3:GetObject", "arn:aws:s3:::bucket/x", "aws:SourceVpce", "vpce-1")
	}
	f.Fuzz(func(t *testing.T, text, action, resource, key, value string) {
		d, err := Parse(text)
		if err != nil {
			if d != nil || Refusal(Identity, err) == "" || Refusal(Trust, err) == "" || Refusal(Resource, err) == "" || Refusal(Endpoint, err) == "" {
				t.Fatal("a refusal without words")
			}
			return
		}
		for kind := NoPolicy; kind <= Managed; kind++ {
			_ = d.Check(kind)
		}
		d.ContextKeys()
		d.Principals()
		at := []Attached{{Document: d}}
		c := &Context{}
		c.SetNamed(key, value)
		c.SetNamedMany("aws:TagKeys", []string{value, key})
		s := &Stack{Identity: at, Resource: at, Session: at, Boundary: at, Endpoint: at, SCP: [][]Attached{at}, RCP: [][]Attached{at}}
		for _, who := range genPrincipals {
			r := &Request{Principal: who, Action: action, Resource: resource, Context: c}
			got, why := Decide(s, r), Explain(s, r)
			if diff := cmp.Diff(got, why.Result); diff != "" {
				t.Fatal(diff)
			}
			if _, err := why.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A pattern matches as the regular expression of the same meaning does.
func FuzzGlob(f *testing.F) {
	for _, s := range [][2]string{{"a*b?c", "axxbyc"}, {"*", ""}, {"**a?*", "ba1"}, {"?é*", "xé"}, {"*ab*ab*ab", "abababab"}, {"a?b*?c", "axbc"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 60 || len(text) > 200 || strings.ToValidUTF8(pattern, "") != pattern || strings.ToValidUTF8(text, "") != text {
			return
		}
		quoted := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
		want := regexp.MustCompile(`(?s)\A` + quoted + `\z`).MatchString(text)
		g := newGlob(parsePieces(pattern, language{wildcards: true}))
		if got := g.match(text, nil); got != want {
			t.Errorf("%q on %q: %v", pattern, text, got)
		}
		lower := regexp.MustCompile(`(?s)\A(?:` + strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(fold(pattern))) + `)\z`).MatchString(fold(text))
		if isASCII(pattern) && isASCII(text) && matchAction(fold(pattern), text) != lower {
			t.Errorf("action %q on %q: %v", pattern, text, !lower)
		}
	})
}

func isASCII(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0 }

// The engine agrees with the reference, on what the fuzzer makes of the generators.
func FuzzDecide(f *testing.F) { f.Fuzz(rapid.MakeFuzz(agree)) }

// Scalars never panic, and what is accepted compares equal to itself.
func FuzzScalars(f *testing.F) {
	for _, s := range []string{"-1.50", "2020-01-02T03:04:05.6+07:00", "1577923200123", "10.0.0.0/8", "::ffff:1.2.3.4", "true"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := parseDecimal(s); ok && d.compare(d) != 0 {
			t.Errorf("number %q", s)
		}
		if d, ok := parseInstant(s); ok && d.compare(d) != 0 {
			t.Errorf("date %q", s)
		}
		if a, ok := parseAddress(s); ok {
			if p, ok := parseRange(s); !ok || !p.Contains(a) {
				t.Errorf("address %q", s)
			}
		}
		parseBool(s)
		parseOperator(s)
		parsePieces(s, language{true, true})
	})
}

func TestManagedPoliciesParse(t *testing.T) {
	for _, at := range largeSet(t).Identity {
		if err := at.Document.Check(Identity); err != nil {
			t.Errorf("%s: %v", at.Name, err)
		}
	}
}
