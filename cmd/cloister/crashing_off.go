//go:build !crash

package main

import "context"

// crashing is for tests that have the server die at a chosen moment: only a binary built with the tag "crash" knows
// moments, and waits at some.
type crashing struct{}

func (crashing) passing() func(context.Context, string, string) { return nil }
