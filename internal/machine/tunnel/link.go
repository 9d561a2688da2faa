package tunnel

import (
	"fmt"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/tun"
)

// link is a tun device in a namespace where this process's other threads are not: what would ask the
// kernel about it by name is answered from memory.
type link struct {
	tun.Device
	mtu int
}

func (l *link) MTU() (int, error) { return l.mtu, nil }

// openLink makes the device and sets it up.
func openLink(c *Config) (*link, error) {
	fd := -1
	do := func() (err error) {
		fd, err = makeLink(c.Name, c.MTU)
		return err
	}
	inside := c.Inside
	if inside == nil {
		inside = func(do func() error) error { return do() }
	}
	if err := inside(do); err != nil {
		if fd >= 0 {
			unix.Close(fd)
		}
		return nil, err
	}
	// A monitored device would look for itself in the wrong namespace.
	d, _, err := tun.CreateUnmonitoredTUNFromFD(fd)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &link{d, c.MTU}, nil
}

func makeLink(name string, mtu int) (fd int, err error) {
	fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	if err := configureLink(fd, name, mtu); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func configureLink(fd int, name string, mtu int) error {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	// Packets of one connection come and go in large pieces.
	r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, r); err != nil {
		return err
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	r.SetUint32(uint32(mtu))
	if err := unix.IoctlIfreq(s, unix.SIOCSIFMTU, r); err != nil {
		return fmt.Errorf("set mtu: %w", err)
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return nil
}
