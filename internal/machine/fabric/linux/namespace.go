package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// A namespace is a file under <directory>/netns to which a network namespace is bound: it lives as
// long as the file, whoever has died.

const nsfsMagic = 0x6e736673

// threadNamespace is the network namespace of the calling thread, which the caller has locked.
const threadNamespace = "/proc/thread-self/ns/net"

// gather makes the directory of namespaces a mount of its own, if it is none and holds none yet. What is bound in it then
// spreads to no other mount namespace, and who has no need of all that goes through the machine's mounts,
// as each container's start does several times, leaves it out by one unmount.
func gather(dir string) error {
	if is, known := mounted(dir); is || !known {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if f, err := openNamespace(filepath.Join(dir, e.Name())); err == nil {
			return f.Close()
		}
	}
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("make %s a mount: %w", dir, err)
	}
	return unix.Mount("", dir, "", unix.MS_PRIVATE, "")
}

// mounted tells whether a mount begins at a path, and whether the kernel says such things.
func mounted(path string) (is, known bool) {
	var at unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, 0, &at); err != nil {
		return false, false
	}
	return at.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, at.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// scatter undoes gather.
func scatter(dir string) error {
	if is, _ := mounted(dir); !is {
		return nil
	}
	return unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
}

// within runs do on a thread that is in the namespace of fd. A thread that cannot go back is not
// given back to the runtime: it ends with its goroutine.
func within(fd int, do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open(threadNamespace)
		if err != nil {
			runtime.UnlockOSThread()
			done <- err
			return
		}
		defer home.Close()
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			done <- fmt.Errorf("enter namespace: %w", err)
			return
		}
		err = do()
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			done <- errors.Join(err, fmt.Errorf("leave namespace: %w", back))
			return
		}
		runtime.UnlockOSThread()
		done <- err
	}()
	return <-done
}

// openNamespace opens a bound namespace; it is fs.ErrNotExist when there is none at the path, or
// only the empty file that a crash or an end of the mount namespace left.
func openNamespace(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	var at unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &at); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if at.Type != nsfsMagic {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, fs.ErrNotExist), f.Close())
	}
	return f, nil
}

// makeNamespace makes a namespace, prepares it, and only then binds it: a bound one is whole.
func makeNamespace(path string, prepare func() error) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, err
	}
	file.Close()
	made := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open(threadNamespace)
		if err != nil {
			runtime.UnlockOSThread()
			made <- err
			return
		}
		defer home.Close()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			made <- fmt.Errorf("unshare: %w", err)
			return
		}
		if err = prepare(); err == nil {
			err = unix.Mount(threadNamespace, path, "none", unix.MS_BIND, "")
		}
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			made <- errors.Join(err, fmt.Errorf("leave namespace: %w", back))
			return
		}
		runtime.UnlockOSThread()
		made <- err
	}()
	if err := <-made; err != nil {
		return nil, errors.Join(fmt.Errorf("make namespace %s: %w", filepath.Base(path), err), os.Remove(path))
	}
	return openNamespace(path)
}

// ensureNamespace adopts the namespace at path or makes it; fresh says which.
func ensureNamespace(path string, prepare func() error) (f *os.File, fresh bool, err error) {
	f, err = openNamespace(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, false, err
	}
	f, err = makeNamespace(path, prepare)
	return f, true, err
}

// removeNamespace unbinds a namespace. The kernel ends it when no process, socket or open file is
// left in it.
func removeNamespace(path string) error {
	for {
		err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if err == nil {
			continue // something may be bound twice
		}
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			break
		}
		return fmt.Errorf("unbind %s: %w", filepath.Base(path), err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// set writes sysctls of the calling thread's namespace. A missing one is no error: not every kernel
// is built with every feature, and what is not there cannot be misused.
func set(values [][2]string) error {
	proc, err := openProc()
	if err != nil {
		return err
	}
	defer unix.Close(proc)
	for _, kv := range values {
		err := setAt(proc, "sys/net/"+kv[0], kv[1])
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sysctl %s: %w", kv[0], err)
		}
	}
	return nil
}

// openProc opens a proc file system of our own, mounted nowhere, where we may have one: in that of the machine the kernel keeps the names of all
// namespaces' sysctls side by side and compares each with all others, which beside 1,000 namespaces takes milliseconds.
func openProc() (int, error) {
	if maker, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC); err == nil {
		defer unix.Close(maker)
		if unix.FsconfigCreate(maker) == nil {
			if proc, err := unix.Fsmount(maker, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC); err == nil {
				return proc, nil
			}
		}
	}
	proc, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return proc, os.NewSyscallError("open /proc", err)
}

func setAt(directory int, name, value string) error {
	fd, err := unix.Openat(directory, name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(value))
	return err
}

// prepareRouter is what a namespace that forwards needs before anything is in it. Source addresses
// are checked by the ruleset, which knows more than rp_filter; redirects would teach a workload a
// way around it, and an answered ARP request would let one fill the machine's neighbour table.
func prepareRouter() error {
	err := set(append([][2]string{
		{"ipv6/conf/all/disable_ipv6", "1"}, // and with it the default
		{"ipv4/conf/all/rp_filter", "0"}, {"ipv4/conf/default/rp_filter", "0"},
		{"ipv4/conf/all/send_redirects", "0"}, {"ipv4/conf/default/send_redirects", "0"},
		{"ipv4/conf/all/accept_redirects", "0"}, {"ipv4/conf/default/accept_redirects", "0"},
		{"ipv4/conf/all/accept_source_route", "0"}, {"ipv4/conf/default/accept_source_route", "0"},
		{"ipv4/conf/all/arp_ignore", "8"}, {"ipv4/conf/default/arp_ignore", "8"},
		{"ipv4/ip_forward", "1"},
		{"netfilter/nf_conntrack_acct", "1"},
	}, forgetSoon...))
	if err != nil {
		return err
	}
	return loopbackUp()
}

// prepareWorkload is what a namespace for a container needs. A container without capabilities may
// listen on any port: its addresses are its own.
func prepareWorkload() error {
	err := set([][2]string{
		{"ipv6/conf/all/disable_ipv6", "1"}, // and with it the default
		{"ipv4/ip_unprivileged_port_start", "0"},
	})
	if err != nil {
		return err
	}
	return loopbackUp()
}

// loopbackUp sets lo up by ioctl, which is one system call where netlink needs a socket and three.
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_LOOPBACK | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo)
}
