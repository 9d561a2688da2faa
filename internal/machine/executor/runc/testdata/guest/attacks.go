package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// attacks are what no container may do. Each gives the error it met, nil if it was let.
var attacks = map[string]func(args []string) error{
	"mount":      func([]string) error { return unix.Mount("tmpfs", "/tmp", "tmpfs", 0, "") },
	"remount":    func([]string) error { return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "") },
	"umount":     func([]string) error { return unix.Unmount("/proc", unix.MNT_DETACH) },
	"fsopen":     func([]string) error { _, err := unix.Fsopen("tmpfs", 0); return err },
	"pivot":      func([]string) error { return unix.PivotRoot("/tmp", "/tmp") },
	"chroot":     func([]string) error { return unix.Chroot("/tmp") },
	"module":     func([]string) error { return answered(unix.InitModule([]byte{1}, "")) },
	"filemodule": func([]string) error { return answered(unix.FinitModule(0, "", 0)) },
	"device": func([]string) error {
		return unix.Mknod("/tmp/disk", unix.S_IFBLK|0o600, int(unix.Mkdev(254, 0)))
	},
	"write":    func(args []string) error { return write(args[0]) },
	"read":     func(args []string) error { return read(args[0]) },
	"address":  address,
	"link":     link,
	"route":    route,
	"nftables": nft,
	"sysctl":   func([]string) error { return write("/proc/sys/net/ipv4/ip_forward") },
	"setns":    setns,
	"unshare":  func([]string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"newuser":  newUser,
	"newtime":  func([]string) error { return unix.Unshare(unix.CLONE_NEWTIME) },
	"ptrace":   func([]string) error { return raw(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0) },
	"memory":   func([]string) error { return raw(unix.SYS_PROCESS_VM_READV, 1, 0, 0) },
	"bpf":      func([]string) error { return raw(unix.SYS_BPF, 0, 0, 0) },
	"keys": func([]string) error {
		_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true)
		return err
	},
	"perf":        perf,
	"userfault":   func([]string) error { return raw(unix.SYS_USERFAULTFD, 0, 0, 0) },
	"iouring":     func([]string) error { return raw(unix.SYS_IO_URING_SETUP, 1, 0, 0) },
	"clone3":      func([]string) error { return raw(unix.SYS_CLONE3, 0, 0, 0) },
	"syslog":      func([]string) error { _, err := unix.Klogctl(10, nil); return err },
	"reboot":      func([]string) error { return unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) },
	"clock":       clock,
	"hostname":    func([]string) error { return unix.Sethostname([]byte("evil")) },
	"limits":      limits,
	"user":        func([]string) error { return unix.Setresuid(12345, 12345, 12345) },
	"socket":      func(args []string) error { return socket(args[0]) },
	"port":        func([]string) error { l, err := net.Listen("tcp", "127.0.0.1:80"); closeIt(l); return err },
	"privileges":  privileges,
	"setuid":      setuid,
	"forks":       forks,
	"hog":         hog,
	"flood":       flood,
	"terminals":   terminals,
	"signals":     signals,
	"descriptors": descriptors,
}

// terminals opens as many as there are, which must be fewer than a machine has.
func terminals([]string) error {
	for range 1000 {
		if _, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY, 0); err != nil {
			return err
		}
	}
	return nil
}

// signals leaves more waiting than it may.
func signals(args []string) error {
	most, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	const signal = 40
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &unix.Sigset_t{Val: [16]uint64{1 << (signal - 1)}}, nil); err != nil {
		return err
	}
	var info [128]byte
	binary.NativeEndian.PutUint32(info[0:], signal)
	code := int32(-1) // SI_QUEUE
	binary.NativeEndian.PutUint32(info[8:], uint32(code))
	for range most + 1 {
		_, _, errno := unix.Syscall6(unix.SYS_RT_TGSIGQUEUEINFO, uintptr(unix.Getpid()), uintptr(unix.Gettid()), signal, uintptr(unsafe.Pointer(&info)), 0, 0)
		if errno != 0 {
			return errno
		}
	}
	return nil
}

// answered makes "let in, but the argument is nonsense" count as success.
func answered(err error) error {
	if errors.Is(err, unix.EPERM) {
		return err
	}
	return nil
}

func raw(number, a, b, c uintptr) error {
	_, _, errno := unix.RawSyscall(number, a, b, c)
	if errno == unix.EPERM || errno == unix.ENOSYS {
		return errno
	}
	return nil
}

func write(name string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString("1")
	return err
}

