package elasticloadbalancing

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/ec2"
)

// place finds the zones of a balancer's subnets and gives their VPC.
func (s *Service) place(ctx context.Context, account string, zones []zone) (vpc string, err error) {
	var ids []string
	for _, z := range zones {
		ids = append(ids, z.Subnet)
	}
	out, err := api.CallAs[ec2.DescribeSubnetsResult](ctx, s.Client, self(account), "ec2", "DescribeSubnets", &ec2.DescribeSubnetsRequest{SubnetIds: ids})
	if f, ok := fault.As(err); ok {
		return "", subnetNotFound.New("%s", f.Message)
	}
	if err != nil {
		return "", err
	}
	seen := map[string]bool{}
	for i := range zones {
		at := slices.IndexFunc(out.Subnets, func(n ec2.Subnet) bool { return *n.SubnetId == zones[i].Subnet })
		if at < 0 {
			return "", subnetNotFound.New("The subnet ID '%s' does not exist", zones[i].Subnet)
		}
		n := out.Subnets[at]
		zones[i].Zone = *n.AvailabilityZone
		if vpc == "" {
			vpc = *n.VpcId
		}
		if *n.VpcId != vpc {
			return "", invalidSubnet.New("The subnets are not all in one VPC")
		}
		if seen[*n.AvailabilityZone] {
			return "", invalidRequest.New("A load balancer cannot be attached to multiple subnets in the same Availability Zone")
		}
		seen[*n.AvailabilityZone] = true
	}
	return vpc, nil
}

// mark is the description of a balancer's interfaces, by which they are found again.
func (b *balancer) mark() string { return "ELB net/" + b.Name + "/" + hash(b.ARN) }

// attach makes the interfaces of those zones that have none. It may be repeated, and done by two at once.
func (s *Service) attach(ctx context.Context, account, arn string) error {
	for {
		var b *balancer
		if err := s.DB.View(ctx, func(tx *store.Tx) (err error) { b, err = balancerOf(tx, account, arn); return err }); err != nil {
			return err
		}
		at := slices.IndexFunc(b.Zones, func(z zone) bool { return z.Interface == "" })
		if at < 0 {
			return nil
		}
		if err := s.attachOne(ctx, b, b.Zones[at]); err != nil {
			return err
		}
	}
}

func (s *Service) attachOne(ctx context.Context, b *balancer, z zone) error {
	in := &ec2.CreateNetworkInterfaceRequest{SubnetId: &z.Subnet, ClientToken: &z.Token, Description: new(b.mark())}
	if z.Wanted != "" {
		in.PrivateIpAddress = &z.Wanted
	}
	out, err := api.CallAs[ec2.CreateNetworkInterfaceResult](ctx, s.Client, self(b.Account), "ec2", "CreateNetworkInterface", in)
	if f, ok := fault.As(err); ok {
		return invalidSubnet.New("%s", f.Message)
	}
	if err != nil {
		return fmt.Errorf("interface of %s: %w", b.ARN, err)
	}
	id := *out.NetworkInterface.NetworkInterfaceId
	address, err := netip.ParseAddr(*out.NetworkInterface.PrivateIpAddress)
	if err != nil {
		return err
	}
	if err := s.Network.ManageUngrouped(ctx, b.Account, id); err != nil {
		return err
	}
	wanted := false
	err = s.changeBalancer(ctx, b.Account, b.ARN, func(_ *store.Tx, now *balancer) error {
		if at := slices.IndexFunc(now.Zones, func(o zone) bool { return o.Token == z.Token }); at >= 0 {
			now.Zones[at].Interface, now.Zones[at].Address, wanted = id, address, true
		}
		return nil
	})
	if err == nil && wanted {
		return nil
	}
	return errors.Join(err, s.release(ctx, b.Account, id)) // who wanted it has gone meanwhile
}

// remove ends a balancer: nothing is carried any more and its listeners are gone, then its interfaces, then
// itself. It may be repeated.
func (s *Service) remove(ctx context.Context, b *balancer) error {
	key := store.Key(b.Account, b.ARN)
	err := s.Network.Change(ctx, func(tx *store.Tx) error {
		all, err := listeners.All(tx, store.Prefix(b.Account))
		if err != nil {
			return err
		}
		for _, l := range all {
			if l.Balancer == b.ARN {
				if err := listeners.Delete(tx, store.Key(b.Account, l.ARN)); err != nil {
					return err
				}
			}
		}
		b.State, b.Zones = deleting, nil // the network must not name an interface that is about to go
		return balancers.Put(tx, key, b)
	})
	if err != nil {
		return err
	}
	if err := s.releaseAll(ctx, b, nil); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error { return balancers.Delete(tx, key) })
}

// releaseAll deletes the interfaces of a balancer but for some.
func (s *Service) releaseAll(ctx context.Context, b *balancer, but []string) error {
	found, err := api.CallAs[ec2.DescribeNetworkInterfacesResult](ctx, s.Client, self(b.Account), "ec2", "DescribeNetworkInterfaces",
		&ec2.DescribeNetworkInterfacesRequest{Filters: []ec2.Filter{{Name: new("description"), Values: []string{b.mark()}}}})
	if err != nil {
		return wrap("look for interfaces of", b.ARN, err)
	}
	for _, i := range found.NetworkInterfaces {
		if !slices.Contains(but, *i.NetworkInterfaceId) {
			err = errors.Join(err, s.release(ctx, b.Account, *i.NetworkInterfaceId))
		}
	}
	return err
}

func (s *Service) release(ctx context.Context, account, id string) error {
	if err := s.Network.Unuse(ctx, account, id); err != nil {
		return err
	}
	_, err := s.Client.Call(ctx, self(account), "ec2", "DeleteNetworkInterface", &ec2.DeleteNetworkInterfaceRequest{NetworkInterfaceId: &id})
	if fault.Is(err, "InvalidNetworkInterfaceID.NotFound") {
		return nil
	}
	return wrap("delete interface", id, err)
}
