package elasticloadbalancing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	"cloister/internal/value/shape/ec2"
	shape "cloister/internal/value/shape/elasticloadbalancing"
)

const (
	account = "111122223333"
	other   = "444455556666"
)

// world plays the network and EC2: vpc-1 with subnet-a, -b and -c in the zones a, b and c, subnet-a2 in a, and
// vpc-2 with subnet-far.
type world struct {
	*Service
	*testing.T
	bound *api.Service

	mu         sync.Mutex
	interfaces map[string]ec2.NetworkInterface
	tokens     map[string]string
	managed    map[string]bool
	serving    map[string]bool
	accepting  map[netip.AddrPort]bool
	fail       string // the operation of EC2 that fails
}

func open(t *testing.T) *world {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "records"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := &world{T: t, interfaces: map[string]ec2.NetworkInterface{}, tokens: map[string]string{}, managed: map[string]bool{}, serving: map[string]bool{}, accepting: map[netip.AddrPort]bool{}}
	w.Service = &Service{DB: db, Network: w, Client: w, Dialer: w, Region: "us-east-1", Log: slog.New(slog.DiscardHandler)}
	if w.bound, err = w.Service.Bind(); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) Change(ctx context.Context, f func(*store.Tx) error) error {
	return w.DB.Update(ctx, f)
}

func (w *world) Ranges(_ *store.Tx, of, id string) ([]netip.Prefix, error) {
	if of != account || id != "vpc-1" && id != "vpc-2" {
		return nil, nil
	}
	return []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, nil
}

func (w *world) Serving(_ *store.Tx, arn string) (bool, error) { return w.serving[arn], nil }

func (w *world) Accepts(_ context.Context, _ string, to netip.AddrPort) bool { return w.accepting[to] }

func (w *world) ManageUngrouped(_ context.Context, _, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.managed[id] = true
	return nil
}

func (w *world) Unuse(_ context.Context, _, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.managed, id)
	return nil
}

func (w *world) Call(_ context.Context, as caller.Caller, service, name string, in any) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if as.Identity.Account != account || as.Identity.Kind != caller.AssumedRole {
		w.Errorf("%s.%s is called as %+v", service, name, as.Identity)
	}
	if w.fail == name {
		return nil, fault.Kind{Code: "InvalidIPAddress.InUse", Status: 400}.New("%s fails", name)
	}
	switch in := in.(type) {
	case *ec2.DescribeSubnetsRequest:
		out := new(ec2.DescribeSubnetsResult)
		for _, id := range in.SubnetIds {
			if !strings.HasPrefix(id, "subnet-") {
				return nil, fault.Kind{Code: "InvalidSubnetID.NotFound", Status: 400}.New("The subnet ID '%s' does not exist", id)
			}
			vpc := "vpc-1"
			if id == "subnet-far" {
				vpc = "vpc-2"
			}
			out.Subnets = append(out.Subnets, ec2.Subnet{SubnetId: new(id), VpcId: &vpc, AvailabilityZone: new("us-east-1" + id[7:8])})
		}
		return out, nil
	case *ec2.CreateNetworkInterfaceRequest:
		if id := w.tokens[*in.ClientToken]; id != "" {
			i, there := w.interfaces[id]
			if !there {
				w.Errorf("a token of an interface that is gone is used again")
			}
			return &ec2.CreateNetworkInterfaceResult{NetworkInterface: &i}, nil
		}
		id := fmt.Sprintf("eni-%d", len(w.tokens))
		ip := fmt.Sprintf("10.0.0.%d", 100+len(w.tokens))
		if in.PrivateIpAddress != nil {
			ip = *in.PrivateIpAddress
		}
		i := ec2.NetworkInterface{NetworkInterfaceId: &id, PrivateIpAddress: &ip, Description: in.Description, SubnetId: in.SubnetId}
		w.interfaces[id], w.tokens[*in.ClientToken] = i, id
		return &ec2.CreateNetworkInterfaceResult{NetworkInterface: &i}, nil
	case *ec2.DescribeNetworkInterfacesRequest:
		out := new(ec2.DescribeNetworkInterfacesResult)
		for _, i := range w.interfaces {
			if *i.Description == in.Filters[0].Values[0] {
				out.NetworkInterfaces = append(out.NetworkInterfaces, i)
			}
		}
		return out, nil
	case *ec2.DeleteNetworkInterfaceRequest:
		if w.managed[*in.NetworkInterfaceId] {
			w.Errorf("%s is deleted while it is in use", *in.NetworkInterfaceId)
		}
		delete(w.interfaces, *in.NetworkInterfaceId)
		return nil, nil
	}
	return nil, errors.New("nobody plays " + name)
}

