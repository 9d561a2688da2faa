package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
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
	conf config
	door string // the public door's address
	root sigv4.Credentials
}

var housesOpened atomic.Uint32

// open starts one in directories of its own.
func open(t *testing.T) *running {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make network namespaces")
	}
	if _, err := exec.LookPath("runc"); err != nil {
		t.Skip("needs runc, as every Cloister does")
	}
	ctx, stop := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	f := place{t.TempDir()}
	h := &running{conf: config{Region: "us-east-1", Account: "123456789012", Run: t.TempDir(), Internet: "closed",
		Tunnels: fmt.Sprintf("127.%d.%d.1", 100+housesOpened.Add(1)%100, 1+os.Getpid()%250), TunnelPort: 51820, IdleTimeout: time.Minute, FlowLogs: time.Minute,
		Quotas: ec2.Quotas{Addresses: 20}}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	m, err := openMachines(ctx, f, h.conf, false, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		parts.Wait()
		if err := errors.Join(m.fabric.Close(), m.db.Close(), linux.Purge(h.conf.Run)); err != nil {
			t.Error(err)
		}
	})
	if h.house, err = wire(f, h.conf, m, log); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.iam.Load(ctx), h.s3.Load(ctx), h.ec2.Begin(ctx, h.conf.Account), h.ec2.Load(ctx)); err != nil {
		t.Fatal(err)
	}
	id, secret, _, err := h.iam.Root(ctx, h.conf.Account)
	if err != nil {
		t.Fatal(err)
	}
	h.root = sigv4.Credentials{AccessKey: id, Secret: secret}
	l, err := net.Listen("tcp", netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0).String())
	if err != nil {
		t.Fatal(err)
	}
	h.door = l.Addr().String()
	parts.Go(func() {
		if err := h.run(ctx, l); err != nil {
			t.Error(err)
		}
	})
	return h
}
