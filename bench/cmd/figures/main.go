// Command figures measures Cloister beside peers in one run on one machine and prints a table.
//
// It promises that each figure is a median of several rounds, that a peer's rounds stand between
// ours, and that it fails only when something could not be measured: benchmarks inform, they do not
// gate. It uses what customers use, the API and the command line, and must not look inside.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	role := "all"
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	// The other roles are played by this binary too: in a VPC, or as a peer.
	do := map[string]func(context.Context, []string) error{"all": measureAll, "load": load, "endpoint": endpoints, "peer": peer, "post": postRecords, "fetch": fetch}[role]
	if do == nil {
		fmt.Fprintln(os.Stderr, "usage: figures [all | load | endpoint | peer | post | fetch]")
		os.Exit(2)
	}
	if err := do(ctx, os.Args[min(2, len(os.Args)):]); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		stop()
		os.Exit(1)
	}
}

// run is what the measurements share.
type run struct {
	root, work string
	self       string
	daemon     *daemon
	world      *world
	table      table
}

// measureAll makes the world once and measures everything in it, or only what the arguments name;
// arguments that begin with a dash go to `cloister serve`.
func measureAll(ctx context.Context, args []string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	r := &run{}
	if r.root, err = os.Getwd(); err != nil {
		return err
	}
	if r.self, err = os.Executable(); err != nil {
		return err
	}
	if r.work, err = os.MkdirTemp("", "cloister-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.work)
	r.daemon = &daemon{binary: filepath.Join(r.root, "bin/cloister"), data: filepath.Join(r.work, "data"), listen: "127.0.0.1:18643"}
	only := []string{}
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			r.daemon.flags = append(r.daemon.flags, a)
			continue
		}
		only = append(only, a)
	}
	defer r.daemon.purge()
	var failed []string
	for _, m := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"start", r.measureStart}, {"decision", r.measureDecision}, {"network", r.measureNetwork}, {"world", r.makeWorld}, {"endpoint", r.measureEndpoint},
		{"job", r.measureJob}, {"neighbours", r.measureNeighbours}, {"transfer", r.measureTransfer}, {"invoke", r.measureInvoke}, {"batch", r.measureBatch}, {"kmeans", r.measureKMeans}, {"crowd", r.measureCrowd}, {"memory", r.measureLoaded},
	} {
		if len(only) > 0 && !slices.Contains(only, m.name) {
			continue
		}
		began := time.Now()
		fmt.Fprintf(os.Stderr, "%s ... ", m.name)
		if err := m.do(ctx); err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", m.name, err))
			fmt.Fprintln(os.Stderr, "NOT MEASURED:", err)
			continue
		}
		fmt.Fprintf(os.Stderr, "%.1f s\n", time.Since(began).Seconds())
	}
	r.table.print(os.Stdout)
	if len(failed) > 0 {
		return fmt.Errorf("not measured: %s\n%s", strings.Join(failed, "; "), r.daemon.lastWords())
	}
	return nil
}
