package ec2

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/fabric"
	"cloister/internal/machine/fabric/memory"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

const (
	account = "111122223333"
	other   = "444455556666"
	region  = "us-east-1"
)

// watched is a fabric that remembers what it was given and can be told to refuse.
type watched struct {
	fabric.Fabric
	mu     sync.Mutex
	last   *network.Network
	times  int
	refuse error
}

func (w *watched) Apply(ctx context.Context, want *network.Network) error {
	w.mu.Lock()
	w.times++
	err := w.refuse
	if err == nil {
		w.last = want
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	return w.Fabric.Apply(ctx, want)
}

func (w *watched) network() *network.Network {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

func (w *watched) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = err
}

func (w *watched) applied() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.times
}

// house is a running service over a real store and the memory fabric.
type house struct {
	testing.TB
	*Service
	fabric *watched
	bound  *api.Service
	path   string
	line   *line
	stop   func()
}

// line leads to the mailbox of a test that has one.
type line struct{ to atomic.Pointer[mailbox] }

func (l *line) Call(ctx context.Context, as caller.Caller, service, name string, in any) (any, error) {
	if m := l.to.Load(); m != nil {
		return m.Call(ctx, as, service, name, in)
	}
	return nil, fmt.Errorf("nobody is asked %s.%s", service, name)
}

func start(t testing.TB, path string, quotas Quotas) *house {
	t.Helper()
	return startOn(t, path, quotas, memory.New())
}

func startOn(t testing.TB, path string, quotas Quotas, on fabric.Fabric) *house {
	t.Helper()
	db, err := store.Open(t.Context(), path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var key [32]byte
	rand.Read(key[:])
	f := &watched{Fabric: on}
	line := new(line)
	s := New(Config{Client: line, DB: db, Directory: directory.New(key, time.Now), Fabric: f, Region: region, Quotas: quotas})
	bound, err := s.Bind()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	h := &house{TB: t, Service: s, fabric: f, bound: bound, path: path, line: line}
	h.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		if err := errors.Join(f.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(h.stop)
	return h
}

func newHouse(t testing.TB) *house {
	return start(t, filepath.Join(t.TempDir(), "db"), Quotas{})
}

func callOf(account string) *api.Call {
	return &api.Call{ID: "r", Time: time.Now(), Region: region, Caller: caller.Caller{Identity: caller.Identity{Account: account}}}
}

// try runs an operation as an account, past the door.
func try[Out any](h *house, as, name string, in any) (*Out, error) {
	h.Helper()
	op := h.bound.Operations[name]
	if op == nil {
		h.Fatalf("no operation %s", name)
	}
	if checks := op.Checks(callOf(as), in); len(checks) == 0 {
		h.Errorf("%s asks for nothing, so nobody may", name)
	}
	out, err := op.Run(h.Context(), callOf(as), in)
	if err != nil {
		return nil, err
	}
	return out.(*Out), nil
}

// must runs an operation that has to succeed.
func must[Out any](h *house, name string, in any) *Out {
	h.Helper()
	out, err := try[Out](h, account, name, in)
	if err != nil {
		h.Fatalf("%s: %v", name, err)
	}
	return out
}

// refused runs an operation that has to end in this fault.
func refused[Out any](h *house, name string, in any, code, message string) {
	h.Helper()
	_, err := try[Out](h, account, name, in)
	f, ok := fault.As(err)
	if !ok {
		h.Errorf("%s: %v, want the fault %s", name, err, code)
		return
	}
	if f.Code != code || message != "" && f.Message != message {
		h.Errorf("%s: %s: %s\nwant %s: %s", name, f.Code, f.Message, code, message)
	}
}

func (h *house) vpc(cidr string) string {
	h.Helper()
	return *must[shape.CreateVpcResult](h, "CreateVpc", &shape.CreateVpcRequest{CidrBlock: &cidr}).Vpc.VpcId
}

func (h *house) subnet(vpc, cidr, zone string) string {
	h.Helper()
	in := &shape.CreateSubnetRequest{VpcId: &vpc, CidrBlock: &cidr}
	if zone != "" {
		in.AvailabilityZone = new(region + zone)
	}
	return *must[shape.CreateSubnetResult](h, "CreateSubnet", in).Subnet.SubnetId
}

func (h *house) group(vpc, name string) string {
	h.Helper()
	return *must[shape.CreateSecurityGroupResult](h, "CreateSecurityGroup",
		&shape.CreateSecurityGroupRequest{VpcId: &vpc, GroupName: &name, Description: &name}).GroupId
}

func (h *house) dns(vpc string) {
	h.Helper()
	on := &shape.AttributeBooleanValue{Value: new(true)}
	must[struct{}](h, "ModifyVpcAttribute", &shape.ModifyVpcAttributeRequest{VpcId: &vpc, EnableDnsHostnames: on})
}

func (h *house) interfaceEndpoint(vpc, service string, subnets, groups []string) *shape.VpcEndpoint {
	h.Helper()
	return must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", &shape.CreateVpcEndpointRequest{
		VpcId: &vpc, ServiceName: new("com.amazonaws." + region + "." + service), VpcEndpointType: new("Interface"), SubnetIds: subnets, SecurityGroupIds: groups,
	}).VpcEndpoint
}

func (h *house) endpoint(id string) shape.VpcEndpoint {
	h.Helper()
	return must[shape.DescribeVpcEndpointsResult](h, "DescribeVpcEndpoints", &shape.DescribeVpcEndpointsRequest{VpcEndpointIds: []string{id}}).VpcEndpoints[0]
}

func (h *house) eni(subnet string, groups ...string) *shape.NetworkInterface {
	h.Helper()
	return must[shape.CreateNetworkInterfaceResult](h, "CreateNetworkInterface",
		&shape.CreateNetworkInterfaceRequest{SubnetId: &subnet, Groups: groups}).NetworkInterface
}

// serve answers every connection that the fabric accepts with its endpoint's id.
func (h *house) serve() {
	l := h.fabric.Listener()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				c.Write([]byte(c.(fabric.Conn).Origin().EndpointID + "\n"))
				c.Close()
			})
		}
	})
	h.Cleanup(func() { h.stop(); wg.Wait() })
}

// stack is what decides about a call of the account's root user through an endpoint.
func (h *house) stack(id string) (policy.Stack, caller.Caller) {
	who := caller.Caller{
		Identity: caller.Identity{Kind: caller.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root"},
		Origin:   caller.Origin{Place: caller.Endpoint, EndpointID: id},
	}
	stack, _ := h.Directory.Stack(&who, &directory.Question{Action: "sts:AssumeRole", Resource: "*"})
	return stack, who
}

// policyOf is the text of the policy that calls through an endpoint are asked by.
func (h *house) policyOf(id string) string {
	stack, _ := h.stack(id)
	return stack.Endpoint[0].Document.String()
}

// lets tells whether a call through an endpoint could be allowed.
func (h *house) lets(id string) bool {
	stack, who := h.stack(id)
	r := policy.Request{Principal: policy.PrincipalOf(who.Identity), Action: "sts:AssumeRole", Resource: "*"}
	return policy.Decide(&stack, &r).Effect == policy.Allowed
}
