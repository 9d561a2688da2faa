package elasticloadbalancing

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/ec2"
	shape "cloister/internal/value/shape/elasticloadbalancing"
)

// mostBalancers is the quota of network load balancers in a region.
const mostBalancers = 50

var _ = api.Define(operations, "CreateLoadBalancer", func(c *api.Call, in *shape.CreateLoadBalancerInput) []api.Check {
	return on(c, "CreateLoadBalancer", c.ARN("elasticloadbalancing", "loadbalancer/net/"+text(in.Name)+"/*"), in.Tags...)
}, (*Service).createLoadBalancer)

func (s *Service) createLoadBalancer(ctx context.Context, c *api.Call, in *shape.CreateLoadBalancerInput) (*shape.CreateLoadBalancerOutput, error) {
	b, err := s.begun(c, in)
	if err != nil {
		return nil, err
	}
	if b.VPC, err = s.place(ctx, b); err != nil {
		return nil, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := balancers.All(tx, store.Prefix(b.Account))
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(o *balancer) bool { return o.Name == b.Name && o.State != deleting }) {
			return duplicateBalancer.New("A load balancer with the same name '%s' exists, but with different settings", b.Name)
		}
		if len(all) >= mostBalancers {
			return tooManyBalancers.New("The maximum number of load balancers has been reached")
		}
		b.Created = tx.Now
		return balancers.Put(tx, store.Key(b.Account, b.ARN), b)
	})
	if err != nil {
		return nil, err
	}
	if err := s.attach(ctx, b); err != nil {
		if undone := s.remove(ctx, b); undone != nil {
			s.Log.Warn("a load balancer is left half made", "arn", b.ARN, "error", undone)
		}
		return nil, err
	}
	shown := b.aws()
	shown.State.Code = new(provisioning)
	b.State = active
	err = s.Network.Change(ctx, func(tx *store.Tx) error { return balancers.Put(tx, store.Key(b.Account, b.ARN), b) })
	return &shape.CreateLoadBalancerOutput{LoadBalancers: []shape.LoadBalancer{shown}}, err
}

