package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// place is the data directory and what stands where in it.
type place struct{ data string }

func (f place) path(name ...string) string {
	return filepath.Join(append([]string{f.data}, name...)...)
}

func (f place) database() string    { return f.path("records.db") }
func (f place) authority() string   { return f.path("ca") }
func (f place) credentials() string { return f.path("credentials") }
func (f place) blobs() string       { return f.path("blobs") }
func (f place) images() string      { return f.path("images") }
func (f place) jobs() string        { return f.path("jobs") }
func (f place) lock() string        { return f.path("lock") }

// instance is what a running (or once running) server leaves for the other commands.
type instance struct {
	PID    int    `json:"pid"`
	Door   string `json:"door"` // https://127.0.0.1:8443
	CA     string `json:"ca"`
	Run    string `json:"run"`
	Region string `json:"region"` // the first
	// Regions are all that are served.
	Regions  []string `json:"regions"`
	Account  string   `json:"account"`
	Rootless bool     `json:"rootless"`
}

// serves tells whoever names a region that is none of this Cloister's which there are.
func (i instance) serves(region string) error {
	if len(i.Regions) == 0 || slices.Contains(i.Regions, region) {
		return nil
	}
	return fmt.Errorf("--region: this Cloister serves %s and not %s: add it to `regions:` in <data>/config.yaml and start the server again", strings.Join(i.Regions, ", "), region)
}

func (f place) writeInstance(i instance) error {
	b, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	tmp := f.path("instance.json.new")
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, f.path("instance.json"))
}

func (f place) instance() (instance, error) {
	var i instance
	b, err := os.ReadFile(f.path("instance.json"))
	if errors.Is(err, os.ErrNotExist) {
		return i, fmt.Errorf("no Cloister has run with the data directory %s: start one with `cloister --data %s serve`", f.data, f.data)
	}
	if err != nil {
		return i, err
	}
	return i, json.Unmarshal(b, &i)
}

// key reads a 32-byte secret of the instance, made at first start.
func (f place) key(name string) (k [32]byte, err error) {
	path := f.path(name)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		rand.Read(k[:])
		tmp := path + ".new"
		if err := os.WriteFile(tmp, k[:], 0o600); err != nil {
			return k, err
		}
		return k, os.Rename(tmp, path)
	}
	if err == nil && len(b) != len(k) {
		err = fmt.Errorf("%s holds %d bytes, not %d", path, len(b), len(k))
	}
	copy(k[:], b)
	return k, err
}
