// Package elasticloadbalancing is Elastic Load Balancing as far as PrivateLink needs it: network load
// balancers inside a VPC, with TCP listeners and targets by IP address.
//
// It promises that a balancer which is active has an interface in each of its subnets, that a connection to
// a listener's port of one of them reaches a target that accepts, and that one which is deleted has left no
// interface. It must not know how connections are carried, nor what a network interface is made of.
package elasticloadbalancing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
)

var operations = api.NewSet[*Service]("elasticloadbalancing")

var (
	balancerNotFound   = fault.Kind{Code: "LoadBalancerNotFound", Status: 400}
	groupNotFound      = fault.Kind{Code: "TargetGroupNotFound", Status: 400}
	listenerNotFound   = fault.Kind{Code: "ListenerNotFound", Status: 400}
	duplicateBalancer  = fault.Kind{Code: "DuplicateLoadBalancerName", Status: 400}
	duplicateGroup     = fault.Kind{Code: "DuplicateTargetGroupName", Status: 400}
	duplicateListener  = fault.Kind{Code: "DuplicateListener", Status: 400}
	invalidTarget      = fault.Kind{Code: "InvalidTarget", Status: 400}
	invalidRequest     = fault.Kind{Code: "InvalidConfigurationRequest", Status: 400}
	invalidSubnet      = fault.Kind{Code: "InvalidSubnet", Status: 400}
	subnetNotFound     = fault.Kind{Code: "SubnetNotFound", Status: 400}
	inUse              = fault.Kind{Code: "ResourceInUse", Status: 400}
	notPermitted       = fault.Kind{Code: "OperationNotPermitted", Status: 400}
	validation         = fault.Kind{Code: "ValidationError", Status: 400}
	tooManyBalancers   = fault.Kind{Code: "TooManyLoadBalancers", Status: 400}
	tooManyTags        = fault.Kind{Code: "TooManyTags", Status: 400}
	incompatible       = fault.Kind{Code: "IncompatibleProtocols", Status: 400}
	unsupportedRequest = fault.Kind{Code: "UnsupportedOperation", Status: 400}
)

// Network is who makes the network of what the records say.
type Network interface {
	// Change runs a transaction and returns when the network is made of what it wrote.
	Change(ctx context.Context, f func(tx *store.Tx) error) error
	// Ranges are those of an account's VPC; none if there is no such VPC.
	Ranges(tx *store.Tx, account, vpc string) ([]netip.Prefix, error)
	// ManageUngrouped makes an interface a service's, which its customer cannot delete; Unuse ends that.
	ManageUngrouped(ctx context.Context, account, id string) error
	Unuse(ctx context.Context, account, id string) error
	// Serving tells whether an endpoint service stands in front of a balancer.
	Serving(tx *store.Tx, arn string) (bool, error)
}

// Dialer connects from an interface, as the fabric does.
type Dialer interface {
	Accepts(ctx context.Context, id string, to netip.AddrPort) bool
}

// Service is Elastic Load Balancing over a store.
type Service struct {
	DB      *store.DB
	Network Network
	Client  api.Client
	Dialer  Dialer
	Region  string
	Log     *slog.Logger

	making sync.Mutex // held by who makes or releases interfaces, so that none is released that is being made
}

// Bind gives the operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

// Settle ends what a stop left half done: a balancer that was being made is taken back, and interfaces that
// one no longer has, or not yet, go and come.
func (s *Service) Settle(ctx context.Context) error {
	var all []*balancer
	if err := s.DB.View(ctx, func(tx *store.Tx) (err error) { all, err = balancers.All(tx, ""); return err }); err != nil {
		return err
	}
	s.making.Lock()
	defer s.making.Unlock()
	var failed error
	for _, b := range all {
		if b.State != active {
			failed = errors.Join(failed, s.remove(ctx, b))
			continue
		}
		failed = errors.Join(failed, s.attach(ctx, b.Account, b.ARN), s.releaseUnknown(ctx, b))
	}
	return failed
}

