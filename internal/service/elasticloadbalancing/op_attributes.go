package elasticloadbalancing

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/elasticloadbalancing"
)

// An attribute may be set to what it is already; others are refused, but for those that are acted on (below)
// or kept (docs/coverage.md).
var balancerAttributes = map[string]string{
	"deletion_protection.enabled": "false", "access_logs.s3.enabled": "false", "access_logs.s3.bucket": "", "access_logs.s3.prefix": "", "ipv6.deny_all_igw_traffic": "false",
	"load_balancing.cross_zone.enabled": "false", "dns_record.client_routing_policy": "any_availability_zone", "zonal_shift.config.enabled": "false",
	"secondary_ips.auto_assigned.per_subnet": "0",
}

// acted are attributes of balancers that may be true or false.
func (b *balancer) acted(key string) *bool {
	switch key {
	case "deletion_protection.enabled":
		return &b.Protected
	case "load_balancing.cross_zone.enabled":
		return &b.CrossZone
	}
	return nil
}

var groupAttributes = map[string]string{
	"deregistration_delay.timeout_seconds": "300", "deregistration_delay.connection_termination.enabled": "false", "stickiness.enabled": "false", "stickiness.type": "source_ip",
	"preserve_client_ip.enabled": "false", "proxy_protocol_v2.enabled": "false", "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
	"target_health_state.unhealthy.connection_termination.enabled": "true", "target_health_state.unhealthy.draining_interval_seconds": "0",
	"target_group_health.dns_failover.minimum_healthy_targets.count": "1", "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1", "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}

var listenerAttributes = map[string]string{"tcp.idle_timeout.seconds": "350"}

// kept are attributes of target groups that may be anything: how long a target is let go changes nothing
// where connections that it has go on.
var kept = []string{"deregistration_delay.timeout_seconds"}

func same(all map[string]string, key, value string) error {
	was, known := all[key]
	if !known {
		return validation.New("The attribute key '%s' is not recognized", key)
	}
	if value != was && !slices.Contains(kept, key) {
		return unsupportedRequest.New("The attribute %s cannot be %s: here it is %s.", key, value, orElse(was, "empty"))
	}
	return nil
}

var _ = api.Define(operations, "DescribeLoadBalancerAttributes", reads[shape.DescribeLoadBalancerAttributesInput]("DescribeLoadBalancerAttributes"), (*Service).describeLoadBalancerAttributes)

func (s *Service) describeLoadBalancerAttributes(ctx context.Context, c *api.Call, in *shape.DescribeLoadBalancerAttributesInput) (*shape.DescribeLoadBalancerAttributesOutput, error) {
	out := new(shape.DescribeLoadBalancerAttributesOutput)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		b, err := balancerOf(tx, c.Account(), text(in.LoadBalancerArn))
		if err == nil {
			out.Attributes = b.attributes()
		}
		return err
	})
}

func (b *balancer) attributes() (out []shape.LoadBalancerAttribute) {
	for _, k := range slices.Sorted(maps.Keys(balancerAttributes)) {
		v := balancerAttributes[k]
		if at := b.acted(k); at != nil {
			v = strconv.FormatBool(*at)
		}
		out = append(out, shape.LoadBalancerAttribute{Key: new(k), Value: new(v)})
	}
	return out
}

var _ = api.Define(operations, "ModifyLoadBalancerAttributes", func(c *api.Call, in *shape.ModifyLoadBalancerAttributesInput) []api.Check {
	return on(c, "ModifyLoadBalancerAttributes", text(in.LoadBalancerArn))
}, (*Service).modifyLoadBalancerAttributes)

func (s *Service) modifyLoadBalancerAttributes(ctx context.Context, c *api.Call, in *shape.ModifyLoadBalancerAttributesInput) (*shape.ModifyLoadBalancerAttributesOutput, error) {
	out := new(shape.ModifyLoadBalancerAttributesOutput)
	return out, s.changeBalancer(ctx, c.Account(), text(in.LoadBalancerArn), func(_ *store.Tx, b *balancer) error {
		for _, a := range in.Attributes {
			k, v := text(a.Key), text(a.Value)
			at := b.acted(k)
			if at == nil {
				if err := same(balancerAttributes, k, v); err != nil {
					return err
				}
				continue
			}
			if *at = v == "true"; !*at && v != "false" {
				return validation.New("The value of '%s' must be true or false", k)
			}
		}
		out.Attributes = b.attributes()
		return nil
	})
}

