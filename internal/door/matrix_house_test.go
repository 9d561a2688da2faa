package door_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/blob/files"
	"cloister/internal/service/s3"
	"cloister/internal/value/caller"
	s3shape "cloister/internal/value/shape/s3"
	stsshape "cloister/internal/value/shape/sts"
)

// matrix is a house with S3, two accounts, and everything that the rows have asked for so far.
type matrix struct {
	*doortest.House
	t     *testing.T
	roots map[string]sigv4.Credentials
	paths map[string]*doortest.Client // by the endpoint
	made  map[string]any
	count int
}

// visitor is a caller who has come.
type visitor struct {
	arn, maker string // maker is whose session it is
	by         string // how a denial by its identity policy ends
	keys       sigv4.Credentials
	inside     *caller.Caller // of a service
}

func newMatrix(t *testing.T) *matrix {
	m := &matrix{House: doortest.Open(t), t: t, paths: map[string]*doortest.Client{}, made: map[string]any{}}
	blobs, err := files.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	bound, err := (&s3.Service{DB: m.DB, Blobs: blobs, Directory: m.Directory, Region: doortest.Region}).Bind()
	if err != nil {
		t.Fatal(err)
	}
	m.Door.Open(bound)
	id, secret, _, err := m.IAM.Root(t.Context(), doortest.Other)
	if err != nil {
		t.Fatal(err)
	}
	m.roots = map[string]sigv4.Credentials{doortest.Account: m.Root, doortest.Other: {AccessKey: id, Secret: secret}}
	return m
}

// once makes a thing when it is first asked for.
func once[T any](m *matrix, name string, do func() T) T {
	if _, ok := m.made[name]; !ok {
		m.made[name] = do()
	}
	return m.made[name].(T)
}

// as calls without an endpoint, over a connection that all share.
func (m *matrix) as(k sigv4.Credentials) *doortest.Client { return m.by("", "", k) }

// by calls through an endpoint of a service whose policy says something, over a connection that all share.
func (m *matrix) by(service string, w say, k sigv4.Credentials) *doortest.Client {
	name := fmt.Sprint(service, w, k.AccessKey == "")
	c := m.paths[name]
	if c == nil {
		if service == "" {
			c = m.As(m.t, k)
		} else {
			id := "vpce-" + w.title()
			m.Directory.SetEndpoint(&directory.Endpoint{ID: id, Account: doortest.Account, Policy: m.attached(policy.Endpoint, w, `"*"`)})
			c = m.Via(m.t, k, m.Through(doortest.Endpoint(id, service)))
		}
		m.paths[name] = c
	}
	one := *c
	one.Credentials = k
	return &one
}

const acts = `"s3:*","sts:AssumeRole","logs:*"`

// text is a policy that says something; whom is Principal's value, empty where there is none.
func (w say) text(whom, actions string) string {
	principal, all, about := "", "", `,"Resource":"*"`
	if whom != "" {
		principal, all = `"Principal":`+whom+`,`, `"Principal":"*",`
	}
	other := `"sqs:*"`
	if actions == `"sts:AssumeRole"` { // of a trust policy
		about, other = "", `"sts:TagSession"`
	}
	allow := `{"Effect":"Allow",` + principal + `"Action":[` + actions + `]` + about + `}`
	switch w {
	case silent:
		allow = `{"Effect":"Allow",` + principal + `"Action":` + other + about + `}`
	case denies:
		allow += `,{"Effect":"Deny",` + all + `"Action":[` + actions + `]` + about + `}`
	}
	return `{"Version":"2012-10-17","Statement":[` + allow + `]}`
}

func (m *matrix) attached(kind policy.Kind, w say, whom string) *policy.Attached {
	d, err := policy.Parse(w.text(whom, acts))
	if err != nil {
		m.t.Fatal(err)
	}
	return &policy.Attached{Document: d, Name: w.title(), ARN: map[policy.Kind]string{policy.SCP: controlARN(policy.SCP), policy.RCP: controlARN(policy.RCP)}[kind]}
}

func controlARN(k policy.Kind) string {
	return "arn:aws:organizations::999999999999:policy/o-one/" + strings.ReplaceAll(k.String(), " ", "_") + "/p-deny"
}