func (s *Service) releaseUnknown(ctx context.Context, b *balancer) (err error) {
	if err := s.DB.View(ctx, func(tx *store.Tx) error { b, err = balancerOf(tx, b.Account, b.ARN); return err }); err != nil {
		return err
	}
	return s.releaseAll(ctx, b, b.interfaces())
}

// Part adds the balancers to a network, and their names to the internet's.
func (s *Service) Part(tx *store.Tx, n *network.Network) error {
	all, err := balancers.All(tx, "")
	if err != nil || len(all) == 0 {
		return err
	}
	own := map[string]bool{}
	for _, b := range all {
		if b.State == deleting {
			continue
		}
		out := network.Balancer{ID: b.ARN, VPC: b.VPC, Zonal: !b.CrossZone}
		name := network.Name{Text: b.DNS}
		for _, z := range b.Zones {
			if !slices.ContainsFunc(n.Interfaces, func(i network.Interface) bool { return i.ID == z.Interface }) {
				continue
			}
			own[z.Interface] = true
			out.Interfaces = append(out.Interfaces, z.Interface)
			name.Addresses = append(name.Addresses, z.Address)
		}
		if out.Listeners, err = s.listening(tx, b); err != nil {
			return err
		}
		n.Balancers = append(n.Balancers, out)
		if len(name.Addresses) > 0 {
			n.Internet.Names = append(n.Internet.Names, name)
		}
	}
	for i := range n.Interfaces {
		if own[n.Interfaces[i].ID] {
			n.Interfaces[i].Open = true
		}
	}
	return nil
}

func (s *Service) listening(tx *store.Tx, b *balancer) (out []network.Listener, err error) {
	all, err := listeners.All(tx, store.Prefix(b.Account))
	for _, l := range all {
		if l.Balancer != b.ARN {
			continue
		}
		g, err := targetGroups.Get(tx, store.Key(b.Account, l.Group))
		if err != nil {
			return nil, err
		}
		at := network.Listener{Port: l.Port}
		if g != nil {
			for _, t := range g.Targets {
				at.Targets = append(at.Targets, t.at())
			}
		}
		out = append(out, at)
	}
	return out, err
}

// Balancer tells EC2 of a balancer by which an endpoint service may be served: the zones it is in.
func (s *Service) Balancer(tx *store.Tx, account, arn string) (zones []string, found bool, err error) {
	b, err := balancers.Get(tx, store.Key(account, arn))
	if err != nil || b == nil || b.State != active {
		return nil, false, err
	}
	for _, z := range b.Zones {
		zones = append(zones, z.Zone)
	}
	return zones, true, nil
}

const (
	principal  = "elasticloadbalancing.amazonaws.com"
	linkedRole = "AWSServiceRoleForElasticLoadBalancing"
)

// ServiceLinkedRole is a role that the service has in each account to keep house there.
type ServiceLinkedRole struct{ Service, Name, Policy string }

// ServiceLinkedRoles are the roles that must be known to the directory.
var ServiceLinkedRoles = []ServiceLinkedRole{{Service: principal, Name: linkedRole, Policy: `{"Version":"2012-10-17","Statement":[
	{"Sid":"Interfaces","Effect":"Allow","Action":["ec2:CreateNetworkInterface","ec2:DescribeNetworkInterfaces","ec2:DeleteNetworkInterface","ec2:DescribeSubnets"],"Resource":"*"}]}`}}

// self is the caller that the service is in an account.
func self(account string) caller.Caller {
	return caller.ForServiceLinkedRole(principal, linkedRole, account)
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// refuse refuses what an input asks for and cannot be had; things are names and whether they were given.
func refuse(things map[string]bool) error {
	for name, given := range things {
		if given {
			return unsupportedRequest.New("The parameter %s is not supported.", name)
		}
	}
	return nil
}

func wrap(what, id string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, id, err)
}
