package runc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloister/internal/machine/executor"
)

// TestHostileImages start containers of images that have links where the runtime mounts and makes things: whether they
// start or not, nothing outside is made, changed or read.
func TestHostileImages(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", 30) + outside[1:]
	for _, places := range []string{"dev", "proc", "sys", "tmp etc opt run work", "dev/shm dev/pts dev/fd sys/fs etc/hosts etc/resolv.conf etc/hostname opt/ml"} {
		targets := []string{outside, up}
		if places == "dev" {
			targets = append(targets, "/", "/proc/1/root", "/proc/self/cwd")
		}
		for _, to := range targets {
			t.Run(slug(places+" "+to[:min(len(to), 20)]), func(t *testing.T) {
				root := t.TempDir()
				must := func(err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
				}
				must(os.Chmod(root, 0o755))
				must(os.Link(filepath.Join(image, "guest"), filepath.Join(root, "guest")))
				for _, at := range strings.Fields(places) {
					must(os.MkdirAll(filepath.Join(root, filepath.Dir(at)), 0o755))
					must(os.Symlink(to, filepath.Join(root, at)))
				}
				e, model := open(t), t.TempDir()
				spec := executor.Spec{ID: "hostile", Root: root, Args: []string{"/guest", "cat", secret}, Directory: "/work", Resolver: "nameserver 10.0.0.2\n",
					Mounts: []executor.Mount{{Source: model, Target: "/opt/ml"}}}
				if err := e.Start(t.Context(), spec); err != nil {
					t.Fatal(err)
				}
				exit, err := e.Wait(t.Context(), spec.ID)
				if err != nil || exit.Code == 0 {
					t.Errorf("%+v %v", exit, err)
				}
				for line, err := range e.Logs(t.Context(), spec.ID, 0) {
					if err != nil || strings.Contains(line.Text, "untouched") {
						t.Errorf("%q %v", line.Text, err)
					}
				}
				if err := e.Remove(t.Context(), spec.ID); err != nil {
					t.Error(err)
				}
				b, err := os.ReadFile(secret)
				all, _ := os.ReadDir(outside)
				if err != nil || string(b) != "untouched" || len(all) != 1 {
					t.Errorf("outside there are %v; the file is %q %v", all, b, err)
				}
				for _, f := range all {
					if f.Name() != "secret" {
						os.RemoveAll(filepath.Join(outside, f.Name()))
					}
				}
			})
		}
	}
	if all, err := os.ReadDir("/"); err != nil || slices.ContainsFunc(all, func(e os.DirEntry) bool { return e.Name() == "ptmx" || e.Name() == "stdin" }) {
		t.Errorf("the machine's root has %v %v", all, err)
	}
}
