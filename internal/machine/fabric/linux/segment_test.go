package linux

import (
	"encoding/binary"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/machine/fabric"
	"cloister/internal/value/network"
)

func segments(t *testing.T, c syscall.Conn) *unix.TCPInfo {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	if outer := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); outer != nil || err != nil {
		t.Fatal(outer, err)
	}
	return info
}

// offered is the segment size in the options of a TCP packet with SYN, 0 if there is none.
func offered(tcp []byte) int {
	for o := tcp[20 : int(tcp[12]>>4)*4]; len(o) > 1 && o[0] != 0; {
		if o[0] == 1 {
			o = o[1:]
			continue
		}
		if o[0] == 2 && len(o) >= 4 {
			return int(binary.BigEndian.Uint16(o[2:]))
		}
		o = o[min(int(max(o[1], 2)), len(o)):]
	}
	return 0
}

// sniffSegments is a socket that gets every TCP packet which arrives in a namespace.
func sniffSegments(t *testing.T, f *Fabric, id string) (socket int) {
	t.Helper()
	inNamespace(t, f.directory, "cl.eni."+id, func() (err error) {
		socket, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		return err
	})
	t.Cleanup(func() { unix.Close(socket) })
	patience := unix.NsecToTimeval(prompt.Nanoseconds())
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		t.Fatal(err)
	}
	return socket
}

func TestEndpointsKeepToSmallerSegments(t *testing.T) {
	f := start(t)
	n := aclNetwork([]network.ACLEntry{allowAll}, []network.ACLEntry{allowAll})
	apply(t, f, n)
	for _, to := range []string{"10.0.2.10:443", "52.216.1.1:443"} {
		sniffer := sniffSegments(t, f, "a")
		c := reaches(t, f, "a", to, true, "an endpoint")
		accepted, err := f.Listener().Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		// Half a megabyte each way, so that the measure is of real segments.
		for _, way := range [][2]net.Conn{{c, accepted}, {accepted, c}} {
			go way[0].Write(make([]byte, 1<<19))
			way[1].SetDeadline(time.Now().Add(prompt))
			if _, err := io.ReadFull(way[1], make([]byte, 1<<19)); err != nil {
				t.Fatal(err)
			}
		}
		if s := segments(t, c.(syscall.Conn)); s.Snd_mss > endpointSegment || s.Rcv_mss > endpointSegment || s.Snd_mss < endpointSegment-60 {
			t.Errorf("%s: the client sends segments of %d and gets %d", to, s.Snd_mss, s.Rcv_mss)
		}
		if s := segments(t, accepted.(fabric.Conn).(*conn).TCPConn); s.Snd_mss > endpointSegment {
			t.Errorf("%s: the endpoint sends segments of %d", to, s.Snd_mss)
		}
		b := make([]byte, 100)
		for {
			k, _, err := unix.Recvfrom(sniffer, b, 0)
			if err != nil {
				t.Fatalf("%s: no answer with SYN was seen: %v", to, err)
			}
			if k >= 44 && b[33]&syn != 0 {
				if got := offered(b[20:k]); got != endpointSegment {
					t.Errorf("%s: the endpoint offers %d", to, got)
				}
				break
			}
		}
	}
	// Control: between two interfaces the links' full size is used.
	echo(t, f.directory, "cl.eni.c", "0.0.0.0:80")
	c := reaches(t, f, "a", "10.0.2.5:80", true, "another interface")
	if s := segments(t, c.(syscall.Conn)); s.Snd_mss < 8900 {
		t.Errorf("between interfaces segments have %d", s.Snd_mss)
	}
}
