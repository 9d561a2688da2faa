package algorithm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/valyala/fasthttp"

	"cloister/internal/engine/kmeans"
)

const (
	defaultPort = "8080"
	// maxBody is what batch transform may send, and a little more.
	maxBody = 101 << 20
	// drainTime is how long requests may take to end after SIGTERM; SIGKILL comes after 30 s.
	drainTime = 20 * time.Second
)

func (p program) serve(ctx context.Context) error {
	model, err := p.loadModel()
	if err != nil {
		return fmt.Errorf("load the model: %w", err)
	}
	port := p.env("SAGEMAKER_BIND_TO_PORT")
	if port == "" {
		port = defaultPort
	}
	listener, err := net.Listen("tcp4", net.JoinHostPort("0.0.0.0", port))
	if err != nil {
		return err
	}
	p.log("INFO", "loaded %d centers of %d features; listening at port %s", model.K, model.Dim, port)
	return p.serveOn(ctx, listener, model)
}

func (p program) serveOn(ctx context.Context, listener net.Listener, model kmeans.Model) error {
	server := &fasthttp.Server{
		Handler: (&endpoint{program: p, model: model}).handle, MaxRequestBodySize: maxBody, ReadBufferSize: 8 << 10,
		NoDefaultServerHeader: true, NoDefaultContentType: true, CloseOnShutdown: true, Logger: silent{},
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := server.ShutdownWithContext(drain); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// silent drops the server's lines about broken connections.
type silent struct{}

func (silent) Printf(string, ...any) {}

// loadModel reads the one model file, which training names after its first host.
func (p program) loadModel() (kmeans.Model, error) {
	pattern := filepath.Join(p.root, "model", "model_algo-*")
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return kmeans.Model{}, fmt.Errorf("no file %s", pattern)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		return kmeans.Model{}, err
	}
	return kmeans.DecodeModel(data)
}

// executionParameters answers what batch transform asks before it starts.
func executionParameters() string {
	return fmt.Sprintf(`{"MaxConcurrentTransforms":%d,"BatchStrategy":"MULTI_RECORD","MaxPayloadInMB":6}`, runtime.GOMAXPROCS(0))
}
