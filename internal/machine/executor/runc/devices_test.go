package runc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloister/internal/machine/executor"
)

// twoDevices is a CDI file of two devices, both of them the host's /dev/zero, and of all of them.
const twoDevices = `{"cdiVersion": "0.5.0", "kind": "example.com/gpu", "containerEdits": {"env": ["DRIVER=some"]}, "devices": [
 {"name": "1", "containerEdits": {"deviceNodes": [{"path": "/dev/fake1", "hostPath": "/dev/zero"}]}},
 {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/fake0", "hostPath": "/dev/zero"}]}},
 {"name": "all", "containerEdits": {"deviceNodes": [{"path": "/dev/fake0", "hostPath": "/dev/zero"}]}}]}`

// TestDevices gives a container one of two devices: that one it can use, and the other is not there.
func TestDevices(t *testing.T) {
	e := limited(t)
	dir := t.TempDir()
	if all, err := Devices("example.com/gpu", dir); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fake.json"), []byte(twoDevices), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := Devices("example.com/gpu", dir)
	if err != nil || fmt.Sprint(all) != "[example.com/gpu=0 example.com/gpu=1]" {
		t.Fatal(all, err)
	}
	if others, err := Devices("nvidia.com/gpu", dir); err != nil || len(others) != 0 {
		t.Fatal(others, err)
	}
	e.config.DeviceFiles = []string{dir}
	for read, works := range map[string]bool{"/dev/fake1": true, "/dev/fake0": false, "/dev/mem": false} {
		exit, said := e.try(t, executor.Spec{ID: slug(read), Args: []string{"/guest", "read", read}, Devices: []string{"example.com/gpu=1"}})
		if got := slices.Equal(said, []string{"it worked"}); got != works {
			t.Errorf("%s: %+v %q", read, exit, said)
		}
	}
	err = e.Start(t.Context(), executor.Spec{ID: "gone", Root: image, Args: []string{"/guest"}, Devices: []string{"example.com/gpu=7"}})
	if err == nil || !strings.Contains(err.Error(), "devices example.com/gpu=7") {
		t.Errorf("a device that is not there: %v", err)
	}
	if left, err := e.List(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