// begun reads a request into a balancer without interfaces.
func (s *Service) begun(c *api.Call, in *shape.CreateLoadBalancerInput) (*balancer, error) {
	if kind := text(in.Type); kind != "network" {
		return nil, unsupportedRequest.New("Load balancers of the type %s are not supported, only network ones.", orElse(kind, "application"))
	}
	if text(in.Scheme) != "internal" {
		return nil, unsupportedRequest.New("Load balancers of the scheme %s are not supported, only internal ones.", orElse(text(in.Scheme), "internet-facing"))
	}
	err := refuse(map[string]bool{
		"SecurityGroups": len(in.SecurityGroups) > 0, "CustomerOwnedIpv4Pool": text(in.CustomerOwnedIpv4Pool) != "", "IpamPools": in.IpamPools != nil,
		"IpAddressType": text(in.IpAddressType) != "" && text(in.IpAddressType) != "ipv4", "EnablePrefixForIpv6SourceNat": text(in.EnablePrefixForIpv6SourceNat) == "on",
	})
	if err != nil {
		return nil, err
	}
	if err := nameable("Load balancer", text(in.Name)); err != nil {
		return nil, err
	}
	b := &balancer{Account: c.Account(), Name: *in.Name, State: provisioning}
	id := newID()
	b.ARN = s.arn(b.Account, "loadbalancer/net/"+b.Name+"/"+id)
	b.DNS = strings.ToLower(b.Name + "-" + id + ".elb." + s.Region + ".amazonaws.com")
	if b.Tags, err = merged(nil, in.Tags); err != nil {
		return nil, err
	}
	if b.Zones, err = zonesOf(in.Subnets, in.SubnetMappings); err != nil {
		return nil, err
	}
	return b, nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// zonesOf reads where a balancer is to stand.
func zonesOf(subnets []string, mappings []shape.SubnetMapping) (out []zone, err error) {
	if (len(subnets) == 0) == (len(mappings) == 0) {
		return nil, validation.New("Exactly one of Subnets and SubnetMappings must be specified")
	}
	for _, id := range subnets {
		out = append(out, zone{Subnet: id})
	}
	for _, m := range mappings {
		if text(m.AllocationId) != "" || text(m.IPv6Address) != "" || text(m.SourceNatIpv6Prefix) != "" {
			return nil, unsupportedRequest.New("Addresses of subnet mappings other than PrivateIPv4Address are not supported.")
		}
		if a := text(m.PrivateIPv4Address); a != "" {
			if at, err := netip.ParseAddr(a); err != nil || !at.Is4() {
				return nil, validation.New("'%s' is not a valid IPv4 address", a)
			}
		}
		out = append(out, zone{Subnet: text(m.SubnetId), Wanted: text(m.PrivateIPv4Address)})
	}
	return out, nil
}

// place finds the zones of a balancer's subnets and gives their VPC.
func (s *Service) place(ctx context.Context, b *balancer) (vpc string, err error) {
	var ids []string
	for _, z := range b.Zones {
		ids = append(ids, z.Subnet)
	}
	out, err := api.CallAs[ec2.DescribeSubnetsResult](ctx, s.Client, self(b.Account), "ec2", "DescribeSubnets", &ec2.DescribeSubnetsRequest{SubnetIds: ids})
	if f, ok := fault.As(err); ok {
		return "", subnetNotFound.New("%s", f.Message)
	}
	if err != nil {
		return "", err
	}
	seen := map[string]bool{}
	for i := range b.Zones {
		at := slices.IndexFunc(out.Subnets, func(n ec2.Subnet) bool { return *n.SubnetId == b.Zones[i].Subnet })
		if at < 0 {
			return "", subnetNotFound.New("The subnet ID '%s' does not exist", b.Zones[i].Subnet)
		}
		n := out.Subnets[at]
		b.Zones[i].Zone = *n.AvailabilityZone
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

// attach makes the interfaces of those zones that have none. It may be repeated.
func (s *Service) attach(ctx context.Context, b *balancer) error {
	for i := range b.Zones {
		z := &b.Zones[i]
		if z.Interface != "" {
			continue
		}
		in := &ec2.CreateNetworkInterfaceRequest{SubnetId: &z.Subnet, ClientToken: new(hash(b.ARN) + z.Subnet), Description: new(b.mark())}
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
		z.Interface = *out.NetworkInterface.NetworkInterfaceId
		if z.Address, err = netip.ParseAddr(*out.NetworkInterface.PrivateIpAddress); err != nil {
			return err
		}
		if err := s.Network.Manage(ctx, b.Account, z.Interface); err != nil {
			return err
		}
	}
	return nil
}

// remove ends a balancer: nothing is carried any more, its listeners are gone, then its interfaces, then
// itself. It may be repeated.
func (s *Service) remove(ctx context.Context, b *balancer) error {
	b.State = deleting
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
		return balancers.Put(tx, store.Key(b.Account, b.ARN), b)
	})
	if err != nil {
		return err
	}
	found, err := api.CallAs[ec2.DescribeNetworkInterfacesResult](ctx, s.Client, self(b.Account), "ec2", "DescribeNetworkInterfaces",
		&ec2.DescribeNetworkInterfacesRequest{Filters: []ec2.Filter{{Name: new("description"), Values: []string{b.mark()}}}})
	if err != nil {
		return wrap("look for interfaces of", b.ARN, err)
	}
	// The network must not name an interface that is about to go.
	if err := s.Network.Change(ctx, func(tx *store.Tx) error { return balancers.Delete(tx, store.Key(b.Account, b.ARN)) }); err != nil {
		return err
	}
	for _, i := range found.NetworkInterfaces {
		if err := s.release(ctx, b.Account, *i.NetworkInterfaceId); err != nil {
			return err
		}
	}
	return nil
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

func (b *balancer) aws() shape.LoadBalancer {
	out := shape.LoadBalancer{
		LoadBalancerArn: &b.ARN, DNSName: &b.DNS, CanonicalHostedZoneId: new("Z26RNL4JYFTOTI"), CreatedTime: &b.Created, LoadBalancerName: &b.Name, Scheme: new("internal"),
		VpcId: &b.VPC, State: &shape.LoadBalancerState{Code: new(b.State)}, Type: new("network"), IpAddressType: new("ipv4"), AvailabilityZones: []shape.AvailabilityZone{},
		EnablePrefixForIpv6SourceNat: new("off"),
	}
	for _, z := range b.Zones {
		at := shape.AvailabilityZone{ZoneName: new(z.Zone), SubnetId: new(z.Subnet), LoadBalancerAddresses: []shape.LoadBalancerAddress{}}
		if z.Wanted != "" {
			at.LoadBalancerAddresses = append(at.LoadBalancerAddresses, shape.LoadBalancerAddress{PrivateIPv4Address: new(z.Wanted)})
		}
		out.AvailabilityZones = append(out.AvailabilityZones, at)
	}
	return out
}

var _ = api.Define(operations, "DescribeLoadBalancers", reads[shape.DescribeLoadBalancersInput]("DescribeLoadBalancers"), (*Service).describeLoadBalancers)

func (s *Service) describeLoadBalancers(ctx context.Context, c *api.Call, in *shape.DescribeLoadBalancersInput) (*shape.DescribeLoadBalancersOutput, error) {
	out := &shape.DescribeLoadBalancersOutput{LoadBalancers: []shape.LoadBalancer{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := balancers.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(b *balancer) bool { return b.State == deleting })
		if all, err = chosen(all, in.LoadBalancerArns, in.Names, func(b *balancer) (string, string) { return b.ARN, b.Name }); err != nil {
			return balancerNotFound.New("One or more load balancers not found")
		}
		list, next, err := page(all, func(b *balancer) string { return b.ARN }, in.Marker, in.PageSize)
		for _, b := range list {
			out.LoadBalancers = append(out.LoadBalancers, b.aws())
		}
		out.NextMarker = next
		return err
	})
}

var errMissing = fmt.Errorf("one is missing")

// chosen gives those with the ARNs or names, all for neither.
func chosen[T any](all []T, arns, names []string, of func(T) (arn, name string)) ([]T, error) {
	if len(arns) == 0 && len(names) == 0 {
		return all, nil
	}
	var out []T
	found := map[string]bool{}
	for _, v := range all {
		arn, name := of(v)
		if slices.Contains(arns, arn) || slices.Contains(names, name) {
			out, found[arn], found[name] = append(out, v), true, true
		}
	}
	for _, want := range slices.Concat(arns, names) {
		if !found[want] {
			return nil, errMissing
		}
	}
	return out, nil
}

var _ = api.Define(operations, "DeleteLoadBalancer", func(c *api.Call, in *shape.DeleteLoadBalancerInput) []api.Check {
	return on(c, "DeleteLoadBalancer", text(in.LoadBalancerArn))
}, (*Service).deleteLoadBalancer)

// deleteLoadBalancer succeeds for one that is not there, as AWS's does.
func (s *Service) deleteLoadBalancer(ctx context.Context, c *api.Call, in *shape.DeleteLoadBalancerInput) (*shape.DeleteLoadBalancerOutput, error) {
	var b *balancer
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if b, err = balancerOf(tx, c.Account(), text(in.LoadBalancerArn)); err != nil {
			return err
		}
		if b.Protected {
			return notPermitted.New("Load balancer '%s' cannot be deleted because deletion protection is enabled", b.ARN)
		}
		serving, err := s.Network.Serving(tx, b.ARN)
		if err == nil && serving {
			err = inUse.New("Load balancer '%s' cannot be deleted because it is currently associated with another service", b.ARN)
		}
		return err
	})
	if fault.Is(err, balancerNotFound.Code) {
		return &shape.DeleteLoadBalancerOutput{}, nil
	}
	if err != nil {
		return nil, err
	}
	return &shape.DeleteLoadBalancerOutput{}, s.remove(ctx, b)
}

