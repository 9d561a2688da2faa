package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/disk"
	"cloister/internal/machine/executor"
)

// atOnce is how many of a job's hosts are worked on at a time.
const atOnce = 16

// isolated says whether containers are cut off, home whether they are in the service's own VPC: their job
// names none.
func (r *jobRun) isolated() bool { return r.plan.Isolated }
func (r *jobRun) home() bool     { return r.plan.VPC == nil && !r.plan.Isolated }

// network is the id of a container's namespace.
func (r *jobRun) network(host int) string {
	h := &r.st().Hosts[host]
	if r.isolated() || r.home() {
		return h.ID
	}
	return h.Interface
}

// hostIDs are the ids of all hosts.
func (r *jobRun) hostIDs() (ids []string) {
	for _, h := range r.st().Hosts {
		ids = append(ids, h.ID)
	}
	return ids
}

// launch makes what the hosts are reached by: all interfaces, then the namespaces. Nothing runs before
// all are there, so that a container can find its peers from its first instruction on.
func (r *jobRun) launch(ctx context.Context) error {
	err := r.provision(ctx, r.st().Account, r.st().ID, r.plan.usage(), r.st().types()...)
	if errors.Is(err, errCapacity) {
		return fails("CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type.")
	}
	if err != nil {
		return err
	}
	if r.plan.VPC != nil {
		if err := r.connect(ctx); err != nil {
			return err
		}
	}
	switch {
	case r.isolated():
		err = r.cutOff(ctx)
	case r.home():
		err = r.settle(ctx)
	}
	if err != nil {
		return err
	}
	for i := range r.st().Hosts {
		if _, err := r.namespace(ctx, r.network(i)); err != nil {
			return err
		}
	}
	return r.seal(ctx)
}

