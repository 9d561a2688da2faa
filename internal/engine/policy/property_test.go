package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The generators draw from few names, so that patterns and requests meet often.

var (
	genActions   = []string{"s3:GetObject", "s3:PutObject", "sagemaker:InvokeEndpoint", "sts:AssumeRole", "S3:getobject"}
	genPatterns  = []string{"*", "s3:*", "s3:Get*", "s3:GetObject", "S3:GETOBJECT", "sagemaker:InvokeEndpoint", "s?:*Object", "*:*", "sts:Assume?ole", "iam:PassRole"}
	genResources = []string{"*", "arn:aws:s3:::bucket/home/ann/x", "arn:aws:s3:::bucket/a:b", "arn:aws:sagemaker:us-east-1:111122223333:endpoint/one", "arn:aws:iam::111122223333:role/trainer", "arn:aws:s3:::bucket/*?"}
	genWanted    = []string{"*", "**", "arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/home/${aws:username}/*", "arn:aws:s3:::bucket/${aws:PrincipalTag/team, 'a:b'}", "arn:aws:*:*:*:*", "arn:aws:s3", "arn:aws:s3:*", "arn:*", "arn:aws:sagemaker:*:111122223333:endpoint/o?e", "arn:aws:s3:::bucket/${*}${?}", "arn:aws:s3:${aws:username}::bucket/x", "arn:aws:s3:::*u*k*t/*m*/x", "arn:aws:s3:::buck?t/*"}
	genOperators = []string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null"}
	genKeys      = []string{"aws:username", "aws:SourceVpce", "AWS:sourcevpce", "aws:SourceIp", "aws:PrincipalTag/team", "aws:TagKeys", "aws:CurrentTime", "s3:max-keys", "aws:SecureTransport", "aws:SourceArn"}
	genValues    = []string{"", "ann", "Ann", "a*", "a?n", "vpce-1", "vpce-2", "10", "10.0", "-3.5", "10.1.2.3", "10.0.0.0/8", "2001:db8::1", "2001:db8::/32", "true", "FALSE", "2026-01-02T03:04:05Z", "2026-01-02", "1767323045", "YW5u", "arn:aws:s3:::bucket", "arn:aws:s3:::b*", "${aws:username}", "${aws:SourceVpce}", "${aws:PrincipalTag/team, 'ann'}", "${*}", "arn:aws:s3:::${aws:username}", "x"}
	genNames     = []string{"*", "111122223333", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:role/trainer", "arn:aws:sts::111122223333:assumed-role/trainer/job", "444455556666", "arn:aws:sts::111122223333:federated-user/fred"}
)

var genPrincipals = []Principal{
	{Kind: Anonymous},
	{Kind: RootUser, ARN: "arn:aws:iam::111122223333:root", Account: "111122223333", ID: "111122223333"},
	{Kind: User, ARN: "arn:aws:iam::111122223333:user/ann", Account: "111122223333", ID: "AIDAEXAMPLEANN"},
	{Kind: Role, ARN: "arn:aws:iam::111122223333:role/trainer", Account: "111122223333", ID: "AROAEXAMPLE"},
	{Kind: RoleSession, ARN: "arn:aws:sts::111122223333:assumed-role/trainer/job", Issuer: "arn:aws:iam::111122223333:role/trainer", Account: "111122223333", ID: "AROAEXAMPLE:job"},
	{Kind: FederatedUser, ARN: "arn:aws:sts::111122223333:federated-user/fred", Issuer: "arn:aws:iam::111122223333:user/ann", Account: "111122223333", ID: "111122223333:fred"},
	{Kind: Federated, Name: "accounts.google.com"},
	{Kind: Service, Name: "sagemaker.amazonaws.com", Account: "111122223333"},
	{Kind: RoleSession, ARN: "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForX/s", Issuer: "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX", Account: "111122223333"},
}

func someOf(t *rapid.T, from []string, label string) any {
	list := rapid.SliceOfN(rapid.SampledFrom(from), 1, 3).Draw(t, label)
	if len(list) == 1 {
		return list[0]
	}
	return list
}

func genStatement(t *rapid.T, principals bool) map[string]any {
	s := map[string]any{"Effect": rapid.SampledFrom([]string{"Allow", "Allow", "Allow", "Deny"}).Draw(t, "effect")}
	name := func(element string) string {
		return rapid.SampledFrom([]string{element, element, element, "Not" + element}).Draw(t, element)
	}
	s[name("Action")] = someOf(t, genPatterns, "actions")
	s[name("Resource")] = someOf(t, genWanted, "resources")
	if principals {
		var who any = "*"
		switch rapid.IntRange(0, 4).Draw(t, "who") {
		case 0:
		case 1:
			who = map[string]any{"Service": "sagemaker.amazonaws.com", "Federated": "accounts.google.com"}
		default:
			who = map[string]any{"AWS": someOf(t, genNames, "names")}
		}
		s[name("Principal")] = who
	}
	if n := rapid.IntRange(0, 2).Draw(t, "conditions"); n > 0 {
		block := map[string]any{}
		for range n {
			prefix := rapid.SampledFrom([]string{"", "", "ForAllValues:", "ForAnyValue:"}).Draw(t, "quantifier")
			op := rapid.SampledFrom(genOperators).Draw(t, "operator")
			if op == "Null" {
				prefix = ""
			} else {
				op += rapid.SampledFrom([]string{"", "", "IfExists"}).Draw(t, "suffix")
			}
			block[prefix+op] = map[string]any{rapid.SampledFrom(genKeys).Draw(t, "key"): someOf(t, genValues, "values")}
		}
		s["Condition"] = block
	}
	return s
}

func genDocument(t *rapid.T, principals bool) *Document {
	doc := map[string]any{}
	switch rapid.IntRange(0, 3).Draw(t, "version") {
	case 0:
		doc["Version"] = Version2008
	case 1:
	default:
		doc["Version"] = Version2012
	}
	var list []any
	for range rapid.IntRange(1, 4).Draw(t, "statements") {
		list = append(list, genStatement(t, principals))
	}
	doc["Statement"] = list
	raw, _ := json.Marshal(doc)
	d, err := Parse(string(raw))
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return d
}

func genAttached(t *rapid.T, least, most int, principals bool) []Attached {
	var list []Attached
	for i := range rapid.IntRange(least, most).Draw(t, "policies") {
		list = append(list, Attached{Document: genDocument(t, principals), Name: fmt.Sprint("p", i)})
	}
	return list
}

func genLevels(t *rapid.T, principals bool) [][]Attached {
	var levels [][]Attached
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "levels") {
		levels = append(levels, genAttached(t, 0, 2, principals))
	}
	return levels
}

