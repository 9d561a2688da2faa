package iam

import (
	"slices"
	"strings"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/iam"
)

// Kind is user or role.
type Kind string

const (
	user Kind = "user"
	role Kind = "role"
)

// prefix is what the unique ids of a kind begin with.
func (k Kind) prefix() string {
	if k == role {
		return "AROA"
	}
	return "AIDA"
}

// entity is a user or a role: what both have, and what only roles have.
type entity struct {
	Kind       Kind
	Account    string
	Name, Path string
	ID, ARN    string
	Created    time.Time
	Tags       []shape.Tag       `json:",omitempty"`
	Inline     map[string]string `json:",omitempty"`
	Attached   []string          `json:",omitempty"` // ARNs of managed policies, in order of attachment
	Trust      string            `json:",omitempty"`
	// Trusted are the unique ids of the users and roles that Trust names: one made later under the
	// same name is not meant.
	Trusted           map[string]string `json:",omitempty"`
	Description       string            `json:",omitempty"`
	MaxSessionSeconds int32             `json:",omitempty"`
}

// entities are keyed by account, kind and the name in lower case: names differ by more than case.
var entities = store.NewTable[entity]("iam_entity")

func entityKey(account string, kind Kind, name string) string {
	return store.Key(account, string(kind), strings.ToLower(name))
}

func (e *entity) key() string { return entityKey(e.Account, e.Kind, e.Name) }

// get finds an entity of the caller's account or says it cannot be found.
func get(tx *store.Tx, c *api.Call, kind Kind, name string) (*entity, error) {
	e, err := entities.Get(tx, entityKey(c.Account(), kind, name))
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, missing(kind, name)
	}
	return e, nil
}

// facts are what the directory is told of one entity.
type facts struct {
	principal *directory.Principal
	resource  *directory.Resource // of roles: who may assume them
}

func (f facts) tell(d *directory.Directory) {
	d.SetPrincipal(f.principal)
	if f.resource != nil {
		d.SetResource(f.resource)
	}
}

func (e *entity) facts() (facts, error) {
	p := &directory.Principal{Kind: caller.User, Account: e.Account, ARN: e.ARN, ID: e.ID, Name: e.Name}
	f := facts{principal: p}
	for _, name := range names(e.Inline) {
		doc, err := policy.Parse(e.Inline[name])
		if err != nil {
			return f, err
		}
		p.Policies = append(p.Policies, policy.Attached{Document: doc, Name: name, Owner: e.Account})
	}
	p.Managed, p.Tags = slices.Clone(e.Attached), tagsOf(e.Tags)
	if e.Kind == role {
		p.Kind, p.MaxSession = caller.AssumedRole, time.Duration(e.MaxSessionSeconds)*time.Second
		doc, err := policy.Parse(e.Trust)
		if err != nil {
			return f, err
		}
		f.resource = &directory.Resource{ARN: e.ARN, Account: e.Account, Trust: true,
			Policy: &policy.Attached{Document: doc.Bind(func(arn string) (string, bool) {
				id, ok := e.Trusted[arn]
				return id, ok
			}), Name: "trust policy", ARN: e.ARN, Owner: e.Account}}
	}
	return f, nil
}

// put writes the entity and has the directory told when that is durable.
func (s *Service) put(tx *store.Tx, e *entity) error {
	f, err := e.facts()
	if err != nil {
		return err
	}
	tx.After(func() { f.tell(s.Directory) })
	return entities.Put(tx, e.key(), e)
}

// change runs f on an entity and puts what it made of it.
func (s *Service) change(tx *store.Tx, c *api.Call, kind Kind, name string, f func(*entity) error) error {
	e, err := get(tx, c, kind, name)
	if err != nil {
		return err
	}
	if err := f(e); err != nil {
		return err
	}
	return s.put(tx, e)
}

// create puts a new entity unless there is one of that name.
func (s *Service) create(tx *store.Tx, c *api.Call, e *entity) error {
	old, err := entities.Get(tx, entityKey(c.Account(), e.Kind, e.Name))
	if err != nil {
		return err
	}
	if old != nil {
		title := strings.ToUpper(string(e.Kind[:1])) + string(e.Kind[1:])
		return alreadyExists.New("%s with name %s already exists.", title, e.Name)
	}
	e.Account, e.Created = c.Account(), tx.Now.Truncate(time.Second)
	e.ID = directory.NewID(e.Kind.prefix())
	e.ARN = global(c, string(e.Kind), e.Path, e.Name)
	return s.put(tx, e)
}

// remove takes away an entity that nothing hangs on any more.
func (s *Service) remove(tx *store.Tx, c *api.Call, kind Kind, name string) error {
	e, err := get(tx, c, kind, name)
	if err != nil {
		return err
	}
	if len(e.Attached) > 0 {
		return deleteConflict.New("Cannot delete entity, must detach all policies first.")
	}
	if len(e.Inline) > 0 {
		return deleteConflict.New("Cannot delete entity, must delete policies first.")
	}
	if kind == user {
		keys, err := keysOf(tx, e.Account, e.Name)
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			return deleteConflict.New("Cannot delete entity, must delete access keys first.")
		}
	}
	tx.After(func() {
		s.Directory.RemovePrincipal(e.ARN)
		s.Directory.RemoveResource(e.ARN)
	})
	return entities.Delete(tx, e.key())
}

func names(m map[string]string) []string {
	var out []string
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
