package linux

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// From linux/netfilter/nfnetlink_conntrack.h and nfnetlink_log.h, beyond what conntrack.go has.
const (
	ctGetAndZero     = 3
	ctaTupleProtocol = 2
	ctaProtocol      = 1
	ctaSourcePort    = 2
	ctaTargetPort    = 3
	ctaCountersForth = 9
	ctaCountersBack  = 10
	ctaPackets       = 1
	ctaBytes         = 2
	ctaTimestamp     = 20
	ctaStart         = 1
	ctaStop          = 2

	logPacket     = 0
	logConfig     = 1
	logCommand    = 1
	logMode       = 2
	logTimeout    = 4
	logBind       = 1
	logCopyPacket = 2
	logPayload    = 9
	logPrefix     = 10
)

// eachMessage walks the messages of a datagram; it ends at one that is cut.
func eachMessage(b []byte, do func(kind uint16, body []byte)) {
	for len(b) >= unix.SizeofNlMsghdr {
		size, kind := int(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint16(b[4:])
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return
		}
		// Behind the header come family, version and resource, then attributes.
		if body := b[unix.SizeofNlMsghdr:size]; kind >= unix.NLMSG_MIN_TYPE && len(body) >= 4 {
			do(kind, body[4:])
		}
		b = b[min(len(b), (size+3)&^3):]
	}
}

// eachAttribute walks attributes; it ends at one that is cut.
func eachAttribute(b []byte, do func(kind uint16, value []byte)) {
	for len(b) >= unix.SizeofNlAttr {
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])&0x3fff
		if size < unix.SizeofNlAttr || size > len(b) {
			return
		}
		do(kind, b[unix.SizeofNlAttr:size])
		b = b[min(len(b), (size+3)&^3):]
	}
}

// connection is a conntrack entry: its tuple before any translation, and its counters forth and back.
type connection struct {
	protocol       int
	source, target netip.AddrPort
	packets, bytes [2]uint64
	start, stop    int64 // nanoseconds; 0 where the kernel does not know
}

func readConnection(attributes []byte) (c connection, ok bool) {
	eachAttribute(attributes, func(kind uint16, value []byte) {
		switch kind {
		case ctaTupleOrig:
			c.readTuple(value)
		case ctaCountersForth, ctaCountersBack:
			way := kind - ctaCountersForth
			eachAttribute(value, func(kind uint16, value []byte) {
				switch kind {
				case ctaPackets:
					c.packets[way] = number(value)
				case ctaBytes:
					c.bytes[way] = number(value)
				}
			})
		case ctaTimestamp:
			eachAttribute(value, func(kind uint16, value []byte) {
				switch kind {
				case ctaStart:
					c.start = int64(number(value))
				case ctaStop:
					c.stop = int64(number(value))
				}
			})
		}
	})
	return c, c.source.Addr().Is4() && c.target.Addr().Is4()
}

func (c *connection) readTuple(tuple []byte) {
	var source, target netip.Addr
	var ports [2]uint16
	eachAttribute(tuple, func(kind uint16, value []byte) {
		eachAttribute(value, func(inner uint16, value []byte) {
			switch {
			case kind == ctaTupleIP && inner == ctaIPSource:
				source, _ = netip.AddrFromSlice(value)
			case kind == ctaTupleIP && inner == ctaIPDestination:
				target, _ = netip.AddrFromSlice(value)
			case kind == ctaTupleProtocol && inner == ctaProtocol:
				c.protocol = int(number(value))
			case kind == ctaTupleProtocol && inner == ctaSourcePort:
				ports[0] = uint16(number(value))
			case kind == ctaTupleProtocol && inner == ctaTargetPort:
				ports[1] = uint16(number(value))
			}
		})
	})
	c.source, c.target = netip.AddrPortFrom(source, ports[0]), netip.AddrPortFrom(target, ports[1])
}

// number reads a number in network order, of whatever length.
func number(b []byte) (n uint64) {
	for _, c := range b[:min(len(b), 8)] {
		n = n<<8 | uint64(c)
	}
	return n
}

