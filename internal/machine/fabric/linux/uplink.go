package linux

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// The uplink leads from Cloister's internet to the host's real network, for TCP: what goes to an address
// that nobody here has is turned, in the internet's router, to a socket of ours there, which makes a
// second connection from the host, in the host's name, and carries the bytes. Nothing of the host's own
// rules, routes or settings is touched, and nothing can come in by it.
type uplink struct {
	log  *slog.Logger
	idle time.Duration
	// dial connects from the host.
	dial func(ctx context.Context, to netip.AddrPort) (net.Conn, error)

	mu      sync.Mutex
	socket  *net.TCPListener
	open    map[*carried]struct{}
	counts  map[netip.Addr]int
	running sync.WaitGroup
}

// uplinkAt is where the socket is, beside the internet's resolver.
var uplinkAt = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 54}), 15001)

const (
	setKnown   = "known" // addresses of the internet that somebody here has
	uplinkAll  = 4096
	uplinkEach = 512
)

// never are ranges to which nothing goes on: the host's own, its neighbours', and those that mean nobody.
var never = func() (out []netip.Prefix) {
	for _, p := range []string{"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

// leaves says whether an address may be one of the real internet's.
func leaves(a netip.Addr) bool {
	return a.Is4() && !slices.ContainsFunc(never, func(p netip.Prefix) bool { return p.Contains(a) })
}

func newUplink(log *slog.Logger, idle time.Duration) *uplink {
	return &uplink{log: log, idle: idle, open: map[*carried]struct{}{}, counts: map[netip.Addr]int{},
		dial: func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp4", to.String())
		}}
}

// addUplink turns what goes to strangers to the uplink's socket.
func addUplink(r *ruleset, n *network.Internet, public []elastic) {
	if !n.Uplink {
		return
	}
	known := r.set(setKnown, setAddress)
	known[addressKey(reach.PublicResolver)], known[addressKey(uplinkAt.Addr())] = "", ""
	for _, d := range n.Doors {
		known[addressKey(d)] = ""
	}
	for _, h := range n.Hosts {
		known[addressKey(h.Address)] = ""
	}
	for _, e := range public {
		known[addressKey(e.address)] = ""
	}
	four := uplinkAt.Addr().As4()
	var rules []rule
	for _, p := range never {
		rules = append(rules, new(line).address(false, p).accept())
	}
	rules = append(rules, new(line).protocol(reach.TCP).stranger(setKnown).add("to "+uplinkAt.String(),
		&expr.Immediate{Register: 1, Data: four[:]}, &expr.Immediate{Register: 2, Data: two(int(uplinkAt.Port()))},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegAddrMax: 1, RegProtoMin: 2, RegProtoMax: 2}).rule())
	r.chains["n_up"] = chain{&hook{at: nftables.ChainHookPrerouting, priority: nftables.ChainPriorityNATDest, nat: true}, rules}
	in := r.chains["h_in"]
	in.rules = append(in.rules, new(line).protocol(reach.TCP).address(false, netip.PrefixFrom(uplinkAt.Addr(), 32)).port(int(uplinkAt.Port()), int(uplinkAt.Port())).accept())
	r.chains["h_in"] = in
}

// stranger matches a destination that is in no set.
func (l *line) stranger(set string) *line {
	return l.add("daddr != @"+set, loadDestination(1), &expr.Lookup{SourceRegister: 1, SetName: set, Invert: true})
}

// serve opens the socket in the internet's router, or closes it.
func (u *uplink) serve(namespace int, wanted bool) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !wanted {
		u.shut()
		return nil
	}
	if u.socket != nil {
		return nil
	}
	err := within(namespace, func() error {
		var config net.ListenConfig
		config.SetMultipathTCP(false)
		l, err := config.Listen(context.Background(), "tcp4", uplinkAt.String())
		if err == nil {
			u.socket = l.(*net.TCPListener)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("open the uplink: %w", err)
	}
	socket := u.socket
	u.running.Go(func() { u.accept(socket) })
	return nil
}

// shut closes the socket and what came by it. The lock is held.
func (u *uplink) shut() {
	if u.socket != nil {
		u.socket.Close()
		u.socket = nil
	}
	for c := range u.open {
		c.reset()
	}
}

func (u *uplink) close() {
	u.mu.Lock()
	u.shut()
	u.mu.Unlock()
	u.running.Wait()
}

func (u *uplink) accept(socket *net.TCPListener) {
	for {
		tcp, err := socket.AcceptTCP()
		switch {
		case err == nil:
			u.take(tcp)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func (u *uplink) take(tcp *net.TCPConn) {
	c := &carried{client: tcp, source: addrPort(tcp.RemoteAddr()).Addr()}
	to, err := dialled(tcp)
	u.mu.Lock()
	defer u.mu.Unlock()
	if err != nil || !leaves(to.Addr()) || u.socket == nil || len(u.open) >= uplinkAll || u.counts[c.source] >= uplinkEach {
		c.reset()
		return
	}
	u.open[c] = struct{}{}
	u.counts[c.source]++
	u.running.Go(func() { u.carry(c, to) })
}

func (u *uplink) carry(c *carried, to netip.AddrPort) {
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.open, c)
		if u.counts[c.source]--; u.counts[c.source] == 0 {
			delete(u.counts, c.source)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	conn, err := u.dial(ctx, to)
	cancel()
	target, ok := conn.(*net.TCPConn)
	if err != nil || !ok {
		u.log.Debug("no way by the uplink", "to", to, "error", err)
		c.reset()
		return
	}
	u.mu.Lock()
	c.target = target
	gone := u.socket == nil
	u.mu.Unlock()
	if gone {
		c.reset()
		return
	}
	c.both(u.idle)
}

// dialled is the address that a connection was for before it was turned to us.
func dialled(tcp *net.TCPConn) (at netip.AddrPort, err error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return at, err
	}
	outer := raw.Control(func(fd uintptr) {
		var m *unix.IPv6Mreq // whose first field has room for a sockaddr_in
		if m, err = unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, unix.SO_ORIGINAL_DST); err == nil {
			at = netip.AddrPortFrom(netip.AddrFrom4([4]byte(m.Multiaddr[4:8])), binary.BigEndian.Uint16(m.Multiaddr[2:4]))
		}
	})
	return at, errors.Join(outer, err)
}
