package iam

import (
	"slices"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

// Kind is the kind of an entity, as its ARN says it.
type Kind string

const (
	user    Kind = "user"
	role    Kind = "role"
	group   Kind = "group"
	profile Kind = "instance-profile"
)

// prefixes are what the unique ids of a kind begin with.
var prefixes = map[Kind]string{user: "AIDA", role: "AROA", group: "AGPA", profile: "AIPA"}

// title is the kind in the names of quotas and at the begin of a sentence.
func (k Kind) title() string {
	if k == profile {
		return "InstanceProfile"
	}
	return strings.ToUpper(string(k[:1])) + string(k[1:])
}

// entity is a user, a group, a role or an instance profile: what all have, and what only some have.
type entity struct {
	Kind       Kind
	Account    string
	Name, Path string
	ID, ARN    string
	Created    time.Time
	Tags       []shape.Tag       `json:",omitempty"`
	Inline     map[string]string `json:",omitempty"`
	Attached   []string          `json:",omitempty"` // ARNs of managed policies, in order of attachment
	Groups     []string          `json:",omitempty"` // ARNs of the groups that a user is in
	Boundary   string            `json:",omitempty"` // ARN of the managed policy that bounds a user or role
	Role       string            `json:",omitempty"` // name of the role that an instance profile holds
	Trust      string            `json:",omitempty"`
	// Trusted are the unique ids of the users and roles that Trust names: one made later under the
	// same name is not meant.
	Trusted           map[string]string `json:",omitempty"`
	Description       string            `json:",omitempty"`
	MaxSessionSeconds int32             `json:",omitempty"`
	Protected         bool              `json:",omitempty"` // a service-linked role
	House             bool              `json:",omitempty"` // of a service that is here
	Used              directory.Use     `json:",omitzero"`  // when a role's credentials were used last
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

// perAccount are IAM's quotas of entities.
var perAccount = map[Kind]int{user: 5000, group: 300, role: 1000, profile: 1000}

// free refuses a name that is taken.
func free(tx *store.Tx, account string, kind Kind, name string) error {
	old, err := entities.Get(tx, entityKey(account, kind, name))
	switch {
	case err != nil || old == nil:
		return err
	case kind == profile:
		return alreadyExists.New("Instance Profile %s already exists.", name)
	}
	return alreadyExists.New("%s with name %s already exists.", kind.title(), name)
}

// create puts a new entity unless there is one of that name.
func (s *Service) create(tx *store.Tx, c *api.Call, e *entity) error {
	if err := free(tx, c.Account(), e.Kind, e.Name); err != nil {
		return err
	}
	n, err := entities.Count(tx, store.Prefix(c.Account(), string(e.Kind)))
	if err != nil {
		return err
	}
	if most := perAccount[e.Kind]; n >= most {
		return limitExceeded.New("Cannot exceed quota for %ssPerAccount: %d", e.Kind.title(), most)
	}
	e.Account, e.Created = c.Account(), tx.Now.Truncate(time.Second)
	e.ID = directory.NewID(prefixes[e.Kind])
	e.ARN = global(c, string(e.Kind), e.Path, e.Name)
	return s.put(tx, e)
}

// remove takes away an entity that nothing hangs on any more.
func (s *Service) remove(tx *store.Tx, c *api.Call, kind Kind, name string) error {
	e, err := get(tx, c, kind, name)
	if err != nil {
		return err
	}
	if err := e.open(); err != nil {
		return err
	}
	if len(e.Attached) > 0 {
		return deleteConflict.New("Cannot delete entity, must detach all policies first.")
	}
	if len(e.Inline) > 0 {
		return deleteConflict.New("Cannot delete entity, must delete policies first.")
	}
	if err := s.empty(tx, e); err != nil {
		return err
	}
	tx.After(func() { forget(s.Directory, kind, e.ARN) })
	if err := entities.Delete(tx, e.key()); err != nil || kind != user && kind != role {
		return err
	}
	return s.retell(tx, e.ARN, e.ID, e.ID)
}

// empty refuses what something still hangs on.
func (s *Service) empty(tx *store.Tx, e *entity) error {
	switch e.Kind {
	case user:
		if s.Directory.KeysOf(e.Account, e.ARN) > 0 {
			return deleteConflict.New("Cannot delete entity, must delete access keys first.")
		}
		if len(e.Groups) > 0 {
			return deleteConflict.New("Cannot delete entity, must remove users from group first.")
		}
	case group:
		if s.Directory.Inhabited(e.ARN) {
			return deleteConflict.New("Cannot delete entity, must remove users from group first.")
		}
	case role:
		all, err := holding(tx, e)
		if err != nil {
			return err
		}
		if len(all) > 0 {
			return deleteConflict.New("Cannot delete entity, must remove roles from instance profile first.")
		}
	case profile:
		if e.Role != "" {
			return deleteConflict.New("Cannot delete entity, must remove roles from instance profile first.")
		}
	}
	return nil
}

func names(m map[string]string) []string {
	var out []string
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
