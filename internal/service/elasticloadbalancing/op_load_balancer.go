package elasticloadbalancing

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
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
	if b.VPC, err = s.place(ctx, b.Account, b.Zones); err != nil {
		return nil, err
	}
	var shown shape.LoadBalancer
	again := false
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := balancers.All(tx, store.Prefix(b.Account))
		if err != nil {
			return err
		}
		if at := slices.IndexFunc(all, func(o *balancer) bool { return o.Name == b.Name && o.State != deleting }); at >= 0 {
			if !all[at].like(b) {
				return duplicateBalancer.New("A load balancer with the same name '%s' exists, but with different settings", b.Name)
			}
			shown, again = all[at].aws(), true
			return nil
		}
		if len(all) >= mostBalancers {
			return tooManyBalancers.New("The maximum number of load balancers has been reached")
		}
		b.Created = tx.Now
		shown = b.aws()
		return balancers.Put(tx, store.Key(b.Account, b.ARN), b)
	})
	if err != nil || again {
		return &shape.CreateLoadBalancerOutput{LoadBalancers: []shape.LoadBalancer{shown}}, err
	}
	s.making.Lock()
	defer s.making.Unlock()
	if err := s.attach(ctx, b.Account, b.ARN); err != nil {
		if undone := s.remove(ctx, b); undone != nil {
			s.Log.Warn("a load balancer is left half made", "arn", b.ARN, "error", undone)
		}
		return nil, err
	}
	err = s.changeBalancer(ctx, b.Account, b.ARN, func(_ *store.Tx, b *balancer) error { b.State = active; return nil })
	return &shape.CreateLoadBalancerOutput{LoadBalancers: []shape.LoadBalancer{shown}}, err
}

// like says whether two balancers were asked for with the same settings.
func (b *balancer) like(o *balancer) bool {
	return maps.Equal(b.Tags, o.Tags) && slices.EqualFunc(b.Zones, o.Zones, func(a, b zone) bool { return a.Subnet == b.Subnet && a.Wanted == b.Wanted })
}

// changeBalancer changes a balancer, and with it the network.
func (s *Service) changeBalancer(ctx context.Context, account, arn string, f func(*store.Tx, *balancer) error) error {
	return s.Network.Change(ctx, func(tx *store.Tx) error {
		b, err := balancerOf(tx, account, arn)
		if err != nil {
			return err
		}
		if err := f(tx, b); err != nil {
			return err
		}
		return balancers.Put(tx, store.Key(account, arn), b)
	})
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
		out = append(out, zone{Subnet: id, Token: newID()})
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
		out = append(out, zone{Subnet: text(m.SubnetId), Wanted: text(m.PrivateIPv4Address), Token: newID()})
	}
	return out, nil
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
	s.making.Lock()
	defer s.making.Unlock()
	return &shape.DeleteLoadBalancerOutput{}, s.remove(ctx, b)
}
