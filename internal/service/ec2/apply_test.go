package ec2

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

// eventually waits for something that happens in its own time.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 500 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func TestAFabricThatRefusesIsAskedAgain(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/24", "a")
	h.dns(v)
	h.fabric.fail(errors.New("the kernel is sad"))
	e := h.interfaceEndpoint(v, "logs", []string{a}, nil)
	if now := h.endpoint(*e.VpcEndpointId); *now.State != pending {
		t.Errorf("an endpoint that the fabric does not have is %s", *now.State)
	}
	if err := h.Isolate(t.Context(), "job-1"); err == nil {
		t.Error("Isolate says a namespace exists that does not")
	}
	h.fabric.fail(nil)
	eventually(t, "the endpoint is available", func() bool { return *h.endpoint(*e.VpcEndpointId).State == available })
	if n := h.fabric.network(); len(n.Endpoints) != 1 || len(n.Isolated) != 1 {
		t.Errorf("the fabric has %+v", n)
	}

	if !h.lets(*e.VpcEndpointId) {
		t.Error("the endpoint lets nothing through")
	}
	h.fabric.fail(errors.New("sad again"))
	must[shape.DeleteVpcEndpointsResult](h, "DeleteVpcEndpoints", &shape.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{*e.VpcEndpointId}})
	if now := h.endpoint(*e.VpcEndpointId); *now.State != deleting {
		t.Errorf("an endpoint that the fabric still has is %s", *now.State)
	}
	if h.lets(*e.VpcEndpointId) {
		t.Error("a deleted endpoint still lets calls through")
	}
	refused[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: &a}, "DependencyViolation", "")
	h.fabric.fail(nil)
	eventually(t, "the endpoint is gone", func() bool {
		return len(must[shape.DescribeVpcEndpointsResult](h, "DescribeVpcEndpoints", &shape.DescribeVpcEndpointsRequest{}).VpcEndpoints) == 0
	})
	must[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: &a})
}

// gated is a fabric whose Apply says that it was entered and waits to be let through.
type gated struct {
	*watched
	entered, gate chan struct{}
}

func newGate(h *house) *gated {
	g := &gated{h.fabric, make(chan struct{}, 100), make(chan struct{})}
	h.Service.Fabric = g // nothing is being applied now
	return g
}

func (g *gated) Apply(ctx context.Context, want *network.Network) error {
	g.entered <- struct{}{}
	<-g.gate
	return g.watched.Apply(ctx, want)
}

func TestChangesThatWaitShareOneApply(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.subnet(v, "10.0.0.0/24", "a")
	a := h.subnet(v, "10.0.1.0/24", "a")
	gate := newGate(h).gate
	before := h.fabric.applied()
	const many = 40
	addresses := make([]string, many)
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() { addresses[i] = *h.eni(a).PrivateIpAddress })
	}
	eventually(t, "all are recorded", func() bool {
		return len(must[shape.DescribeNetworkInterfacesResult](h, "DescribeNetworkInterfaces", &shape.DescribeNetworkInterfacesRequest{}).NetworkInterfaces) == many
	})
	for _, x := range addresses {
		if x != "" {
			t.Error("a call answered before its change was applied")
		}
	}
	close(gate)
	wg.Wait()
	seen := map[string]bool{}
	for _, x := range addresses {
		if seen[x] {
			t.Errorf("%s was given twice", x)
		}
		seen[x] = true
	}
	if n := h.fabric.applied() - before; n > 3 { // one was under way, one for all that waited, and one for who was told late
		t.Errorf("%d changes took %d applies", many, n)
	}
	if n := len(h.fabric.network().Interfaces); n != many {
		t.Errorf("the fabric has %d interfaces", n)
	}
}

func TestAnEndpointThatIsDeletedWhileItIsMadeGoesOnlyWhenTheFabricLeftItOut(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a := h.subnet(v, "10.0.0.0/24", "a")
	g := newGate(h)
	var wg sync.WaitGroup
	wg.Go(func() { h.interfaceEndpoint(v, "logs", []string{a}, nil) })
	<-g.entered
	all := func() []shape.VpcEndpoint {
		return must[shape.DescribeVpcEndpointsResult](h, "DescribeVpcEndpoints", &shape.DescribeVpcEndpointsRequest{}).VpcEndpoints
	}
	id := *all()[0].VpcEndpointId
	wg.Go(func() {
		must[shape.DeleteVpcEndpointsResult](h, "DeleteVpcEndpoints", &shape.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{id}})
	})
	eventually(t, "the deletion is recorded", func() bool { return *all()[0].State == deleting })
	g.gate <- struct{}{}
	<-g.entered // the first apply, with the endpoint, is over and settled
	if left := all(); len(left) != 1 || len(left[0].NetworkInterfaceIds) != 1 || *left[0].State != deleting {
		t.Errorf("while the fabric still has it: %+v", left)
	}
	close(g.gate)
	wg.Wait()
	if left := all(); len(left) != 0 {
		t.Errorf("after its deletion: %+v", left)
	}
}

func TestACallDoesNotOutwaitItsServiceOrItsCaller(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	gate := newGate(h).gate
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.Isolate(ctx, "job-1") }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("after its caller left: %v", err)
	}
	go func() { done <- h.Release(t.Context(), "job-1") }()
	go h.stop()
	close(gate)
	<-done // with or without an error, but it returns
	_ = v
}

func TestManyCallersAtOnceMakeOneOfEachToken(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/24", "a")
	ids := make([]string, 24)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			in := &shape.CreateNetworkInterfaceRequest{SubnetId: &a, ClientToken: new(fmt.Sprint("token-", i%3))}
			out, err := try[shape.CreateNetworkInterfaceResult](h, account, "CreateNetworkInterface", in)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = *out.NetworkInterface.NetworkInterfaceId
		})
	}
	wg.Wait()
	for i := range ids {
		if ids[i] != ids[i%3] || ids[i] == ids[(i+1)%3] {
			t.Fatalf("token %d gave %s, then %s", i%3, ids[i%3], ids[i])
		}
	}
}

func BenchmarkCreateVpcEndpoint(b *testing.B) {
	h := newHouse(b)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a, c := h.subnet(v, "10.0.0.0/24", "a"), h.subnet(v, "10.0.1.0/24", "b")
	for range 100 {
		h.eni(a)
	}
	for b.Loop() {
		e := h.interfaceEndpoint(v, "logs", []string{a, c}, nil)
		b.StopTimer()
		must[shape.DeleteVpcEndpointsResult](h, "DeleteVpcEndpoints", &shape.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{*e.VpcEndpointId}})
		b.StartTimer()
	}
}
