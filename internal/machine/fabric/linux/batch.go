package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// batch collects changes of one table as the kernel reads them and sends many with one call. The kernel
// takes what is sent at once as a whole or not at all, and answers before the call returns: one
// acknowledgement, for the last message, or the messages that it refuses.
type batch struct {
	socket *nfSocket
	room   int // bytes that may be sent at once
	buffer []byte
	about  []string // what each message is about, by its number
	starts []int    // where the open attributes begin
	last   int      // where the last message begins
	whole  int      // what belongs together begins here
	err    error
}

// begin starts what belongs together; end sends what was before, if both do not fit.
func (b *batch) begin() {
	if len(b.buffer) == 0 {
		b.frame(unix.NFNL_MSG_BATCH_BEGIN)
	}
	b.whole = len(b.buffer)
}

func (b *batch) end() {
	if len(b.buffer) <= b.room || b.whole <= batchFrame {
		return
	}
	after := append([]byte(nil), b.buffer[b.whole:]...)
	about := b.about
	before := 0
	for at := batchFrame; at < b.whole; at += messageLength(b.buffer[at:]) {
		b.last = at
		before++
	}
	b.buffer, b.about = b.buffer[:b.whole], about[:before]
	b.flush()
	b.frame(unix.NFNL_MSG_BATCH_BEGIN)
	for at := 0; at < len(after); at += messageLength(after[at:]) {
		b.about = append(b.about, about[before])
		before++
		binary.NativeEndian.PutUint32(after[at+8:], uint32(len(b.about)))
		b.last = len(b.buffer) + at
	}
	b.buffer = append(b.buffer, after...)
}

const (
	batchFrame    = unix.SizeofNlMsghdr + 4 // a begin or end: a header and four bytes
	nfnetlinkHead = 4
)

func messageLength(b []byte) int { return (int(binary.NativeEndian.Uint32(b)) + 3) &^ 3 }

func (b *batch) frame(kind uint16) {
	b.buffer = binary.NativeEndian.AppendUint32(b.buffer, batchFrame)
	b.buffer = binary.NativeEndian.AppendUint16(b.buffer, kind)
	b.buffer = binary.NativeEndian.AppendUint16(b.buffer, unix.NLM_F_REQUEST)
	b.buffer = append(b.buffer, 0, 0, 0, 0, 0, 0, 0, 0)
	b.buffer = append(b.buffer, unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, unix.NFNL_SUBSYS_NFTABLES)
}

// message starts a message; its attributes follow, and then done.
func (b *batch) message(kind int, flags uint16, about string) {
	b.last = len(b.buffer)
	b.about = append(b.about, about)
	b.buffer = append(b.buffer, 0, 0, 0, 0)
	b.buffer = binary.NativeEndian.AppendUint16(b.buffer, uint16(unix.NFNL_SUBSYS_NFTABLES<<8|kind))
	b.buffer = binary.NativeEndian.AppendUint16(b.buffer, unix.NLM_F_REQUEST|flags)
	b.buffer = binary.NativeEndian.AppendUint32(b.buffer, uint32(len(b.about)))
	b.buffer = append(b.buffer, 0, 0, 0, 0)
	b.buffer = append(b.buffer, unix.NFPROTO_IPV4, unix.NFNETLINK_V0, 0, 0)
}

func (b *batch) done() {
	binary.NativeEndian.PutUint32(b.buffer[b.last:], uint32(len(b.buffer)-b.last))
}

// Attributes: nest opens one that holds others, up to close.
func (b *batch) nest(kind uint16) {
	b.starts = append(b.starts, len(b.buffer))
	b.buffer = append(b.buffer, 0, 0)
	b.buffer = binary.NativeEndian.AppendUint16(b.buffer, unix.NLA_F_NESTED|kind)
}

