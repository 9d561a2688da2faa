package elasticloadbalancing

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/elasticloadbalancing"
)

var _ = api.Define(operations, "CreateTargetGroup", func(c *api.Call, in *shape.CreateTargetGroupInput) []api.Check {
	return on(c, "CreateTargetGroup", c.ARN("elasticloadbalancing", "targetgroup/"+text(in.Name)+"/*"), in.Tags...)
}, (*Service).createTargetGroup)

func (s *Service) createTargetGroup(ctx context.Context, c *api.Call, in *shape.CreateTargetGroupInput) (*shape.CreateTargetGroupOutput, error) {
	g, err := s.begunGroup(c, in)
	if err != nil {
		return nil, err
	}
	out := new(shape.CreateTargetGroupOutput)
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		ranges, err := s.Network.Ranges(tx, g.Account, g.VPC)
		if err == nil && len(ranges) == 0 {
			err = validation.New("The VPC ID '%s' is not found", g.VPC)
		}
		if err != nil {
			return err
		}
		all, err := targetGroups.All(tx, store.Prefix(g.Account))
		if err != nil {
			return err
		}
		if at := slices.IndexFunc(all, func(o *targetGroup) bool { return o.Name == g.Name }); at >= 0 {
			if o := all[at]; o.VPC == g.VPC && o.Port == g.Port && o.Health == g.Health && maps.Equal(o.Tags, g.Tags) {
				by, err := balancersOf(tx, g.Account)
				out.TargetGroups = []shape.TargetGroup{o.aws(by[o.ARN])}
				return err
			}
			return duplicateGroup.New("A target group with the same name '%s' exists, but with different settings", g.Name)
		}
		out.TargetGroups = []shape.TargetGroup{g.aws(nil)}
		return targetGroups.Put(tx, store.Key(g.Account, g.ARN), g)
	})
}

func (s *Service) begunGroup(c *api.Call, in *shape.CreateTargetGroupInput) (*targetGroup, error) {
	if p := text(in.Protocol); p != "TCP" {
		return nil, unsupportedRequest.New("Target groups of the protocol %s are not supported, only TCP.", p)
	}
	if t := text(in.TargetType); t != "ip" {
		return nil, unsupportedRequest.New("Target groups of the target type %s are not supported, only ip.", orElse(t, "instance"))
	}
	err := refuse(map[string]bool{
		"ProtocolVersion": text(in.ProtocolVersion) != "", "TargetControlPort": in.TargetControlPort != nil, "IpAddressType": text(in.IpAddressType) != "" && text(in.IpAddressType) != "ipv4",
	})
	if err != nil {
		return nil, err
	}
	if err := nameable("Target group", text(in.Name)); err != nil {
		return nil, err
	}
	if in.Port == nil || text(in.VpcId) == "" {
		return nil, validation.New("A port and a VPC must be specified")
	}
	g := &targetGroup{Account: c.Account(), Name: *in.Name, VPC: *in.VpcId, Port: int(*in.Port), Health: health{Port: "traffic-port", Interval: 30, Timeout: 10, Healthy: 5, Unhealthy: 2}}
	g.ARN = s.arn(g.Account, "targetgroup/"+g.Name+"/"+newID())
	if g.Tags, err = merged(nil, in.Tags); err != nil {
		return nil, err
	}
	return g, g.Health.set(in.HealthCheckProtocol, in.HealthCheckPort, in.HealthCheckPath, in.HealthCheckEnabled, in.Matcher,
		in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds, in.HealthyThresholdCount, in.UnhealthyThresholdCount)
}

