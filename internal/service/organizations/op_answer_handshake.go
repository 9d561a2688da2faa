package organizations

import (
	"context"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/organizations"
)

var (
	_ = api.Define(operations, "AcceptHandshake", func(c *api.Call, in *shape.AcceptHandshakeRequest) []api.Check {
		return onHandshake(c, "AcceptHandshake", *in.HandshakeId)
	}, (*Service).acceptHandshake)
	_ = api.Define(operations, "DeclineHandshake", func(c *api.Call, in *shape.DeclineHandshakeRequest) []api.Check {
		return onHandshake(c, "DeclineHandshake", *in.HandshakeId)
	}, (*Service).declineHandshake)
	_ = api.Define(operations, "CancelHandshake", func(c *api.Call, in *shape.CancelHandshakeRequest) []api.Check {
		return onHandshake(c, "CancelHandshake", *in.HandshakeId)
	}, (*Service).cancelHandshake)
)

// answer brings an open handshake to its end. The inviter cancels, the invited do the other two.
func (s *Service) answer(ctx context.Context, c *api.Call, id, state string, then func(*store.Tx, *handshake) error) (out *shape.Handshake, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		h, err := handshakeOf(tx, c.Account(), id)
		if err != nil {
			return err
		}
		by := h.Account
		if state == canceled {
			by = h.Management
		}
		switch at := h.at(tx.Now); {
		case by != c.Account():
			return accessDenied.New("You don't have permissions to access this resource.")
		case at == state:
			return handshakeDone.New("The specified handshake is already in the requested state.")
		case at != open:
			return handshakeOver.New("You can't perform the operation on the handshake in its current state.")
		}
		h.State = state
		if then != nil {
			if err := then(tx, h); err != nil {
				return err
			}
		}
		out = h.shape(tx.Now)
		return handshakes.Put(tx, h.ID, h)
	})
	return out, err
}

// acceptHandshake makes the caller's account a member.
func (s *Service) acceptHandshake(ctx context.Context, c *api.Call, in *shape.AcceptHandshakeRequest) (*shape.AcceptHandshakeResponse, error) {
	name, _, err := s.Accounts.Name(ctx, c.Account())
	if err != nil {
		return nil, err
	}
	h, err := s.answer(ctx, c, *in.HandshakeId, accepted, func(tx *store.Tx, h *handshake) error {
		old, err := members.Get(tx, h.Account)
		if err != nil {
			return err
		}
		if old != nil {
			return because(handshakeBarred, "ALREADY_IN_AN_ORGANIZATION", "The AWS account is already a member of an organization.")
		}
		o, err := organizations.Get(tx, h.Organization)
		if err != nil {
			return err
		}
		t, err := grow(tx, o)
		if err != nil {
			return err
		}
		if err := t.join(&member{Account: h.Account, Name: name, Method: "INVITED", Joined: tx.Now.Truncate(time.Millisecond), Tags: h.Tags}); err != nil {
			return err
		}
		return s.tell(t)
	})
	return &shape.AcceptHandshakeResponse{Handshake: h}, err
}

func (s *Service) declineHandshake(ctx context.Context, c *api.Call, in *shape.DeclineHandshakeRequest) (*shape.DeclineHandshakeResponse, error) {
	h, err := s.answer(ctx, c, *in.HandshakeId, declined, nil)
	return &shape.DeclineHandshakeResponse{Handshake: h}, err
}

func (s *Service) cancelHandshake(ctx context.Context, c *api.Call, in *shape.CancelHandshakeRequest) (*shape.CancelHandshakeResponse, error) {
	h, err := s.answer(ctx, c, *in.HandshakeId, canceled, nil)
	return &shape.CancelHandshakeResponse{Handshake: h}, err
}
