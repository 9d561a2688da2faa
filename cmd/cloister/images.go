package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/image"
	"cloister/internal/service/sagemaker"
)

// builtIn are the images made from this very binary: nothing is pulled. K-Means has the name that AWS
// gives it in us-east-1 (facts sagemaker 10); the probe is for whoever tests what a container reaches.
func builtIn(c config) map[string]string {
	out := map[string]string{}
	for _, r := range c.served() {
		out["382416733822.dkr.ecr."+r+".amazonaws.com/kmeans:1"] = "kmeans"
		out[c.Account+".dkr.ecr."+r+".amazonaws.com/cloister-probe:1"] = "probe"
	}
	return out
}

// loadImages makes the built-in images; those of the same binary are there already and cost nothing.
func loadImages(ctx context.Context, s *image.Store, c config) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// At once: at first start each takes a tenth of a second of hashing and writing.
	g, ctx := errgroup.WithContext(ctx)
	for ref, algorithm := range builtIn(c) {
		g.Go(func() error {
			_, err := s.Build(ctx, ref, map[string]image.File{"/cloister": {Source: self, Mode: 0o755}}, image.Config{
				Entrypoint: []string{"/cloister", "algorithm", algorithm}, WorkingDir: "/",
			})
			if err != nil {
				return fmt.Errorf("%s: %w", ref, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// images shows the image store to SageMaker in its own form.
type images struct{ store *image.Store }

// Image finds what a customer named.
func (i images) Image(ctx context.Context, reference string) (*sagemaker.Image, error) {
	digest, err := i.store.Resolve(ctx, reference)
	if errors.Is(err, image.ErrUnknown) || errors.Is(err, image.ErrMalformed) {
		return nil, sagemaker.ErrNoImage
	}
	if err != nil {
		return nil, err
	}
	u, err := i.store.Image(ctx, digest)
	if err != nil {
		return nil, err
	}
	uid, gid, err := u.User()
	if err != nil {
		return nil, err
	}
	return &sagemaker.Image{Digest: string(digest), Root: u.Root, Entrypoint: u.Config.Entrypoint, Cmd: u.Config.Cmd, Env: u.Config.Env,
		WorkingDir: u.Config.WorkingDir, UID: uid, GID: gid}, nil
}
