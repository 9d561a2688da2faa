package policy

import "testing"

// The door hands calls on whose resource it cannot know (docs/differences.md): nothing may slip
// through a Deny, or an Allow, that was meant for some resources only.
func TestAnUnknownResource(t *testing.T) {
	for text, want := range map[string]Effect{
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`:                                                                   Allowed,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":["arn:aws:x:::a","*"]}}`:                                                 Allowed,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:x:*:*:*"}}`:                                                     ImplicitDeny,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","NotResource":"arn:aws:x:::a"}}`:                                                    ImplicitDeny,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"x:Do","Resource":"arn:aws:x:::a"}]}`:    ExplicitDeny,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"x:Do","NotResource":"*"}]}`:             ExplicitDeny,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"x:Other","Resource":"arn:aws:x:::a"}]}`: Allowed,
	} {
		doc, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		stack := Stack{Identity: []Attached{{Document: doc}}}
		r := Request{Principal: Principal{Kind: User, Account: "111122223333"}, Action: "x:Do", Resource: UnknownResource, Context: new(Context)}
		if got := Decide(&stack, &r); got.Effect != want {
			t.Errorf("%s: %v, not %v", text, got.Effect, want)
		}
		if got := Explain(&stack, &r); got.Effect != want {
			t.Errorf("%s explained: %v, not %v", text, got.Effect, want)
		}
	}
}
