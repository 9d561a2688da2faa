package directory_test

import (
	"slices"
	"testing"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
)

const bob = "arn:aws:iam::111122223333:user/bob"

func named(name string) policy.Attached {
	d, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	if err != nil {
		panic(err) // a text of ours
	}
	return policy.Attached{Document: d, Name: name}
}

func namesOf(list []policy.Attached) (out []string) {
	for _, a := range list {
		out = append(out, a.Name)
	}
	return out
}

func TestPoliciesOfGroupsAndManagedOnes(t *testing.T) {
	w := start()
	w.SetPrincipal(&directory.Principal{Kind: caller.User, Account: "111122223333", ARN: bob, ID: "AIDA2", Name: "bob",
		Policies: []policy.Attached{named("inline")}, Managed: []string{"arn:m"}, Groups: []string{"arn:g", "arn:gone"}, Boundary: "arn:b", Tags: []caller.Tag{{Key: "team", Value: "x"}}})
	w.SetGroup(&directory.Group{ARN: "arn:g", Policies: []policy.Attached{named("group's")}, Managed: []string{"arn:m2"}})
	managed := func(arn, name string) {
		p := named(name)
		p.ARN = arn
		w.SetManaged(&p)
	}
	managed("arn:m", "managed")
	c := &caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: "111122223333", ARN: bob, PrincipalARN: bob, ID: "AIDA2"}}
	ask := func() (policy.Stack, directory.Facts) {
		return w.Stack(c, &directory.Question{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"})
	}
	s, f := ask()
	if got := namesOf(s.Identity); !slices.Equal(got, []string{"inline", "managed", "group's", "that is gone"}) {
		t.Errorf("identity policies are %v", got)
	}
	if r := policy.Decide(&s, &policy.Request{Principal: policy.PrincipalOf(c.Identity), Action: "s3:GetObject", Resource: "*"}); r.Effect != policy.ExplicitDeny {
		t.Errorf("with a policy that nobody knows: %v", r)
	}
	if !s.HasBoundary || !slices.Equal(namesOf(s.Boundary), []string{"that is gone"}) {
		t.Errorf("the boundary is %v", s.Boundary)
	}
	managed("arn:m2", "group's managed")
	managed("arn:b", "boundary")
	if s, _ = ask(); !slices.Equal(namesOf(s.Identity), []string{"inline", "managed", "group's", "group's managed"}) || s.Boundary[0].Name != "boundary" {
		t.Errorf("a change is not in force: %v %v", namesOf(s.Identity), s.Boundary)
	}
	if len(f.Principal) != 1 || f.Principal[0].Value != "x" {
		t.Errorf("tags are %v", f.Principal)
	}
	c.Identity.Tags = []caller.Tag{{Key: "TEAM", Value: "y"}, {Key: "z", Value: "1"}}
	c.Identity.SessionARNs = []string{"arn:m", "arn:unknown"}
	if s, f = ask(); len(f.Principal) != 2 || f.Principal[0].Value != "y" || !s.HasSession || len(s.Session) != 1 {
		t.Errorf("a session has %v and %v", f.Principal, s.Session)
	}
	w.RemoveGroup("arn:g")
	if s, _ = ask(); len(s.Identity) != 2 {
		t.Errorf("a group that is gone gives %v", namesOf(s.Identity))
	}
}

func TestOrganization(t *testing.T) {
	w := start()
	w.SetOrganization(&directory.Organization{ID: "o-1", Management: "111122223333",
		Parents: map[string][]string{"111122223333": {"r-1", "111122223333"}, "444455556666": {"r-1", "ou-1", "444455556666"}},
		SCP:     map[string][]policy.Attached{"r-1": {named("root")}, "444455556666": {named("own")}},
		RCP:     map[string][]policy.Attached{"r-1": {named("root")}, "ou-1": {named("unit")}, "444455556666": {named("own")}}})
	ask := func(account, resource, action string) (policy.Stack, directory.Facts) {
		c := &caller.Caller{Identity: caller.Identity{Kind: caller.Root, Account: account}}
		return w.Stack(c, &directory.Question{Action: action, Resource: resource, Account: "444455556666"})
	}
	s, f := ask("444455556666", "*", "s3:GetObject")
	if len(s.SCP) != 3 || len(s.SCP[1]) != 0 || s.SCP[2][0].Name != "own" || len(s.RCP) != 3 {
		t.Errorf("levels are %v %v", s.SCP, s.RCP)
	}
	if f.Caller.Path("444455556666") != "o-1/r-1/ou-1/" || f.Owner.ID != "o-1" {
		t.Errorf("it is in %q of %v", f.Caller.Path("444455556666"), f.Owner)
	}
	if s, _ = ask("444455556666", "*", "sagemaker:CreateModel"); len(s.RCP) != 0 {
		t.Errorf("a service without resource control policies has %v", s.RCP)
	}
	if s, _ = ask("111122223333", "*", "s3:GetObject"); len(s.SCP) != 0 || len(s.RCP) != 3 {
		t.Errorf("the management account is under %v, and the other's resource under %v", s.SCP, s.RCP)
	}
	w.RemoveOrganization("o-1")
	if s, f = ask("444455556666", "*", "s3:GetObject"); len(s.SCP)+len(s.RCP) != 0 || f.Caller.Path("444455556666") != "" {
		t.Errorf("after the organisation there is %v", s)
	}
}

func TestTemporaryCredentialsOfUsersAndRoots(t *testing.T) {
	w := start()
	w.SetPrincipal(&directory.Principal{Kind: caller.User, Account: "111122223333", ARN: bob, ID: "AIDA2", Name: "bob"})
	for what, id := range map[string]caller.Identity{
		"a user":           {Kind: caller.User, ARN: bob, PrincipalARN: bob, ID: "AIDA2"},
		"a federated user": {Kind: caller.FederatedUser, ARN: "arn:aws:sts::111122223333:federated-user/f", Issuer: bob},
		"the root":         {Kind: caller.Root, ARN: "arn:aws:iam::111122223333:root", PrincipalARN: "arn:aws:iam::111122223333:root"},
	} {
		issuer := "AIDA2"
		if id.Kind == caller.Root {
			issuer = ""
		}
		k, err := w.Mint(id, issuer, w.now.Add(3600e9))
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := w.Secret(k.AccessKey, k.Token)
		if err != nil || got.Kind != id.Kind || !got.Session || got.Issued.IsZero() {
			t.Errorf("%s: %+v %v", what, got, err)
		}
	}
	k, _ := w.Mint(caller.Identity{Kind: caller.FederatedUser, Issuer: bob}, "AIDA2", w.now.Add(3600e9))
	w.RemovePrincipal(bob)
	if _, _, err := w.Secret(k.AccessKey, k.Token); err == nil {
		t.Error("a session outlives its user")
	}
}

func TestSeal(t *testing.T) {
	w := start()
	s := w.Seal("message", []byte("text"))
	if got, err := w.Open("message", s); err != nil || string(got) != "text" {
		t.Errorf("%s %v", got, err)
	}
	for _, wrong := range []string{"", "AAAA", s[:len(s)-2], "é"} {
		if _, err := w.Open("message", wrong); err == nil {
			t.Errorf("%q opens", wrong)
		}
	}
	if _, err := w.Open("another", s); err == nil {
		t.Error("it opens for another purpose")
	}
	for range 1000 {
		if s := w.Seal("message", nil); s[0] == '-' {
			t.Fatalf("%s is an option to a command line", s)
		}
	}
}

func TestPartsOfAnOrganizationHaveNamesForItsManagementAccountOnly(t *testing.T) {
	w := start()
	w.SetOrganization(&directory.Organization{ID: "o-1", Management: "111122223333", Names: map[string]string{"ou-1": "arn:aws:organizations::111122223333:ou/o-1/ou-1"},
		Parents: map[string][]string{"111122223333": {"r-1", "111122223333"}, "444455556666": {"r-1", "444455556666"}}})
	for short, want := range map[string]string{
		"arn:aws:organizations::111122223333:ou-1": "arn:aws:organizations::111122223333:ou/o-1/ou-1",
		"arn:aws:organizations::111122223333:ou-2": "arn:aws:organizations::111122223333:ou-2",
		"arn:aws:organizations::444455556666:ou-1": "arn:aws:organizations::444455556666:ou-1",
		"arn:aws:organizations::777788889999:ou-1": "arn:aws:organizations::777788889999:ou-1",
	} {
		if got := w.Resolve(short[len("arn:aws:organizations::"):len("arn:aws:organizations::")+12], short); got != want {
			t.Errorf("%s is %s, wanted %s", short, got, want)
		}
	}
}

// Decisions make no lists: what a principal has by name is joined once after a change.
func TestStackMakesNoLists(t *testing.T) {
	w := start()
	w.SetPrincipal(&directory.Principal{Kind: caller.User, Account: "111122223333", ARN: bob, Policies: []policy.Attached{named("inline")}, Managed: []string{"arn:m"}, Groups: []string{"arn:g"}, Boundary: "arn:m"})
	m := named("managed")
	m.ARN = "arn:m"
	w.SetManaged(&m)
	w.SetGroup(&directory.Group{ARN: "arn:g", Policies: []policy.Attached{named("group's")}})
	w.SetEndpoint(&directory.Endpoint{ID: "vpce-1", Account: "111122223333", Policy: &m})
	w.SetResource(&directory.Resource{ARN: "arn:aws:s3:::b", Account: "111122223333", Policy: &m})
	c := &caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: "111122223333", ARN: bob, PrincipalARN: bob}, Origin: caller.Origin{Place: caller.Endpoint, EndpointID: "vpce-1"}}
	q := &directory.Question{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	var s policy.Stack
	if n := testing.AllocsPerRun(100, func() { s, _ = w.Stack(c, q) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if len(s.Identity) != 3 || len(s.Boundary) != 1 || len(s.Endpoint) != 1 || len(s.Resource) != 1 {
		t.Errorf("%+v", s)
	}
	_ = append(s.Identity, named("another's"))
	if again, _ := w.Stack(c, q); len(again.Identity) != 3 || cap(again.Identity) != 3 {
		t.Error("the list can be appended to in place")
	}
	w.RemoveGroup("arn:g")
	if s, _ = w.Stack(c, q); len(s.Identity) != 2 {
		t.Errorf("a group that is gone still gives %v", namesOf(s.Identity))
	}
}

func TestTagsAreFoundHoweverTheResourceIsSpelled(t *testing.T) {
	w := start()
	red := []caller.Tag{{Key: "team", Value: "red"}}
	w.SetTags("arn:aws:logs:us-east-1:111122223333:log-group:/g", red)
	w.SetTags("arn:aws:sagemaker:us-east-1:111122223333:model/m", red)
	for resource, want := range map[string]int{
		"arn:aws:logs:us-east-1:111122223333:log-group:/g": 1, "arn:aws:logs:us-east-1:111122223333:log-group:/g:*": 1, "arn:aws:logs:us-east-1:111122223333:log-group:/g:log-stream:": 1,
		"arn:aws:logs:us-east-1:111122223333:log-group:/g:log-stream:s": 0, "arn:aws:logs:us-east-1:111122223333:log-group:/G": 0,
		"arn:aws:sagemaker:us-east-1:111122223333:model/M": 1, "arn:aws:sagemaker:us-east-1:444455556666:model/m": 0,
	} {
		if _, f := w.Stack(&caller.Caller{}, &directory.Question{Action: "a:B", Resource: resource}); len(f.Resource) != want {
			t.Errorf("%s has %v", resource, f.Resource)
		}
	}
	w.SetTags("arn:aws:sagemaker:us-east-1:111122223333:model/M", nil)
	if _, f := w.Stack(&caller.Caller{}, &directory.Question{Action: "a:B", Resource: "arn:aws:sagemaker:us-east-1:111122223333:model/m"}); f.Resource != nil {
		t.Errorf("left: %v", f.Resource)
	}
}

// A session's tag stands in the place of the role's of the same key, and of no key that only looks so.
func TestATagOfASessionHidesNoOther(t *testing.T) {
	w := start()
	w.SetPrincipal(&directory.Principal{Kind: caller.AssumedRole, Account: "111122223333", ARN: "arn:r", ID: "AROA1", Tags: []caller.Tag{{Key: "stack", Value: "low"}}})
	for key, want := range map[string]int{"STACK": 1, "\u017ftack": 2, "stac\u212a": 2} {
		id := caller.Identity{Kind: caller.AssumedRole, Account: "111122223333", PrincipalARN: "arn:r", Tags: []caller.Tag{{Key: key, Value: "high"}}}
		if _, f := w.Stack(&caller.Caller{Identity: id}, &directory.Question{Action: "a:B", Resource: "*"}); len(f.Principal) != want {
			t.Errorf("with %s it has %v", key, f.Principal)
		}
	}
}

// Of another account nobody learns by a name what is there under which path, and a role of another account is not
// one's own for not being there yet: else it could be passed before it is made.
func TestAnotherAccountsEntitiesAreItsOwn(t *testing.T) {
	w := start()
	for _, short := range []string{"arn:aws:iam::111122223333:role/worker", "arn:aws:iam::111122223333:role/WORKER"} {
		if got := w.Resolve("444455556666", short); got != short {
			t.Errorf("another account is told %s", got)
		}
	}
	w.SetKey(directory.Key{ID: "AKIA1", Account: "111122223333", Owner: role})
	if got := w.Resolve("444455556666", "arn:aws:iam::111122223333:access-key/AKIA1"); got == role {
		t.Error("another account is told whose a key is")
	}
	if got := w.Beside("444455556666", "arn:aws:iam::111122223333:role/worker", "arn:aws:iam::111122223333:role/new"); got != "arn:aws:iam::111122223333:role/new" {
		t.Errorf("another account is told %s", got)
	}
	c := &caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: "444455556666"}}
	for resource, want := range map[string]string{
		"arn:aws:iam::111122223333:role/none": "111122223333", role: "111122223333", "arn:aws:iam::444455556666:role/none": "444455556666",
		"arn:aws:iam::aws:policy/AdministratorAccess": "444455556666", "*": "444455556666",
	} {
		if _, f := w.Stack(c, &directory.Question{Action: "iam:PassRole", Resource: resource}); f.Account != want {
			t.Errorf("%s is of %s", resource, f.Account)
		}
	}
}
