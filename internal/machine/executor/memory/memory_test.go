package memory_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"cloister/internal/machine/executor"
	"cloister/internal/machine/executor/executortest"
	"cloister/internal/machine/executor/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func guest(ctx context.Context, p memory.Process) int {
	where := p.Directory
	return executortest.Behave(executortest.Guest{
		Args: p.Args, Env: p.Env, Directory: where, Output: p.Output, Terminate: p.Terminate, Kill: ctx.Done(),
		Open: func(name string) (io.ReadCloser, error) { return os.Open(p.Path(name)) },
	})
}

func TestSuite(t *testing.T) {
	executortest.Run(t, func(t *testing.T) executortest.Subject {
		return executortest.Subject{Executor: memory.New(map[string]memory.Program{"/guest": guest}), Root: t.TempDir()}
	})
}

func TestPath(t *testing.T) {
	p := memory.Process{Spec: executor.Spec{Root: "/image", Directory: "/work", Mounts: []executor.Mount{
		{Source: "/job", Target: "/opt/ml"}, {Source: "/data", Target: "/opt/ml/input/"},
	}}}
	for name, want := range map[string]string{
		"/opt/ml":         "/job",
		"/opt/ml/model/a": "/job/model/a",
		"/opt/ml/input/a": "/data/a",
		"/opt/mlx":        "/image/opt/mlx",
		"/../etc/passwd":  "/image/etc/passwd",
		"relative":        "/image/work/relative",
		"/":               "/image",
	} {
		if got := p.Path(name); filepath.Clean(got) != want {
			t.Errorf("%s lies at %s, want %s", name, got, want)
		}
	}
}
