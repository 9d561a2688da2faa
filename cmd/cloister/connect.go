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
	Print         bool           `help:"Print the configuration for the host that is to connect, and do not connect."`
	Configuration string         `help:"Connect by this file, which --print or DescribeVpnConnections gave, without asking the API ('-': standard input)." xor:"how"`
	Device        string         `help:"Name of the network device." default:"cloister0"`
	Namespace     string         `help:"Make the device in this network namespace (a name that ip-netns knows, or a path)."`
	customer
}

// Run connects until it is interrupted.
func (c *connectCommand) Run(all *commands) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if c.Configuration != "" {
		conf, err := readConfiguration(c.Configuration)
		if err != nil {
			return err
		}
		return c.connect(ctx, conf)
	}
	if c.VPC == "" || len(c.Network) == 0 {
		return errors.New("say what to connect: --vpc and --network, or --configuration")
	}
	api, err := c.customer.client(all)
	if err != nil {
		return err
	}
	m := &maker{client: api, progress: os.Stderr}
	if c.Ephemeral {
		defer m.undo()
	}
	conf, err := m.connection(ctx, c.VPC, c.Network, c.Propagate)
	if err != nil {
		return err
	}
	if c.Print {
		fmt.Println(conf.text)
		return nil
	}
	m.tellNext(ctx, c.VPC)
	return c.connect(ctx, conf)
}

// connect opens the device and keeps it until ctx ends.
func (c *connectCommand) connect(ctx context.Context, conf *vpnConfiguration) error {
	inside, err := c.inside()
	if err != nil {
		return err
	}
	address, err := c.address(conf)
	if err != nil {
		return err
	}
	t, err := tunnel.Open(tunnel.Config{Name: c.Device, Inside: inside, MTU: conf.mtu, Key: conf.private, Listen: netip.AddrPortFrom(netip.IPv4Unspecified(), 0)})
	if err != nil {
		return fmt.Errorf("%w (connect needs root)", err)
	}
	defer t.Close()
	peer := tunnel.Peer{PublicKey: conf.gateway, Shared: conf.shared, Networks: conf.ranges, Endpoint: conf.endpoint, Keepalive: 25 * time.Second}
	if err := t.SetPeers([]tunnel.Peer{peer}); err != nil {
		return err
	}
	if err := tunnel.Route(inside, c.Device, address, conf.ranges); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s is %s, and leads to %s by %s\n", c.Device, address, spelled(conf.ranges), conf.endpoint)
	c.hint(inside, conf)
	return follow(ctx, t, conf.gateway)
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

// address is this host's own in the tunnel.
func (c *connectCommand) address(conf *vpnConfiguration) (netip.Addr, error) {
	networks := conf.networks
	if len(networks) == 0 {
		return c.Address, errors.New("the VPN connection has no routes: nothing on this side would be known to the VPC (CreateVpnConnectionRoute)")
	}
	if !c.Address.IsValid() {
		if networks[0].IsSingleIP() {
			return networks[0].Addr(), nil
		}
		return networks[0].Masked().Addr().Next(), nil
	}
	if !slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(c.Address) }) {
		return c.Address, fmt.Errorf("--address %s is in none of the networks %s", c.Address, spelled(networks))
	}
	return c.Address, nil
}

// hint says what is missing for hosts behind this one.
func (c *connectCommand) hint(inside func(func() error) error, conf *vpnConfiguration) {
	if !slices.ContainsFunc(conf.networks, func(n netip.Prefix) bool { return !n.IsSingleIP() }) {
		return
	}
	look := func() error {
		b, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
		if err == nil && strings.TrimSpace(string(b)) == "0" {
			fmt.Fprintf(os.Stderr, "for other hosts in %s, have this one forward (sysctl net.ipv4.ip_forward=1) and be their route to %s\n", spelled(conf.networks), spelled(conf.ranges))
		}
		return err
	}
	if inside == nil {
		look() //nolint:errcheck // only a hint
	} else {
		inside(look) //nolint:errcheck // only a hint
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
