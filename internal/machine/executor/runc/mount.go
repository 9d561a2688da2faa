package runc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// mount gives the container its root: the image below, a few kilobytes of memory above for the
// mount points that runc makes. It happens in the shim's mount namespace, so the host never sees it
// and it is gone when the shim and the container are.
func (s *shim) mount() error {
	// What the host unmounts must go from here too, or we would keep it alive.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("make mounts follow the host's: %w", err)
	}
	forgetNamespaces(s.Namespace)
	upper := filepath.Join(s.dir, "upper")
	if err := unix.Mount("upper", upper, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=1m,nr_inodes=1k"); err != nil {
		return fmt.Errorf("mount space for mount points: %w", err)
	}
	for _, name := range []string{"up", "work"} {
		if err := os.Mkdir(filepath.Join(upper, name), 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s",
		escaped(s.Image), escaped(filepath.Join(upper, "up")), escaped(filepath.Join(upper, "work")))
	root := filepath.Join(s.dir, "rootfs")
	if err := unix.Mount("overlay", root, "overlay", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("mount image %s: %w", s.Image, err)
	}
	return nil
}

// escaped quotes what means something in the options of an overlay.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`).Replace(path)
}

// forgetNamespaces unmounts the network namespaces that have a name on the host, but the one that
// is to be joined. A mount is enough to keep a namespace and its interfaces alive after the host
// removed it, and where the host's mounts are private its unmounting does not reach us.
func forgetNamespaces(but string) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return
	}
	if real, err := filepath.EvalSymlinks(but); err == nil {
		but = real
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		_, kind, ok := strings.Cut(line, " - ")
		if ok && len(fields) > 4 && strings.HasPrefix(kind, "nsfs ") && fields[4] != but {
			forget(fields[4])
		}
	}
}

func forget(namespace string) {
	if strings.HasPrefix(namespace, "/") {
		unix.Unmount(namespace, unix.MNT_DETACH)
	}
}
