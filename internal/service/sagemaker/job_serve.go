package sagemaker

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/disk"
	"cloister/internal/machine/executor"
)

// bringModels brings a model's data to every host.
func (r *jobRun) bringModels(ctx context.Context, m *model) error {
	g, ctx := errgroup.WithContext(ctx)
	for i := range r.st().Hosts {
		g.Go(func() error {
			if err := disk.Remove(r.dir(i)); err != nil {
				return err
			}
			ml := filepath.Join(r.dir(i), "ml")
			if err := os.MkdirAll(filepath.Join(ml, "model"), 0o755); err != nil {
				return err
			}
			if err := os.Chmod(ml, 0o777); err != nil { // whatever user the image runs as
				return err
			}
			s3 := r.s3(i)
			defer s3.close()
			return fetchModel(ctx, s3, m.container(), filepath.Join(ml, "model"), r.dir(i))
		})
	}
	return g.Wait()
}

// serving is a model's container on a host, as it serves. Of variables with the same name the later holds.
func (r *jobRun) serving(host int, m *model, more ...map[string]string) executor.Spec {
	c, ml := m.container(), filepath.Join(r.dir(host), "ml")
	return executor.Spec{
		Root: r.image.Root, Args: append(append([]string{}, r.image.Entrypoint...), "serve"),
		Env:       environment(environment(r.image.Env, c.Environment), more...),
		Directory: r.image.WorkingDir, UID: r.image.UID, GID: r.image.GID,
		Hostname: text(orText(c.ContainerHostname, "container-1")),
		Mounts: []executor.Mount{
			{Source: ml, Target: "/opt/ml"}, {Source: filepath.Join(ml, "model"), Target: "/opt/ml/model", ReadOnly: true},
		},
	}
}

// caller makes a client of what serves on a host; idle is how many connections it keeps.
func (r *jobRun) caller(host, idle int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: idle, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return r.Network.Dial(ctx, r.network(host), listening)
		},
	}}
}

// await asks for health until the container answers, or its time is over.
func (r *jobRun) await(ctx context.Context, client *http.Client) error {
	within, cancel := context.WithTimeout(ctx, r.Startup)
	defer cancel()
	for pause := 10 * time.Millisecond; !healthy(within, client); pause = min(2*pause, pingPause) {
		select {
		case <-within.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fails("AlgorithmError: The model container did not pass the ping health check. Please check CloudWatch logs for this job.")
		case <-time.After(pause):
		}
	}
	return nil
}
