package organizations

import (
	"context"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/organizations"
)

var (
	_ = api.Define(operations, "CreateOrganization", onAll[shape.CreateOrganizationRequest]("CreateOrganization"), (*Service).createOrganization)
	_ = api.Define(operations, "DescribeOrganization", onAll[struct{}]("DescribeOrganization"), (*Service).describeOrganization)
	_ = api.Define(operations, "DeleteOrganization", onAll[struct{}]("DeleteOrganization"), (*Service).deleteOrganization)
	_ = api.Define(operations, "ListRoots", onAll[shape.ListRootsRequest]("ListRoots"), (*Service).listRoots)
	_ = api.Define(operations, "ListAWSServiceAccessForOrganization",
		onAll[shape.ListAWSServiceAccessForOrganizationRequest]("ListAWSServiceAccessForOrganization"), (*Service).listServiceAccess)
)

// createOrganization makes the caller's account the management account of a new organisation.
func (s *Service) createOrganization(ctx context.Context, c *api.Call, in *shape.CreateOrganizationRequest) (*shape.CreateOrganizationResponse, error) {
	if in.FeatureSet != nil && *in.FeatureSet != "ALL" {
		return nil, because(invalid, "INVALID_ENUM", "FeatureSet %s is not supported by Cloister, as nobody pays here: leave it out or say ALL.", *in.FeatureSet)
	}
	name, _, err := s.Accounts.Name(ctx, c.Account())
	if err != nil {
		return nil, err
	}
	out := new(shape.CreateOrganizationResponse)
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := members.Get(tx, c.Account())
		if err != nil {
			return err
		}
		if old != nil {
			return alreadyIn.New("The AWS account is already a member of an organization.")
		}
		t, err := grow(tx, &organization{ID: newID("o-", 10), Root: newID("r-", 4), Management: c.Account()})
		if err != nil {
			return err
		}
		if err := t.found(name); err != nil {
			return err
		}
		out.Organization = t.shape()
		return s.tell(t)
	})
}

// found writes what an organisation begins with.
func (t *tree) found(name string) error {
	if err := t.putOrganization(); err != nil {
		return err
	}
	for _, p := range full {
		p.Organization = t.ID
		if err := t.putControl(&p); err != nil {
			return err
		}
	}
	return t.putMember(&member{Account: t.Management, Organization: t.ID, Parent: t.Root, Name: name, Method: "INVITED", Joined: t.tx.Now.Truncate(time.Millisecond)})
}

// describeOrganization is for members, too.
func (s *Service) describeOrganization(ctx context.Context, c *api.Call, _ *struct{}) (*shape.DescribeOrganizationResponse, error) {
	out := new(shape.DescribeOrganizationResponse)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		t, err := of(tx, c.Account())
		if err == nil {
			out.Organization = t.shape()
		}
		return err
	})
}

// shape has no e-mail address of the management account, which has none. The list of types is what AWS
// still fills for old clients, whether they are enabled or not.
func (t *tree) shape() *shape.Organization {
	return &shape.Organization{Id: &t.ID, Arn: new(t.arn("organization/" + t.ID)), FeatureSet: new("ALL"), MasterAccountId: &t.Management,
		MasterAccountArn: new(t.accountARN(t.Management)), AvailablePolicyTypes: []shape.PolicyTypeSummary{{Type: new(scp), Status: new("ENABLED")}}}
}

func (s *Service) deleteOrganization(ctx context.Context, c *api.Call, _ *struct{}) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		t, err := managed(tx, c.Account())
		if err != nil {
			return err
		}
		going, err := t.creating()
		if err != nil {
			return err
		}
		if len(t.members) > 1 || going {
			return notEmpty.New("To delete an organization you must first remove all member accounts (except the master).")
		}
		return s.dissolve(t)
	})
}

// creating tells whether an account of the organisation is being made.
func (t *tree) creating() (bool, error) {
	all, err := creations.All(t.tx, store.Prefix(t.ID))
	for _, n := range all {
		if n.State == inProgress {
			return true, err
		}
	}
	return false, err
}

// dissolve removes every record of an organisation. Its open invitations lead nowhere from then on.
func (s *Service) dissolve(t *tree) error {
	gone := []string{t.rootARN(), t.accountARN(t.Management)}
	for id := range t.units {
		gone = append(gone, t.unitARN(id))
	}
	for _, p := range t.controls {
		gone = append(gone, t.controlARN(p))
		t.tx.After(func() { s.parsed.drop(t.ID + "/" + p.ID) })
	}
	s.forget(t.tx, gone...)
	t.tx.After(func() { s.Directory.RemoveOrganization(t.ID) })
	hs, err := handshakes.All(t.tx, "")
	if err != nil {
		return err
	}
	for _, h := range hs {
		if h.Organization != t.ID {
			continue
		}
		if err := handshakes.Delete(t.tx, h.ID); err != nil {
			return err
		}
	}
	prefix := store.Prefix(t.ID)
	for _, remove := range []func() error{
		func() error { return units.DeleteAll(t.tx, prefix) }, func() error { return controls.DeleteAll(t.tx, prefix) },
		func() error { return creations.DeleteAll(t.tx, prefix) }, func() error { return members.Delete(t.tx, t.Management) },
	} {
		if err := remove(); err != nil {
			return err
		}
	}
	return organizations.Delete(t.tx, t.ID)
}

func (s *Service) listRoots(ctx context.Context, c *api.Call, in *shape.ListRootsRequest) (*shape.ListRootsResponse, error) {
	out := new(shape.ListRootsResponse)
	return out, s.look(ctx, c.Account(), func(t *tree) (err error) {
		out.Roots, out.NextToken, err = page([]shape.Root{*t.root()}, func(r shape.Root) string { return *r.Id }, in.MaxResults, in.NextToken)
		return err
	})
}

func (t *tree) root() *shape.Root {
	r := &shape.Root{Id: &t.Root, Arn: new(t.rootARN()), Name: new("Root"), PolicyTypes: []shape.PolicyTypeSummary{}}
	for _, kind := range t.Types {
		r.PolicyTypes = append(r.PolicyTypes, shape.PolicyTypeSummary{Type: new(kind), Status: new("ENABLED")})
	}
	return r
}

// listServiceAccess is empty: no service here works across the accounts of an organisation.
func (s *Service) listServiceAccess(ctx context.Context, c *api.Call, in *shape.ListAWSServiceAccessForOrganizationRequest) (*shape.ListAWSServiceAccessForOrganizationResponse, error) {
	out := &shape.ListAWSServiceAccessForOrganizationResponse{EnabledServicePrincipals: []shape.EnabledServicePrincipal{}}
	return out, s.look(ctx, c.Account(), func(*tree) (err error) {
		_, _, err = page(out.EnabledServicePrincipals, func(p shape.EnabledServicePrincipal) string { return *p.ServicePrincipal }, in.MaxResults, in.NextToken)
		return err
	})
}
