package algorithm

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// attempt is something a program might do, with what came of it.
type attempt struct {
	name string
	do   func(p program) error
}

// forbidden is what no container may do, whoever it runs as: change its own network, mount, reach into
// the kernel, leave its namespaces, write outside its directories. Nothing here harms a host on which
// it succeeds; what a success would change is named after us or put as it was.
var forbidden = []attempt{
	{"nftables add a table", func(program) error {
		c, err := nftables.New()
		if err != nil {
			return err
		}
		c.AddTable(&nftables.Table{Name: "cloister-probe", Family: nftables.TableFamilyIPv4})
		return c.Flush()
	}},
	{"network add an address", func(program) error {
		return netlink.AddrAdd(firstLink(), &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(32, 32)}})
	}},
	{"network add a route", func(program) error {
		_, to, _ := net.ParseCIDR("192.0.2.0/24")
		return netlink.RouteAdd(&netlink.Route{LinkIndex: firstLink().Attrs().Index, Dst: to})
	}},
	{"network add a link", func(program) error {
		return netlink.LinkAdd(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "probe0"}})
	}},
	{"network raise a link", func(program) error { return netlink.LinkSetUp(firstLink()) }},
	{"network open a packet socket", func(program) error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0x300) }},
	{"network open a raw socket", func(program) error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_TCP) }},
	{"network mark packets", func(program) error {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		return unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_MARK, 0x636c)
	}},
	{"network forward packets", writes("/proc/sys/net/ipv4/ip_forward")},
	{"mount a file system", func(program) error { return unix.Mount("probe", "/tmp", "tmpfs", 0, "") }},
	{"mount a directory elsewhere", func(program) error { return unix.Mount("/proc", "/tmp", "", unix.MS_BIND, "") }},
	{"mount the root writable", func(program) error { return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "") }},
	{"mount lay bare what is masked", func(program) error { return unix.Unmount("/proc/kcore", unix.MNT_DETACH) }},
	{"module from memory", func(program) error { return unix.InitModule([]byte("no module"), "") }},
	{"module from a file", func(program) error {
		f, err := os.Open("/proc/self/exe")
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.FinitModule(int(f.Fd()), "", 0)
	}},
	{"kernel load a program", func(program) error {
		_, _, errno := unix.Syscall(unix.SYS_BPF, 0, 0, 0)
		return refusal(errno)
	}},
	{"kernel set the host's name", func(program) error {
		name, err := os.Hostname()
		if err != nil {
			return err
		}
		return unix.Sethostname([]byte(name))
	}},
	{"leave for the network of process 1", enters("/proc/1/ns/net", unix.CLONE_NEWNET)},
	{"leave for new namespaces", func(program) error { return separate(unix.CLONE_NEWNS) }},
	{"leave for a new user namespace", func(program) error { return separate(unix.CLONE_NEWUSER) }},
	{"leave for another root", func(program) error { return unix.Chroot("/") }},
	{"device make one", func(program) error { return unix.Mknod("/tmp/mem", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 1))) }},
	{"write /probe", writes("/probe")},
	{"write /etc/passwd", writes("/etc/passwd")},
	{"write /etc/resolv.conf", writes("/etc/resolv.conf")},
	{"write /dev/probe", writes("/dev/probe")},
	{"write /proc/sysrq-trigger", writes("/proc/sysrq-trigger")},
	{"write /sys/probe", writes("/sys/probe")},
	{"write /sys/fs/cgroup/cgroup.procs", writes("/sys/fs/cgroup/cgroup.procs")},
	{"change the program's mode", func(program) error {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		info, err := os.Stat(self)
		if err != nil {
			return err
		}
		return os.Chmod(self, info.Mode())
	}},
	{"write through a link to outside", func(p program) error {
		link := filepath.Join(p.root, "model", "link")
		if err := os.Symlink("/etc/probe", link); err != nil {
			return err
		}
		defer os.Remove(link)
		return writes(link)(p)
	}},
	{"read the kernel's memory", reads("/proc/kcore")},
	{"read the kernel's keys", reads("/proc/keys")},
}

// permitted is what a container must be able to do: without it the refusals above would prove nothing.
var permitted = []attempt{
	{"write below its model", func(p program) error { return writes(filepath.Join(p.root, "model", "probe"))(p) }},
	{"write below its output", func(p program) error { return writes(filepath.Join(p.root, "output", "data", "probe"))(p) }},
	{"write below /tmp", writes("/tmp/probe")},
	{"read its own state", reads("/proc/self/status")},
}

// attack tries everything and tells the log what came of each.
func (p program) attack() {
	p.attempt("forbidden", forbidden)
	p.attempt("permitted", permitted)
}

// hoard says a line that is longer than any log takes, takes room on the disk and keeps it, whoever tells it to end.
func (p program) hoard(ctx context.Context, size string) error {
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		return customer(err)
	}
	p.log("INFO", "hoard %s", strings.Repeat("x", 1<<20))
	f, err := os.Create(filepath.Join(p.root, "model", "hoard"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, n); err != nil {
		return err
	}
	<-context.WithoutCancel(ctx).Done()
	return nil
}

func (p program) attempt(kind string, all []attempt) {
	for _, a := range all {
		if err := a.do(p); err != nil {
			p.log("INFO", "%s: %s: refused: %v", kind, a.name, err)
		} else {
			p.log("INFO", "%s: %s: done", kind, a.name)
		}
	}
}

// firstLink is the interface to the network: the loopback only where there is no other.
func firstLink() netlink.Link {
	links, err := netlink.LinkList()
	if err != nil || len(links) == 0 {
		return &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: 1, Name: "lo"}}
	}
	return links[len(links)-1]
}

func socket(family, kind, protocol int) error {
	fd, err := unix.Socket(family, kind, protocol)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func writes(path string) func(program) error {
	return func(program) error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		return f.Close()
	}
}

func reads(path string) func(program) error {
	return func(program) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if n, err := f.Read(make([]byte, 64)); n == 0 {
			return err
		}
		return nil
	}
}

func enters(path string, kind int) func(program) error {
	return func(program) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.Setns(int(f.Fd()), kind)
	}
}

// separate starts this program in new namespaces, from a process of its own: this one has threads.
func separate(flags uintptr) error {
	child, err := os.StartProcess("/proc/self/exe", []string{"/proc/self/exe", "version"}, &os.ProcAttr{
		Files: []*os.File{nil, nil, nil}, Sys: &syscall.SysProcAttr{Cloneflags: flags},
	})
	if err != nil {
		return err
	}
	_, err = child.Wait()
	return err
}

func refusal(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
