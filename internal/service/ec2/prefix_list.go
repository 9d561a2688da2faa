package ec2

import (
	"net/netip"
	"slices"
	"strconv"

	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/catalogue"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

// managedList is a customer's prefix list with all its versions, the last one in force.
type managedList struct {
	head
	Name     string
	Max      int
	Versions [][]listEntry // the first is version 1
	State    string
}

type listEntry struct {
	CIDR        netip.Prefix
	Description string
}

var managedLists = newKind[managedList]("prefix-list", "pl-", "InvalidPrefixListID", "The prefix list ID '%s' does not exist").
	malformedAs("InvalidPrefixListId.Malformed", `Invalid id: "%s" (expecting "pl-...")`)

var (
	listVersionMismatch = fault.Kind{Code: "PrefixListVersionMismatch", Status: 400}
	listFull            = fault.Kind{Code: "PrefixListMaxEntriesExceeded", Status: 400}
	listLimit           = fault.Kind{Code: "PrefixListLimitExceeded", Status: 400}
	listVersionAbsent   = fault.Kind{Code: "InvalidPrefixListVersion.NotFound", Status: 400}
	listInUse           = fault.Kind{Code: "PrefixListInUse", Status: 400}
)

func (l *managedList) now() []listEntry { return l.Versions[len(l.Versions)-1] }

func (l *managedList) version() int64 { return int64(len(l.Versions)) }

// prefixes are those in force.
func (l *managedList) prefixes() (out []netip.Prefix) {
	for _, e := range l.now() {
		out = append(out, e.CIDR)
	}
	return out
}

// at gives the entries of a version; the last for nil.
func (l *managedList) at(version *int64) ([]listEntry, error) {
	if version == nil {
		return l.now(), nil
	}
	if *version < 1 || *version > l.version() {
		return nil, listVersionAbsent.New("The prefix list %s has no version %d.", l.ID, *version)
	}
	return l.Versions[*version-1], nil
}

// current refuses a change that was made of another version than the last.
func (l *managedList) current(version *int64) error {
	if version == nil {
		return missingParameter.New("The request must contain the parameter CurrentVersion")
	}
	if *version != l.version() {
		return listVersionMismatch.New("The prefix list has the incorrect version number.")
	}
	return nil
}

// prefixList is any list, AWS's or a customer's, as it is shown.
type prefixList struct {
	id, name, owner, state string
	entries                []listEntry
	max                    int // 0 for AWS's
	version                int64
	tags                   map[string]string
}

func (p prefixList) key() string { return p.id }

// prefixLists are AWS's lists of the region and the account's own; those of the ids, if any.
func (s *Service) prefixLists(tx *store.Tx, account string, ids []string) (out []prefixList, err error) {
	for i := range catalogue.Services {
		if c := &catalogue.Services[i]; len(c.Prefixes) > 0 {
			l := prefixList{id: c.PrefixList(s.Region), name: c.EndpointName(s.Region), owner: "AWS", state: "create-complete"}
			for _, p := range c.Ranges(s.Region) {
				l.entries = append(l.entries, listEntry{CIDR: p})
			}
			out = append(out, l)
		}
	}
	own, err := managedLists.all(tx, account)
	if err != nil {
		return nil, err
	}
	for _, l := range own {
		out = append(out, prefixList{l.ID, l.Name, l.Account, l.State, l.now(), l.Max, l.version(), l.Tags})
	}
	if len(ids) == 0 {
		return out, nil
	}
	for _, id := range distinct(ids) {
		if err := managedLists.valid(id); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(p prefixList) bool { return p.id == id }) {
			return nil, managedLists.missing(id)
		}
	}
	return slices.DeleteFunc(out, func(p prefixList) bool { return !slices.Contains(ids, p.id) }), nil
}

// knownPrefixList refuses a list that is neither AWS's in this region nor the account's. weight is how
// many rules or routes it counts as.
func (s *Service) knownPrefixList(tx *store.Tx, account, id string) (weight int, err error) {
	if _, ok := catalogue.ByPrefixList(s.Region, id); ok {
		return 1, nil
	}
	l, err := managedLists.get(tx, account, id)
	if err != nil {
		return 0, err
	}
	return l.Max, nil
}

func (p prefixList) aws(region string) shape.ManagedPrefixList {
	at := p.owner
	if at == "AWS" {
		at = "aws"
	}
	out := shape.ManagedPrefixList{
		PrefixListId: &p.id, PrefixListName: &p.name, AddressFamily: new("IPv4"), State: &p.state, OwnerId: &p.owner,
		PrefixListArn: new(arn.Format("ec2", region, at, "prefix-list/"+p.id)), Tags: awsTags(p.tags),
	}
	if p.max > 0 {
		out.MaxEntries, out.Version = new(int32(p.max)), &p.version
	}
	return out
}

func (s *Service) awsList(l *managedList) *shape.ManagedPrefixList {
	return new(prefixList{l.ID, l.Name, l.Account, l.State, l.now(), l.Max, l.version(), l.Tags}.aws(s.Region))
}

var prefixListFields = fields[prefixList]{
	"prefix-list-id":   one(prefixList.key),
	"prefix-list-name": one(func(p prefixList) string { return p.name }),
	"owner-id":         one(func(p prefixList) string { return p.owner }),
	"state":            one(func(p prefixList) string { return p.state }),
	"max-entries":      one(func(p prefixList) string { return strconv.Itoa(p.max) }),
}

// listUser is what refers to a prefix list.
type listUser struct{ id, owner string }

// usersOf are the groups and route tables that refer to a list.
func usersOf(tx *store.Tx, account, id string) (out []listUser, err error) {
	all, err := groups.all(tx, account)
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		if slices.ContainsFunc(g.Rules, func(r rule) bool { return r.PrefixList == id }) {
			out = append(out, listUser{g.ID, g.Account})
		}
	}
	tables, err := routeTables.all(tx, account)
	for _, t := range tables {
		if slices.ContainsFunc(t.Routes, func(r route) bool { return r.PrefixList == id }) {
			out = append(out, listUser{t.ID, t.Account})
		}
	}
	return out, err
}
