package door_test

import (
	"fmt"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
)

// crowd gives an account many users, each with a managed policy of its own.
func crowd(b *testing.B, d *directory.Directory, many int) {
	doc, err := policy.Parse(doortest.Allow("s3:GetObject"))
	if err != nil {
		b.Fatal(err)
	}
	for i := range many {
		m := fmt.Sprintf("arn:aws:iam::111122223333:policy/p%d", i)
		d.SetManaged(&policy.Attached{Document: doc, Name: m, ARN: m, Owner: doortest.Account})
		d.SetPrincipal(&directory.Principal{Kind: caller.User, Account: doortest.Account, ARN: fmt.Sprintf("arn:aws:iam::111122223333:user/u%d", i), ID: fmt.Sprint("AIDA", i), Managed: []string{m}})
	}
}

// BenchmarkDecideInAnAccount is one decision, from what the directory holds, in accounts with few and with many
// other users and policies.
func BenchmarkDecideInAnAccount(b *testing.B) {
	for _, many := range []int{10, 10000} {
		b.Run(fmt.Sprint(many), func(b *testing.B) {
			h := doortest.Open(b)
			crowd(b, h.Directory, many)
			h.User(b, "ann", doortest.Allow("sagemaker:*"))
			who := caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: doortest.Account, ARN: ann, PrincipalARN: ann, Name: "ann"}}
			p := policy.PrincipalOf(who.Identity)
			b.ReportAllocs()
			for b.Loop() {
				s, f := h.Directory.Stack(&who, &directory.Question{Action: "sagemaker:CreateModel", Resource: "*"})
				if policy.Decide(&s, &policy.Request{Principal: p, Action: "sagemaker:CreateModel", Resource: "*", ResourceAccount: f.Account}).Effect != policy.Allowed {
					b.Fatal("wrong answer")
				}
			}
		})
	}
}

// BenchmarkPolicyChange is the time from asking for another policy until the first call that is decided by it
// was answered: two signed calls over TLS, the first with its commit on the disk.
func BenchmarkPolicyChange(b *testing.B) {
	h := doortest.Open(b)
	crowd(b, h.Directory, 1000)
	root, c := h.As(b, h.Root), h.As(b, h.User(b, "ann", ""))
	allowed := false
	for b.Loop() {
		allowed = !allowed
		text := doortest.Deny("iam:ListUsers")
		if allowed {
			text = doortest.Allow("iam:ListUsers")
		}
		root.Query("iam", "PutUserPolicy", "UserName", "ann", "PolicyName", "p", "PolicyDocument", text).Good(b)
		if a := c.Query("iam", "ListUsers", "MaxItems", "1"); (a.Status == 200) != allowed {
			b.Fatalf("not in force: %d %s", a.Status, a.Body)
		}
	}
}
