// Package sagemakerruntime is Amazon SageMaker Runtime: it takes a request for an endpoint to a
// container that serves it.
//
// It promises that a request waits for no record and no lock: it reads one snapshot of who is ready,
// which others replace as a whole, and keeps connections to the containers. It must not know how an
// endpoint is made, nor who may call it.
package sagemakerruntime

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"cloister/internal/frame/api"
	"cloister/internal/value/fault"
)

// The faults of the runtime's model.
var (
	validation  = fault.Kind{Code: "ValidationError", Status: 400}
	modelError  = fault.Kind{Code: "ModelError", Status: 424}
	unavailable = fault.Kind{Code: "ServiceUnavailable", Status: 503}
)

var operations = api.NewSet[*Service]("sagemakerruntime")

// Network connects from inside a namespace: see fabric.Fabric.
type Network interface {
	Dial(ctx context.Context, id string, to netip.AddrPort) (net.Conn, error)
}

const (
	invocationTime = 60 * time.Second
	dialTime       = 2 * time.Second
	// idleTime is shorter than the shortest keep-alive of usual model servers, so that a connection is
	// hardly ever closed under a request, which could not be sent twice.
	idleTime   = time.Second
	largest    = 25 << 20
	mostToOne  = 4096
	drainPause = 10 * time.Millisecond
)

// listening is where a container of a model listens in its namespace.
var listening = netip.MustParseAddrPort("127.0.0.1:8080")

// Service is safe for concurrent use.
type Service struct {
	network Network
	region  string
	timeout time.Duration

	routes atomic.Pointer[map[name]*route]

	mu        sync.Mutex // over what follows, and every change of routes
	instances map[string]*instance
	counters  map[counted]*counter
}

type name struct{ account, endpoint string }

// route is an endpoint as it stands now; it never changes.
type route struct {
	variants []*variant
	total    float64
}

// variant is one with ready instances.
type variant struct {
	name      string
	weight    float64
	instances []*instance
	turn      *atomic.Uint32
	*counter
}

// instance is one place with a container and the connections to it.
type instance struct {
	client   *fasthttp.HostClient
	underWay atomic.Int64
}

// New makes the service over a network, for a region.
func New(network Network, region string) *Service {
	s := &Service{
		network: network, region: region, timeout: invocationTime, instances: map[string]*instance{}, counters: map[counted]*counter{},
	}
	s.routes.Store(&map[name]*route{})
	return s
}

// Bind gives the operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

// Route puts an endpoint in force: by variant its weight and the places of its ready instances.
func (s *Service) Route(account, endpoint string, weights map[string]float64, places map[string][]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &route{}
	for v, weight := range weights {
		if len(places[v]) == 0 {
			continue
		}
		one := &variant{name: v, weight: weight, turn: new(atomic.Uint32), counter: s.counter(counted{account, endpoint, v})}
		for _, p := range places[v] {
			one.instances = append(one.instances, s.instance(p))
		}
		r.total += weight
		r.variants = append(r.variants, one)
	}
	s.change(func(m map[name]*route) { m[name{account, endpoint}] = r })
}

// Remove makes an endpoint unknown.
func (s *Service) Remove(account, endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(func(m map[name]*route) { delete(m, name{account, endpoint}) })
}

// change replaces the snapshot; the lock is held.
func (s *Service) change(f func(map[name]*route)) {
	old := *s.routes.Load()
	m := make(map[name]*route, len(old)+1)
	for k, v := range old {
		m[k] = v
	}
	f(m)
	s.routes.Store(&m)
}

// Drain waits until no request is under way at a place that no route leads to any more, and forgets
// the place.
func (s *Service) Drain(ctx context.Context, place string) {
	s.mu.Lock()
	i := s.instances[place]
	delete(s.instances, place)
	s.mu.Unlock()
	if i == nil {
		return
	}
	defer i.client.CloseIdleConnections()
	tick := time.NewTicker(drainPause)
	defer tick.Stop()
	for i.underWay.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// instance gives the connections to a place; the lock is held.
func (s *Service) instance(place string) *instance {
	if i := s.instances[place]; i != nil {
		return i
	}
	i := &instance{client: &fasthttp.HostClient{
		Addr: "localhost:8080", Name: "AHC/2.0", MaxConns: mostToOne, MaxIdleConnDuration: idleTime, MaxResponseBodySize: largest,
		MaxIdemponentCallAttempts: 1, DisablePathNormalizing: true, NoDefaultUserAgentHeader: true,
		RetryIfErr: func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
		Dial: func(string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(context.Background(), dialTime)
			defer cancel()
			c, err := s.network.Dial(ctx, place, listening)
			if err != nil {
				return nil, &noConnection{err}
			}
			return c, nil
		},
	}}
	s.instances[place] = i
	return i
}

// noConnection is nobody listening: nothing was sent.
type noConnection struct{ error }

func (n *noConnection) Unwrap() error { return n.error }
