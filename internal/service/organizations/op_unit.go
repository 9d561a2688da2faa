package organizations

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/organizations"
)

var (
	_ = api.Define(operations, "CreateOrganizationalUnit", func(c *api.Call, in *shape.CreateOrganizationalUnitRequest) []api.Check {
		return withTags(on(c, "CreateOrganizationalUnit", *in.ParentId), in.Tags)
	}, (*Service).createUnit)
	_ = api.Define(operations, "DescribeOrganizationalUnit", func(c *api.Call, in *shape.DescribeOrganizationalUnitRequest) []api.Check {
		return on(c, "DescribeOrganizationalUnit", *in.OrganizationalUnitId)
	}, (*Service).describeUnit)
	_ = api.Define(operations, "UpdateOrganizationalUnit", func(c *api.Call, in *shape.UpdateOrganizationalUnitRequest) []api.Check {
		return on(c, "UpdateOrganizationalUnit", *in.OrganizationalUnitId)
	}, (*Service).updateUnit)
	_ = api.Define(operations, "DeleteOrganizationalUnit", func(c *api.Call, in *shape.DeleteOrganizationalUnitRequest) []api.Check {
		return on(c, "DeleteOrganizationalUnit", *in.OrganizationalUnitId)
	}, (*Service).deleteUnit)
)

func (t *tree) unit(id string) (*unit, error) {
	if u := t.units[id]; u != nil {
		return u, nil
	}
	return nil, noUnit.New("You specified an organizational unit that doesn't exist.")
}

// free tells whether a name is free below a parent; the unit that has it itself does not count.
func (t *tree) free(parent, name, itself string) error {
	for _, u := range t.unitsIn(parent) {
		if strings.EqualFold(u.Name, name) && u.ID != itself {
			return duplicateUnit.New("An OU with the same name already exists.")
		}
	}
	return nil
}

func (s *Service) createUnit(ctx context.Context, c *api.Call, in *shape.CreateOrganizationalUnitRequest) (*shape.CreateOrganizationalUnitResponse, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	out := new(shape.CreateOrganizationalUnitResponse)
	return out, s.change(ctx, c.Account(), func(t *tree) error {
		if !t.parent(*in.ParentId) {
			return noParent.New("You specified a parent that doesn't exist.")
		}
		if err := t.free(*in.ParentId, *in.Name, ""); err != nil {
			return err
		}
		if len(t.above(*in.ParentId)) > mostDepth {
			return because(constraint, "OU_DEPTH_LIMIT_EXCEEDED", "You have exceeded the maximum depth of organizational units.")
		}
		if len(t.units) >= mostUnits {
			return because(constraint, "OU_NUMBER_LIMIT_EXCEEDED", "You have exceeded the maximum number of organizational units.")
		}
		u := &unit{Organization: t.ID, ID: newID("ou-"+strings.TrimPrefix(t.Root, "r-")+"-", 8), Parent: *in.ParentId, Name: *in.Name, Tags: in.Tags}
		if err := t.putUnit(u); err != nil {
			return err
		}
		out.OrganizationalUnit = t.unitShape(u)
		return t.furnish(u.ID)
	})
}

func (t *tree) unitShape(u *unit) *shape.OrganizationalUnit {
	return &shape.OrganizationalUnit{Id: &u.ID, Arn: new(t.unitARN(u.ID)), Name: &u.Name, Path: new(t.path(u.ID))}
}

func (s *Service) describeUnit(ctx context.Context, c *api.Call, in *shape.DescribeOrganizationalUnitRequest) (*shape.DescribeOrganizationalUnitResponse, error) {
	out := new(shape.DescribeOrganizationalUnitResponse)
	return out, s.look(ctx, c.Account(), func(t *tree) error {
		u, err := t.unit(*in.OrganizationalUnitId)
		if err == nil {
			out.OrganizationalUnit = t.unitShape(u)
		}
		return err
	})
}

func (s *Service) updateUnit(ctx context.Context, c *api.Call, in *shape.UpdateOrganizationalUnitRequest) (*shape.UpdateOrganizationalUnitResponse, error) {
	out := new(shape.UpdateOrganizationalUnitResponse)
	return out, s.change(ctx, c.Account(), func(t *tree) error {
		u, err := t.unit(*in.OrganizationalUnitId)
		if err != nil {
			return err
		}
		if in.Name != nil {
			if err := t.free(u.Parent, *in.Name, u.ID); err != nil {
				return err
			}
			u.Name = *in.Name
		}
		out.OrganizationalUnit = t.unitShape(u)
		return t.putUnit(u)
	})
}

func (s *Service) deleteUnit(ctx context.Context, c *api.Call, in *shape.DeleteOrganizationalUnitRequest) (*struct{}, error) {
	return new(struct{}), s.change(ctx, c.Account(), func(t *tree) error {
		u, err := t.unit(*in.OrganizationalUnitId)
		if err != nil {
			return err
		}
		if len(t.unitsIn(u.ID)) > 0 || len(t.membersIn(u.ID)) > 0 {
			return unitNotEmpty.New("The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child OUs, and try the operation again.")
		}
		if err := t.strip(u.ID); err != nil {
			return err
		}
		s.forget(t.tx, t.unitARN(u.ID))
		return t.dropUnit(u)
	})
}
