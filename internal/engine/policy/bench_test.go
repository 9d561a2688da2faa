package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The benchmarks measure a whole decision: building the context, as a door does for each request,
// and deciding. The first set is a principal's usual load, the second an account's worth of policies.

// smallSet is twelve statements and a guard: 40 or so action patterns. bench/policy has the same.
func smallSet(tb testing.TB) *Stack {
	read := func(name string) *Document {
		text, err := os.ReadFile(filepath.Join("testdata", "load", name))
		if err != nil {
			tb.Fatal(err)
		}
		return mustParse(tb, string(text))
	}
	return &Stack{Identity: []Attached{
		{Document: read("small.json"), Name: "ModelRegistry", ARN: "arn:aws:iam::111122223333:policy/ModelRegistry"},
		{Document: read("guard.json"), Name: "guard"},
	}}
}

func mustParse(tb testing.TB, text string) *Document {
	tb.Helper()
	d, err := Parse(text)
	if err != nil {
		tb.Fatalf("parse %s: %v", text, err)
	}
	return d
}

// largeSet is 100 policies: those of the facts sheet where it is at hand.
func largeSet(tb testing.TB) *Stack {
	const path = "../../../../shared/facts/managed-policies.json"
	raw, err := os.ReadFile(path)
	if err != nil {
		tb.Skipf("the collection of managed policies is not on this machine: %v", err)
	}
	var collection []struct {
		PolicyName string
		Arn        string
		Versions   map[string]struct{ Document json.RawMessage } `json:"versions"`
	}
	if err := json.Unmarshal(raw, &collection); err != nil {
		tb.Fatal(err)
	}
	s := smallSet(tb)
	var list []Attached
	for _, p := range collection {
		for version, v := range p.Versions {
			if strings.HasSuffix(p.PolicyName, "FullAccess") || len(list) == 98 {
				continue
			}
			list = append(list, Attached{Document: mustParse(tb, string(v.Document)), Name: p.PolicyName + " " + version, ARN: p.Arn})
		}
	}
	s.Identity = append(list, s.Identity...)
	return s
}

type question struct {
	name, action, resource, endpoint string
	want                             Effect
}

var questions = []question{
	{"AllowEarly", "sagemaker:CreateModelPackage", "arn:aws:sagemaker:us-east-1:111122223333:model-package/churn", "vpce-0a11bbccdd22eeff1", Allowed},
	{"AllowLast", "kms:Decrypt", "arn:aws:kms:us-east-1:111122223333:key/8f0e7f0e-0000-4000-8000-000000000000", "vpce-0a11bbccdd22eeff1", Allowed},
	{"S3Wild", "s3:GetObject", "arn:aws:s3:::my-team-sagemaker-artifacts/models/churn/model.tar.gz", "vpce-0a11bbccdd22eeff1", Allowed},
	{"ExplicitDeny", "sagemaker:CreateModelPackage", "arn:aws:sagemaker:us-east-1:111122223333:model-package/churn", "vpce-other", ExplicitDeny},
	{"ImplicitDeny", "iam:DeleteRole", "arn:aws:iam::111122223333:role/admin", "vpce-0a11bbccdd22eeff1", ImplicitDeny},
}

var (
	benchPrincipal = Principal{Kind: RoleSession, Account: "111122223333", ID: "AROAEXAMPLE:job", Issuer: "arn:aws:iam::111122223333:role/trainer", ARN: "arn:aws:sts::111122223333:assumed-role/trainer/job"}
	benchTime      = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// fillContext sets what a door knows of every request.
func fillContext(c *Context, q *question) {
	c.Time = benchTime
	c.Set(SourceVpce, q.endpoint)
	c.Set(SourceVpc, "vpc-0123456789abcdef0")
	c.Set(VpcSourceIP, "10.0.1.17")
	c.Set(PrincipalArn, benchPrincipal.Issuer)
	c.Set(PrincipalAccount, benchPrincipal.Account)
	c.Set(UserID, benchPrincipal.ID)
	c.SetBool(SecureTransport, true)
	c.Set(RequestedRegion, "us-east-1")
	c.Set(KMSViaService, "sagemaker.us-east-1.amazonaws.com")
	c.SetNamed("aws:ResourceTag/team", "vision")
}

func benchmark(b *testing.B, stack *Stack, explain bool) {
	for i := range questions {
		q := &questions[i]
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var c Context
				fillContext(&c, q)
				r := Request{Principal: benchPrincipal, Action: q.action, Resource: q.resource, ResourceAccount: "111122223333", Context: &c}
				effect := ImplicitDeny
				if explain {
					effect = Explain(stack, &r).Effect
				} else {
					effect = Decide(stack, &r).Effect
				}
				if effect != q.want {
					b.Fatal("wrong answer")
				}
			}
		})
	}
}

func BenchmarkDecideSmall(b *testing.B)  { benchmark(b, smallSet(b), false) }
func BenchmarkDecideLarge(b *testing.B)  { benchmark(b, largeSet(b), false) }
func BenchmarkExplainSmall(b *testing.B) { benchmark(b, smallSet(b), true) }
func BenchmarkExplainLarge(b *testing.B) { benchmark(b, largeSet(b), true) }

// A decision allocates the context that it is given and nothing else, whatever the number of policies.
func TestDecideAllocatesNothingOfItsOwn(t *testing.T) {
	stack := smallSet(t)
	for i := range 30 {
		stack.Identity = append(stack.Identity, Attached{Document: stack.Identity[0].Document, Name: fmt.Sprint("more", i)})
	}
	for i := range questions {
		q := &questions[i]
		got := testing.AllocsPerRun(100, func() {
			var c Context
			fillContext(&c, q)
			r := Request{Principal: benchPrincipal, Action: q.action, Resource: q.resource, ResourceAccount: "111122223333", Context: &c}
			if Decide(stack, &r).Effect != q.want {
				t.Fatal("wrong answer")
			}
		})
		if got > 1 {
			t.Errorf("%s: %v allocations", q.name, got)
		}
	}
}
