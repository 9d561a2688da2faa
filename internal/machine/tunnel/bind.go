package tunnel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
)

// bind is a UDP socket on one address; the library's own would be on all.
type bind struct {
	listen  netip.AddrPort
	mark    int
	outside func(do func() error) error // where the socket is made

	mu     sync.Mutex
	socket *net.UDPConn
}

var _ conn.Bind = (*bind)(nil)

// receiveBuffer is asked for, as one peer may send faster than packets are opened; the kernel may give less.
const receiveBuffer = 4 << 20

func (b *bind) Open(uint16) ([]conn.ReceiveFunc, uint16, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.socket != nil {
		return nil, 0, conn.ErrBindAlreadyOpen
	}
	s, err := b.socketThere()
	if err != nil {
		return nil, 0, err
	}
	s.SetReadBuffer(receiveBuffer) //nolint:errcheck // less is slower and nothing else
	b.socket = s
	// A port that was given stays given, whatever the device does in between.
	at := s.LocalAddr().(*net.UDPAddr).AddrPort()
	b.listen = netip.AddrPortFrom(b.listen.Addr(), at.Port())
	receive := func(packets [][]byte, sizes []int, from []conn.Endpoint) (int, error) {
		n, at, err := s.ReadFromUDPAddrPort(packets[0])
		if err != nil {
			return 0, err
		}
		sizes[0], from[0] = n, endpoint(netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
		return 1, nil
	}
	return []conn.ReceiveFunc{receive}, at.Port(), nil
}

// socketThere opens the socket where it is to be.
func (b *bind) socketThere() (s *net.UDPConn, err error) {
	err = b.outside(func() (err error) {
		s, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(b.listen))
		return err
	})
	if err != nil || b.mark == 0 {
		return s, err
	}
	if err := mark(s, b.mark); err != nil {
		s.Close()
		return nil, fmt.Errorf("mark the socket: %w", err)
	}
	return s, nil
}

func mark(s *net.UDPConn, mark int) error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var refused error
	err = raw.Control(func(fd uintptr) { refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, mark) })
	return errors.Join(err, refused)
}

func (b *bind) address() netip.AddrPort {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.listen
}

func (b *bind) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.socket == nil {
		return nil
	}
	err := b.socket.Close()
	b.socket = nil
	return err
}

func (b *bind) Send(packets [][]byte, to conn.Endpoint) error {
	at, ok := to.(endpoint)
	if !ok {
		return conn.ErrWrongEndpointType
	}
	b.mu.Lock()
	s := b.socket
	b.mu.Unlock()
	if s == nil {
		return net.ErrClosed
	}
	for _, p := range packets {
		if _, err := s.WriteToUDPAddrPort(p, netip.AddrPort(at)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bind) SetMark(uint32) error { return nil }

func (b *bind) BatchSize() int { return 1 }

func (b *bind) ParseEndpoint(s string) (conn.Endpoint, error) {
	at, err := netip.ParseAddrPort(s)
	return endpoint(at), err
}

// endpoint is where a peer is.
type endpoint netip.AddrPort

func (e endpoint) ClearSrc()           {}
func (e endpoint) SrcToString() string { return "" }
func (e endpoint) SrcIP() netip.Addr   { return netip.Addr{} }
func (e endpoint) DstIP() netip.Addr   { return netip.AddrPort(e).Addr() }
func (e endpoint) DstToString() string { return netip.AddrPort(e).String() }
func (e endpoint) DstToBytes() []byte {
	b, _ := netip.AddrPort(e).MarshalBinary()
	return b
}
