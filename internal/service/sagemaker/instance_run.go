package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/disk"
	"cloister/internal/machine/executor"
	"cloister/internal/machine/store"
)

// instanceStages bring an instance up; each may run twice. What follows them is not a stage but the
// instance's life: see serve.
var instanceStages = []struct {
	name string
	do   func(*instanceRun, context.Context) error
}{
	{"Launching", (*instanceRun).launch},
	{"Pulling", (*instanceRun).pull},
	{"Downloading", (*instanceRun).fetch},
}

// instanceRun is one worker's hold on an instance. It may be lost at any time.
type instanceRun struct {
	*Service
	key   string
	in    *instance
	going <-chan struct{} // closes when the instance is to go
	held  held
	found *Image
}

// drain is how long requests under way may take before the container is stopped, and farewell what
// it then has between SIGTERM and SIGKILL.
const (
	drainTime = 60 * time.Second
	farewell  = 30 * time.Second
)

func (s *Service) workOnInstance(ctx context.Context, key string) (time.Duration, error) {
	r := &instanceRun{Service: s, key: key, going: s.bells.listen(key)}
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		r.in, err = instances.Get(tx, key)
		return err
	})
	if err != nil || r.in == nil {
		s.bells.forget(key)
		return 0, err
	}
	if r.in.Going {
		return 0, r.leave(ctx)
	}
	if r.in.Failure != "" {
		s.endpoints.Add(r.in.endpointKey())
		return 0, nil
	}
	again, err := r.live(ctx)
	var no *failure
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case errors.Is(err, errStopped):
		return time.Nanosecond, nil // to leave
	case errors.As(err, &no):
		return 0, r.update(ctx, func(i *instance) { i.Failure = clip(no.reason) })
	case err != nil:
		return 0, errors.Join(err, r.update(ctx, func(i *instance) {
			if i.Attempts++; i.Attempts >= mostAttempts && i.Since == nil {
				i.Failure = "Request to service failed. If failure persists after retry, contact customer support."
			}
		}))
	}
	return again, nil
}

// update changes the record, and puts the routes of its endpoint in force where readiness changed.
func (r *instanceRun) update(ctx context.Context, f func(*instance)) error {
	return r.DB.Update(ctx, func(tx *store.Tx) error {
		i, err := instances.Get(tx, r.key)
		if err != nil {
			return err
		}
		if i == nil {
			return fmt.Errorf("instance %s: the record is gone", r.in.ID)
		}
		ready, failure := i.Ready, i.Failure
		f(i)
		r.in = i
		if ready != i.Ready || failure != i.Failure {
			tx.After(func() { r.endpoints.Add(i.endpointKey()) })
		}
		return instances.Put(tx, r.key, i)
	})
}

// live brings the instance up and stays while its container does.
func (r *instanceRun) live(ctx context.Context) (time.Duration, error) {
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var g errgroup.Group
	g.Go(func() error {
		select {
		case <-r.going:
			cancel(errStopped)
		case <-within.Done():
		}
		return nil
	})
	again, err := r.up(within)
	cause := context.Cause(within)
	cancel(nil)
	g.Wait() //nolint:errcheck // it gives none
	if errors.Is(cause, errStopped) {
		return 0, errStopped
	}
	return again, err
}

// passes tells that the instance is between two of its steps.
func (r *instanceRun) passes(ctx context.Context, point string) {
	r.Service.passes(ctx, fmt.Sprintf("endpoint/%s/%d", r.in.Endpoint, r.in.Generation), point)
}

func (r *instanceRun) up(ctx context.Context) (time.Duration, error) {
	for _, st := range instanceStages {
		r.passes(ctx, st.name+" begun")
		if err := st.do(r, ctx); err != nil {
			return 0, err
		}
		r.passes(ctx, st.name+" done")
	}
	return r.serve(ctx)
}

// role gives a session of the model's role.
func (r *instanceRun) role(ctx context.Context) (*session, error) {
	return r.hold(ctx, &r.held, r.in.errand(), "")
}

// launch makes the interface and the isolated namespace.
func (r *instanceRun) launch(ctx context.Context) error {
	err := r.provision(ctx, r.in.Account, r.in.ID, "endpoint", r.in.InstanceType)
	if errors.Is(err, errCapacity) {
		return fails("There is not enough capacity for instance type %s. Please try again later.", r.in.InstanceType)
	}
	if err != nil {
		return err
	}
	if r.in.vpc() && r.in.Interface == "" {
		x, err := r.role(ctx)
		if err != nil {
			return err
		}
		p := place{vpc: r.in.Model.Request.VpcConfig, types: []string{r.in.InstanceType}, marked: mark(r.in.ID, r.in.what()), hosts: true}
		if err := r.admit(ctx, x.as, p); err != nil {
			return err
		}
		id, _, err := r.attach(ctx, x.as, r.in.Account, r.in.Model.Request.VpcConfig, r.in.Number, r.in.ID, r.in.what())
		if err != nil {
			return err
		}
		if err := r.update(ctx, func(i *instance) { i.Interface = id }); err != nil {
			return err
		}
	}
	if r.in.isolated() {
		if err := r.Isolation.Isolate(ctx, r.in.ID); err != nil {
			return fmt.Errorf("isolate %s: %w", r.in.ID, err)
		}
	}
	if r.in.home() {
		if _, err := r.Isolation.Home(ctx, r.in.ID, []string{r.in.ID}); err != nil {
			return fmt.Errorf("a place for %s: %w", r.in.ID, err)
		}
	}
	_, err = r.namespace(ctx, r.in.place())
	return err
}

