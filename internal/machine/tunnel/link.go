package tunnel

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/tun"
)

// link is a tun device in a namespace where this process's other threads are not: what would ask the
// kernel about it by name is answered from memory. It gives packets one by one, see Read.
type link struct {
	tun.Device
	mtu int

	packets [][]byte // of the piece that was read last
	sizes   []int
	next    int
	count   int
}

func (l *link) MTU() (int, error) { return l.mtu, nil }

// openLink makes the device and sets it up.
func openLink(c *Config) (*link, error) {
	fd := -1
	do := func() (err error) {
		fd, err = makeLink(c)
		return err
	}
	if err := in(c.Inside)(do); err != nil {
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
	return newLink(d, c.MTU), nil
}

// in is where a function runs; nil is the process's own namespace.
func in(given func(do func() error) error) func(do func() error) error {
	if given == nil {
		return func(do func() error) error { return do() }
	}
	return given
}

// ErrNoDevice says that this process cannot have such devices at all.
var ErrNoDevice = errors.New("there are no tunnel devices here")

func makeLink(c *Config) (fd int, err error) {
	fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENODEV) {
		return -1, fmt.Errorf("%w: open /dev/net/tun: %w", ErrNoDevice, err)
	}
	if err != nil {
		return -1, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	if err := configureLink(fd, c); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func configureLink(fd int, c *Config) error {
	r, err := unix.NewIfreq(c.Name)
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
	r.SetUint32(uint32(c.MTU))
	if err := unix.IoctlIfreq(s, unix.SIOCSIFMTU, r); err != nil {
		return fmt.Errorf("set mtu: %w", err)
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	if c.Persist {
		return unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1)
	}
	return nil
}
