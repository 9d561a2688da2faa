package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/executor"
)

// listening is where a container of a model listens in its namespace.
var listening = netip.MustParseAddrPort("127.0.0.1:8080")

const (
	pingTime  = 2 * time.Second
	pingPause = 250 * time.Millisecond
	// longestPause is the most that is waited before a container that ended by itself is run again.
	longestPause = 30 * time.Second
)

// serve runs the container, or adopts the one of an earlier process, and stays until it ends. What
// it gives is how long to wait before the next one.
func (r *instanceRun) serve(ctx context.Context) (time.Duration, error) {
	running, err := r.running(ctx)
	if err != nil {
		return 0, err
	}
	if !running {
		if err := r.replace(ctx); err != nil {
			return 0, err
		}
	}
	spec, err := r.container(ctx)
	if err != nil {
		return 0, err
	}
	err = r.Executor.Start(ctx, spec)
	if errors.Is(err, executor.ErrMalformed) {
		return 0, fails("The container for production variant %s could not be started: %s.", r.in.Variant, malformed(err))
	}
	if err != nil {
		return 0, fmt.Errorf("start container: %w", err)
	}
	r.passes(ctx, "started")
	if r.in.Since == nil {
		if err := r.update(ctx, func(i *instance) { i.Since = new(r.Clock()) }); err != nil {
			return 0, err
		}
	}
	if running && r.in.Ready { // adopted: its route may be new to this process
		r.endpoints.Add(r.in.endpointKey())
	}
	if err := r.attend(ctx); err != nil {
		return 0, err
	}
	if err := r.update(ctx, func(i *instance) {
		if i.Ready {
			i.Ready, i.Since = false, new(r.Clock())
		}
		i.Restarts++
	}); err != nil {
		return 0, err
	}
	r.Service.Log.Warn("container of an endpoint ended", "endpoint", r.in.Endpoint, "instance", r.in.ID, "restarts", r.in.Restarts)
	if err := r.overdue(); err != nil {
		return 0, err
	}
	return min(100*time.Millisecond<<min(r.in.Restarts, 12), longestPause), nil
}

// running tells whether there is a container that has not ended.
func (r *instanceRun) running(ctx context.Context) (bool, error) {
	all, err := r.Executor.List(ctx)
	if err != nil {
		return false, fmt.Errorf("list containers: %w", err)
	}
	for _, c := range all {
		if c.ID == r.in.ID {
			return c.Running, nil
		}
	}
	return false, nil
}

// replace clears away a container that has ended, so that the next one may start.
func (r *instanceRun) replace(ctx context.Context) error {
	if r.in.Ready {
		if err := r.update(ctx, func(i *instance) { i.Ready, i.Since = false, new(r.Clock()) }); err != nil {
			return err
		}
	}
	if err := r.Executor.Remove(ctx, r.in.ID); err != nil {
		return fmt.Errorf("remove container: %w", err)
	}
	return r.forgetLog(ctx, r.in.ID)
}

// attend carries the log, asks for health and waits for the end; no error means it ended.
func (r *instanceRun) attend(ctx context.Context) error {
	in, dir := r.in, r.directory() // only awaitHealth may change what r holds meanwhile
	g, within := errgroup.WithContext(ctx)
	living, over := context.WithCancel(within)
	g.Go(func() error {
		defer over()
		_, err := r.Executor.Wait(within, in.ID)
		if errors.Is(err, executor.ErrUnknown) {
			return nil
		}
		return err
	})
	g.Go(func() error {
		// The last lines come after the end, but not for ever.
		logged, cut := context.WithCancel(within)
		defer cut()
		defer context.AfterFunc(living, func() { time.AfterFunc(lastLines, cut) })()
		r.carryLog(logged, in)
		return nil
	})
	filled := make(chan bool, 1)
	g.Go(func() error {
		defer close(filled)
		var over *fullVolume
		if err := r.volumes.watch(living, in.ID, dir, in.Volume); errors.As(err, &over) {
			filled <- true
			r.Service.Log.Warn("container of an endpoint is ended", "endpoint", in.Endpoint, "instance", in.ID, "reason", over.reason)
			return r.Executor.Stop(within, in.ID, 0)
		}
		return nil
	})
	g.Go(func() error {
		if in.Ready {
			return nil
		}
		return r.awaitHealth(living)
	})
	err := g.Wait()
	over()
	if err == nil && <-filled {
		// The next container gets the model afresh, and a directory with nothing else in it.
		err = r.update(ctx, func(i *instance) { i.Prepared = false })
	}
	return err
}

// carryLog carries a container's output until it has ended or ctx is done.
func (r *instanceRun) carryLog(ctx context.Context, in *instance) {
	to := stream{group: "/aws/sagemaker/Endpoints/" + in.Endpoint, prefix: in.Variant + "/" + in.Stream, container: in.ID, role: r.role}
	if err := r.follow(ctx, to); err != nil && ctx.Err() == nil {
		r.Service.Log.Warn("log of an endpoint is incomplete", "endpoint", in.Endpoint, "error", err)
	}
}

// carryRest carries what the container of an instance that goes wrote since nobody follows it, its last words too.
func (r *instanceRun) carryRest(ctx context.Context) {
	if r.in.Since == nil { // there never was one
		return
	}
	within, cut := context.WithTimeout(ctx, lastLines)
	defer cut()
	r.carryLog(within, r.in)
}

// awaitHealth asks /ping until it is answered with 200, the container ends, or its time is over.
func (r *instanceRun) awaitHealth(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return r.Network.Dial(ctx, r.in.place(), listening)
		},
	}}
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, pingPause) {
		if healthy(ctx, client) {
			r.passes(ctx, "healthy")
			return r.update(ctx, func(i *instance) { i.Ready, i.Attempts = true, 0 })
		}
		if err := r.overdue(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// healthy asks a model's container whether it is.
func healthy(ctx context.Context, client *http.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost:8080/ping", nil)
	if err != nil {
		return false
	}
	req.Header.Set("User-Agent", "AHC/2.0")
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) //nolint:errcheck // only the status counts
	return resp.StatusCode == http.StatusOK
}

// overdue is the failure of an instance that was never ready in time. One that was once ready is run
// again for as long as its endpoint wants it.
func (r *instanceRun) overdue() error {
	if r.in.Since == nil || r.Clock().Before(r.in.Since.Add(r.in.Startup)) {
		return nil
	}
	return fails("The primary container for production variant %s did not pass the ping health check. Please check CloudWatch logs for this endpoint.", r.in.Variant)
}
