package tunnel

import (
	"errors"
	"io"
	"slices"
	"testing"

	"golang.zx2c4.com/wireguard/tun"
)

// pieces gives what is in it, each with its error, and then that there is no more.
type pieces struct {
	tun.Device
	left []piece
}

type piece struct {
	packets []string
	err     error
}

func (p *pieces) BatchSize() int { return 4 }

func (p *pieces) Read(into [][]byte, sizes []int, offset int) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	now := p.left[0]
	p.left = p.left[1:]
	for i, text := range now.packets {
		sizes[i] = copy(into[i][offset:], text)
	}
	return len(now.packets), now.err
}

// TestPacketsComeOneByOne has a device give pieces of many packets: whoever reads them has room for one only, as the library
// then keeps no more than one for each place in its queues.
func TestPacketsComeOneByOne(t *testing.T) {
	l := newLink(&pieces{left: []piece{{packets: []string{"a", "bb", "ccc"}}, {}, {packets: []string{"d"}}, {packets: []string{"e", "f"}, err: tun.ErrTooManySegments}}}, 1420)
	if l.BatchSize() != 1 {
		t.Fatalf("the library would ask for %d at once", l.BatchSize())
	}
	var got []string
	for {
		packet, sizes := make([]byte, 32), []int{0}
		n, err := l.Read([][]byte{packet}, sizes, 16)
		if err != nil {
			if !errors.Is(err, io.EOF) || n != 0 {
				t.Errorf("at the end: %d, %v", n, err)
			}
			break
		}
		if n != 1 {
			t.Fatalf("%d packets at once", n)
		}
		got = append(got, string(packet[16:16+sizes[0]]))
	}
	if want := []string{"a", "bb", "ccc", "d", "e", "f"}; !slices.Equal(got, want) {
		t.Errorf("got %q of %q", got, want)
	}
}
