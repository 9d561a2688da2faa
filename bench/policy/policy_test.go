package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cedar-policy/cedar-go"

	ours "cloister/internal/engine/policy"
)

// The questions and the small set are those of the engine's own benchmarks; the large set are 98 versions of
// AWS's managed policies before it, where their collection is on this machine (CLOISTER_POLICIES says where).

type question struct {
	name, action, resource, endpoint string
	allowed                          bool
}

var questions = []question{
	{"AllowEarly", "sagemaker:CreateModelPackage", "arn:aws:sagemaker:us-east-1:111122223333:model-package/churn", "vpce-0a11bbccdd22eeff1", true},
	{"AllowLast", "kms:Decrypt", "arn:aws:kms:us-east-1:111122223333:key/8f0e7f0e-0000-4000-8000-000000000000", "vpce-0a11bbccdd22eeff1", true},
	{"S3Wild", "s3:GetObject", "arn:aws:s3:::my-team-sagemaker-artifacts/models/churn/model.tar.gz", "vpce-0a11bbccdd22eeff1", true},
	{"ExplicitDeny", "sagemaker:CreateModelPackage", "arn:aws:sagemaker:us-east-1:111122223333:model-package/churn", "vpce-other", false},
	{"ImplicitDeny", "iam:DeleteRole", "arn:aws:iam::111122223333:role/admin", "vpce-0a11bbccdd22eeff1", false},
}

const role, session = "arn:aws:iam::111122223333:role/trainer", "arn:aws:sts::111122223333:assumed-role/trainer/job"

// keys are the condition keys of a question, in both engines.
func (q *question) keys() [][2]string {
	return [][2]string{
		{"aws:SourceVpce", q.endpoint}, {"aws:SourceVpc", "vpc-0123456789abcdef0"}, {"aws:VpcSourceIp", "10.0.1.17"}, {"aws:PrincipalArn", role},
		{"aws:PrincipalAccount", "111122223333"}, {"aws:userid", "AROAEXAMPLE:job"}, {"aws:SecureTransport", "true"}, {"aws:RequestedRegion", "us-east-1"},
		{"kms:ViaService", "sagemaker.us-east-1.amazonaws.com"}, {"aws:ResourceTag/team", "vision"},
	}
}

func small(tb testing.TB) []string {
	tb.Helper()
	var out []string
	for _, name := range []string{"small.json", "guard.json"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "internal", "engine", "policy", "testdata", "load", name))
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

