package tunnel

import "golang.zx2c4.com/wireguard/tun"

// newLink makes a device whose packets come one by one.
func newLink(d tun.Device, mtu int) *link {
	l := &link{Device: d, mtu: mtu, packets: make([][]byte, d.BatchSize()), sizes: make([]int, d.BatchSize())}
	all := make([]byte, len(l.packets)*largest)
	for i := range l.packets {
		l.packets[i] = all[i*largest : (i+1)*largest : (i+1)*largest]
	}
	return l
}

// largest is the room for a packet with what the library wants before it.
const largest = 1 << 16

// BatchSize is one, see Read.
func (l *link) BatchSize() int { return 1 }

// Read gives one packet, also where the kernel gives a piece of many. The library has queues for what it cannot send yet,
// which are bounded by how often they were added to, and keeps 64 KiB for each packet in them however small it is: a
// program that sends pieces of 128 packets of a byte had this process hold gigabytes.
func (l *link) Read(packets [][]byte, sizes []int, offset int) (int, error) {
	for l.next == l.count {
		n, err := l.Device.Read(l.packets, l.sizes, offset)
		l.next, l.count = 0, n
		if err != nil && n == 0 {
			return 0, err
		}
	}
	sizes[0] = copy(packets[0][offset:], l.packets[l.next][offset:offset+l.sizes[l.next]])
	l.next++
	return 1, nil
}
