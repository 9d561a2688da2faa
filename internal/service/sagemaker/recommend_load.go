package sagemaker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/engine/load"
	"cloister/internal/machine/executor"
)

// loader asks one container as its users would: each sends a request, waits for the answer and sends the next.
type loader struct {
	*jobRun
	host       int
	client     *http.Client
	payloads   [][]byte
	kind, want string // content types of requests and answers

	mu     sync.Mutex
	sent   int
	times  []time.Duration
	failed int
	last   string // what the last failed request came to
}

const (
	// windowLength is how many seconds are looked at together, answerTime how many an answer may take.
	windowLength, answerTime = 15, 60
	// pauseAfterFault keeps users from asking what refuses as fast as they can.
	pauseAfterFault = 50 * time.Millisecond
)

func newLoader(r *jobRun, host int, payloads [][]byte) *loader {
	l := &loader{jobRun: r, host: host, payloads: payloads, client: r.caller(host, mostUsers)}
	c := r.job().(*recommendJob).Request.InputConfig.ContainerConfig
	if t := c.PayloadConfig.SupportedContentTypes; len(t) > 0 {
		l.kind = t[0]
	}
	if t := c.SupportedResponseMIMETypes; len(t) > 0 {
		l.want = t[0]
	}
	return l
}

// died is that the container ended.
type died struct{ exit executor.Exit }

func (d *died) Error() string { return "the container ended" }

// run waits until the container is healthy and tests it. A failure is of this test only.
func (l *loader) run(ctx context.Context) (*load.Window, error) {
	defer l.client.CloseIdleConnections()
	within, cut := context.WithCancelCause(ctx)
	var g errgroup.Group
	g.Go(func() error {
		exit, err := l.Executor.Wait(within, l.st().Hosts[l.host].ID)
		if err == nil {
			cut(&died{exit})
		}
		return nil
	})
	err := l.await(within, l.client)
	var seen []load.Window
	conditions, percentile := l.job().(*recommendJob).conditions()
	if err == nil {
		seen, err = l.press(within, conditions, percentile)
	}
	end, over := context.Cause(within).(*died)
	cut(nil)
	g.Wait() //nolint:errcheck // it gives none
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case over && end.exit.OutOfMemory:
		return nil, fails("%s", outOfMemory)
	case over:
		return nil, fails("AlgorithmError: The model container ended during the load test, exit code: %d", end.exit.Code)
	case err != nil:
		return nil, err
	}
	if best, ok := conditions.Best(seen); ok {
		return &best, nil
	}
	return nil, fails("AlgorithmError: The model container answered no invocation. %s", l.last)
}

// press goes through the traffic, window by window.
func (l *loader) press(ctx context.Context, c load.Conditions, percentile float64) (seen []load.Window, err error) {
	users := l.assemble(ctx)
	defer users.leave()
	for _, level := range load.Levels(traffic(&l.job().(*recommendJob).Request)) {
		users.be(level.Users)
		for left := l.real(level.For); left > 0; {
			length := min(left, windowLength*l.second)
			if left -= length; left < length/2 { // no short window at the end
				length, left = length+left, 0
			}
			w, err := l.window(ctx, level.Users, length, percentile)
			if err != nil {
				return seen, err
			}
			if seen = append(seen, w); c.Met(seen) {
				return seen, nil
			}
		}
	}
	return seen, nil
}

// real is how long something of the traffic takes.
func (l *loader) real(d time.Duration) time.Duration {
	return time.Duration(d.Seconds() * float64(l.second))
}

// window looks on for a while.
func (l *loader) window(ctx context.Context, users int, length time.Duration, percentile float64) (w load.Window, err error) {
	id := l.st().Hosts[l.host].ID
	before, counted := l.Executor.Usage(id)
	l.take()
	begun := time.Now()
	select {
	case <-time.After(length):
	case <-ctx.Done():
		return w, ctx.Err()
	}
	took := time.Since(begun)
	times, faults := l.take()
	w = load.See(users, times, faults, took, percentile)
	limits, _ := l.limits(l.st().Hosts[l.host].Type)
	if after, ok := l.Executor.Usage(id); ok && counted && limits.CPUs > 0 && limits.Memory > 0 {
		w.CPU = new(100 * (after.CPU - before.CPU).Seconds() / took.Seconds() / limits.CPUs)
		w.Memory = new(100 * float64(after.Memory) / float64(limits.Memory))
	}
	return w, nil
}

// take gives what was seen since the last time.
func (l *loader) take() ([]time.Duration, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	times, faults := l.times, l.failed
	l.times, l.failed = nil, 0
	return times, faults
}

// crowd are the users of a test.
type crowd struct {
	loader *loader
	ctx    context.Context //nolint:containedctx // it ends with the test
	cut    func()
	gone   []func()
	all    sync.WaitGroup
}

func (l *loader) assemble(ctx context.Context) *crowd {
	within, cut := context.WithCancel(ctx)
	return &crowd{loader: l, ctx: within, cut: cut}
}

// be makes them n.
func (c *crowd) be(n int) {
	for ; len(c.gone) > n; c.gone = c.gone[:len(c.gone)-1] {
		c.gone[len(c.gone)-1]()
	}
	for len(c.gone) < n {
		within, leave := context.WithCancel(c.ctx)
		c.gone = append(c.gone, leave)
		c.all.Go(func() { c.loader.user(within) })
	}
}

func (c *crowd) leave() {
	c.be(0)
	c.cut()
	c.all.Wait()
}

// user asks until he leaves.
func (l *loader) user(ctx context.Context) {
	for ctx.Err() == nil {
		l.mu.Lock()
		payload := l.payloads[l.sent%len(l.payloads)]
		l.sent++
		l.mu.Unlock()
		begun := time.Now()
		err := l.invoke(ctx, payload)
		took := time.Since(begun)
		if ctx.Err() != nil {
			return
		}
		l.mu.Lock()
		if err == nil {
			l.times = append(l.times, took)
		} else {
			l.failed, l.last = l.failed+1, err.Error()
		}
		l.mu.Unlock()
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(pauseAfterFault):
			}
		}
	}
}

// invoke sends one request and reads its answer to the end.
func (l *loader) invoke(ctx context.Context, payload []byte) error {
	within, cancel := context.WithTimeout(ctx, answerTime*l.second)
	defer cancel()
	req, err := http.NewRequestWithContext(within, http.MethodPost, "http://localhost:8080/invocations", bytes.NewReader(payload))
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "Go-http-client")
	if l.kind != "" {
		req.Header.Set("Content-Type", l.kind)
	}
	if l.want != "" {
		req.Header.Set("Accept", l.want)
	}
	resp, err := l.client.Do(req)
	if err != nil {
		if errors.Is(within.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("An invocation was not answered within %d seconds.", answerTime)
		}
		return errors.New("The connection to the container was lost.")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 256)) //nolint:errcheck // what there is of it
		return fmt.Errorf("Bad HTTP status received from algorithm: %d %s", resp.StatusCode, bytes.TrimSpace(said))
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