func large(tb testing.TB) []string {
	tb.Helper()
	path := os.Getenv("CLOISTER_POLICIES")
	if path == "" {
		path = "../../../shared/facts/managed-policies.json"
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		tb.Skipf("the collection of managed policies is not on this machine: %v", err)
	}
	var all []struct {
		PolicyName string
		Versions   map[string]struct{ Document json.RawMessage } `json:"versions"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		tb.Fatal(err)
	}
	var out []string
	for _, p := range all {
		for _, v := range p.Versions {
			if !strings.HasSuffix(p.PolicyName, "FullAccess") && len(out) < 98 {
				out = append(out, string(v.Document))
			}
		}
	}
	return append(out, small(tb)...)
}

// many accepts a value or a list of them.
type many []string

func (m *many) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, one := range list {
		*m = append(*m, fmt.Sprint(one))
	}
	return nil
}

type document struct {
	Statement []struct {
		Effect            string
		Action, NotAction many
		Resource          many
		Condition         map[string]map[string]many
	}
}

// translate writes a document in Cedar: literal actions by name, patterns by like. What Cedar has no operator
// for is left out, which can only make it faster.
func translate(tb testing.TB, text string) string {
	tb.Helper()
	var d document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		tb.Fatal(err)
	}
	var b strings.Builder
	for _, s := range d.Statement {
		word := map[string]string{"Allow": "permit", "Deny": "forbid"}[s.Effect]
		var when []string
		action := "action"
		if literals := s.Action; len(literals) > 0 && !strings.ContainsAny(strings.Join(literals, ""), "*?") {
			var names []string
			for _, a := range literals {
				names = append(names, fmt.Sprintf("Action::%q", a))
			}
			action = "action in [" + strings.Join(names, ", ") + "]"
		} else if len(literals) > 0 {
			when = append(when, like("context.action", literals))
		}
		if len(s.NotAction) > 0 {
			when = append(when, "!("+like("context.action", s.NotAction)+")")
		}
		when = append(when, like("context.resource", s.Resource))
		for operator, keys := range s.Condition {
			for key, values := range keys {
				when = append(when, condition(operator, key, values))
			}
		}
		fmt.Fprintf(&b, "%s(principal, %s, resource) when { %s };\n", word, action, strings.Join(when, " && "))
	}
	return b.String()
}

func like(what string, patterns []string) string {
	var out []string
	for _, p := range patterns {
		if p == "*" {
			return "true"
		}
		if i := strings.Index(p, "${"); i >= 0 {
			p = p[:i] + "*"
		}
		out = append(out, fmt.Sprintf("%s like %q", what, strings.ReplaceAll(p, "?", "*")))
	}
	if len(out) == 0 {
		return "true"
	}
	return "(" + strings.Join(out, " || ") + ")"
}

func condition(operator, key string, values []string) string {
	has := fmt.Sprintf("context has %q", key)
	var out []string
	for _, v := range values {
		switch operator {
		case "StringEquals":
			out = append(out, fmt.Sprintf("context[%q] == %q", key, v))
		case "StringNotEquals":
			out = append(out, fmt.Sprintf("context[%q] != %q", key, v))
		case "StringLike", "ArnLike":
			out = append(out, strings.ReplaceAll(like(fmt.Sprintf("context[%q]", key), []string{v}), "true", has))
		default:
			return "true"
		}
	}
	if operator == "StringNotEquals" {
		return "(!(" + has + ") || (" + strings.Join(out, " && ") + "))"
	}
	return "(" + has + " && (" + strings.Join(out, " || ") + "))"
}

func sets() map[string]func(testing.TB) []string {
	return map[string]func(testing.TB) []string{"Small": small, "Large": large}
}

func benchmark(b *testing.B, name string, run func(*testing.B, []string, *question)) {
	texts := sets()[name](b)
	for i := range questions {
		b.Run(questions[i].name, func(b *testing.B) { run(b, texts, &questions[i]) })
	}
}

func BenchmarkOursSmall(b *testing.B)    { benchmark(b, "Small", decideOurs) }
func BenchmarkExplainSmall(b *testing.B) { benchmark(b, "Small", explainOurs) }
func BenchmarkCedarSmall(b *testing.B)   { benchmark(b, "Small", decideCedar) }
func BenchmarkOursLarge(b *testing.B)    { benchmark(b, "Large", decideOurs) }
func BenchmarkExplainLarge(b *testing.B) { benchmark(b, "Large", explainOurs) }
func BenchmarkCedarLarge(b *testing.B)   { benchmark(b, "Large", decideCedar) }

func decideOurs(b *testing.B, texts []string, q *question)  { loop(b, texts, q, false) }
func explainOurs(b *testing.B, texts []string, q *question) { loop(b, texts, q, true) }

var contexts = sync.Pool{New: func() any { return new(ours.Context) }}

// loop asks our engine, the request's context filled anew each time, in room that is used again as the door does.
func loop(b *testing.B, texts []string, q *question, explain bool) {
	var stack ours.Stack
	for _, text := range texts {
		d, err := ours.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		stack.Identity = append(stack.Identity, ours.Attached{Document: d, Name: "p"})
	}
	who := ours.Principal{Kind: ours.RoleSession, Account: "111122223333", ID: "AROAEXAMPLE:job", Issuer: role, ARN: session}
	type pair struct {
		key   ours.Key
		value string
	}
	var keys []pair
	tag := ""
	for _, kv := range q.keys() {
		if k := ours.KeyNamed(kv[0]); k != 0 {
			keys = append(keys, pair{k, kv[1]})
		} else {
			tag = kv[1]
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		c := contexts.Get().(*ours.Context)
		*c = ours.Context{}
		for _, kv := range keys {
			c.Set(kv.key, kv.value)
		}
		c.SetNamed("aws:ResourceTag/team", tag)
		r := ours.Request{Principal: who, Action: q.action, Resource: q.resource, ResourceAccount: "111122223333", Context: c}
		allowed := false
		if explain {
			allowed = ours.Explain(&stack, &r).Effect == ours.Allowed
		} else {
			allowed = ours.Decide(&stack, &r).Effect == ours.Allowed
		}
		contexts.Put(c)
		if allowed != q.allowed {
			b.Fatal("wrong answer")
		}
	}
}

// decideCedar asks cedar-go, the request's record made anew each time.
func decideCedar(b *testing.B, texts []string, q *question) {
	var all strings.Builder
	for _, text := range texts {
		all.WriteString(translate(b, text))
	}
	set, err := cedar.NewPolicySetFromBytes("set.cedar", []byte(all.String()))
	if err != nil {
		b.Fatal(err)
	}
	entities := cedar.EntityMap{}
	b.ReportAllocs()
	for b.Loop() {
		record := cedar.RecordMap{"action": cedar.String(q.action), "resource": cedar.String(q.resource)}
		for _, kv := range q.keys() {
			record[cedar.String(kv[0])] = cedar.String(kv[1])
		}
		ok, _ := cedar.Authorize(set, entities, cedar.Request{
			Principal: cedar.NewEntityUID("Role", role), Action: cedar.NewEntityUID("Action", cedar.String(q.action)),
			Resource: cedar.NewEntityUID("Resource", cedar.String(q.resource)), Context: cedar.NewRecord(record),
		})
		if bool(ok) != q.allowed {
			b.Fatal("wrong answer")
		}
	}
}
