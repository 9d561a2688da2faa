// Package algorithm is what runs inside the containers of the built-in algorithms: `train` reads
// its channels and writes a model, `serve` loads the model and answers requests.
//
// It promises AWS's contract for containers: the files below /opt/ml, log lines, the failure file,
// exit codes and the HTTP interface on port 8080. It knows nothing of Cloister: it must work in any
// place that keeps the same contract.
package algorithm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// program is one run, with everything that tests replace.
type program struct {
	root    string // /opt/ml
	out     io.Writer
	env     func(string) string
	now     func() time.Time
	address func(host string) string // where another host of the job is
}

// Main runs the algorithm that the arguments name, such as "kmeans train", and gives the exit code.
func Main(args []string) int {
	p := program{root: os.Getenv("SAGEMAKER_BASE_DIR"), out: os.Stdout, env: os.Getenv, now: time.Now, address: clusterAddress}
	if p.root == "" {
		p.root = "/opt/ml"
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return p.run(ctx, args)
}

func (p program) run(ctx context.Context, args []string) int {
	work := map[string]func(context.Context) error{"kmeans train": p.train, "kmeans serve": p.serve, "probe train": p.probe}[strings.Join(args, " ")]
	if work == nil {
		fmt.Fprintf(p.out, "usage: kmeans train|serve, probe train; got %q\n", args)
		return 2
	}
	fmt.Fprintf(p.out, "Docker entrypoint called with argument(s): %s\n", args[1])
	if err := work(ctx); err != nil {
		p.fail(args[1], err)
		return 1
	}
	return 0
}

// customerError is a failure that the customer's own input caused.
type customerError struct{ err error }

func (e customerError) Error() string { return "Customer Error: " + e.err.Error() }
func (e customerError) Unwrap() error { return e.err }

func customer(err error) error {
	if err == nil {
		return nil
	}
	return customerError{err}
}

// failureText is how a failure reads: whose it is, and what.
func failureText(err error) string {
	if errors.As(err, new(customerError)) || errors.As(err, new(peerFailure)) {
		return err.Error()
	}
	return "Algorithm Error: " + err.Error()
}

// fail tells the log, and after training the failure file, why the run ends.
func (p program) fail(verb string, err error) {
	text := failureText(err)
	p.log("ERROR", "%s", text)
	if verb != "train" {
		return
	}
	path := filepath.Join(p.root, "output", "failure")
	if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		p.log("ERROR", "write the failure file: %v", err)
	}
}