var _ = api.Define(operations, "DescribeTargetGroupAttributes", reads[shape.DescribeTargetGroupAttributesInput]("DescribeTargetGroupAttributes"), (*Service).describeTargetGroupAttributes)

func (s *Service) describeTargetGroupAttributes(ctx context.Context, c *api.Call, in *shape.DescribeTargetGroupAttributesInput) (*shape.DescribeTargetGroupAttributesOutput, error) {
	out := new(shape.DescribeTargetGroupAttributesOutput)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		g, err := groupOf(tx, c.Account(), text(in.TargetGroupArn))
		if err == nil {
			out.Attributes = g.attributes()
		}
		return err
	})
}

func (g *targetGroup) attributes() (out []shape.TargetGroupAttribute) {
	for _, k := range slices.Sorted(maps.Keys(groupAttributes)) {
		out = append(out, shape.TargetGroupAttribute{Key: new(k), Value: new(orElse(g.Attributes[k], groupAttributes[k]))})
	}
	return out
}

var _ = api.Define(operations, "ModifyTargetGroupAttributes", func(c *api.Call, in *shape.ModifyTargetGroupAttributesInput) []api.Check {
	return on(c, "ModifyTargetGroupAttributes", text(in.TargetGroupArn))
}, (*Service).modifyTargetGroupAttributes)

func (s *Service) modifyTargetGroupAttributes(ctx context.Context, c *api.Call, in *shape.ModifyTargetGroupAttributesInput) (*shape.ModifyTargetGroupAttributesOutput, error) {
	out := new(shape.ModifyTargetGroupAttributesOutput)
	return out, s.changeGroup(ctx, c.Account(), text(in.TargetGroupArn), func(_ *store.Tx, g *targetGroup) error {
		for _, a := range in.Attributes {
			k, v := text(a.Key), text(a.Value)
			if err := same(groupAttributes, k, v); err != nil {
				return err
			}
			if n, err := strconv.Atoi(v); slices.Contains(kept, k) && (err != nil || n < 0 || n > 3600) {
				return validation.New("'%s' must be between 0 and 3600", k)
			}
			if g.Attributes == nil {
				g.Attributes = map[string]string{}
			}
			g.Attributes[k] = v
		}
		out.Attributes = g.attributes()
		return nil
	})
}

var _ = api.Define(operations, "DescribeListenerAttributes", reads[shape.DescribeListenerAttributesInput]("DescribeListenerAttributes"), (*Service).describeListenerAttributes)

func (s *Service) describeListenerAttributes(ctx context.Context, c *api.Call, in *shape.DescribeListenerAttributesInput) (*shape.DescribeListenerAttributesOutput, error) {
	out := new(shape.DescribeListenerAttributesOutput)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		_, err := listenerOf(tx, c.Account(), text(in.ListenerArn))
		for k, v := range listenerAttributes {
			out.Attributes = append(out.Attributes, shape.ListenerAttribute{Key: &k, Value: &v})
		}
		return err
	})
}

var _ = api.Define(operations, "ModifyListenerAttributes", func(c *api.Call, in *shape.ModifyListenerAttributesInput) []api.Check {
	return on(c, "ModifyListenerAttributes", text(in.ListenerArn))
}, (*Service).modifyListenerAttributes)

func (s *Service) modifyListenerAttributes(ctx context.Context, c *api.Call, in *shape.ModifyListenerAttributesInput) (*shape.ModifyListenerAttributesOutput, error) {
	out := new(shape.ModifyListenerAttributesOutput)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		_, err := listenerOf(tx, c.Account(), text(in.ListenerArn))
		if err != nil {
			return err
		}
		for _, a := range in.Attributes {
			if err := same(listenerAttributes, text(a.Key), text(a.Value)); err != nil {
				return err
			}
		}
		out.Attributes = in.Attributes
		return nil
	})
}