// try runs an operation as an account, past the door.
func try[Out any](w *world, as, name string, in any) (*Out, error) {
	w.Helper()
	op := w.bound.Operations[name]
	if op == nil {
		w.Fatalf("no operation %s", name)
	}
	c := &api.Call{ID: "r", Region: "us-east-1", Caller: caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: as}}}
	if checks := op.Checks(c, in); len(checks) == 0 {
		w.Errorf("%s asks for nothing, so nobody may", name)
	}
	out, err := op.Run(w.Context(), c, in)
	if err != nil {
		return nil, err
	}
	return out.(*Out), nil
}

func must[Out any](w *world, name string, in any) *Out {
	w.Helper()
	out, err := try[Out](w, account, name, in)
	if err != nil {
		w.Fatalf("%s: %v", name, err)
	}
	return out
}

func refused[Out any](w *world, name string, in any, code string) {
	w.Helper()
	if _, err := try[Out](w, account, name, in); !fault.Is(err, code) {
		w.Errorf("%s: %v, want %s", name, err, code)
	}
}

func wanted(name string, subnets ...string) *shape.CreateLoadBalancerInput {
	return &shape.CreateLoadBalancerInput{Name: &name, Type: new("network"), Scheme: new("internal"), Subnets: subnets}
}

func (w *world) balancer(name string, subnets ...string) string {
	w.Helper()
	return *must[shape.CreateLoadBalancerOutput](w, "CreateLoadBalancer", wanted(name, subnets...)).LoadBalancers[0].LoadBalancerArn
}

func (w *world) group(name string) string {
	w.Helper()
	return *must[shape.CreateTargetGroupOutput](w, "CreateTargetGroup", &shape.CreateTargetGroupInput{
		Name: &name, Protocol: new("TCP"), TargetType: new("ip"), Port: new(int32(8080)), VpcId: new("vpc-1")}).TargetGroups[0].TargetGroupArn
}

func listening(balancer, group string, port int32) *shape.CreateListenerInput {
	return &shape.CreateListenerInput{LoadBalancerArn: &balancer, Port: &port, Protocol: new("TCP"), DefaultActions: []shape.Action{{Type: new("forward"), TargetGroupArn: &group}}}
}

// network is what the part adds.
func (w *world) network() *network.Network {
	w.Helper()
	n := new(network.Network)
	w.mu.Lock()
	for id, i := range w.interfaces {
		n.Interfaces = append(n.Interfaces, network.Interface{ID: id, Subnet: *i.SubnetId, Address: netip.MustParseAddr(*i.PrivateIpAddress)})
	}
	w.mu.Unlock()
	if err := w.DB.View(w.Context(), func(tx *store.Tx) error { return w.Part(tx, n) }); err != nil {
		w.Fatal(err)
	}
	return n
}

// subnets are those in which the one balancer of the network has an interface, which must be all there are.
func (w *world) subnets() (out []string) {
	w.Helper()
	n := w.network()
	for _, i := range n.Interfaces {
		if len(n.Balancers) != 1 || !slices.Contains(n.Balancers[0].Interfaces, i.ID) || !i.Open || !w.managed[i.ID] {
			w.Errorf("%s is no interface of the balancer", i.ID)
		}
		out = append(out, i.Subnet)
	}
	slices.Sort(out)
	return out
}
