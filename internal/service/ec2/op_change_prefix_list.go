package ec2

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateManagedPrefixList", func(c *api.Call, in *shape.CreateManagedPrefixListRequest) []api.Check {
	return creates(c, "CreateManagedPrefixList", "prefix-list", in.TagSpecifications)
}, (*Service).createManagedPrefixList)

func (s *Service) createManagedPrefixList(ctx context.Context, c *api.Call, in *shape.CreateManagedPrefixListRequest) (*shape.CreateManagedPrefixListResult, error) {
	if err := begin(in, "PrefixListName", "Entries", "MaxEntries", "TagSpecifications", "AddressFamily", "ClientToken"); err != nil {
		return nil, err
	}
	if err := listName(str(in.PrefixListName)); err != nil {
		return nil, err
	}
	switch family := str(in.AddressFamily); family {
	case "IPv4":
	case "IPv6":
		return nil, unsupportedOperation.New("IPv6 prefix lists are not supported.")
	default:
		return nil, invalidValue.New("Value (%s) for parameter addressFamily is invalid. It must be IPv4 or IPv6.", family)
	}
	if in.MaxEntries == nil || *in.MaxEntries < 1 || *in.MaxEntries > 1000 {
		return nil, invalidValue.New("The parameter maxEntries must be between 1 and 1000.")
	}
	entries, err := addEntries(nil, in.Entries, int(*in.MaxEntries))
	if err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "prefix-list")
	if err != nil {
		return nil, err
	}
	out := new(shape.CreateManagedPrefixListResult)
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		l, err := again(tx, managedLists, c.Account(), "CreateManagedPrefixList", in.ClientToken, in)
		if err != nil {
			return err
		}
		if l == nil {
			if n, err := countIn(tx, managedLists, c.Account(), func(*managedList) bool { return true }); err != nil || n >= s.Quotas.PrefixLists {
				return either(err, listLimit.New("The maximum number of prefix lists has been reached."))
			}
			l = &managedList{head: managedLists.begin(tx, c.Account(), tags), Name: *in.PrefixListName, Max: int(*in.MaxEntries), Versions: [][]listEntry{entries}, State: "create-complete"}
			if err := managedLists.put(tx, l); err != nil {
				return err
			}
			if err := remember(tx, c.Account(), "CreateManagedPrefixList", in.ClientToken, in, l.ID); err != nil {
				return err
			}
		}
		out.PrefixList = s.awsList(l)
		return nil
	})
}

func listName(name string) error {
	switch {
	case name == "":
		return missingParameter.New("The request must contain the parameter PrefixListName")
	case len(name) > 255 || strings.HasPrefix(name, "com.amazonaws"):
		return invalidValue.New("Value (%s) for parameter prefixListName is invalid. It must not begin with com.amazonaws and have at most 255 characters.", name)
	}
	return nil
}

// addEntries gives entries with some more; an entry that is there already only gets another description.
func addEntries(old []listEntry, add []shape.AddPrefixListEntry, limit int) ([]listEntry, error) {
	out := slices.Clone(old)
	seen := map[string]bool{}
	for _, a := range add {
		p, err := parseCIDR("cidr", str(a.Cidr))
		if err != nil {
			return nil, err
		}
		if seen[p.String()] {
			return nil, invalidValue.New("The prefix list has the entry %s twice.", p)
		}
		seen[p.String()] = true
		if at := slices.IndexFunc(out, func(e listEntry) bool { return e.CIDR == p }); at >= 0 {
			out[at].Description = str(a.Description)
			continue
		}
		out = append(out, listEntry{p, str(a.Description)})
	}
	if len(out) > limit {
		return nil, listFull.New("You've reached the maximum number of entries for the prefix list.")
	}
	return out, nil
}

var _ = api.Define(operations, "ModifyManagedPrefixList", named("ModifyManagedPrefixList", "prefix-list",
	func(in *shape.ModifyManagedPrefixListRequest) *string { return in.PrefixListId }), (*Service).modifyManagedPrefixList)

