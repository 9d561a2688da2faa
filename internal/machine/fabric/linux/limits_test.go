package linux

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"cloister/internal/value/network"
)

// datagram is a UDP packet of a few bytes.
func datagram(from, to netip.AddrPort, data []byte) []byte {
	b := make([]byte, 28, 28+len(data))
	source, target := from.Addr().As4(), to.Addr().As4()
	b[0], b[8], b[9] = 0x45, 64, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(data)))
	copy(b[12:], source[:])
	copy(b[16:], target[:])
	binary.BigEndian.PutUint16(b[20:], from.Port())
	binary.BigEndian.PutUint16(b[22:], to.Port())
	binary.BigEndian.PutUint16(b[24:], uint16(8+len(data)))
	return append(b, data...)
}

// flood sends packets from a namespace as fast as one thread can, each made anew.
func flood(t testing.TB, f *Fabric, id string, count int, each func(i int) []byte) {
	t.Helper()
	inNamespace(t, f.directory, "cl.eni."+id, func() error {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		for i := range count {
			b := each(i)
			if err := unix.Sendto(s, b, 0, &unix.SockaddrInet4{Addr: [4]byte(b[16:20])}); err != nil && err != unix.ENOBUFS {
				return err
			}
		}
		return nil
	})
}

// counted is how many connections that an address began are in the VPC's table.
func counted(t *testing.T, f *Fabric, from string) (count int) {
	t.Helper()
	for _, flow := range conntrackFlows(t, f) {
		if flow.Forward.SrcIP.String() == from {
			count++
		}
	}
	return count
}

func TestAFloodOfConnectionsLeavesRoomForOthers(t *testing.T) {
	f := start(t)
	swallow(t, f)
	apply(t, f, aclNetwork([]network.ACLEntry{allowAll}, []network.ACLEntry{allowAll}))
	echo(t, f.directory, "cl.eni.c", "0.0.0.0:80")
	kept := reaches(t, f, "a", "10.0.2.5:80", true, "before the flood")
	attacker, target := netip.MustParseAddr("10.0.1.5"), netip.MustParseAddr("10.0.2.5")
	clear := func() {
		if err := forget(int(f.routers["vpc-1"].file.Fd()), []netip.Addr{attacker}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		each func(i int) []byte
	}{
		{"UDP", func(i int) []byte {
			return datagram(netip.AddrPortFrom(attacker, uint16(1024+i%60000)), netip.AddrPortFrom(target, uint16(1024+i/60000)), nil)
		}},
		{"SYN", func(i int) []byte {
			b := packet(attacker.String(), target.String(), uint16(1024+i/60000), syn)
			binary.BigEndian.PutUint16(b[20:], uint16(1024+i%60000))
			tcp := b[20:]
			tcp[16], tcp[17] = 0, 0
			pseudo := append(append(append([]byte{}, b[12:20]...), 0, unix.IPPROTO_TCP, 0, 20), tcp...)
			binary.BigEndian.PutUint16(tcp[16:], checksum(pseudo))
			return b
		}},
		{"ICMP", func(i int) []byte {
			b := echoRequest(attacker.String(), target.String())
			binary.BigEndian.PutUint16(b[24:], uint16(i))
			b[22], b[23] = 0, 0
			binary.BigEndian.PutUint16(b[22:], checksum(b[20:28]))
			return b
		}},
	} {
		name := c.name
		flood(t, f, "a", 2*flowMax(), c.each)
		if got := counted(t, f, attacker.String()); got > flowMax()+8 {
			t.Errorf("%s: one interface has %d connections, more than %d", name, got, flowMax())
		} else if name == "UDP" && got < flowMax()-8 {
			t.Errorf("%s: only %d connections were made: not the limit was tried", name, got)
		}
		if name == "UDP" {
			alive(t, kept, "the attacker's own connection of before")
			reaches(t, f, "a", "10.0.2.5:80", false, "the attacker beyond its limit")
			reaches(t, f, "a", "10.0.1.10:443", false, "the attacker beyond its limit")
		}
		reaches(t, f, "b", "10.0.2.5:80", true, name+": a neighbour")
		reaches(t, f, "b", "10.0.1.10:443", true, name+": a neighbour")
		if !asks(t, f, "b") {
			t.Errorf("%s: a neighbour's question is not answered", name)
		}
		clear()
	}
	reaches(t, f, "a", "10.0.2.5:80", true, "when the flood is over")
}

// packedQuestion is a message that asks for the endpoint's name.
func packedQuestion(t *testing.T) []byte {
	m := new(dns.Msg).SetQuestion("sts.example.", dns.TypeA)
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// asks says whether one question is answered.
func asks(t *testing.T, f *Fabric, id string) bool {
	t.Helper()
	c := dialResolver(t, f, id)
	defer c.Close()
	c.SetDeadline(time.Now().Add(quiet))
	c.Write(packedQuestion(t))
	n, err := c.Read(make([]byte, 512))
	return err == nil && n > 12
}

// dialResolver gives a socket in a namespace that is connected to the VPC's resolver.
func dialResolver(t *testing.T, f *Fabric, id string) (c net.Conn) {
	t.Helper()
	inNamespace(t, f.directory, "cl.eni."+id, func() (err error) {
		c, err = net.Dial("udp4", "10.0.0.2:53")
		return err
	})
	return c
}

func TestAFloodOfQuestionsIsCutAndOthersAreAnswered(t *testing.T) {
	f := start(t)
	apply(t, f, aclNetwork([]network.ACLEntry{allowAll}, []network.ACLEntry{allowAll}))
	attacker := dialResolver(t, f, "a")
	defer attacker.Close()
	attacker.(*net.UDPConn).SetReadBuffer(8 << 20)
	b, begin := packedQuestion(t), time.Now()
	for range 20 * questionsSecond {
		attacker.Write(b)
	}
	if !asks(t, f, "b") {
		t.Error("a neighbour's question is not answered")
	}
	if _, err := connect(t, f.directory, "cl.eni.b", "10.0.0.2:53", prompt); err != nil {
		t.Errorf("a neighbour by TCP: %v", err)
	}
	attacker.SetDeadline(time.Now().Add(quiet))
	answers := 0
	for ; ; answers++ {
		if _, err := attacker.Read(b); err != nil {
			break
		}
	}
	if most := questionsSecond + int(time.Since(begin).Seconds()*questionsSecond) + 1; answers == 0 || answers > most {
		t.Errorf("%d answers, not at most %d", answers, most)
	}
	if flows := conntrackFlows(t, f); len(flows) > 1 { // the neighbour's by TCP
		t.Errorf("questions take %d places in the table", len(flows))
	}
	for until := time.Now().Add(prompt); !asks(t, f, "a"); {
		if time.Now().After(until) {
			t.Fatal("the attacker is never answered again")
		}
	}
}

func TestOneInterfaceCannotTakeAllOfTheResolversStreams(t *testing.T) {
	f := start(t)
	apply(t, f, aclNetwork([]network.ACLEntry{allowAll}, []network.ACLEntry{allowAll}))
	for i := range streamsEach {
		if _, err := connect(t, f.directory, "cl.eni.a", "10.0.0.2:53", prompt); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	if _, err := connect(t, f.directory, "cl.eni.a", "169.254.169.253:53", quiet); err == nil {
		t.Error("one more than allowed is let in")
	}
	if _, err := connect(t, f.directory, "cl.eni.b", "10.0.0.2:53", prompt); err != nil {
		t.Errorf("a neighbour is not let in: %v", err)
	}
	reaches(t, f, "a", "10.0.1.10:443", true, "elsewhere")
}