// set takes what a request says of health checks; only those by TCP are made.
func (h *health) set(protocol, port, path *string, enabled *bool, matcher *shape.Matcher, interval, timeout, healthy, unhealthy *int32) error {
	if p := text(protocol); p != "" && p != "TCP" || text(path) != "" || matcher != nil && (text(matcher.HttpCode) != "" || text(matcher.GrpcCode) != "") {
		return unsupportedRequest.New("Health checks of the protocol %s are not supported, only TCP.", orElse(p, "HTTP"))
	}
	if enabled != nil && !*enabled {
		return invalidRequest.New("Health check enabled must be true for target groups with target type 'ip'")
	}
	if p := text(port); p != "" {
		if n, err := strconv.Atoi(p); p != "traffic-port" && (err != nil || n < 1 || n > 65535) {
			return validation.New("Health check port '%s' must be in the range 1-65535 or 'traffic-port'", p)
		}
		h.Port = p
	}
	for _, v := range []struct {
		to       *int32
		from     *int32
		low, top int32
	}{{&h.Interval, interval, 5, 300}, {&h.Timeout, timeout, 2, 120}, {&h.Healthy, healthy, 2, 10}, {&h.Unhealthy, unhealthy, 2, 10}} {
		if v.from == nil {
			continue
		}
		if *v.from < v.low || *v.from > v.top {
			return validation.New("A health check's number must be between %d and %d, not %d", v.low, v.top, *v.from)
		}
		*v.to = *v.from
	}
	return nil
}

func (g *targetGroup) aws(balancers []string) shape.TargetGroup {
	if balancers == nil {
		balancers = []string{}
	}
	h := g.Health
	return shape.TargetGroup{
		TargetGroupArn: &g.ARN, TargetGroupName: &g.Name, Protocol: new("TCP"), Port: new(int32(g.Port)), VpcId: &g.VPC, TargetType: new("ip"), IpAddressType: new("ipv4"),
		HealthCheckProtocol: new("TCP"), HealthCheckPort: &h.Port, HealthCheckEnabled: new(true), HealthCheckIntervalSeconds: &h.Interval,
		HealthCheckTimeoutSeconds: &h.Timeout, HealthyThresholdCount: &h.Healthy, UnhealthyThresholdCount: &h.Unhealthy, LoadBalancerArns: balancers,
	}
}

// balancersOf are the balancers that forward to each target group.
func balancersOf(tx *store.Tx, account string) (map[string][]string, error) {
	all, err := listeners.All(tx, store.Prefix(account))
	out := map[string][]string{}
	for _, l := range all {
		if !slices.Contains(out[l.Group], l.Balancer) {
			out[l.Group] = append(out[l.Group], l.Balancer)
		}
	}
	return out, err
}

var _ = api.Define(operations, "DescribeTargetGroups", reads[shape.DescribeTargetGroupsInput]("DescribeTargetGroups"), (*Service).describeTargetGroups)

func (s *Service) describeTargetGroups(ctx context.Context, c *api.Call, in *shape.DescribeTargetGroupsInput) (*shape.DescribeTargetGroupsOutput, error) {
	out := &shape.DescribeTargetGroupsOutput{TargetGroups: []shape.TargetGroup{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := targetGroups.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		by, err := balancersOf(tx, c.Account())
		if err != nil {
			return err
		}
		if b := text(in.LoadBalancerArn); b != "" {
			if _, err := balancerOf(tx, c.Account(), b); err != nil {
				return err
			}
			all = slices.DeleteFunc(all, func(g *targetGroup) bool { return !slices.Contains(by[g.ARN], b) })
		}
		if all, err = chosen(all, in.TargetGroupArns, in.Names, func(g *targetGroup) (string, string) { return g.ARN, g.Name }); err != nil {
			return groupNotFound.New("One or more target groups not found")
		}
		list, next, err := page(all, func(g *targetGroup) string { return g.ARN }, in.Marker, in.PageSize)
		for _, g := range list {
			out.TargetGroups = append(out.TargetGroups, g.aws(by[g.ARN]))
		}
		out.NextMarker = next
		return err
	})
}