// modifyManagedPrefixList changes entries, which makes a version, or the size or name, which does not.
func (s *Service) modifyManagedPrefixList(ctx context.Context, c *api.Call, in *shape.ModifyManagedPrefixListRequest) (*shape.ModifyManagedPrefixListResult, error) {
	if err := begin(in, "PrefixListId", "CurrentVersion", "PrefixListName", "AddEntries", "RemoveEntries", "MaxEntries"); err != nil {
		return nil, err
	}
	out := new(shape.ModifyManagedPrefixListResult)
	return out, s.changeList(ctx, c.Account(), str(in.PrefixListId), func(l *managedList) error {
		changes := len(in.AddEntries)+len(in.RemoveEntries) > 0
		if changes && in.MaxEntries != nil {
			return invalidCombination.New("The size of a prefix list and its entries cannot be changed together")
		}
		if changes || in.CurrentVersion != nil {
			if err := l.current(in.CurrentVersion); err != nil {
				return err
			}
		}
		if in.PrefixListName != nil {
			if err := listName(*in.PrefixListName); err != nil {
				return err
			}
			l.Name = *in.PrefixListName
		}
		if m := in.MaxEntries; m != nil {
			if *m < int32(len(l.now())) || *m > 1000 {
				return invalidValue.New("The parameter maxEntries must be between %d, which there are, and 1000.", len(l.now()))
			}
			l.Max = int(*m)
		}
		l.State = "modify-complete"
		defer func() { out.PrefixList = s.awsList(l) }()
		if !changes {
			return nil
		}
		left := slices.Clone(l.now())
		for _, r := range in.RemoveEntries {
			p, err := parseCIDR("cidr", str(r.Cidr))
			if err != nil {
				return err
			}
			at := slices.IndexFunc(left, func(e listEntry) bool { return e.CIDR == p })
			if at < 0 {
				return invalidValue.New("The prefix list does not contain the entry %s.", p)
			}
			left = slices.Delete(left, at, at+1)
		}
		left, err := addEntries(left, in.AddEntries, l.Max)
		if err == nil {
			l.Versions = append(l.Versions, left)
		}
		return err
	})
}

// changeList changes a list, and with it the packets of everything that refers to it.
func (s *Service) changeList(ctx context.Context, account, id string, f func(*managedList) error) error {
	return s.change(ctx, func(tx *store.Tx) error {
		l, err := managedLists.get(tx, account, id)
		if err != nil {
			return err
		}
		if err := f(l); err != nil {
			return err
		}
		return managedLists.put(tx, l)
	})
}

var _ = api.Define(operations, "RestoreManagedPrefixListVersion", named("RestoreManagedPrefixListVersion", "prefix-list",
	func(in *shape.RestoreManagedPrefixListVersionRequest) *string { return in.PrefixListId }), (*Service).restoreManagedPrefixListVersion)

// restoreManagedPrefixListVersion makes a new version of an old one.
func (s *Service) restoreManagedPrefixListVersion(ctx context.Context, c *api.Call, in *shape.RestoreManagedPrefixListVersionRequest) (*shape.RestoreManagedPrefixListVersionResult, error) {
	if err := begin(in, "PrefixListId", "PreviousVersion", "CurrentVersion"); err != nil {
		return nil, err
	}
	out := new(shape.RestoreManagedPrefixListVersionResult)
	return out, s.changeList(ctx, c.Account(), str(in.PrefixListId), func(l *managedList) error {
		if err := l.current(in.CurrentVersion); err != nil {
			return err
		}
		if in.PreviousVersion == nil {
			return missingParameter.New("The request must contain the parameter PreviousVersion")
		}
		old, err := l.at(in.PreviousVersion)
		if err != nil {
			return err
		}
		l.Versions, l.State = append(l.Versions, old), "restore-complete"
		out.PrefixList = s.awsList(l)
		return nil
	})
}

var _ = api.Define(operations, "DeleteManagedPrefixList", named("DeleteManagedPrefixList", "prefix-list",
	func(in *shape.DeleteManagedPrefixListRequest) *string { return in.PrefixListId }), (*Service).deleteManagedPrefixList)

func (s *Service) deleteManagedPrefixList(ctx context.Context, c *api.Call, in *shape.DeleteManagedPrefixListRequest) (*shape.DeleteManagedPrefixListResult, error) {
	if err := begin(in, "PrefixListId"); err != nil {
		return nil, err
	}
	out := new(shape.DeleteManagedPrefixListResult)
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		l, err := managedLists.get(tx, c.Account(), str(in.PrefixListId))
		if err != nil {
			return err
		}
		users, err := usersOf(tx, c.Account(), l.ID)
		if err != nil || len(users) > 0 {
			return either(err, listInUse.New("The prefix list %s is in use and cannot be deleted.", l.ID))
		}
		l.State = "delete-complete"
		out.PrefixList = s.awsList(l)
		return managedLists.remove(tx, l)
	})
}
