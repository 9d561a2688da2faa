package organizations

import (
	"context"
	"slices"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	shape "cloister/internal/value/shape/organizations"
)

var (
	_ = api.Define(operations, "InviteAccountToOrganization", func(c *api.Call, in *shape.InviteAccountToOrganizationRequest) []api.Check {
		return withTags(onAll[shape.InviteAccountToOrganizationRequest]("InviteAccountToOrganization")(c, in), in.Tags)
	}, (*Service).invite)
	_ = api.Define(operations, "DescribeHandshake", func(c *api.Call, in *shape.DescribeHandshakeRequest) []api.Check {
		return onHandshake(c, "DescribeHandshake", *in.HandshakeId)
	}, (*Service).describeHandshake)
	_ = api.Define(operations, "ListHandshakesForAccount", onAll[shape.ListHandshakesForAccountRequest]("ListHandshakesForAccount"), (*Service).listReceived)
	_ = api.Define(operations, "ListHandshakesForOrganization", onAll[shape.ListHandshakesForOrganizationRequest]("ListHandshakesForOrganization"), (*Service).listSent)
)

// onHandshake is the checks of an operation on a handshake, which has two parties: its ARN is not looked up,
// so that nobody learns by a denial whose it is.
func onHandshake(c *api.Call, action, id string) []api.Check {
	return []api.Check{{Action: "organizations:" + action, Resource: arn.Format("organizations", "", c.Account(), "handshake/"+id)}}
}

// An invitation is open for fifteen days, and shown for thirty after it was answered.
const (
	openFor  = 15 * 24 * time.Hour
	shownFor = 30 * 24 * time.Hour
)

const (
	open     = shape.HandshakeStateOPEN
	accepted = shape.HandshakeStateACCEPTED
	declined = shape.HandshakeStateDECLINED
	canceled = shape.HandshakeStateCANCELED
	expired  = shape.HandshakeStateEXPIRED
)

// at is the state at a time.
func (h *handshake) at(now time.Time) string {
	if h.State == open && now.After(h.Expires) {
		return expired
	}
	return h.State
}

// invite asks an account that there is to join. Nobody gets a letter: the account finds the handshake.
func (s *Service) invite(ctx context.Context, c *api.Call, in *shape.InviteAccountToOrganizationRequest) (*shape.InviteAccountToOrganizationResponse, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	id := *in.Target.Id
	switch *in.Target.Type {
	case "ORGANIZATION":
		return nil, because(invalid, "INVALID_PARTY_TYPE_TARGET", "You specified the wrong type of entity (account, organization, or email) as a party.")
	case "EMAIL":
		return nil, because(invalid, "INVALID_EMAIL_ADDRESS_TARGET", "Cloister sends no mail: invite the account by its ID, with Type=ACCOUNT.")
	}
	_, found, err := s.Accounts.Name(ctx, id)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, because(invalid, "INVALID_PATTERN_TARGET_ID", "You specified an account that doesn't exist.")
	}
	out := new(shape.InviteAccountToOrganizationResponse)
	return out, s.change(ctx, c.Account(), func(t *tree) error {
		if t.members[id] != nil {
			return because(handshakeBarred, "ALREADY_IN_AN_ORGANIZATION", "The AWS account is already a member of an organization.")
		}
		all, err := handshakes.All(t.tx, "")
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(h *handshake) bool {
			return h.Organization == t.ID && h.Account == id && h.at(t.tx.Now) == open
		}) {
			return duplicateHandshake.New("A handshake with the same action and target already exists.")
		}
		if err := t.room(); err != nil {
			return err
		}
		now := t.tx.Now.Truncate(time.Millisecond)
		h := &handshake{Organization: t.ID, Management: t.Management, ID: newID("h-", 32), State: open, Account: id, Notes: text(in.Notes), Tags: in.Tags,
			Requested: now, Expires: now.Add(openFor)}
		out.Handshake = h.shape(now)
		return handshakes.Put(t.tx, h.ID, h)
	})
}

