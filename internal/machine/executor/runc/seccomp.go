package runc

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// denied are the system calls that no training or inference code needs and that reach the parts of
// the kernel where containers have been escaped from. All but a few would fail for want of a
// capability; the filter keeps the code behind them out of reach too.
var denied = []string{
	// file systems and namespaces
	"chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount",
	"name_to_handle_at", "open_by_handle_at", "open_tree", "open_tree_attr", "pivot_root", "quotactl",
	"quotactl_fd", "setns", "umount", "umount2", "unshare", "fanotify_init",
	// kernel code, power, time, swap
	"acct", "bpf", "clock_adjtime", "clock_adjtime64", "clock_settime", "clock_settime64", "create_module",
	"delete_module", "finit_module", "init_module", "kexec_file_load", "kexec_load", "reboot", "settimeofday",
	"adjtimex", "stime", "swapoff", "swapon", "sethostname", "setdomainname", "syslog", "vhangup",
	// other processes, keys, tracing
	"add_key", "kcmp", "keyctl", "lookup_dcookie", "migrate_pages", "move_pages", "perf_event_open",
	"pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "request_key",
	"userfaultfd",
	// ports and relics
	"_sysctl", "get_kernel_syms", "ioperm", "iopl", "modify_ldt", "nfsservctl", "query_module", "sysfs",
	"uselib", "ustat", "vm86", "vm86old",
}

// unknown are answered as by a kernel that has never heard of them, so that libraries fall back:
// clone3 hides its flags from the filter, io_uring goes round it.
var unknown = []string{"clone3", "io_uring_enter", "io_uring_register", "io_uring_setup"}

// The families a program needs to compute and to talk IP: unix, inet, inet6, netlink. What is in
// the gaps (vsock, which would reach the host past every rule of the network, alg, packet, …) is
// refused by number, for a filter can not say "none of these".
var familyGaps = []uint64{
	3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15,
}

// namespaceFlags are those of clone; CLONE_NEWTIME shares its bit with the exit signal there and
// can only be given to calls which are denied altogether.
var namespaceFlags = []uint64{
	unix.CLONE_NEWNS, unix.CLONE_NEWCGROUP, unix.CLONE_NEWUTS, unix.CLONE_NEWIPC,
	unix.CLONE_NEWUSER, unix.CLONE_NEWPID, unix.CLONE_NEWNET,
}

// seccomp is the filter of every container. Programs for another architecture than the machine's
// are killed: no second table of numbers leads round it.
func seccomp() *specs.LinuxSeccomp {
	filter := &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls: []specs.LinuxSyscall{
			refuse(unix.EPERM, denied),
			refuse(unix.ENOSYS, unknown),
			refuse(unix.EAFNOSUPPORT, []string{"socket", "socketpair"}, specs.LinuxSeccompArg{Value: unix.AF_NETLINK, Op: specs.OpGreaterThan}),
			// Pushing characters into a terminal's input.
			refuse(unix.EPERM, []string{"ioctl"}, masked(1, 0xffffffff, unix.TIOCSTI)),
			refuse(unix.EPERM, []string{"ioctl"}, masked(1, 0xffffffff, unix.TIOCLINUX)),
		},
	}
	for _, family := range familyGaps {
		filter.Syscalls = append(filter.Syscalls, refuse(unix.EAFNOSUPPORT, []string{"socket", "socketpair"},
			specs.LinuxSeccompArg{Value: family, Op: specs.OpEqualTo}))
	}
	for _, flag := range namespaceFlags {
		filter.Syscalls = append(filter.Syscalls, refuse(unix.EPERM, []string{"clone"}, masked(0, flag, flag)))
	}
	return filter
}

func refuse(why unix.Errno, names []string, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: names, Action: specs.ActErrno, ErrnoRet: new(uint(why)), Args: args}
}

func masked(index uint, mask, value uint64) specs.LinuxSeccompArg {
	return specs.LinuxSeccompArg{Index: index, Value: mask, ValueTwo: value, Op: specs.OpMaskedEqual}
}
