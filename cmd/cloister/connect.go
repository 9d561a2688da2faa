package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/machine/tunnel"
)

// connectCommand joins this host, and what is behind it, to a VPC by a tunnel that is a VPN connection in
// the API. It needs root, for a network device; the API only to make the connection or to find it.
type connectCommand struct {
	VPC           string         `help:"The VPC to connect to."`
	Network       []netip.Prefix `help:"Ranges on this side of the tunnel: this host's and those that it forwards for."`
	Address       netip.Addr     `help:"This host's own address in the tunnel; the first of the first network if it is left out."`
	Propagate     bool           `help:"Give the VPC's main route table routes to the networks."`
	Ephemeral     bool           `help:"Delete from the API what was made there, in the end."`
	Print         bool           `help:"Print what the host that is to connect needs, as wg-quick reads it, and do not connect."`
	Configuration string         `help:"Connect by this file, which --print gave, without asking the API ('-': standard input)."`
	Device        string         `help:"Name of the network device." default:"cloister0"`
	Namespace     string         `help:"Make the device in this network namespace (a name that ip-netns knows, or a path)."`
	customer
}

// Run connects until it is interrupted.
func (c *connectCommand) Run(all *commands) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if c.Configuration != "" {
		w, err := openWireguard(c.Configuration)
		if err != nil {
			return err
		}
		return c.connect(ctx, w)
	}
	if c.VPC == "" || len(c.Network) == 0 {
		return errors.New("say what to connect: --vpc and --network, or --configuration")
	}
	if err := c.choose(); err != nil {
		return err
	}
	api, err := c.customer.client(all)
	if err != nil {
		return err
	}
	m := &maker{client: api, progress: os.Stderr}
	if c.Ephemeral {
		defer m.undo()
	}
	w, err := m.connection(ctx, c.VPC, c.Network, c.Propagate)
	if err != nil {
		return err
	}
	w.address = c.Address
	if c.Print {
		fmt.Print(w.text())
		return nil
	}
	m.tellNext(ctx, c.VPC)
	return c.connect(ctx, w)
}

// choose has an address of this host's own, in one of the networks.
func (c *connectCommand) choose() error {
	first := c.Network[0]
	switch {
	case c.Address.IsValid() && !slices.ContainsFunc(c.Network, func(n netip.Prefix) bool { return n.Contains(c.Address) }):
		return fmt.Errorf("--address %s is in none of the networks %s", c.Address, spelled(c.Network))
	case c.Address.IsValid():
	case first.IsSingleIP():
		c.Address = first.Addr()
	default:
		c.Address = first.Masked().Addr().Next()
	}
	return nil
}

// connect opens the device and keeps it until ctx ends.
func (c *connectCommand) connect(ctx context.Context, w *wireguard) error {
	inside, err := c.inside()
	if err != nil {
		return err
	}
	t, err := tunnel.Open(tunnel.Config{Name: c.Device, Inside: inside, MTU: w.mtu, Key: w.private, Listen: netip.AddrPortFrom(netip.IPv4Unspecified(), 0)})
	if err != nil {
		return fmt.Errorf("%w (connect needs root)", err)
	}
	defer t.Close()
	peer := tunnel.Peer{PublicKey: w.gateway, Shared: w.shared, Networks: w.ranges, Endpoint: w.endpoint, Keepalive: 25 * time.Second}
	if err := t.SetPeers([]tunnel.Peer{peer}); err != nil {
		return err
	}
	if err := tunnel.Route(inside, c.Device, w.address, w.ranges); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s is %s, and leads to %s by %s\n", c.Device, w.address, spelled(w.ranges), w.endpoint)
	fmt.Fprintln(os.Stderr, "for hosts behind this one: be their route to there, and forward (sysctl net.ipv4.ip_forward=1)")
	return follow(ctx, t, w.gateway)
}

// follow tells when the gateway comes and goes, until ctx ends.
func follow(ctx context.Context, t *tunnel.Tunnel, gateway tunnel.Key) error {
	up := false
	for {
		states, err := t.States()
		if err != nil {
			return err
		}
		s := states[gateway]
		if now := s.Up(time.Now()); now != up {
			up = now
			if up {
				fmt.Fprintln(os.Stderr, "connected")
			} else {
				fmt.Fprintln(os.Stderr, "the gateway does not answer any more; trying on")
			}
		}
		select {
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr, "disconnected")
			return nil
		case <-t.Done():
			return errors.New("the device is gone")
		case <-time.After(time.Second):
		}
	}
}

// inside runs something in the namespace that was asked for; nil for the one we are in.
func (c *connectCommand) inside() (func(do func() error) error, error) {
	if c.Namespace == "" {
		return nil, nil
	}
	path := c.Namespace
	if !strings.Contains(path, "/") {
		path = filepath.Join("/run/netns", path)
	}
	ns, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("--namespace: there is no %s: make one with `ip netns add NAME`", path)
	}
	if err != nil {
		return nil, fmt.Errorf("--namespace: %w", err)
	}
	return func(do func() error) error {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and the thread ends
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				done <- fmt.Errorf("enter %s: %w", path, err)
				return
			}
			done <- do()
		}()
		return <-done
	}, nil
}

func spelled(list []netip.Prefix) string {
	var out []string
	for _, p := range list {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}