// organise puts the caller's account under its service control policy and the resource's under its resource control policy.
func (m *matrix) organise(r *row) {
	levels := func(k policy.Kind, account, whom string) map[string][]policy.Attached {
		w, ok := r.says[k]
		if w == absent || !ok {
			return nil
		}
		full := once(m, k.String()+"full", func() *policy.Attached { return m.attached(k, allows, whom) })
		own := once(m, k.String()+string(w), func() *policy.Attached { return m.attached(k, w, whom) })
		out := map[string][]policy.Attached{"r-1": {*full}, doortest.Account: {*full}, doortest.Other: {*full}}
		out[account] = []policy.Attached{*own}
		return out
	}
	scp, rcp := levels(policy.SCP, r.account(), ""), levels(policy.RCP, doortest.Account, `"*"`)
	parents := map[string][]string{doortest.Account: {"r-1", doortest.Account}, doortest.Other: {"r-1", doortest.Other}}
	organisations := []*directory.Organization{{ID: "o-one", Management: "999999999999", Parents: parents, SCP: scp, RCP: rcp}}
	if r.cross && !r.related {
		one := map[string][]string{doortest.Account: parents[doortest.Account]}
		two := map[string][]string{doortest.Other: parents[doortest.Other]}
		organisations = []*directory.Organization{
			{ID: "o-one", Management: "999999999999", Parents: one, RCP: rcp}, {ID: "o-two", Management: "999999999999", Parents: two, SCP: scp}}
	}
	for _, o := range organisations {
		m.Directory.SetOrganization(o)
	}
}

func managedARN(account string, w say) string {
	return "arn:aws:iam::" + account + ":policy/" + w.title()
}

// managed makes a managed policy of an account that says something.
func (m *matrix) managed(account string, w say) string {
	return once(m, "managed"+account+string(w), func() string {
		m.as(m.roots[account]).Query("iam", "CreatePolicy", "PolicyName", w.title(), "PolicyDocument", w.text("", acts)).Good(m.t)
		return managedARN(account, w)
	})
}

func (m *matrix) name(prefix string) string {
	m.count++
	return fmt.Sprint(prefix, m.count)
}

func (m *matrix) root(r *row) visitor {
	return visitor{arn: "arn:aws:iam::" + r.account() + ":root", keys: m.roots[r.account()]}
}

// userBy is a user whose identity policy is inline, a group's or managed.
func userBy(way string) func(*matrix, *row) visitor {
	return func(m *matrix, r *row) visitor { return m.user(r, way, nil) }
}

// user makes a user; before it is limited it may do something with its keys.
func (m *matrix) user(r *row, way string, before func(*visitor)) visitor {
	i, b, root := r.says[policy.Identity], r.says[policy.Boundary], m.as(m.roots[r.account()])
	return once(m, fmt.Sprint("user", way, r.account(), i, b, before == nil), func() visitor {
		name := m.name("u")
		v := visitor{arn: root.Query("iam", "CreateUser", "UserName", name).Good(m.t).XML("Arn")}
		k := root.Query("iam", "CreateAccessKey", "UserName", name).Good(m.t)
		v.keys = sigv4.Credentials{AccessKey: k.XML("AccessKeyId"), Secret: k.XML("SecretAccessKey")}
		if before != nil {
			root.Query("iam", "PutUserPolicy", "UserName", name, "PolicyName", "early", "PolicyDocument", doortest.Allow("sts:*")).Good(m.t)
			before(&v)
			root.Query("iam", "DeleteUserPolicy", "UserName", name, "PolicyName", "early").Good(m.t)
		}
		switch {
		case i == absent:
		case way == "inline":
			root.Query("iam", "PutUserPolicy", "UserName", name, "PolicyName", "p", "PolicyDocument", i.text("", acts)).Good(m.t)
		case way == "managed":
			v.by = ": " + m.managed(r.account(), i)
			root.Query("iam", "AttachUserPolicy", "UserName", name, "PolicyArn", managedARN(r.account(), i)).Good(m.t)
		default:
			root.Query("iam", "CreateGroup", "GroupName", name).Good(m.t)
			root.Query("iam", "PutGroupPolicy", "GroupName", name, "PolicyName", "p", "PolicyDocument", i.text("", acts)).Good(m.t)
			root.Query("iam", "AddUserToGroup", "GroupName", name, "UserName", name).Good(m.t)
		}
		if b != absent {
			root.Query("iam", "PutUserPermissionsBoundary", "UserName", name, "PermissionsBoundary", m.managed(r.account(), b)).Good(m.t)
		}
		return v
	})
}

