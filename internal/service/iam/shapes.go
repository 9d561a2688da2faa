package iam

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/iam"
)

func (e *entity) userShape() *shape.User {
	return &shape.User{Path: &e.Path, UserName: &e.Name, UserId: &e.ID, Arn: &e.ARN, CreateDate: &e.Created, Tags: e.Tags, PermissionsBoundary: e.boundary()}
}

func (e *entity) roleShape() *shape.Role {
	r := &shape.Role{Path: &e.Path, RoleName: &e.Name, RoleId: &e.ID, Arn: &e.ARN, CreateDate: &e.Created, Tags: e.Tags,
		AssumeRolePolicyDocument: new(encoded(e.Trust)), MaxSessionDuration: &e.MaxSessionSeconds, PermissionsBoundary: e.boundary()}
	if e.Description != "" {
		r.Description = &e.Description
	}
	return r
}

// listed and listedRole are a user and a role as lists show them.
func (e *entity) listed() *shape.User {
	u := e.userShape()
	u.Tags, u.PermissionsBoundary = nil, nil
	return u
}

func (e *entity) listedRole() *shape.Role {
	r := e.roleShape()
	r.Tags, r.PermissionsBoundary = nil, nil
	return r
}

func (e *entity) groupShape() *shape.Group {
	return &shape.Group{Path: &e.Path, GroupName: &e.Name, GroupId: &e.ID, Arn: &e.ARN, CreateDate: &e.Created}
}

// encoded is how IAM sends documents: percent-encoded as RFC 3986 says.
func encoded(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

// under lists the entities of a kind whose path begins with prefix.
func under(tx *store.Tx, c *api.Call, kind Kind, prefix string) ([]*entity, error) {
	all, err := entities.All(tx, store.Prefix(c.Account(), string(kind)))
	return slices.DeleteFunc(all, func(e *entity) bool { return !strings.HasPrefix(e.Path, prefix) }), err
}

func missingInline(kind Kind, name string) error {
	return noSuchEntity.New("The %s policy with name %s cannot be found.", kind, name)
}

// inlineQuota is for all inline policies of one entity together (facts iam 5.1).
var inlineQuota = map[Kind]int{user: 2048, group: 5120, role: 10240}

func (e *entity) putInline(name, document string) error {
	if err := e.open(); err != nil {
		return err
	}
	if e.Inline == nil {
		e.Inline = map[string]string{}
	}
	e.Inline[name] = document
	n := 0
	for _, d := range e.Inline {
		n += size(d)
	}
	if most := inlineQuota[e.Kind]; n > most {
		return limitExceeded.New("Maximum policy size of %d bytes exceeded for %s %s", most, e.Kind, e.Name)
	}
	return nil
}

// policiesPerEntity is IAM's quota of managed policies on one entity.
const policiesPerEntity = 10

func (e *entity) attach(a string) error {
	if err := e.open(); err != nil {
		return err
	}
	if slices.Contains(e.Attached, a) {
		return nil
	}
	if len(e.Attached) >= policiesPerEntity {
		return limitExceeded.New("Cannot exceed quota for PoliciesPer%s: %d", e.Kind.title(), policiesPerEntity)
	}
	e.Attached = append(e.Attached, a)
	return nil
}

func (e *entity) detach(a string) error {
	if err := e.open(); err != nil {
		return err
	}
	i := slices.Index(e.Attached, a)
	if i < 0 {
		return noSuchEntity.New("Policy %s was not found.", a)
	}
	e.Attached = slices.Delete(e.Attached, i, i+1)
	return nil
}

func (e *entity) attachedShapes(tx *store.Tx, prefix string) ([]shape.AttachedPolicy, error) {
	var out []shape.AttachedPolicy
	for _, a := range e.Attached {
		p, err := managedBy(tx, a)
		if err != nil {
			return nil, err
		}
		if p != nil && strings.HasPrefix(p.Path, prefix) {
			out = append(out, shape.AttachedPolicy{PolicyName: &p.Name, PolicyArn: &p.ARN})
		}
	}
	return out, nil
}

// whose is the ARN that a key operation acts on: a named user's, or that of who asks.
func whose(c *api.Call, name *string) string {
	if name == nil {
		return c.Caller.Identity.ARN
	}
	return global(c, "user", "/", *name)
}

// keyOwner finds who the keys belong to: a user's ARN and name, or "" for the account's root.
func keyOwner(tx *store.Tx, c *api.Call, name *string) (owner string, who *string, err error) {
	id := &c.Caller.Identity
	switch {
	case name != nil:
		e, err := get(tx, c, user, *name)
		if err != nil {
			return "", nil, err
		}
		return e.ARN, &e.Name, nil
	case id.Kind == caller.Root:
		return "", nil, nil
	case id.Kind == caller.User:
		return id.ARN, &id.Name, nil
	}
	return "", nil, validation.New("Must specify userName when calling with non-User credentials")
}

func ownedBy(tx *store.Tx, account, owner string) ([]*accessKey, error) {
	all, err := accessKeys.All(tx, store.Prefix(account))
	return slices.DeleteFunc(all, func(k *accessKey) bool { return k.User != owner }), err
}

// ownKey finds a key and makes sure it belongs to whom the request says.
func ownKey(tx *store.Tx, c *api.Call, name *string, id string) (*accessKey, error) {
	owner, _, err := keyOwner(tx, c, name)
	if err != nil {
		return nil, err
	}
	k, err := accessKeys.Get(tx, store.Key(c.Account(), id))
	if err != nil {
		return nil, err
	}
	if k == nil || k.User != owner {
		return nil, noSuchEntity.New("The Access Key with id %s cannot be found.", id)
	}
	return k, nil
}

// cut gives one page of a list and the marker of the next, nil when there is none. A marker names what the page begins
// with, so that nothing is passed over when what was listed already is deleted in between; where that is gone, too, the
// place stands in for it.
func cut[T any](all []T, id func(T) string, marker *string, most *int32) ([]T, *string, error) {
	from, n := 0, 100
	if marker != nil {
		text, _ := base64.RawURLEncoding.DecodeString(*marker)
		place, begins, ok := strings.Cut(string(text), " ")
		at, err := strconv.Atoi(place)
		if !ok || err != nil || at < 0 {
			return nil, nil, validation.New("Invalid Marker.")
		}
		if from = slices.IndexFunc(all, func(v T) bool { return id(v) == begins }); from < 0 {
			from = min(at, len(all))
		}
	}
	if most != nil {
		n = int(*most)
	}
	if len(all)-from <= n {
		return all[from:], nil, nil
	}
	next := fmt.Sprintf("%d %s", from+n, id(all[from+n]))
	return all[from : from+n], new(base64.RawURLEncoding.EncodeToString([]byte(next))), nil
}

// What the entries of lists are known by.
func itself(name string) string                 { return name }
func (e *entity) known() string                 { return string(e.Kind) + "/" + e.ID }
func (k *accessKey) known() string              { return k.ID }
func tagKey(t shape.Tag) string                 { return *t.Key }
func policyARN(p shape.Policy) string           { return *p.Arn }
func attachedARN(p shape.AttachedPolicy) string { return *p.PolicyArn }
func versionID(v shape.PolicyVersion) string    { return *v.VersionId }
