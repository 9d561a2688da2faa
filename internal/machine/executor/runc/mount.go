package runc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// mount gives the container its root: the image below, a few kilobytes of memory above for the
// mount points that runc makes. It happens in the shim's mount namespace, so the host never sees it
// and it is gone when the shim and the container are.
func (s *shim) mount() error {
	// What the host unmounts must go from here too, or we would keep it alive. Where the host's
	// mounts are private that does not reach us, but removing the file or directory below one does;
	// those who make namespaces remove their names.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("make mounts follow the host's: %w", err)
	}
	if err := s.leaveOthers(); err != nil {
		return err
	}
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
	return plainPlaces(root)
}

// plainPlaces says whether the image has links where the kernel's file systems go. The runtime mounts within the image
// whatever links there are, but then makes what belongs into /dev by its path, on this machine.
func plainPlaces(root string) error {
	for _, name := range []string{"dev", "proc", "sys"} {
		info, err := os.Lstat(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("exec: /%s of the image is no directory", name)
		}
	}
	return nil
}

// leaveOthers keeps the container's own network namespace and lets go of all that are bound beside it, where their directory is
// a mount of its own: runc reads all mounts again and again, and copies them.
func (s *shim) leaveOthers() error {
	if s.Network == "" {
		return nil
	}
	if err := unix.Mount(s.Network, filepath.Join(s.dir, networkFile), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("keep network namespace %s: %w", s.Network, err)
	}
	err := unix.Unmount(filepath.Dir(s.Network), unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err != nil && !errors.Is(err, unix.EINVAL) { // no mount
		return fmt.Errorf("leave the other network namespaces: %w", err)
	}
	return nil
}

// escaped quotes what means something in the options of an overlay.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`).Replace(path)
}
