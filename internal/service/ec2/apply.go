package ec2

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/network"
)

// networkKey is the only key of the queue: the network is applied as a whole.
const networkKey = "network"

// progress is how far the fabric follows the records. Each commit that changes the network is a
// generation; an attempt to apply covers every generation committed before it read the records.
type progress struct {
	*sync.Mutex
	committed, tried, applied uint64
	err                       error         // of the last attempt
	moved                     chan struct{} // closed at each attempt's end, then replaced
	stopped                   chan struct{}
	once                      *sync.Once
}

func newProgress() progress {
	return progress{Mutex: &sync.Mutex{}, moved: make(chan struct{}), stopped: make(chan struct{}), once: &sync.Once{}}
}

func (p *progress) commit() uint64 {
	p.Lock()
	defer p.Unlock()
	p.committed++
	return p.committed
}

func (p *progress) now() uint64 {
	p.Lock()
	defer p.Unlock()
	return p.committed
}

func (p *progress) attempted(generation uint64, err error) {
	p.Lock()
	defer p.Unlock()
	p.tried, p.err = generation, err
	if err == nil {
		p.applied = generation
	}
	close(p.moved)
	p.moved = make(chan struct{})
}

func (p *progress) stop() { p.once.Do(func() { close(p.stopped) }) }

var errStopped = errors.New("the network is no longer applied: the service has stopped")

// wait returns once an attempt has covered the generation, with that attempt's error.
func (p *progress) wait(ctx context.Context, generation uint64) error {
	for {
		p.Lock()
		tried, applied, err, moved := p.tried, p.applied, p.err, p.moved
		p.Unlock()
		switch {
		case applied >= generation:
			return nil
		case tried >= generation:
			return err
		}
		select {
		case <-moved:
		case <-p.stopped:
			return errStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Change is change for the services whose records are Parts of the network.
func (s *Service) Change(ctx context.Context, f func(*store.Tx) error) error { return s.change(ctx, f) }

// change runs a transaction that changes the network and returns when the fabric was given a plan
// with it. An error of the fabric is not the customer's: the record stands, the queue tries again,
// and what has a state keeps saying that it is not ready.
func (s *Service) change(ctx context.Context, f func(*store.Tx) error) error {
	return s.changeBy(ctx, s.DB.Update, f)
}

// changeInterface is change for what comes in crowds, as jobs do: such transactions share a commit. Their functions
// look at records alone.
func (s *Service) changeInterface(ctx context.Context, f func(*store.Tx) error) error {
	return s.changeBy(ctx, s.DB.UpdateShared, f)
}

// updating is Update or UpdateShared.
type updating func(context.Context, func(*store.Tx) error) error

func (s *Service) changeBy(ctx context.Context, update updating, f func(*store.Tx) error) error {
	generation, err := s.commit(ctx, update, f)
	if err != nil {
		return err
	}
	if err := s.progress.wait(ctx, generation); err != nil {
		s.Log.Warn("a change is recorded but not yet in force", "error", err)
	}
	return nil
}

// commit runs a transaction and asks for its network.
func (s *Service) commit(ctx context.Context, update updating, f func(*store.Tx) error) (generation uint64, err error) {
	err = update(ctx, func(tx *store.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		s.planned(tx, &generation)
		return nil
	})
	return generation, err
}

// planned asks for the network that a transaction makes, and says which generation that is.
func (s *Service) planned(tx *store.Tx, generation *uint64) {
	tx.After(func() {
		*generation = s.progress.commit()
		s.queue.Add(networkKey)
	})
}

// Follow has this network made of what a transaction of somebody else wrote. What it gives back waits for
// that, as change does, once the transaction is durable.
func (s *Service) Follow(tx *store.Tx) (wait func(ctx context.Context)) {
	var generation uint64
	s.planned(tx, &generation)
	return func(ctx context.Context) {
		if err := s.progress.wait(ctx, generation); err != nil {
			s.Log.Warn("a change is recorded but not yet in force", "error", err)
		}
	}
}

// work is one attempt: read, plan, apply, and settle what has waited for it.
func (s *Service) work(ctx context.Context, _ string) (time.Duration, error) {
	generation := s.progress.now()
	again, err := s.apply(ctx)
	s.progress.attempted(generation, err)
	return again, err
}

func (s *Service) apply(ctx context.Context) (again time.Duration, err error) {
	var all *records
	var wanted *network.Network
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		all, wanted, err = s.wanted(tx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read the network's records: %w", err)
	}
	s.note(wanted)
	s.collector.know(all.enis)
	if err := s.Fabric.Apply(ctx, wanted); err != nil {
		return 0, fmt.Errorf("apply the network: %w", err)
	}
	return s.closedGateways(wanted), errors.Join(s.settle(ctx, all), s.settleWays(ctx, all))
}

// wanted is the network that the records ask for, with them.
func (s *Service) wanted(tx *store.Tx) (*records, *network.Network, error) {
	all, err := read(tx)
	if err != nil {
		return nil, nil, err
	}
	n := plan(s.Region, s.Region == s.Regions[0], all)
	n.Internet.Uplink, n.Internet.Recursors = s.Uplink, s.Recursors
	planHomes(n, s.Region, s.number(), all.homes)
	for _, add := range s.Parts {
		if err := add(tx, n); err != nil {
			return nil, nil, err
		}
	}
	return all, n, nil
}

// vpnRetry is how often a VPN gateway is tried that cannot be opened: what keeps it from that (an address
// that this host has not got yet, a port that somebody has) is changed by nobody here.
const vpnRetry = 30 * time.Second

func (s *Service) closedGateways(n *network.Network) (again time.Duration) {
	for _, v := range n.VPCs {
		if v.VPN == nil {
			continue
		}
		if _, err := s.Fabric.Tunnels(v.VPN.ID); err != nil {
			return vpnRetry
		}
	}
	return 0
}

// note remembers whose the elastic addresses are, for flow logs.
func (s *Service) note(n *network.Network) {
	public := map[netip.Addr]netip.Addr{}
	for i := range n.Interfaces {
		if at := &n.Interfaces[i]; at.Public.IsValid() {
			public[at.Public] = at.Address
		}
	}
	s.public.Store(&public)
}

// settle ends what the attempt has made true: endpoints it planned are available, those it left out
// are gone with their interfaces.
func (s *Service) settle(ctx context.Context, seen *records) error {
	unsettled := map[string]string{}
	for _, e := range seen.endpoints {
		if e.State == pending || e.State == deleting {
			unsettled[store.Key(e.Account, e.ID)] = e.State
		}
	}
	if len(unsettled) == 0 {
		return nil
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		for key, state := range unsettled {
			e, err := endpoints.table.Get(tx, key)
			if err != nil {
				return fmt.Errorf("settle endpoints: %w", err)
			}
			if e == nil || e.State != state { // changed since: a later attempt's business
				continue
			}
			if err := settleEndpoint(tx, e); err != nil {
				return fmt.Errorf("settle endpoint %s: %w", e.ID, err)
			}
		}
		return nil
	})
}

func settleEndpoint(tx *store.Tx, e *endpoint) error {
	if e.State == pending {
		e.State = available
		return endpoints.put(tx, e)
	}
	own, err := enis.where(tx, e.Account, func(i *eni) bool { return i.Endpoint == e.ID })
	if err != nil {
		return err
	}
	for _, i := range own {
		if err := enis.remove(tx, i); err != nil {
			return err
		}
	}
	return endpoints.remove(tx, e)
}
