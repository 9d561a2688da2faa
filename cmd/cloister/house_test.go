package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloister/internal/engine/sigv4"
	"cloister/internal/machine/fabric/linux"
	"cloister/internal/service/ec2"
)

// running is a whole Cloister in this process, with the real fabric, until its test ends.
type running struct {
	*house
	t     testing.TB
	place place
	conf  config
	door  string // the public door's address
	root  sigv4.Credentials
	stop  func() error // all of it; what is in the kernel and on the disk stays
}

var housesOpened atomic.Uint32

// newRunning starts one in directories of its own.
func newRunning(t *testing.T) *running {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make network namespaces")
	}
	if _, err := exec.LookPath("runc"); err != nil {
		t.Skip("needs runc, as every Cloister does")
	}
	h := &running{t: t, place: place{t.TempDir()}, conf: config{Region: "us-east-1", Account: "123456789012", Run: t.TempDir(), Internet: "closed",
		Tunnels: fmt.Sprintf("127.%d.%d.1", 100+housesOpened.Add(1)%100, 1+os.Getpid()%250), TunnelPort: 51820, IdleTimeout: time.Minute, FlowLogs: time.Minute,
		Quotas: ec2.Quotas{Addresses: 20}}}
	h.start()
	t.Cleanup(func() {
		if err := errors.Join(h.stop(), linux.Purge(h.conf.Run)); err != nil {
			t.Error(err)
		}
	})
	return h
}

// start opens the machines, loads what is on record and runs.
func (h *running) start() {
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	must := func(err error) {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	m, err := openMachines(ctx, h.place, h.conf, false, log)
	must(err)
	h.stop = sync.OnceValue(func() error {
		cancel()
		parts.Wait()
		return errors.Join(m.fabric.Close(), m.db.Close())
	})
	h.house, err = wire(h.place, h.conf, m, log)
	must(err)
	must(errors.Join(h.iam.Load(ctx), h.s3.Load(ctx), h.regions[0].ec2.Begin(ctx, h.conf.Account), h.regions[0].ec2.Load(ctx), h.watchTags(ctx)))
	if h.root.AccessKey == "" {
		id, secret, _, err := h.iam.Root(ctx, h.conf.Account)
		must(err)
		h.root = sigv4.Credentials{AccessKey: id, Secret: secret}
	}
	l, err := listenPublic(ctx, "127.0.0.1:0")
	must(err)
	h.door = l.Addr().String()
	parts.Go(func() {
		if err := h.run(ctx, l); err != nil {
			h.t.Error(err)
		}
	})
}

// restart stops everything and starts it again over the same records and kernel objects.
func (h *running) restart() {
	if err := h.stop(); err != nil {
		h.t.Fatal(err)
	}
	h.start()
}
