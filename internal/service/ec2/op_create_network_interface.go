package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateNetworkInterface", func(c *api.Call, in *shape.CreateNetworkInterfaceRequest) []api.Check {
	const action = "CreateNetworkInterface"
	out := append(creates(c, action, "network-interface", in.TagSpecifications), check(c, action, "subnet", str(in.SubnetId)))
	return append(out, each(c, action, "security-group", in.Groups)...)
}, (*Service).createNetworkInterface)

func (s *Service) createNetworkInterface(ctx context.Context, c *api.Call, in *shape.CreateNetworkInterfaceRequest) (*shape.CreateNetworkInterfaceResult, error) {
	err := begin(in, "SubnetId", "Description", "PrivateIpAddress", "PrivateIpAddresses", "Groups", "ClientToken", "TagSpecifications", "InterfaceType",
		"SecondaryPrivateIpAddressCount")
	if err != nil {
		return nil, err
	}
	if t := str(in.InterfaceType); t != "" && t != "interface" {
		return nil, unsupportedOperation.New("The interface type %s is not supported.", t)
	}
	tags, err := s.specified(in.TagSpecifications, "network-interface")
	if err != nil {
		return nil, err
	}
	address, err := primaryAddress(in)
	if err != nil {
		return nil, err
	}
	out := &shape.CreateNetworkInterfaceResult{ClientToken: in.ClientToken}
	return out, s.changeInterface(ctx, func(tx *store.Tx) error {
		i, err := again(tx, enis, c.Account(), "CreateNetworkInterface", in.ClientToken, in)
		if err != nil {
			return err
		}
		if i == nil {
			if i, err = s.newInterface(tx, c, in, address, tags); err != nil {
				return err
			}
			if err := remember(tx, c.Account(), "CreateNetworkInterface", in.ClientToken, in, i.ID); err != nil {
				return err
			}
		}
		view, err := s.eniView(tx, c.Account())
		if err != nil {
			return err
		}
		out.NetworkInterface = new(view.aws(i))
		return nil
	})
}

// primaryAddress reads the one address that was asked for, in either of the two ways.
func primaryAddress(in *shape.CreateNetworkInterfaceRequest) (string, error) {
	switch {
	case in.SecondaryPrivateIpAddressCount != nil && *in.SecondaryPrivateIpAddressCount > 0:
		return "", unsupportedOperation.New("Secondary private IP addresses are not supported.")
	case len(in.PrivateIpAddresses) == 0:
		return str(in.PrivateIpAddress), nil
	case str(in.PrivateIpAddress) != "":
		return "", invalidCombination.New("The parameter privateIpAddress may not be used in combination with privateIpAddresses")
	case len(in.PrivateIpAddresses) > 1 || in.PrivateIpAddresses[0].Primary != nil && !*in.PrivateIpAddresses[0].Primary:
		return "", unsupportedOperation.New("Secondary private IP addresses are not supported.")
	}
	return str(in.PrivateIpAddresses[0].PrivateIpAddress), nil
}

func (s *Service) newInterface(tx *store.Tx, c *api.Call, in *shape.CreateNetworkInterfaceRequest, want string, tags map[string]string) (*eni, error) {
	n, err := subnets.get(tx, c.Account(), str(in.SubnetId))
	if err != nil {
		return nil, err
	}
	v, err := vpcs.get(tx, c.Account(), n.VPC)
	if err != nil {
		return nil, err
	}
	if count, err := enis.table.Count(tx, store.Prefix(c.Account())); err != nil || count >= s.Quotas.Interfaces {
		return nil, either(err, interfaceLimit.New("The maximum number of network interfaces has been reached."))
	}
	i := &eni{head: enis.begin(tx, c.Account(), tags), VPC: v.ID, Subnet: n.ID, MAC: newMAC(), Description: str(in.Description)}
	if i.Groups, err = s.usable(tx, v, in.Groups, n.ID); err != nil {
		return nil, err
	}
	a, err := parseAddress(want)
	if err != nil {
		return nil, err
	}
	if i.Address, err = allocate(tx, n, a); err != nil {
		return nil, err
	}
	return i, enis.put(tx, i)
}