// pull finds the image; the digest that was found first stays what Describe shows.
func (r *instanceRun) pull(ctx context.Context) error {
	c := r.in.Model.container()
	if r.in.Digest != "" {
		i, err := r.Images.Kept(ctx, r.in.Digest)
		if !errors.Is(err, ErrNoImage) {
			r.found = i
			return err
		}
	}
	x, err := r.role(ctx)
	if err != nil {
		return err
	}
	i, err := r.Images.Image(ctx, x.as, text(c.Image))
	if errors.Is(err, ErrNoImage) {
		return fails("%s", withReason("The image '"+text(c.Image)+"' does not exist, or the role "+r.in.role()+" may not pull it.", err))
	}
	if err != nil {
		return err
	}
	if err := i.mayRun(text(c.Image), r.in.isolated()); err != nil {
		return err
	}
	r.found = i
	if r.in.Digest == "" {
		return r.update(ctx, func(x *instance) { x.Digest, x.Resolved = i.Digest, stamp(r.Clock()) })
	}
	return nil
}

func (r *instanceRun) directory() string { return filepath.Join(r.Directory, r.in.ID) }
func (r *instanceRun) ml() string        { return filepath.Join(r.directory(), "ml") }

// leave removes everything and then the record. The routes went before it was asked to go.
func (r *instanceRun) leave(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, drainTime)
	r.Traffic.Drain(waiting, r.in.place())
	cancel()
	if err := r.Executor.Stop(ctx, r.in.ID, farewell); err != nil {
		return err
	}
	r.passes(ctx, "stopped")
	r.carryRest(ctx)
	r.takeBack(r.in.place())
	errs := []error{r.Executor.Remove(ctx, r.in.ID)}
	if r.in.isolated() {
		errs = append(errs, r.Isolation.Release(ctx, r.in.ID))
	}
	if r.in.home() {
		errs = append(errs, r.Isolation.Leave(ctx, r.in.ID, []string{r.in.ID}))
	}
	if r.in.vpc() {
		errs = append(errs, r.detach(ctx, r.in.Account, r.in.Interface, r.in.ID, r.in.what()))
	}
	errs = append(errs, disk.Remove(r.directory()), r.forgetLog(ctx, r.in.ID))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r.passes(ctx, "gone")
	return r.DB.Update(ctx, func(tx *store.Tx) error {
		tx.After(func() { r.bells.forget(r.key); r.endpoints.Add(r.in.endpointKey()) })
		return errors.Join(instances.Delete(tx, r.key), giveBack(tx, r.in.Account, r.in.ID), freeGPUs(tx, r.in.ID))
	})
}

// container is what the instance runs.
func (r *instanceRun) container(ctx context.Context) (executor.Spec, error) {
	namespace, err := r.namespace(ctx, r.in.place())
	if err != nil {
		return executor.Spec{}, err
	}
	c := r.in.Model.container()
	limits, _ := r.limits(r.in.InstanceType)
	own := map[string]string{"AWS_REGION": r.Region}
	if !r.in.isolated() && r.in.Secret != "" {
		variable, path := r.offer(r.in.place(), r.in.Secret, r.in.errand())
		if !r.in.home() {
			variable, path, err = r.lend(ctx, r.in.Account, r.in.Interface, r.in.Secret, r.in.errand())
		}
		if err != nil {
			return executor.Spec{}, err
		}
		own[variable] = path
	}
	name := text(orText(c.ContainerHostname, "container-1"))
	spec := executor.Spec{
		ID: r.in.ID, Root: r.found.Root, Args: append(append([]string{}, r.found.Entrypoint...), "serve"),
		Env: environment(r.found.Env, c.Environment, own), Directory: r.found.WorkingDir,
		UID: r.found.UID, GID: r.found.GID, Hostname: name, Namespace: namespace, Limits: limits,
		Mounts: []executor.Mount{
			{Source: r.ml(), Target: "/opt/ml"}, {Source: filepath.Join(r.ml(), "model"), Target: "/opt/ml/model", ReadOnly: true},
		},
		Hosts: []string{"127.0.0.1 localhost " + name},
	}
	spec.Resolver = r.Network.Resolver(r.in.place()).Conf()
	spec.Devices, err = r.gpusOf(ctx, r.in.ID, []string{r.in.InstanceType}, 0)
	return spec, err
}
