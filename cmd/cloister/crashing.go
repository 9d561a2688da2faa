//go:build crash

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// crashing has whatever comes to a chosen point stay there, so that a test can kill the server with many jobs each at
// its own point. Standard error tells of every point, and of who stays.
type crashing struct {
	Hold []string `help:"Hold what this pattern names where it passes that point, as training-job/mine*=Training done." hidden:"" sep:"none"`
}

func (c crashing) passing() func(context.Context, string, string) {
	return func(_ context.Context, resource, point string) {
		fmt.Fprintf(os.Stderr, "passes %s=%s\n", resource, point)
		for _, h := range c.Hold {
			who, where, _ := strings.Cut(h, "=")
			if like(resource, who) && like(point, where) {
				fmt.Fprintf(os.Stderr, "holds %s=%s\n", resource, point)
				select {} // the test kills us
			}
		}
	}
}

// like tells whether a text is a pattern's, in which a star stands for anything.
func like(text, pattern string) bool {
	before, after, star := strings.Cut(pattern, "*")
	return text == pattern || star && len(text) >= len(before)+len(after) && strings.HasPrefix(text, before) && strings.HasSuffix(text, after)
}
