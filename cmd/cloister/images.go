package main

import (
	"context"
	"fmt"
	"os"

	"cloister/internal/machine/image"
)

// builtIn are the images made from this very binary: nothing is pulled. K-Means has the name that AWS
// gives it in us-east-1 (facts sagemaker 10); the probe is for whoever tests what a container reaches.
func builtIn(c config) map[string]string {
	return map[string]string{
		"382416733822.dkr.ecr." + c.Region + ".amazonaws.com/kmeans:1":         "kmeans",
		c.Account + ".dkr.ecr." + c.Region + ".amazonaws.com/cloister-probe:1": "probe",
	}
}

// loadImages makes the built-in images; those of the same binary are there already and cost nothing.
func loadImages(ctx context.Context, s *image.Store, c config) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for ref, algorithm := range builtIn(c) {
		_, err := s.Build(ctx, ref, map[string]image.File{"/cloister": {Source: self, Mode: 0o755}}, image.Config{
			Entrypoint: []string{"/cloister", "algorithm", algorithm}, WorkingDir: "/",
		})
		if err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
	}
	return nil
}
