package runc

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"cloister/internal/machine/executor"
)

// namespace makes a network namespace that has a name until the test ends, and a handle to close.
func namespace(t *testing.T, part string) (name, path string, handle netns.NsHandle) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	name = fmt.Sprintf("cloister-test-%d-%s", os.Getpid(), part)
	handle, err = netns.NewNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		netns.DeleteNamed(name)
		os.Remove("/run/netns/" + name)
	})
	if err := netns.Set(home); err != nil {
		t.Fatal(err)
	}
	return name, "/run/netns/" + name, handle
}

func TestJoinsNamespace(t *testing.T) {
	e := open(t)
	_, path, handle := namespace(t, "join")
	inside, err := netlink.NewHandleAt(handle)
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	defer handle.Close()
	mark := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "cloistermark"}, PeerName: "cloisterpeer"}
	if err := inside.LinkAdd(mark); err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]bool{path: true, "": false} {
		_, said := e.try(t, executor.Spec{ID: "join", Args: []string{"/guest", "cat", "/proc/net/dev"}, Namespace: spec})
		found := slices.ContainsFunc(said, func(line string) bool { return len(line) > 13 && line[:13] == "cloistermark:" })
		if found != want || len(said) < 3 {
			t.Errorf("in namespace %q it sees %q", spec, said)
		}
	}
	for _, attack := range []string{"address", "link", "route", "nftables"} {
		exit, said := e.try(t, executor.Spec{ID: "attack", Args: []string{"/guest", attack}, Namespace: path})
		if exit.Code != 0 {
			t.Errorf("%s: ended with %+v, printed %q", attack, exit, said)
		}
	}
	if exit, _ := e.try(t, executor.Spec{ID: "none", Args: []string{"/guest", "exit", "0"}, Namespace: path + "-not-there"}); exit.Code != 125 || exit.Error == "" {
		t.Errorf("without its namespace it ended with %+v", exit)
	}
}

// TestForgetsNamespaces removes a namespace that was there when a container of another one began.
// The kernel takes the interfaces of a namespace when nothing holds it; a shim must not.
func TestForgetsNamespaces(t *testing.T) {
	e := open(t)
	// The hardest case is a host whose mounts are private: its unmounting reaches nobody, only its
	// removing of the name does. The thread
	// is not unlocked and so ends with the test.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	_, ours, here := namespace(t, "ours")
	defer here.Close()
	other, _, there := namespace(t, "other")
	inside, err := netlink.NewHandleAt(here)
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "near"}, PeerName: "far", PeerNamespace: netlink.NsFd(int(there))}
	if err := inside.LinkAdd(pair); err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context(), executor.Spec{ID: "holds", Root: image, Args: []string{"/guest", "stubborn"}, Namespace: ours}); err != nil {
		t.Fatal(err)
	}
	there.Close()
	if err := netns.DeleteNamed(other); err != nil {
		t.Fatal(err)
	}
	for try := 0; ; try++ {
		if _, err := inside.LinkByName("near"); err != nil {
			break
		}
		if try == 500 {
			t.Fatal("the other namespace is still held")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if exit, err := e.Wait(shortly(t), "holds"); err == nil {
		t.Errorf("the container ended: %+v", exit)
	}
}

// TestLeavesOtherNamespaces binds two namespaces in a directory that is a mount of its own, as the fabric does: a container in one
// of them has neither that directory nor the other among its shim's mounts.
func TestLeavesOtherNamespaces(t *testing.T) {
	e := open(t)
	dir := t.TempDir()
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	if err := unix.Mount("", dir, "", unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"mine", "another"} {
		_, path, handle := namespace(t, part)
		handle.Close()
		at := filepath.Join(dir, part)
		if err := os.WriteFile(at, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount(path, at, "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Start(t.Context(), executor.Spec{ID: "lean", Root: image, Args: []string{"/guest", "stubborn"}, Namespace: filepath.Join(dir, "mine")}); err != nil {
		t.Fatal(err)
	}
	pid, err := os.ReadFile(filepath.Join(e.directory("lean"), shimFile))
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/" + string(pid) + "/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), dir) || !strings.Contains(string(mounts), filepath.Join(e.directory("lean"), networkFile)) {
		t.Errorf("the shim's mounts:\n%s", mounts)
	}
}
