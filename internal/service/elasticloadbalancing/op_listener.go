package elasticloadbalancing

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/elasticloadbalancing"
)

var _ = api.Define(operations, "CreateListener", func(c *api.Call, in *shape.CreateListenerInput) []api.Check {
	return on(c, "CreateListener", text(in.LoadBalancerArn), in.Tags...)
}, (*Service).createListener)

func (s *Service) createListener(ctx context.Context, c *api.Call, in *shape.CreateListenerInput) (*shape.CreateListenerOutput, error) {
	if err := plainTCP(in.Protocol, in.SslPolicy, in.Certificates, in.AlpnPolicy, in.MutualAuthentication); err != nil {
		return nil, err
	}
	if in.Port == nil || text(in.Protocol) == "" {
		return nil, validation.New("A protocol and a port must be specified")
	}
	l := &listener{Account: c.Account(), Balancer: text(in.LoadBalancerArn), Port: int(*in.Port)}
	var err error
	if l.Group, err = forwarding(in.DefaultActions); err != nil {
		return nil, err
	}
	if l.Tags, err = merged(nil, in.Tags); err != nil {
		return nil, err
	}
	out := new(shape.CreateListenerOutput)
	return out, s.Network.Change(ctx, func(tx *store.Tx) error {
		b, err := balancerOf(tx, l.Account, l.Balancer)
		if err != nil {
			return err
		}
		l.ARN = s.arn(l.Account, "listener/net/"+b.Name+"/"+hash(b.ARN)+"/"+newID())
		if err := s.fits(tx, b, l); err != nil {
			return err
		}
		out.Listeners = []shape.Listener{l.aws()}
		return listeners.Put(tx, store.Key(l.Account, l.ARN), l)
	})
}

// plainTCP refuses what a TCP listener is not.
func plainTCP(protocol, ssl *string, certificates []shape.Certificate, alpn []string, mutual *shape.MutualAuthenticationAttributes) error {
	if p := text(protocol); p != "" && p != "TCP" {
		return unsupportedRequest.New("Listeners of the protocol %s are not supported, only TCP.", p)
	}
	return refuse(map[string]bool{"SslPolicy": text(ssl) != "", "Certificates": len(certificates) > 0, "AlpnPolicy": len(alpn) > 0, "MutualAuthentication": mutual != nil})
}

// forwarding gives the one target group to which actions forward.
func forwarding(actions []shape.Action) (string, error) {
	if len(actions) != 1 || text(actions[0].Type) != "forward" {
		return "", unsupportedRequest.New("A listener must have exactly one action, which forwards.")
	}
	a := actions[0]
	group := text(a.TargetGroupArn)
	if f := a.ForwardConfig; f != nil {
		if len(f.TargetGroups) != 1 || f.TargetGroupStickinessConfig != nil && f.TargetGroupStickinessConfig.Enabled != nil && *f.TargetGroupStickinessConfig.Enabled {
			return "", unsupportedRequest.New("A listener must forward to exactly one target group, without stickiness.")
		}
		if g := text(f.TargetGroups[0].TargetGroupArn); group == "" || group == g {
			group = g
		} else {
			return "", validation.New("A target group ARN must be specified once")
		}
	}
	if group == "" {
		return "", validation.New("A target group ARN must be specified")
	}
	return group, nil
}

// fits says why a balancer cannot have a listener.
func (s *Service) fits(tx *store.Tx, b *balancer, l *listener) error {
	g, err := groupOf(tx, l.Account, l.Group)
	if err != nil {
		return err
	}
	if g.VPC != b.VPC {
		return invalidRequest.New("The target group '%s' is not in the same VPC as the load balancer", g.ARN)
	}
	all, err := listeners.All(tx, store.Prefix(l.Account))
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(o *listener) bool { return o.Balancer == b.ARN && o.Port == l.Port && o.ARN != l.ARN }) {
		return duplicateListener.New("A listener already exists on this port for this load balancer '%s'", b.ARN)
	}
	return nil
}