// read wants one byte: a masked file is there but empty.
func read(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Read(make([]byte, 1))
	return err
}

func closeIt(l net.Listener) {
	if l != nil {
		l.Close()
	}
}

func address([]string) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	addr, _ := netlink.ParseAddr("10.9.9.9/32")
	return netlink.AddrAdd(lo, addr)
}

func link([]string) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetDown(lo)
}

func route([]string) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	_, to, _ := net.ParseCIDR("10.9.0.0/16")
	return netlink.RouteAdd(&netlink.Route{LinkIndex: lo.Attrs().Index, Dst: to})
}

func nft([]string) error {
	conn := &nftables.Conn{}
	conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "evil"})
	return conn.Flush()
}

func setns([]string) error {
	self, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return err
	}
	return unix.Setns(int(self.Fd()), 0)
}

func newUser([]string) error {
	_, err := os.StartProcess("/guest", []string{"/guest", "exit", "0"}, &os.ProcAttr{
		Sys: &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS},
	})
	return err
}

func perf([]string) error {
	_, err := unix.PerfEventOpen(&unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Size: 128}, 0, -1, -1, 0)
	return err
}

func clock([]string) error {
	now := unix.NsecToTimespec(time.Now().UnixNano())
	return raw(unix.SYS_CLOCK_SETTIME, unix.CLOCK_REALTIME, uintptr(unsafe.Pointer(&now)), 0)
}

func limits([]string) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &now); err != nil {
		return err
	}
	now.Max *= 2
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &now)
}

func socket(kind string) error {
	family := map[string][2]int{
		"vsock": {unix.AF_VSOCK, unix.SOCK_STREAM}, "packet": {unix.AF_PACKET, unix.SOCK_RAW},
		"alg": {unix.AF_ALG, unix.SOCK_SEQPACKET}, "key": {unix.AF_KEY, unix.SOCK_RAW},
		"rawip": {unix.AF_INET, unix.SOCK_RAW}, "xdp": {unix.AF_XDP, unix.SOCK_RAW},
	}[kind]
	protocol := 0
	if kind == "rawip" {
		protocol = unix.IPPROTO_ICMP
	}
	_, err := unix.Socket(family[0], family[1], protocol)
	return err
}

// privileges looks for any that is left.
func privileges([]string) error {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	want := map[string]string{
		"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000",
		"CapBnd": "0000000000000000", "CapAmb": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2",
	}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		if expected, ok := want[name]; ok {
			if strings.TrimSpace(value) != expected {
				fmt.Println(strings.TrimSpace(line))
				return nil
			}
			delete(want, name)
		}
	}
	if len(want) > 0 {
		return nil
	}
	return errors.New("none left")
}

// setuid runs a program whose owner is root and that has the bit; its user must stay the same.
func setuid([]string) error {
	child, err := os.StartProcess("/tmp/../setuid", []string{"/setuid", "user"}, &os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stdout}})
	if err != nil {
		return err
	}
	state, err := child.Wait()
	if err == nil && state.ExitCode() == 0 {
		return errors.New("still an ordinary user")
	}
	return nil
}

// forks prints a line for each child that it got.
func forks([]string) error {
	for i := range 500 {
		_, err := os.StartProcess("/guest", []string{"/guest", "stubborn"}, &os.ProcAttr{Files: []*os.File{nil, nil, nil}})
		if err != nil {
			return err
		}
		fmt.Println("child", i)
	}
	return nil
}

// flood writes short lines, then one that has no end.
func flood([]string) error {
	lines := []byte(strings.Repeat("line\n", 10_000))
	for range 20 {
		if _, err := os.Stdout.Write(lines); err != nil {
			return err
		}
	}
	line := []byte(strings.Repeat("x", 1<<20))
	for range 20 {
		if _, err := os.Stdout.Write(line); err != nil {
			return err
		}
	}
	return errors.New("nobody stopped it")
}

func hog([]string) error {
	var all [][]byte
	for range 4096 {
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = byte(i)
		}
		all = append(all, block)
	}
	fmt.Println(len(all))
	return nil
}

// descriptors looks for files that were left open by whoever started us; Go's runtime has some of its own.
func descriptors([]string) error {
	for fd := 3; fd < 64; fd++ {
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		own := strings.HasPrefix(name, "anon_inode:") || strings.HasPrefix(name, "/proc") || strings.HasPrefix(name, "/sys/fs/cgroup/")
		if err == nil && !own {
			fmt.Println(fd, name)
			return nil
		}
	}
	return errors.New("none")
}
