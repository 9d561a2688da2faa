package organizations

import (
	"maps"
	"slices"
	"strings"

	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	shape "cloister/internal/value/shape/organizations"
)

// tree is one organisation as a transaction sees it. What changes it writes the record, too.
type tree struct {
	*organization
	tx       *store.Tx
	units    map[string]*unit
	members  map[string]*member
	controls map[string]*control
}

// grow reads the whole of an organisation.
func grow(tx *store.Tx, o *organization) (*tree, error) {
	t := &tree{organization: o, tx: tx, units: map[string]*unit{}, members: map[string]*member{}, controls: map[string]*control{}}
	us, err := units.All(tx, store.Prefix(o.ID))
	if err != nil {
		return nil, err
	}
	for _, u := range us {
		t.units[u.ID] = u
	}
	ms, err := members.All(tx, "")
	if err != nil {
		return nil, err
	}
	for _, m := range ms {
		if m.Organization == o.ID {
			t.members[m.Account] = m
		}
	}
	cs, err := controls.All(tx, store.Prefix(o.ID))
	for _, p := range cs {
		t.controls[p.ID] = p
	}
	return t, err
}

// of gives the organisation that an account is in.
func of(tx *store.Tx, account string) (*tree, error) {
	m, err := members.Get(tx, account)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, notInUse.New("Your account is not a member of an organization.")
	}
	o, err := organizations.Get(tx, m.Organization)
	if err != nil {
		return nil, err
	}
	return grow(tx, o)
}

// managed gives the organisation that an account manages. A member is told no more of it than
// DescribeOrganization tells.
func managed(tx *store.Tx, account string) (*tree, error) {
	t, err := of(tx, account)
	if err == nil && t.Management != account {
		err = accessDenied.New("You don't have permissions to access this resource.")
	}
	return t, err
}

func (t *tree) arn(resource string) string {
	return arn.Format("organizations", "", t.Management, resource)
}

func (t *tree) rootARN() string             { return t.arn("root/" + t.ID + "/" + t.Root) }
func (t *tree) unitARN(id string) string    { return t.arn("ou/" + t.ID + "/" + id) }
func (t *tree) accountARN(id string) string { return t.arn("account/" + t.ID + "/" + id) }

func (t *tree) controlARN(p *control) string {
	kind := strings.ToLower(p.Kind)
	if p.AWS {
		return "arn:aws:organizations::aws:policy/" + kind + "/" + p.ID
	}
	return t.arn("policy/" + t.ID + "/" + kind + "/" + p.ID)
}

// The three kinds of places in a tree.
const (
	aRoot     = "ROOT"
	aUnit     = "ORGANIZATIONAL_UNIT"
	anAccount = "ACCOUNT"
)

// place tells what an id means in the tree; kind is empty where it means nothing.
func (t *tree) place(id string) (kind, arn, name string) {
	if id == t.Root {
		return aRoot, t.rootARN(), "Root"
	}
	if u := t.units[id]; u != nil {
		return aUnit, t.unitARN(id), u.Name
	}
	if m := t.members[id]; m != nil {
		return anAccount, t.accountARN(id), m.Name
	}
	return "", "", ""
}

// parent tells whether units and accounts can stand below an id.
func (t *tree) parent(id string) bool {
	kind, _, _ := t.place(id)
	return kind == aRoot || kind == aUnit
}

// above leads from the root to a place, which is the last.
func (t *tree) above(id string) []string {
	path := []string{id}
	for id != t.Root {
		if m := t.members[id]; m != nil {
			id = m.Parent
		} else {
			id = t.units[id].Parent
		}
		path = append(path, id)
	}
	slices.Reverse(path)
	return path
}

// path is where a place is, as AWS writes it.
func (t *tree) path(id string) string { return t.ID + "/" + strings.Join(t.above(id), "/") + "/" }

// places are the ids of everything that a policy can be attached to.
func (t *tree) places() []string {
	out := []string{t.Root}
	out = append(out, slices.Sorted(maps.Keys(t.units))...)
	return append(out, slices.Sorted(maps.Keys(t.members))...)
}

func (t *tree) unitsIn(parent string) (out []*unit) {
	for _, id := range slices.Sorted(maps.Keys(t.units)) {
		if t.units[id].Parent == parent {
			out = append(out, t.units[id])
		}
	}
	return out
}

// membersIn are the accounts below a parent, or all for none.
func (t *tree) membersIn(parent string) (out []*member) {
	for _, id := range slices.Sorted(maps.Keys(t.members)) {
		if m := t.members[id]; parent == "" || m.Parent == parent {
			out = append(out, m)
		}
	}
	return out
}

// controlsAt are the policies of a type that are attached to a place.
func (t *tree) controlsAt(kind, target string) (out []*control) {
	for _, p := range t.list(kind) {
		if slices.Contains(p.Targets, target) {
			out = append(out, p)
		}
	}
	return out
}

// list is the policies of a type.
func (t *tree) list(kind string) (out []*control) {
	for _, id := range slices.Sorted(maps.Keys(t.controls)) {
		if t.controls[id].Kind == kind {
			out = append(out, t.controls[id])
		}
	}
	return out
}

func (t *tree) enabled(kind string) bool { return slices.Contains(t.Types, kind) }

func (t *tree) putUnit(u *unit) error {
	t.units[u.ID] = u
	return units.Put(t.tx, store.Key(t.ID, u.ID), u)
}

func (t *tree) putMember(m *member) error {
	t.members[m.Account] = m
	return members.Put(t.tx, m.Account, m)
}

func (t *tree) putControl(p *control) error {
	t.controls[p.ID] = p
	return controls.Put(t.tx, store.Key(t.ID, p.ID), p)
}

func (t *tree) putOrganization() error { return organizations.Put(t.tx, t.ID, t.organization) }

// furnish attaches AWS's own policies of the enabled types to a place that is new.
func (t *tree) furnish(place string) error {
	for _, kind := range t.Types {
		p := t.controls[full[kind].ID]
		p.Targets = append(p.Targets, place)
		if err := t.putControl(p); err != nil {
			return err
		}
	}
	return nil
}

// strip detaches everything from a place that goes away.
func (t *tree) strip(place string) error {
	for _, p := range t.controls {
		if slices.Contains(p.Targets, place) {
			p.Targets = slices.DeleteFunc(p.Targets, func(x string) bool { return x == place })
			if err := t.putControl(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// tags gives the tags of what an id means.
func (t *tree) tags(id string) (arn string, tags *[]shape.Tag, put func() error) {
	if id == t.Root {
		return t.rootARN(), &t.RootTags, t.putOrganization
	}
	if u := t.units[id]; u != nil {
		return t.unitARN(id), &u.Tags, func() error { return t.putUnit(u) }
	}
	if m := t.members[id]; m != nil {
		return t.accountARN(id), &m.Tags, func() error { return t.putMember(m) }
	}
	if p := t.controls[id]; p != nil && !p.AWS {
		return t.controlARN(p), &p.Tags, func() error { return t.putControl(p) }
	}
	return "", nil, nil
}

func (t *tree) dropUnit(u *unit) error {
	delete(t.units, u.ID)
	return units.Delete(t.tx, store.Key(t.ID, u.ID))
}

func (t *tree) dropMember(m *member) error {
	delete(t.members, m.Account)
	return members.Delete(t.tx, m.Account)
}

func (t *tree) dropControl(p *control) error {
	delete(t.controls, p.ID)
	return controls.Delete(t.tx, store.Key(t.ID, p.ID))
}
