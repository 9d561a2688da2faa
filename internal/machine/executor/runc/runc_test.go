package runc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"cloister/internal/machine/executor"
	"cloister/internal/machine/executor/executortest"
)

var image string // the root of the tests' image

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "shim" {
		os.Exit(ShimMain(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "daemon" {
		daemon(os.Args[2], os.Args[3])
	}
	dir, err := os.MkdirTemp("", "runc-test-")
	if err != nil {
		panic(err)
	}
	image = filepath.Join(dir, "image")
	code := 1
	if err := build(image); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// build makes the image: the guest, and a copy of it that asks for root.
func build(root string) error {
	for _, dir := range []string{"etc", "opt/program"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	os.Chmod(root, 0o755)
	guest := filepath.Join(root, "guest")
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", guest, "./testdata/guest")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the guest: %w: %s", err, out)
	}
	data, err := os.ReadFile(guest)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "setuid"), data, 0o755); err != nil {
		return err
	}
	return os.Chmod(filepath.Join(root, "setuid"), os.ModeSetuid|0o755)
}

var marks atomic.Int64

// open gives an executor with a cgroup of its own, both gone after the test.
func open(t testing.TB) *Executor {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, or a user namespace")
	}
	e, err := Open(config(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Purge(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func config(t testing.TB) Config {
	return Config{
		Directory: t.TempDir(), Shim: []string{"/proc/self/exe", "shim"}, Rootless: rootless(),
		CgroupParent: fmt.Sprintf("cloister-test-%d-%d", os.Getpid(), marks.Add(1)),
	}
}

// rootless says whether root here is only root of a user namespace.
func rootless() bool { return !mappedIn("/proc/self/uid_map", 1<<31) }

func TestSuite(t *testing.T) {
	executortest.Run(t, func(t *testing.T) executortest.Subject {
		e := open(t)
		return executortest.Subject{Executor: e, Root: image, Reopen: func(t *testing.T) executor.Executor {
			next, err := Open(e.config)
			if err != nil {
				t.Fatal(err)
			}
			return next
		}}
	})
}
