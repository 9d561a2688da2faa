package ec2

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"cloister/internal/machine/store"
)

// Isolate makes a namespace with nothing but a loopback device, and returns when it exists. It stays,
// over restarts too, until Release. Doing it twice is doing it once.
func (s *Service) Isolate(ctx context.Context, id string) error {
	return s.inForce(ctx, func(tx *store.Tx) error { return isolatedTable.Put(tx, id, &isolated{ID: id}) })
}

// Release takes an isolated namespace away; it is no error if there is none.
func (s *Service) Release(ctx context.Context, id string) error {
	return s.inForce(ctx, func(tx *store.Tx) error { return isolatedTable.Delete(tx, id) })
}

// inForce is change for callers inside, who want to know if the fabric refused.
func (s *Service) inForce(ctx context.Context, f func(*store.Tx) error) error {
	generation, err := s.commit(ctx, s.DB.UpdateShared, f)
	if err != nil {
		return err
	}
	return s.progress.wait(ctx, generation)
}

// Interface is what other services may need to know of a network interface.
type Interface struct {
	ID, VPC, Subnet, Zone string
	Address               string
	Groups                []string
}

// ErrNoInterface is that there is no such interface in the account.
var ErrNoInterface = errors.New("no such network interface")

// InterfaceOf tells about an account's interface.
func (s *Service) InterfaceOf(ctx context.Context, account, id string) (out Interface, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		i, err := enis.table.Get(tx, store.Key(account, id))
		if err != nil {
			return err
		}
		if i == nil {
			return fmt.Errorf("%s: %w", id, ErrNoInterface)
		}
		n, err := subnets.table.Get(tx, store.Key(account, i.Subnet))
		if err != nil || n == nil {
			return err
		}
		out = Interface{ID: i.ID, VPC: i.VPC, Subnet: i.Subnet, Zone: n.Zone, Address: i.Address.String(), Groups: i.Groups}
		return nil
	})
	return out, err
}

// Address is the address of an account's interface.
func (s *Service) Address(ctx context.Context, account, id string) (a netip.Addr, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		i, err := enis.table.Get(tx, store.Key(account, id))
		if err == nil && i == nil {
			return fmt.Errorf("%s: %w", id, ErrNoInterface)
		}
		if err == nil {
			a = i.Address
		}
		return err
	})
	return a, err
}

// Exists tells whether an account has an interface.
func (s *Service) Exists(ctx context.Context, account, id string) (there bool, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		i, err := enis.table.Get(tx, store.Key(account, id))
		there = i != nil
		return err
	})
	return there, err
}

// VPC tells other services whether an account has a VPC, and whether its resolver knows private names.
func (s *Service) VPC(tx *store.Tx, account, id string) (found, names bool, err error) {
	v, err := vpcs.table.Get(tx, store.Key(account, id))
	if err != nil || v == nil {
		return false, false, err
	}
	return true, v.DNSSupport && v.DNSHostnames, nil
}

// Ranges are the ranges of an account's VPC; none if there is no such VPC.
func (s *Service) Ranges(tx *store.Tx, account, id string) ([]netip.Prefix, error) {
	v, err := vpcs.table.Get(tx, store.Key(account, id))
	if err != nil || v == nil {
		return nil, err
	}
	return v.cidrs(), nil
}

// PrivateNames are the names that endpoints have taken over in a VPC, and the hidden zone that each is in.
func (s *Service) PrivateNames(tx *store.Tx, account, vpc string) (map[string]string, error) {
	out := map[string]string{}
	all, err := endpoints.where(tx, account, func(e *endpoint) bool { return e.VPC == vpc && e.PrivateDNS && e.State != deleting })
	for _, e := range all {
		for _, n := range privateNames(s.Region, e) {
			out[n] = e.Zone
		}
	}
	return out, err
}

// EndpointZone is the hosted zone of the region's names of VPC endpoints.
func (s *Service) EndpointZone() string { return endpointZone(s.Region) }

// Manage marks an interface that a service made for its customer as in use and as the service's, so that it
// cannot be deleted under what runs in it; Unuse ends that. Both may be repeated.
func (s *Service) Manage(ctx context.Context, account, id string) error {
	return s.mark(ctx, account, id, manage)
}

// ManageUngrouped is Manage for an interface that no groups apply to.
func (s *Service) ManageUngrouped(ctx context.Context, account, id string) error {
	return s.mark(ctx, account, id, func(tx *store.Tx, i *eni) {
		i.Groups = nil
		manage(tx, i)
	})
}

func manage(tx *store.Tx, i *eni) {
	i.Managed = true
	if i.Attachment == "" {
		i.Attachment, i.Attached = newID("ela-attach-"), tx.Now
	}
}

// Unuse marks an interface as free to be deleted; it is no error if it is gone already.
func (s *Service) Unuse(ctx context.Context, account, id string) error {
	err := s.mark(ctx, account, id, func(_ *store.Tx, i *eni) { i.Attachment, i.Managed = "", false })
	if errors.Is(err, ErrNoInterface) {
		return nil
	}
	return err
}

// Describe says anew what a service's interface is for. It may be repeated.
func (s *Service) Describe(ctx context.Context, account, id, description string) error {
	return s.mark(ctx, account, id, func(_ *store.Tx, i *eni) { i.Description = description })
}

// Inform has what runs at an interface ask for its credentials, from the moment it returns until the interface
// is deleted. It may be repeated.
func (s *Service) Inform(ctx context.Context, account, id string) error {
	return s.inForce(ctx, func(tx *store.Tx) error {
		i, err := enis.table.Get(tx, store.Key(account, id))
		if err != nil {
			return err
		}
		if i == nil || i.Endpoint != "" || i.NAT != "" {
			return fmt.Errorf("%s: %w", id, ErrNoInterface)
		}
		i.Metadata = true
		return enis.put(tx, i)
	})
}

// Lend is Inform for an interface of a customer's own, on which no service works and which nothing is attached to.
func (s *Service) Lend(ctx context.Context, account, id string) error {
	return s.inForce(ctx, func(tx *store.Tx) error {
		i, err := enis.get(tx, account, id)
		if err != nil {
			return err
		}
		if i.Endpoint != "" || i.NAT != "" || i.Managed || i.Attachment != "" {
			return interfaceInUse.New("Network interface '%s' is currently in use.", id)
		}
		i.Metadata = true
		return enis.put(tx, i)
	})
}

func (s *Service) mark(ctx context.Context, account, id string, f func(*store.Tx, *eni)) error {
	return s.DB.UpdateShared(ctx, func(tx *store.Tx) error {
		i, err := enis.table.Get(tx, store.Key(account, id))
		if err != nil {
			return err
		}
		if i == nil || i.Endpoint != "" || i.NAT != "" {
			return fmt.Errorf("%s: %w", id, ErrNoInterface)
		}
		f(tx, i)
		return enis.put(tx, i)
	})
}
