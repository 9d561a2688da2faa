package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	diag "github.com/mdlayher/netlink"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// sockDestroy is SOCK_DESTROY of linux/sock_diag.h.
const sockDestroy = 21

// hangUp ends the router's connections with addresses, also those that nobody has accepted yet: they
// would be taken for the next owner's.
func hangUp(namespace int, addresses []netip.Addr) error {
	h, err := netlink.NewHandleAt(netns.NsHandle(namespace), unix.NETLINK_INET_DIAG)
	if err != nil {
		return fmt.Errorf("open socket list: %w", err)
	}
	defer h.Close()
	sockets, err := h.SocketDiagTCP(unix.AF_INET)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("list sockets: %w", err)
	}
	sockets = slices.DeleteFunc(sockets, func(s *netlink.Socket) bool {
		peer, ok := netip.AddrFromSlice(s.ID.Destination.To4())
		return !ok || !slices.Contains(addresses, peer)
	})
	if len(sockets) == 0 {
		return nil
	}
	c, err := diag.Dial(unix.NETLINK_INET_DIAG, &diag.Config{NetNS: namespace})
	if err != nil {
		return fmt.Errorf("open socket list: %w", err)
	}
	defer c.Close()
	for _, s := range sockets {
		err := destroy(c, &s.ID)
		switch {
		case err == nil, errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESTALE):
		case errors.Is(err, unix.EOPNOTSUPP):
			return nil // this kernel cannot; see DESIGN.md
		default:
			return fmt.Errorf("end connection with %s: %w", s.ID.Destination, err)
		}
	}
	return nil
}

// destroy ends exactly the socket that was listed: without its cookie the kernel would take the
// listener for a connection that has ended meanwhile, and end that.
func destroy(c *diag.Conn, id *netlink.SocketID) error {
	b := make([]byte, 8, 56)
	b[0], b[1] = unix.AF_INET, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(b[4:], 0xfff)
	b = binary.BigEndian.AppendUint16(b, id.SourcePort)
	b = binary.BigEndian.AppendUint16(b, id.DestinationPort)
	b = append(append(b, id.Source.To4()...), make([]byte, 12)...)
	b = append(append(b, id.Destination.To4()...), make([]byte, 12)...)
	b = binary.NativeEndian.AppendUint32(b, id.Interface)
	b = binary.NativeEndian.AppendUint32(b, id.Cookie[0])
	b = binary.NativeEndian.AppendUint32(b, id.Cookie[1])
	_, err := c.Execute(diag.Message{
		Header: diag.Header{Type: sockDestroy, Flags: diag.Request | diag.Acknowledge},
		Data:   b,
	})
	return err
}
