package organizations

import (
	"context"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/organizations"
)

var (
	_ = api.Define(operations, "ListOrganizationalUnitsForParent", func(c *api.Call, in *shape.ListOrganizationalUnitsForParentRequest) []api.Check {
		return on(c, "ListOrganizationalUnitsForParent", *in.ParentId)
	}, (*Service).listUnits)
	_ = api.Define(operations, "ListAccountsForParent", func(c *api.Call, in *shape.ListAccountsForParentRequest) []api.Check {
		return on(c, "ListAccountsForParent", *in.ParentId)
	}, (*Service).listAccountsForParent)
	_ = api.Define(operations, "ListChildren", func(c *api.Call, in *shape.ListChildrenRequest) []api.Check {
		return on(c, "ListChildren", *in.ParentId)
	}, (*Service).listChildren)
	_ = api.Define(operations, "ListParents", func(c *api.Call, in *shape.ListParentsRequest) []api.Check {
		return on(c, "ListParents", *in.ChildId)
	}, (*Service).listParents)
)

// below looks below a parent.
func (s *Service) below(ctx context.Context, c *api.Call, parent string, f func(*tree) error) error {
	return s.look(ctx, c.Account(), func(t *tree) error {
		if !t.parent(parent) {
			return noParent.New("You specified a parent that doesn't exist.")
		}
		return f(t)
	})
}

func (s *Service) listUnits(ctx context.Context, c *api.Call, in *shape.ListOrganizationalUnitsForParentRequest) (*shape.ListOrganizationalUnitsForParentResponse, error) {
	out := &shape.ListOrganizationalUnitsForParentResponse{OrganizationalUnits: []shape.OrganizationalUnit{}}
	return out, s.below(ctx, c, *in.ParentId, func(t *tree) error {
		list, next, err := page(t.unitsIn(*in.ParentId), func(u *unit) string { return u.ID }, in.MaxResults, in.NextToken)
		for _, u := range list {
			out.OrganizationalUnits = append(out.OrganizationalUnits, *t.unitShape(u))
		}
		out.NextToken = next
		return err
	})
}

func (s *Service) listAccountsForParent(ctx context.Context, c *api.Call, in *shape.ListAccountsForParentRequest) (*shape.ListAccountsForParentResponse, error) {
	out := &shape.ListAccountsForParentResponse{}
	return out, s.below(ctx, c, *in.ParentId, func(t *tree) (err error) {
		out.Accounts, out.NextToken, err = t.accounts(*in.ParentId, in.MaxResults, in.NextToken)
		return err
	})
}

func (s *Service) listChildren(ctx context.Context, c *api.Call, in *shape.ListChildrenRequest) (*shape.ListChildrenResponse, error) {
	out := &shape.ListChildrenResponse{Children: []shape.Child{}}
	return out, s.below(ctx, c, *in.ParentId, func(t *tree) (err error) {
		var all []shape.Child
		for _, m := range t.membersIn(*in.ParentId) {
			if *in.ChildType == anAccount {
				all = append(all, shape.Child{Id: &m.Account, Type: in.ChildType})
			}
		}
		for _, u := range t.unitsIn(*in.ParentId) {
			if *in.ChildType == aUnit {
				all = append(all, shape.Child{Id: &u.ID, Type: in.ChildType})
			}
		}
		list, next, err := page(all, func(c shape.Child) string { return *c.Id }, in.MaxResults, in.NextToken)
		out.Children, out.NextToken = append(out.Children, list...), next
		return err
	})
}

// listParents gives the one parent that a unit or an account has.
func (s *Service) listParents(ctx context.Context, c *api.Call, in *shape.ListParentsRequest) (*shape.ListParentsResponse, error) {
	out := new(shape.ListParentsResponse)
	return out, s.look(ctx, c.Account(), func(t *tree) (err error) {
		kind, _, _ := t.place(*in.ChildId)
		if kind != aUnit && kind != anAccount {
			return noChild.New("You specified a child that doesn't exist.")
		}
		path := t.above(*in.ChildId)
		parent := path[len(path)-2]
		kind, _, _ = t.place(parent)
		out.Parents, out.NextToken, err = page([]shape.Parent{{Id: &parent, Type: &kind}}, func(p shape.Parent) string { return *p.Id }, in.MaxResults, in.NextToken)
		return err
	})
}
