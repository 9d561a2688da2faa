//go:build crash

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// crashing has whatever comes to a chosen point stay there, so that a test can kill the server with many jobs each at
// its own point. Standard error tells of every point, and of who stays.
type crashing struct {
	Hold []string `help:"Hold what this pattern names where it passes that point, as training-job/mine*=Training done." hidden:"" sep:"none"`
}

func (c crashing) passing() func(context.Context, string, string) {
	return func(ctx context.Context, resource, point string) {
		fmt.Fprintf(os.Stderr, "passes %s=%s\n", resource, point)
		for _, h := range c.Hold {
			who, where, _ := strings.Cut(h, "=")
			whose, _ := filepath.Match(who, resource)
			there, _ := filepath.Match(where, point)
			if whose && there {
				fmt.Fprintf(os.Stderr, "holds %s=%s\n", resource, point)
				<-ctx.Done()
			}
		}
	}
}