func keysOf(a *doortest.Answer) sigv4.Credentials {
	return sigv4.Credentials{AccessKey: a.XML("AccessKeyId"), Secret: a.XML("SecretAccessKey"), Token: a.XML("SessionToken")}
}

func (m *matrix) ownSession(r *row) visitor {
	v := m.user(r, "inline", nil)
	v.keys = once(m, "session of "+v.arn, func() sigv4.Credentials { return keysOf(m.as(v.keys).Query("sts", "GetSessionToken").Good(m.t)) })
	return v
}

// limits are the parameters of a session policy that says something.
func limits(w say) []string {
	if w == absent {
		return nil
	}
	return []string{"Policy", w.text("", acts)}
}

// sessionOf is a session of a role that a user has taken on, or a session of another role.
func sessionOf(chained bool) func(*matrix, *row) visitor {
	return func(m *matrix, r *row) visitor {
		i, b, s, root := r.says[policy.Identity], r.says[policy.Boundary], r.says[policy.Session], m.as(m.roots[r.account()])
		trust := allows.text(`{"AWS":"`+r.account()+`"}`, `"sts:AssumeRole"`)
		role := once(m, fmt.Sprint("role", r.account(), i, b), func() string {
			name := m.name("r")
			arn := root.Query("iam", "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust).Good(m.t).XML("Arn")
			if i != absent {
				root.Query("iam", "PutRolePolicy", "RoleName", name, "PolicyName", "p", "PolicyDocument", i.text("", acts)).Good(m.t)
			}
			if b != absent {
				root.Query("iam", "PutRolePermissionsBoundary", "RoleName", name, "PermissionsBoundary", m.managed(r.account(), b)).Good(m.t)
			}
			return arn
		})
		free := row{guest: r.guest, says: map[policy.Kind]say{policy.Identity: allows, policy.Boundary: absent}}
		by := m.user(&free, "inline", nil).keys
		if chained {
			by = once(m, "hop"+r.account(), func() sigv4.Credentials {
				hop := root.Query("iam", "CreateRole", "RoleName", "hop", "AssumeRolePolicyDocument", trust).Good(m.t).XML("Arn")
				root.Query("iam", "PutRolePolicy", "RoleName", "hop", "PolicyName", "p", "PolicyDocument", doortest.Allow("sts:AssumeRole")).Good(m.t)
				return m.as(by).Assume(hop, "first")
			})
		}
		_, name, _ := strings.Cut(role, ":role/")
		return visitor{arn: "arn:aws:sts::" + r.account() + ":assumed-role/" + name + "/one", maker: role,
			keys: once(m, fmt.Sprint("session", chained, s, role), func() sigv4.Credentials { return m.as(by).Assume(role, "one", limits(s)...) })}
	}
}

// federatedUser is one that a user made before it was limited itself.
func (m *matrix) federatedUser(r *row) visitor {
	var early map[say]sigv4.Credentials
	key := fmt.Sprint("federated", r.says[policy.Identity], r.says[policy.Boundary])
	u := m.user(r, "inline", func(v *visitor) {
		early = map[say]sigv4.Credentials{}
		for _, s := range []say{allows, silent, denies, absent} {
			early[s] = keysOf(m.as(v.keys).Query("sts", "GetFederationToken", append([]string{"Name", "fay"}, limits(s)...)...).Good(m.t))
		}
	})
	keys := once(m, key, func() map[say]sigv4.Credentials { return early })
	return visitor{arn: "arn:aws:sts::" + r.account() + ":federated-user/fay", maker: u.arn, keys: keys[r.says[policy.Session]]}
}

func (m *matrix) anonymous(*row) visitor { return visitor{arn: "anonymous"} }

func service(account string) func(*matrix, *row) visitor {
	return func(*matrix, *row) visitor {
		return visitor{arn: "sagemaker.amazonaws.com", inside: new(caller.ForService("sagemaker.amazonaws.com", account, ""))}
	}
}

// called is what came of a call: an answer by wire, or an error from inside.
type called struct {
	action, on string
	answer     *doortest.Answer
	err        error
}

// call makes the call of a row, with everything around it as the row has it. The organisation's policies come
// last and go first, for they would limit who makes the rest.
func (m *matrix) call(r *row, v *visitor) called {
	defer m.Directory.RemoveOrganization("o-one")
	defer m.Directory.RemoveOrganization("o-two")
	endpoint, on := r.target, r.says[policy.Endpoint]
	if on == absent || on == "" {
		endpoint, on = "", ""
	}
	c := m.by(endpoint, on, v.keys)
	switch r.target {
	case "s3":
		bucket := m.bucket(r, v)
		m.organise(r)
		out := called{action: "s3:GetObject", on: `"arn:aws:s3:::` + bucket + `/key"`}
		if v.inside == nil {
			out.answer = c.Do(c.Request("s3", "GET", "/"+bucket+"/key", ""), "s3")
			return out
		}
		got, err := m.Door.Call(m.t.Context(), *v.inside, "s3", "GetObject", &s3shape.GetObjectRequest{Bucket: &bucket, Key: new("key")})
		if out.err = err; err == nil {
			got.(*s3shape.GetObjectOutput).Body.(io.Closer).Close()
		}
		return out
	case "sts":
		role := m.trusting(r, v)
		m.organise(r)
		out := called{action: "sts:AssumeRole", on: role}
		if v.inside == nil {
			out.answer = c.Query("sts", "AssumeRole", "RoleArn", role, "RoleSessionName", "two")
			return out
		}
		_, out.err = m.Door.Call(m.t.Context(), *v.inside, "sts", "AssumeRole", &stsshape.AssumeRoleRequest{RoleArn: &role, RoleSessionName: new("two")})
		return out
	}
	m.organise(r)
	return called{"logs:DescribeLogGroups", "arn:aws:logs:us-east-1:111122223333:log-group::log-stream:", c.Call("logs", "DescribeLogGroups", "{}"), nil}
}

// principal is whom the resource's policy of a row names.
func (r *row) principal(v *visitor) string {
	switch w := r.says[policy.Resource]; {
	case w == everyone, v.arn == "anonymous":
		return `"*"`
	case v.inside != nil:
		return `{"Service":"sagemaker.amazonaws.com"}`
	case w == itself:
		return `{"AWS":"` + v.arn + `"}`
	case w == maker:
		return `{"AWS":"` + v.maker + `"}`
	}
	return `{"AWS":"` + r.account() + `"}`
}

// bucket makes the bucket of a row, with an object.
func (m *matrix) bucket(r *row, v *visitor) string {
	w, whom, owner := r.says[policy.Resource], r.principal(v), m.as(m.Root)
	return once(m, "bucket"+string(w)+whom, func() string {
		name := m.name("bucket-")
		put := func(path, body string) { owner.Do(owner.Request("s3", "PUT", "/"+name+path, body), "s3").Good(m.t) }
		put("", "")
		put("/key", "x")
		if w != absent {
			text := strings.ReplaceAll(w.text(whom, `"s3:*"`), `"sqs:*"`, `"s3:PutObject"`)
			put("?policy", strings.ReplaceAll(text, `"Resource":"*"`, `"Resource":"arn:aws:s3:::`+name+`/*"`))
		}
		return name
	})
}

// trusting makes the role of a row.
func (m *matrix) trusting(r *row, v *visitor) string {
	w, whom := r.says[policy.Resource], r.principal(v)
	return once(m, "trusting"+string(w)+whom, func() string {
		return m.as(m.Root).Query("iam", "CreateRole", "RoleName", m.name("t"), "AssumeRolePolicyDocument", w.text(whom, `"sts:AssumeRole"`)).Good(m.t).XML("Arn")
	})
}
