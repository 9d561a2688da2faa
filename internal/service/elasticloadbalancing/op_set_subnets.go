package elasticloadbalancing

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/elasticloadbalancing"
)

var _ = api.Define(operations, "SetSubnets", func(c *api.Call, in *shape.SetSubnetsInput) []api.Check {
	return on(c, "SetSubnets", text(in.LoadBalancerArn))
}, (*Service).setSubnets)

// setSubnets adds subnets, and then takes away those that are named no more, so that the balancer is
// always somewhere.
func (s *Service) setSubnets(ctx context.Context, c *api.Call, in *shape.SetSubnetsInput) (*shape.SetSubnetsOutput, error) {
	if t := text(in.IpAddressType); t != "" && t != "ipv4" || text(in.EnablePrefixForIpv6SourceNat) == "on" {
		return nil, unsupportedRequest.New("IPv6 is not supported.")
	}
	want, err := zonesOf(in.Subnets, in.SubnetMappings)
	if err != nil {
		return nil, err
	}
	if err := s.DB.View(ctx, func(tx *store.Tx) error { _, err := balancerOf(tx, c.Account(), text(in.LoadBalancerArn)); return err }); err != nil {
		return nil, err
	}
	vpc, err := s.place(ctx, c.Account(), want)
	if err != nil {
		return nil, err
	}
	s.making.Lock()
	defer s.making.Unlock()
	arn, added := text(in.LoadBalancerArn), []string{}
	err = s.changeBalancer(ctx, c.Account(), arn, func(_ *store.Tx, b *balancer) error {
		if vpc != b.VPC {
			return invalidSubnet.New("The subnets are not in the load balancer's VPC")
		}
		for i, z := range want {
			if at := slices.IndexFunc(b.Zones, z.is); at >= 0 {
				want[i] = b.Zones[at]
			} else {
				b.Zones, added = append(b.Zones, z), append(added, z.Token)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	failed := s.attach(ctx, c.Account(), arn)
	var now *balancer
	err = s.changeBalancer(ctx, c.Account(), arn, func(_ *store.Tx, b *balancer) error {
		b.Zones = slices.DeleteFunc(b.Zones, func(z zone) bool {
			if failed != nil { // all is as it was
				return slices.Contains(added, z.Token)
			}
			return !slices.ContainsFunc(want, func(w zone) bool { return w.Token == z.Token })
		})
		now = b
		return nil
	})
	if err == nil {
		err = s.releaseAll(ctx, now, now.interfaces())
	}
	if err := either(failed, err); err != nil {
		return nil, err
	}
	return &shape.SetSubnetsOutput{AvailabilityZones: now.aws().AvailabilityZones, IpAddressType: new("ipv4")}, nil
}

// is says whether what was asked for is there already.
func (z zone) is(there zone) bool {
	return z.Subnet == there.Subnet && (z.Wanted == "" || z.Wanted == there.Address.String())
}

func (b *balancer) interfaces() (out []string) {
	for _, z := range b.Zones {
		out = append(out, z.Interface)
	}
	return out
}

func either(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