// refusedPacket is one that was refused.
type refusedPacket struct {
	who            byte
	protocol       int
	length         int
	source, target netip.AddrPort
}

func readRefused(kind uint16, attributes []byte) (p refusedPacket, ok bool) {
	if kind != unix.NFNL_SUBSYS_ULOG<<8|logPacket {
		return p, false
	}
	var header []byte
	eachAttribute(attributes, func(kind uint16, value []byte) {
		switch {
		case kind == logPayload:
			header = value
		case kind == logPrefix && len(value) > 0:
			p.who = value[0]
		}
	})
	if len(header) < 20 || header[0]>>4 != 4 {
		return p, false
	}
	p.length, p.protocol = int(binary.BigEndian.Uint16(header[2:])), int(header[9])
	var ports [2]uint16
	if rest := header[min(len(header), int(header[0]&15)*4):]; len(rest) >= 4 && binary.BigEndian.Uint16(header[6:])&0x1fff == 0 {
		switch p.protocol {
		case unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_UDPLITE, unix.IPPROTO_SCTP, unix.IPPROTO_DCCP:
			ports = [2]uint16{binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])}
		}
	}
	p.source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(header[12:16])), ports[0])
	p.target = netip.AddrPortFrom(netip.AddrFrom4([4]byte(header[16:20])), ports[1])
	return p, true
}

// dump hands over all connections that live, piece by piece, and sets their counters to zero.
func (w *flows) dump(take func(messages []byte)) error {
	_, err := w.live.Send(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_CTNETLINK<<8 | ctGetAndZero, Flags: netlink.Request | netlink.Dump},
		Data:   []byte{unix.AF_INET, unix.NFNETLINK_V0, 0, 0},
	})
	if err != nil {
		return err
	}
	buffer := make([]byte, 64<<10)
	for {
		n, err := receive(w.live, buffer)
		if err != nil {
			return err
		}
		take(buffer[:n])
		done, err := ends(buffer[:n])
		if done || err != nil {
			return err
		}
	}
}

// ends says whether a datagram ends a dump, and whether by an error.
func ends(b []byte) (done bool, err error) {
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(binary.NativeEndian.Uint32(b))
		switch binary.NativeEndian.Uint16(b[4:]) {
		case unix.NLMSG_DONE:
			return true, nil
		case unix.NLMSG_ERROR:
			if size >= unix.SizeofNlMsghdr+4 && len(b) >= unix.SizeofNlMsghdr+4 {
				if code := int32(binary.NativeEndian.Uint32(b[unix.SizeofNlMsghdr:])); code != 0 {
					return true, os.NewSyscallError("dump", unix.Errno(-code))
				}
			}
			return true, nil
		}
		if size < unix.SizeofNlMsghdr || size > len(b) {
			break
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return false, nil
}

// listenRefused makes a socket the one that the rules of refuse report to.
func listenRefused(c *netlink.Conn) error {
	config := func(kind uint16, value []byte) error {
		body, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: kind, Data: value}})
		if err != nil {
			return err
		}
		_, err = c.Execute(netlink.Message{
			Header: netlink.Header{Type: unix.NFNL_SUBSYS_ULOG<<8 | logConfig, Flags: netlink.Request | netlink.Acknowledge},
			Data:   append([]byte{unix.AF_INET, unix.NFNETLINK_V0, 0, refusedGroup}, body...),
		})
		return err
	}
	mode := append(binary.BigEndian.AppendUint32(nil, refusedPart), logCopyPacket, 0)
	for _, set := range []struct {
		kind  uint16
		value []byte
	}{{logCommand, []byte{logBind}}, {logMode, mode}, {logTimeout, binary.BigEndian.AppendUint32(nil, refusedWait)}} {
		if err := config(set.kind, set.value); err != nil {
			return fmt.Errorf("listen to refused packets: %w", err)
		}
	}
	return nil
}