// changeGroup changes a target group, and with it what its balancers carry.
func (s *Service) changeGroup(ctx context.Context, account, arn string, f func(*store.Tx, *targetGroup) error) error {
	return s.Network.Change(ctx, func(tx *store.Tx) error {
		g, err := groupOf(tx, account, arn)
		if err != nil {
			return err
		}
		if err := f(tx, g); err != nil {
			return err
		}
		return targetGroups.Put(tx, store.Key(account, arn), g)
	})
}

var _ = api.Define(operations, "ModifyTargetGroup", func(c *api.Call, in *shape.ModifyTargetGroupInput) []api.Check {
	return on(c, "ModifyTargetGroup", text(in.TargetGroupArn))
}, (*Service).modifyTargetGroup)

func (s *Service) modifyTargetGroup(ctx context.Context, c *api.Call, in *shape.ModifyTargetGroupInput) (*shape.ModifyTargetGroupOutput, error) {
	out := new(shape.ModifyTargetGroupOutput)
	return out, s.changeGroup(ctx, c.Account(), text(in.TargetGroupArn), func(tx *store.Tx, g *targetGroup) error {
		by, err := balancersOf(tx, c.Account())
		if err != nil {
			return err
		}
		err = g.Health.set(in.HealthCheckProtocol, in.HealthCheckPort, in.HealthCheckPath, in.HealthCheckEnabled, in.Matcher,
			in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds, in.HealthyThresholdCount, in.UnhealthyThresholdCount)
		out.TargetGroups = []shape.TargetGroup{g.aws(by[g.ARN])}
		return err
	})
}

var _ = api.Define(operations, "DeleteTargetGroup", func(c *api.Call, in *shape.DeleteTargetGroupInput) []api.Check {
	return on(c, "DeleteTargetGroup", text(in.TargetGroupArn))
}, (*Service).deleteTargetGroup)

// deleteTargetGroup succeeds for one that is not there, as AWS's does.
func (s *Service) deleteTargetGroup(ctx context.Context, c *api.Call, in *shape.DeleteTargetGroupInput) (*shape.DeleteTargetGroupOutput, error) {
	return &shape.DeleteTargetGroupOutput{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		arn := text(in.TargetGroupArn)
		by, err := balancersOf(tx, c.Account())
		if err != nil {
			return err
		}
		if len(by[arn]) > 0 {
			return inUse.New("Target group '%s' is currently in use by a listener or a rule", arn)
		}
		return targetGroups.Delete(tx, store.Key(c.Account(), arn))
	})
}

// asked reads targets; a port that is not given is the group's.
func (g *targetGroup) asked(list []shape.TargetDescription) (out []target, err error) {
	for _, d := range list {
		a, err := netip.ParseAddr(text(d.Id))
		if err != nil || !a.Is4() {
			return nil, validation.New("The IP address '%s' is not a valid IPv4 address", text(d.Id))
		}
		if z := text(d.AvailabilityZone); z == "all" || text(d.QuicServerId) != "" {
			return nil, unsupportedRequest.New("Targets outside of the VPC are not supported.")
		}
		t := target{a, g.Port}
		if d.Port != nil {
			t.Port = int(*d.Port)
		}
		if t.Port < 1 || t.Port > 65535 {
			return nil, validation.New("The port %d of the target %s must be between 1 and 65535", t.Port, a)
		}
		out = append(out, t)
	}
	return out, nil
}

var _ = api.Define(operations, "RegisterTargets", func(c *api.Call, in *shape.RegisterTargetsInput) []api.Check {
	return on(c, "RegisterTargets", text(in.TargetGroupArn))
}, (*Service).registerTargets)