// connect makes the interfaces that are not known yet, spread over the subnets. What was made is recorded
// also where another was refused.
func (r *jobRun) connect(ctx context.Context) error {
	hosts := slices.Clone(r.st().Hosts)
	x, err := r.role(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(hosts, func(h jobHost) bool { return h.Interface == "" }) {
		return r.inherit(ctx)
	}
	p := place{vpc: r.plan.VPC, types: r.st().types(), marked: mark(r.st().ID+"*", r.plan.What), hosts: r.plan.Endpoints}
	if err := r.admit(ctx, x.as, p); err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range hosts {
		h := &hosts[i]
		if h.Interface != "" {
			continue
		}
		g.Go(func() (err error) {
			var address netip.Addr
			h.Interface, address, err = r.attach(ctx, x.as, r.st().Account, r.plan.VPC, i, h.ID, r.plan.What)
			if !r.isolated() {
				h.Address = address
			}
			return err
		})
	}
	err = g.Wait()
	r.passes(ctx, "attached")
	return errors.Join(err, r.update(ctx, func(_ time.Time, j job) {
		for i := range hosts {
			j.state().Hosts[i].Interface, j.state().Hosts[i].Address = hosts[i].Interface, hosts[i].Address
		}
	}))
}

// cutOff makes the isolated namespaces: one that is alone, or several in a network of their own.
func (r *jobRun) cutOff(ctx context.Context) error {
	ids := r.hostIDs()
	if r.alone() {
		for _, id := range ids {
			if err := r.Isolation.Isolate(ctx, id); err != nil {
				return fmt.Errorf("isolate %s: %w", id, err)
			}
		}
		return nil
	}
	at, err := r.Isolation.Join(ctx, r.st().ID, ids)
	if err != nil {
		return fmt.Errorf("join %s: %w", r.st().ID, err)
	}
	return r.at(ctx, at)
}

// alone tells whether no host has a peer.
func (r *jobRun) alone() bool { return r.plan.Endpoints || len(r.st().Hosts) == 1 }

// homes are the hosts that share a place in the service's own VPC, by the id of that place.
func (r *jobRun) homes() map[string][]string {
	if !r.plan.Endpoints {
		return map[string][]string{r.st().ID: r.hostIDs()}
	}
	out := map[string][]string{}
	for _, id := range r.hostIDs() {
		out[id] = []string{id}
	}
	return out
}

// settle gives the hosts a place in the service's own VPC.
func (r *jobRun) settle(ctx context.Context) error {
	known := map[string]netip.Addr{}
	for id, hosts := range r.homes() {
		at, err := r.Isolation.Home(ctx, id, hosts)
		if err != nil {
			return fmt.Errorf("a place for %s: %w", id, err)
		}
		for i, a := range at {
			known[hosts[i]] = a
		}
	}
	var at []netip.Addr
	for _, id := range r.hostIDs() {
		at = append(at, known[id])
	}
	return r.at(ctx, at)
}

// at records where the hosts are.
func (r *jobRun) at(ctx context.Context, at []netip.Addr) error {
	return r.update(ctx, func(_ time.Time, j job) {
		for i, a := range at {
			j.state().Hosts[i].Address = a
		}
	})
}

// spec is what a host runs: what the kind says, and what is the same for all.
func (r *jobRun) spec(ctx context.Context, host int) (executor.Spec, error) {
	h := &r.st().Hosts[host]
	namespace, err := r.namespace(ctx, r.network(host))
	if err != nil {
		return executor.Spec{}, err
	}
	spec, err := r.job().container(r, host)
	if err != nil {
		return executor.Spec{}, err
	}
	if !r.isolated() && h.Secret != "" {
		variable, path := r.offer(r.network(host), h.Secret, r.errand())
		if !r.home() {
			variable, path, err = r.lend(ctx, r.st().Account, h.Interface, h.Secret, r.errand())
		}
		if err != nil {
			return executor.Spec{}, err
		}
		spec.Env = environment(spec.Env, map[string]string{variable: path})
	}
	spec.ID, spec.Namespace = h.ID, namespace
	if spec.Hostname == "" {
		spec.Hostname = h.Name
	}
	spec.Limits, _ = r.limits(h.Type)
	if spec.Devices, err = r.gpusOf(ctx, r.st().ID, r.st().types(), host); err != nil {
		return executor.Spec{}, err
	}
	spec.Hosts, spec.Resolver = r.names(host), r.Network.Resolver(r.network(host)).Conf()
	return spec, nil
}

// names are the lines by which a host finds itself and its peers, which nobody else does. Its own name
// is its address where it has one: servers listen at what it stands for.
func (r *jobRun) names(host int) []string {
	own := "127.0.0.1 localhost"
	var lines []string
	for i, h := range r.st().Hosts {
		at := h.Address
		if h.Encrypted.IsValid() {
			at = h.Encrypted
		}
		if at.IsValid() && (i == host || !r.plan.Endpoints) {
			lines = append(lines, at.String()+" "+h.Name)
		} else if i == host {
			own += " " + h.Name
		}
	}
	return append([]string{own}, lines...)
}

// undo removes what the stages made, in reverse. It may run twice and before any stage did. Containers
// go first: nothing else is in use then. Of a cluster that is kept the network stays.
func (r *jobRun) undo(ctx context.Context) error {
	var errs []error
	for i, h := range slices.Backward(r.st().Hosts) {
		r.takeBack(r.network(i))
		errs = append(errs, r.Executor.Remove(ctx, h.ID))
	}
	r.Meshes.Close(r.st().ID) // or they would hold the namespaces
	for _, st := range slices.Backward(r.plan.Stages[:r.stage()+1]) {
		if st.undo != nil {
			errs = append(errs, st.undo(r, ctx))
		}
	}
	r.abandon(ctx)
	kept := r.st().kept()
	switch {
	case kept:
	case r.isolated() && r.alone():
		for _, id := range r.hostIDs() {
			errs = append(errs, r.Isolation.Release(ctx, id))
		}
	case r.isolated():
		errs = append(errs, r.Isolation.Part(ctx, r.st().ID))
	case r.home():
		for id, hosts := range r.homes() {
			errs = append(errs, r.Isolation.Leave(ctx, id, hosts))
		}
	}
	for i, h := range slices.Backward(r.st().Hosts) {
		// An interface whose id was lost is looked for, unless no stage can have made one.
		if r.plan.VPC != nil && !kept && (h.Interface != "" || r.stage() > 0) {
			errs = append(errs, r.detach(ctx, r.st().Account, h.Interface, h.ID, r.plan.What))
		}
		errs = append(errs, disk.Remove(r.dir(i)), r.forgetLog(ctx, h.ID))
	}
	return errors.Join(errs...)
}