var _ = api.Define(operations, "SetSubnets", func(c *api.Call, in *shape.SetSubnetsInput) []api.Check {
	return on(c, "SetSubnets", text(in.LoadBalancerArn))
}, (*Service).setSubnets)

// setSubnets adds subnets, and takes away those that are named no more.
func (s *Service) setSubnets(ctx context.Context, c *api.Call, in *shape.SetSubnetsInput) (*shape.SetSubnetsOutput, error) {
	if t := text(in.IpAddressType); t != "" && t != "ipv4" || text(in.EnablePrefixForIpv6SourceNat) == "on" {
		return nil, unsupportedRequest.New("IPv6 is not supported.")
	}
	want, err := zonesOf(in.Subnets, in.SubnetMappings)
	if err != nil {
		return nil, err
	}
	var b *balancer
	if err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		b, err = balancerOf(tx, c.Account(), text(in.LoadBalancerArn))
		return err
	}); err != nil {
		return nil, err
	}
	var gone []string
	for _, old := range b.Zones {
		if at := slices.IndexFunc(want, func(z zone) bool {
			return z.Subnet == old.Subnet && (z.Wanted == "" || z.Wanted == old.Address.String())
		}); at >= 0 {
			want[at] = old
		} else {
			gone = append(gone, old.Interface)
		}
	}
	b.Zones = want
	vpc, err := s.place(ctx, b)
	if err != nil {
		return nil, err
	}
	if vpc != b.VPC {
		return nil, invalidSubnet.New("The subnets are not in the load balancer's VPC")
	}
	if err := s.attach(ctx, b); err != nil {
		return nil, err
	}
	if err := s.Network.Change(ctx, func(tx *store.Tx) error { return balancers.Put(tx, store.Key(b.Account, b.ARN), b) }); err != nil {
		return nil, err
	}
	for _, id := range gone {
		if err := s.release(ctx, b.Account, id); err != nil {
			return nil, err
		}
	}
	return &shape.SetSubnetsOutput{AvailabilityZones: b.aws().AvailabilityZones, IpAddressType: new("ipv4")}, nil
}
