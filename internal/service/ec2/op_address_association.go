package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "AssociateAddress", func(c *api.Call, in *shape.AssociateAddressRequest) []api.Check {
	return []api.Check{
		check(c, "AssociateAddress", "elastic-ip", str(in.AllocationId)), check(c, "AssociateAddress", "network-interface", str(in.NetworkInterfaceId)),
	}
}, (*Service).associateAddress)

func (s *Service) associateAddress(ctx context.Context, c *api.Call, in *shape.AssociateAddressRequest) (*shape.AssociateAddressResult, error) {
	if err := begin(in, "AllocationId", "InstanceId", "PublicIp", "NetworkInterfaceId", "PrivateIpAddress", "AllowReassociation"); err != nil {
		return nil, err
	}
	switch {
	case str(in.PublicIp) != "":
		return nil, invalidCombination.New("You must specify an allocation id when mapping an address to a VPC instance")
	case str(in.InstanceId) != "":
		return nil, noInstance.New("The instance ID '%s' does not exist", *in.InstanceId)
	}
	if err := need("AllocationId", str(in.AllocationId)); err != nil {
		return nil, err
	}
	if err := need("NetworkInterfaceId", str(in.NetworkInterfaceId)); err != nil {
		return nil, err
	}
	out := &shape.AssociateAddressResult{}
	return out, s.change(ctx, func(tx *store.Tx) error {
		e, err := elastics.get(tx, c.Account(), *in.AllocationId)
		if err != nil {
			return err
		}
		i, err := mappable(tx, c.Account(), in)
		if err != nil {
			return err
		}
		if e.Interface != i.ID {
			if err := displace(tx, e, i, in.AllowReassociation == nil || *in.AllowReassociation); err != nil {
				return err
			}
			e.Interface, e.Association = i.ID, newID("eipassoc-")
		}
		out.AssociationId = &e.Association
		return elastics.put(tx, e)
	})
}

// mappable gives the interface that is to have an elastic address, if it can.
func mappable(tx *store.Tx, account string, in *shape.AssociateAddressRequest) (*eni, error) {
	i, err := enis.get(tx, account, *in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	if i.managed() {
		return nil, authFailure.New("You do not have permission to access the specified resource.")
	}
	if want := str(in.PrivateIpAddress); want != "" && want != i.Address.String() {
		return nil, invalidValue.New("Invalid value '%s' for PrivateIpAddress. The address is not assigned to the network interface %s.", want, i.ID)
	}
	v, err := vpcs.get(tx, account, i.VPC)
	if err != nil {
		return nil, err
	}
	if g, err := internetGatewayOf(tx, v); err != nil || g == nil {
		return nil, either(err, gatewayNotAttached.New("Network %s is not attached to any internet gateway", v.ID))
	}
	return i, nil
}

// displace ends what an address stands for and what address an interface has, if that is allowed.
func displace(tx *store.Tx, e *elastic, i *eni, allowed bool) error {
	if e.Interface != "" {
		if !allowed {
			return resourceAssociated.New("resource %s is already associated with associate-id %s", e.ID, e.Association)
		}
		if err := unmanaged(tx, e); err != nil {
			return err
		}
	}
	old, err := elasticOn(tx, i.Account, i.ID)
	if err != nil || old == nil {
		return err
	}
	if !allowed {
		return resourceAssociated.New("resource %s is already associated with address %s", i.ID, old.Public)
	}
	return old.free(tx)
}

// unmanaged says why a customer cannot take an address from what it stands for: a service has it there.
func unmanaged(tx *store.Tx, e *elastic) error {
	i, err := enis.table.Get(tx, store.Key(e.Account, e.Interface))
	if err != nil {
		return err
	}
	if i != nil && i.managed() {
		return authFailure.New("You do not have permission to access the specified resource.")
	}
	return nil
}

var _ = api.Define(operations, "DisassociateAddress", func(c *api.Call, in *shape.DisassociateAddressRequest) []api.Check {
	return []api.Check{check(c, "DisassociateAddress", "elastic-ip", ""), check(c, "DisassociateAddress", "network-interface", "")}
}, (*Service).disassociateAddress)

func (s *Service) disassociateAddress(ctx context.Context, c *api.Call, in *shape.DisassociateAddressRequest) (*struct{}, error) {
	if err := begin(in, "AssociationId", "PublicIp"); err != nil {
		return nil, err
	}
	if str(in.PublicIp) != "" {
		return nil, invalidValue.New("You must specify an association id when unmapping an address from a VPC instance")
	}
	if err := need("AssociationId", str(in.AssociationId)); err != nil {
		return nil, err
	}
	if !wellFormed("eipassoc-", *in.AssociationId) {
		return nil, malformedAssociation.New(`Invalid id: "%s" (expecting "eipassoc-...")`, *in.AssociationId)
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		all, err := elastics.all(tx, c.Account())
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(e *elastic) bool { return e.Association == *in.AssociationId })
		if at < 0 {
			return associationNotFound.New("The association ID '%s' does not exist", *in.AssociationId)
		}
		if err := unmanaged(tx, all[at]); err != nil {
			return err
		}
		return all[at].free(tx)
	})
}