func (s *Service) registerTargets(ctx context.Context, c *api.Call, in *shape.RegisterTargetsInput) (*shape.RegisterTargetsOutput, error) {
	return &shape.RegisterTargetsOutput{}, s.changeGroup(ctx, c.Account(), text(in.TargetGroupArn), func(tx *store.Tx, g *targetGroup) error {
		list, err := g.asked(in.Targets)
		if err != nil {
			return err
		}
		ranges, err := s.Network.Ranges(tx, g.Account, g.VPC)
		if err != nil {
			return err
		}
		for _, t := range list {
			if !slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(t.Address) }) {
				return invalidTarget.New("The following targets are not in the target group VPC '%s': '%s'", g.VPC, t.Address)
			}
			if !slices.Contains(g.Targets, t) {
				g.Targets = append(g.Targets, t)
			}
		}
		if len(g.Targets) > 1000 {
			return invalidRequest.New("The target group '%s' has the most targets that it can have", g.ARN)
		}
		return nil
	})
}

var _ = api.Define(operations, "DeregisterTargets", func(c *api.Call, in *shape.DeregisterTargetsInput) []api.Check {
	return on(c, "DeregisterTargets", text(in.TargetGroupArn))
}, (*Service).deregisterTargets)

func (s *Service) deregisterTargets(ctx context.Context, c *api.Call, in *shape.DeregisterTargetsInput) (*shape.DeregisterTargetsOutput, error) {
	return &shape.DeregisterTargetsOutput{}, s.changeGroup(ctx, c.Account(), text(in.TargetGroupArn), func(_ *store.Tx, g *targetGroup) error {
		list, err := g.asked(in.Targets)
		g.Targets = slices.DeleteFunc(g.Targets, func(t target) bool { return slices.Contains(list, t) })
		return err
	})
}

var _ = api.Define(operations, "DescribeTargetHealth", reads[shape.DescribeTargetHealthInput]("DescribeTargetHealth"), (*Service).describeTargetHealth)

// describeTargetHealth tries each target from one of the group's balancers: a target is healthy when it
// accepts now.
func (s *Service) describeTargetHealth(ctx context.Context, c *api.Call, in *shape.DescribeTargetHealthInput) (*shape.DescribeTargetHealthOutput, error) {
	var g *targetGroup
	from := ""
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if g, err = groupOf(tx, c.Account(), text(in.TargetGroupArn)); err != nil {
			return err
		}
		by, err := balancersOf(tx, c.Account())
		for _, arn := range by[g.ARN] {
			if b, _ := balancers.Get(tx, store.Key(c.Account(), arn)); b != nil && len(b.Zones) > 0 {
				from = b.Zones[0].Interface
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	list := g.Targets
	if len(in.Targets) > 0 {
		if list, err = g.asked(in.Targets); err != nil {
			return nil, err
		}
	}
	out := &shape.DescribeTargetHealthOutput{TargetHealthDescriptions: make([]shape.TargetHealthDescription, len(list))}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var trying sync.WaitGroup
	for i, t := range list {
		trying.Go(func() { out.TargetHealthDescriptions[i] = s.tried(ctx, g, t, from) })
	}
	trying.Wait()
	return out, nil
}

func (s *Service) tried(ctx context.Context, g *targetGroup, t target, from string) shape.TargetHealthDescription {
	at := t.at()
	if n, err := strconv.Atoi(g.Health.Port); err == nil {
		at = netip.AddrPortFrom(t.Address, uint16(n))
	}
	h := &shape.TargetHealth{State: new("healthy")}
	switch {
	case !slices.Contains(g.Targets, t):
		h = &shape.TargetHealth{State: new("unused"), Reason: new("Target.NotRegistered"), Description: new("Target is not registered to the target group")}
	case from == "":
		h = &shape.TargetHealth{State: new("unused"), Reason: new("Target.NotInUse"), Description: new("Target group is not configured to receive traffic from the load balancer")}
	case !s.Dialer.Accepts(ctx, from, at):
		h = &shape.TargetHealth{State: new("unhealthy"), Reason: new("Target.FailedHealthChecks"), Description: new("Health checks failed")}
	}
	return shape.TargetHealthDescription{Target: &shape.TargetDescription{Id: new(t.Address.String()), Port: new(int32(t.Port))},
		HealthCheckPort: new(strconv.Itoa(int(at.Port()))), TargetHealth: h}
}