func genContext(t *rapid.T) (*Context, refContext) {
	c, ref := &Context{}, refContext{}
	for _, key := range genKeys {
		switch rapid.IntRange(0, 4).Draw(t, key) {
		case 0, 1:
			v := rapid.SampledFrom(genValues).Draw(t, "value")
			c.SetNamed(key, v)
			ref[strings.ToLower(key)] = v
		case 2:
			v := rapid.SliceOfN(rapid.SampledFrom(genValues), 0, 3).Draw(t, "set")
			c.SetNamedMany(key, v)
			ref[strings.ToLower(key)] = v
		}
	}
	return c, ref
}

func genRequest(t *rapid.T) (*Stack, *Request, refContext) {
	s := &Stack{
		Identity: genAttached(t, 0, 2, false), Resource: genAttached(t, 0, 2, true),
		Boundary: genAttached(t, 0, 1, false), Session: genAttached(t, 0, 1, false), Endpoint: genAttached(t, 0, 1, true),
		SCP: genLevels(t, false), RCP: genLevels(t, true),
		HasBoundary: rapid.Bool().Draw(t, "boundary"), HasSession: rapid.Bool().Draw(t, "session"),
		Trust: rapid.Bool().Draw(t, "trust"), Required: rapid.Bool().Draw(t, "required"),
	}
	c, ref := genContext(t)
	return s, &Request{
		Principal:       rapid.SampledFrom(genPrincipals).Draw(t, "principal"),
		Action:          rapid.SampledFrom(genActions).Draw(t, "action"),
		Resource:        rapid.SampledFrom(genResources).Draw(t, "resource"),
		ResourceAccount: rapid.SampledFrom([]string{"", "111122223333", "444455556666"}).Draw(t, "owner"),
		Context:         c,
	}, ref
}

func TestDecideExplainAndReferenceAgree(t *testing.T) { rapid.Check(t, agree) }

func agree(t *rapid.T) {
	stack, r, ref := genRequest(t)
	got, why := Decide(stack, r), Explain(stack, r)
	if diff := cmp.Diff(got, why.Result); diff != "" {
		t.Fatalf("Decide and Explain differ:\n%s", diff)
	}
	if want := refDecide(stack, r, ref); got.Effect != want {
		raw, _ := json.MarshalIndent(why, "", " ")
		t.Fatalf("%s, reference %s\n%s", got.Effect, want, raw)
	}
}

// A document of one statement and an identity to match leaves conditions and patterns to decide.
func TestStatementsAgreeWithReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genStatement(t, false)
		s["Action"], s["Effect"] = "*", "Allow"
		delete(s, "NotAction")
		raw, _ := json.Marshal(map[string]any{"Version": Version2012, "Statement": s})
		d, err := Parse(string(raw))
		if err != nil {
			t.Fatal(err)
		}
		c, ref := genContext(t)
		r := &Request{Principal: genPrincipals[2], Action: "s3:GetObject", Resource: rapid.SampledFrom(genResources).Draw(t, "resource"), Context: c}
		stack := &Stack{Identity: []Attached{{Document: d}}}
		if got, want := Decide(stack, r).Effect, refDecide(stack, r, ref); got != want {
			t.Fatalf("%s\n%v on %s: %s, reference %s", raw, ref, r.Resource, got, want)
		}
	})
}

func TestDocumentsAreSafeToShare(t *testing.T) {
	stack := smallSet(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 * len(questions) {
				q := &questions[i%len(questions)]
				var c Context
				fillContext(&c, q)
				r := Request{Principal: benchPrincipal, Action: q.action, Resource: q.resource, Context: &c}
				if got := Decide(stack, &r).Effect; got != q.want {
					t.Errorf("%s: %s", q.name, got)
				}
			}
		})
	}
	wg.Wait()
}