func (b *batch) close() {
	at := b.starts[len(b.starts)-1]
	b.starts = b.starts[:len(b.starts)-1]
	if len(b.buffer)-at > 0xffff {
		b.err = errors.Join(b.err, fmt.Errorf("%s: %d bytes are too long for an attribute", b.about[len(b.about)-1], len(b.buffer)-at))
	}
	binary.NativeEndian.PutUint16(b.buffer[at:], uint16(len(b.buffer)-at))
}

func (b *batch) bytes(kind uint16, value []byte) { attribute(b, kind, value, 0) }

// text is a string with its end; number is a big-endian one, as all of nftables' are.
func (b *batch) text(kind uint16, value string) { attribute(b, kind, value, 1) }

func (b *batch) number(kind uint16, value uint32) {
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], value)
	b.bytes(kind, raw[:])
}

func attribute[T []byte | string](b *batch, kind uint16, value T, zeros int) {
	b.buffer = binary.NativeEndian.AppendUint16(b.buffer, uint16(4+len(value)+zeros))
	b.buffer = binary.NativeEndian.AppendUint16(b.buffer, kind)
	b.buffer = append(b.buffer, value...)
	for range zeros + -(len(value)+zeros)&3 {
		b.buffer = append(b.buffer, 0)
	}
}

// flush sends what was collected.
func (b *batch) flush() error {
	if b.err == nil && len(b.about) > 0 {
		flags := binary.NativeEndian.Uint16(b.buffer[b.last+6:])
		binary.NativeEndian.PutUint16(b.buffer[b.last+6:], flags|unix.NLM_F_ACK)
		b.frame(unix.NFNL_MSG_BATCH_END)
		b.err = b.socket.send(b.buffer, b.about)
	}
	b.buffer, b.about = b.buffer[:0], b.about[:0]
	return b.err
}

// nfSocket is a netlink socket to one namespace's nftables.
type nfSocket struct{ fd int }

// openNF opens a socket, and tells how many bytes may be sent at once: an ordinary user's buffer cannot
// exceed the host's maximum.
func openNF(namespace int) (*nfSocket, int, error) {
	s := &nfSocket{-1}
	err := within(namespace, func() (err error) {
		s.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("open nftables: %w", err)
	}
	const most = 8 << 20
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, most) != nil {
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, most)
	}
	size, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	if err != nil {
		s.close()
		return nil, 0, fmt.Errorf("open nftables: %w", err)
	}
	return s, size - 4096, nil
}

func (s *nfSocket) close() {
	unix.Close(s.fd)
	s.fd = -1
}

// send sends a batch and reads the kernel's answers, all of which are there when the call returns.
func (s *nfSocket) send(batch []byte, about []string) error {
	if err := unix.Sendto(s.fd, batch, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("change rules: %w", os.NewSyscallError("sendto", err))
	}
	var failed error
	acknowledged := false
	answer := make([]byte, 32<<10)
	for {
		n, _, err := unix.Recvfrom(s.fd, answer, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			if failed == nil && !acknowledged {
				failed = errors.New("change rules: no answer")
			}
			return failed
		case err != nil: // ENOBUFS: so many were refused that not all can be told
			failed = errors.Join(failed, fmt.Errorf("change rules: %w", err))
			continue
		}
		messages, err := syscall.ParseNetlinkMessage(answer[:n])
		if err != nil {
			return errors.Join(failed, fmt.Errorf("change rules: %w", err))
		}
		for _, m := range messages {
			if m.Header.Type != unix.NLMSG_ERROR || len(m.Data) < 4+unix.SizeofNlMsghdr {
				continue
			}
			number := binary.NativeEndian.Uint32(m.Data[4+8:])
			if code := int32(binary.NativeEndian.Uint32(m.Data)); code != 0 {
				failed = errors.Join(failed, refused(about, number, unix.Errno(-code)))
			} else if int(number) == len(about) {
				acknowledged = true
			}
		}
	}
}

// refused says which message the kernel did not take.
func refused(about []string, number uint32, why error) error {
	what := "batch"
	if number > 0 && int(number) <= len(about) {
		what = about[number-1]
	}
	return fmt.Errorf("change rules: %s: %w", what, why)
}
