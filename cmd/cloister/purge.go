package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"cloister/internal/machine/fabric/linux"
	"cloister/internal/machine/feed"
)

// purgeCommand removes what Cloister made in the kernel; records and objects stay.
type purgeCommand struct{}

// Run refuses while a server runs, ends the containers, then removes namespaces and what is in them.
func (purgeCommand) Run(c *commands) error {
	f := place{c.Data}
	i, err := f.instance()
	if err != nil {
		return err
	}
	lock, err := f.take()
	if err != nil {
		return fmt.Errorf("%w: stop it first", err)
	}
	defer lock.Close()
	for _, dir := range keepers(f.jobs()) {
		if err := errors.Join(feed.Remove(context.Background(), dir), feed.Hide(filepath.Join(filepath.Dir(dir), "views"))); err != nil {
			return err
		}
	}
	if i.Rootless {
		fmt.Println("A rootless Cloister leaves nothing in the kernel: its namespaces ended with it.")
		return nil
	}
	e, err := openExecutor(f, false, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	err = e.Purge(context.Background())
	if gone := linux.Purge(i.Run); gone != nil {
		err = errors.Join(err, gone)
	}
	// Processes that somebody still runs inside are cut off and told of; the directory is empty all the same.
	if held := new(linux.HeldError); err == nil || errors.As(err, &held) {
		err = errors.Join(err, os.RemoveAll(i.Run))
	}
	if err == nil {
		fmt.Println("Removed every container, namespace, interface and rule of this Cloister. Records and objects are kept in", f.data)
	}
	return err
}

// keepers are the directories in which keepers of jobs' input may be. Containers write below those of their
// jobs' hosts, and not beside them: what is found is ours.
func keepers(jobs string) []string {
	const host = "[a-z][a-z]-????????????????-[0-9]*"
	here, _ := filepath.Glob(filepath.Join(jobs, host))
	regions, _ := filepath.Glob(filepath.Join(jobs, "*", host))
	var out []string
	for _, dir := range append(here, regions...) {
		out = append(out, filepath.Join(dir, "pipes"))
	}
	return out
}
