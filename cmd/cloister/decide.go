package main

import (
	"os"

	"cloister/cmd/cloister/decide"
)

// decideCommand answers questions to the policy engine, one a line: docs/decide.md.
type decideCommand struct {
	Quiet bool `help:"Leave out the reasons."`
}

// Run reads questions until there are no more. It needs no server and no data directory.
func (d *decideCommand) Run() error { return decide.Lines(os.Stdin, os.Stdout, d.Quiet) }