func (l *listener) aws() shape.Listener {
	return shape.Listener{ListenerArn: &l.ARN, LoadBalancerArn: &l.Balancer, Port: new(int32(l.Port)), Protocol: new("TCP"), DefaultActions: []shape.Action{{
		Type: new("forward"), TargetGroupArn: &l.Group, Order: new(int32(1)),
		ForwardConfig: &shape.ForwardActionConfig{TargetGroups: []shape.TargetGroupTuple{{TargetGroupArn: &l.Group}}},
	}}}
}

var _ = api.Define(operations, "DescribeListeners", reads[shape.DescribeListenersInput]("DescribeListeners"), (*Service).describeListeners)

func (s *Service) describeListeners(ctx context.Context, c *api.Call, in *shape.DescribeListenersInput) (*shape.DescribeListenersOutput, error) {
	out := &shape.DescribeListenersOutput{Listeners: []shape.Listener{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := listeners.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		if b := text(in.LoadBalancerArn); b != "" {
			if _, err := balancerOf(tx, c.Account(), b); err != nil {
				return err
			}
			all = slices.DeleteFunc(all, func(l *listener) bool { return l.Balancer != b })
		} else if len(in.ListenerArns) == 0 {
			return validation.New("You must specify either listener ARNs or a load balancer ARN")
		}
		if all, err = chosen(all, in.ListenerArns, nil, func(l *listener) (string, string) { return l.ARN, "" }); err != nil {
			return listenerNotFound.New("One or more listeners not found")
		}
		list, next, err := page(all, func(l *listener) string { return l.ARN }, in.Marker, in.PageSize)
		for _, l := range list {
			out.Listeners = append(out.Listeners, l.aws())
		}
		out.NextMarker = next
		return err
	})
}

var _ = api.Define(operations, "ModifyListener", func(c *api.Call, in *shape.ModifyListenerInput) []api.Check {
	return on(c, "ModifyListener", text(in.ListenerArn))
}, (*Service).modifyListener)

func (s *Service) modifyListener(ctx context.Context, c *api.Call, in *shape.ModifyListenerInput) (*shape.ModifyListenerOutput, error) {
	if err := plainTCP(in.Protocol, in.SslPolicy, in.Certificates, in.AlpnPolicy, in.MutualAuthentication); err != nil {
		return nil, err
	}
	out := new(shape.ModifyListenerOutput)
	return out, s.Network.Change(ctx, func(tx *store.Tx) error {
		l, err := listenerOf(tx, c.Account(), text(in.ListenerArn))
		if err != nil {
			return err
		}
		if in.Port != nil {
			l.Port = int(*in.Port)
		}
		if len(in.DefaultActions) > 0 {
			if l.Group, err = forwarding(in.DefaultActions); err != nil {
				return err
			}
		}
		b, err := balancerOf(tx, l.Account, l.Balancer)
		if err != nil {
			return err
		}
		if err := s.fits(tx, b, l); err != nil {
			return err
		}
		out.Listeners = []shape.Listener{l.aws()}
		return listeners.Put(tx, store.Key(l.Account, l.ARN), l)
	})
}

var _ = api.Define(operations, "DeleteListener", func(c *api.Call, in *shape.DeleteListenerInput) []api.Check {
	return on(c, "DeleteListener", text(in.ListenerArn))
}, (*Service).deleteListener)

func (s *Service) deleteListener(ctx context.Context, c *api.Call, in *shape.DeleteListenerInput) (*shape.DeleteListenerOutput, error) {
	return &shape.DeleteListenerOutput{}, s.Network.Change(ctx, func(tx *store.Tx) error {
		l, err := listenerOf(tx, c.Account(), text(in.ListenerArn))
		if err != nil {
			return err
		}
		return listeners.Delete(tx, store.Key(l.Account, l.ARN))
	})
}