// shape shows no e-mail address of the management account, which has none.
func (h *handshake) shape(now time.Time) *shape.Handshake {
	value := func(kind, v string) shape.HandshakeResource { return shape.HandshakeResource{Type: &kind, Value: &v} }
	organization := value("ORGANIZATION", h.Organization)
	organization.Resources = []shape.HandshakeResource{value("ORGANIZATION_FEATURE_SET", "ALL")}
	out := &shape.Handshake{Id: &h.ID, Arn: new(arn.Format("organizations", "", h.Management, "handshake/"+h.Organization+"/invite/"+h.ID)),
		State: new(h.at(now)), Action: new("INVITE"), RequestedTimestamp: &h.Requested, ExpirationTimestamp: &h.Expires,
		Parties:   []shape.HandshakeParty{{Id: &h.Organization, Type: new("ORGANIZATION")}, {Id: &h.Account, Type: new("ACCOUNT")}},
		Resources: []shape.HandshakeResource{organization, value("ACCOUNT", h.Account)}}
	if h.Notes != "" {
		out.Resources = append(out.Resources, value("NOTES", h.Notes))
	}
	return out
}

// handshakeOf finds a handshake that an account has a part in.
func handshakeOf(tx *store.Tx, account, id string) (*handshake, error) {
	h, err := handshakes.Get(tx, id)
	if err == nil && (h == nil || h.Account != account && h.Management != account) {
		err = noHandshake.New("You specified a handshake that doesn't exist.")
	}
	return h, err
}

func (s *Service) describeHandshake(ctx context.Context, c *api.Call, in *shape.DescribeHandshakeRequest) (*shape.DescribeHandshakeResponse, error) {
	out := new(shape.DescribeHandshakeResponse)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		h, err := handshakeOf(tx, c.Account(), *in.HandshakeId)
		if err == nil {
			out.Handshake = h.shape(tx.Now)
		}
		return err
	})
}

// shown are the handshakes that a filter asks for.
func shown(tx *store.Tx, filter *shape.HandshakeFilter, of func(*handshake) bool, most *int32, token *string) ([]shape.Handshake, *string, error) {
	out := []shape.Handshake{}
	all, err := handshakes.All(tx, "")
	if err != nil {
		return nil, nil, err
	}
	other := filter != nil && (filter.ActionType != nil && *filter.ActionType != "INVITE" || filter.ParentHandshakeId != nil)
	all = slices.DeleteFunc(all, func(h *handshake) bool {
		return other || !of(h) || h.at(tx.Now) != open && tx.Now.After(h.Expires.Add(shownFor))
	})
	list, next, err := page(all, func(h *handshake) string { return h.ID }, most, token)
	for _, h := range list {
		out = append(out, *h.shape(tx.Now))
	}
	return out, next, err
}

// listReceived is for every account, in an organisation or not.
func (s *Service) listReceived(ctx context.Context, c *api.Call, in *shape.ListHandshakesForAccountRequest) (*shape.ListHandshakesForAccountResponse, error) {
	out := new(shape.ListHandshakesForAccountResponse)
	return out, s.DB.View(ctx, func(tx *store.Tx) (err error) {
		out.Handshakes, out.NextToken, err = shown(tx, in.Filter, func(h *handshake) bool { return h.Account == c.Account() }, in.MaxResults, in.NextToken)
		return err
	})
}

func (s *Service) listSent(ctx context.Context, c *api.Call, in *shape.ListHandshakesForOrganizationRequest) (*shape.ListHandshakesForOrganizationResponse, error) {
	out := new(shape.ListHandshakesForOrganizationResponse)
	return out, s.look(ctx, c.Account(), func(t *tree) (err error) {
		out.Handshakes, out.NextToken, err = shown(t.tx, in.Filter, func(h *handshake) bool { return h.Organization == t.ID }, in.MaxResults, in.NextToken)
		return err
	})
}
