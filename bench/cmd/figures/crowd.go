package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	crowd = 1000 // jobs of one second each
	alone = 50   // containers of the peer, all at once
	// askers is how many calls are under way at a time.
	askers = 8
)

// measureCrowd has jobs of one second each run through this host, all asked for at once. The peer is `runc run` of the
// same program for as long. Processor time is the server's and that of all it started, containers included.
func (r *run) measureCrowd(ctx context.Context) error {
	if r.world == nil {
		return errNoWorld
	}
	bare, err := r.bareCrowd(ctx)
	if err != nil {
		return fmt.Errorf("runc: %w", err)
	}
	w, err := r.world.roomy(ctx, "10.0.16.0/20")
	if err != nil {
		return err
	}
	began, spent, idle := time.Now(), withChildren(r.daemon.cmd.Process.Pid), idleTime()
	names, err := w.trainMany(ctx, "second", crowd, map[string]string{"sleep": "1"})
	if err != nil {
		return err
	}
	asked := time.Since(began)
	if err := w.none(ctx, "InProgress"); err != nil {
		return err
	}
	took := time.Since(began)
	spent, idle = withChildren(r.daemon.cmd.Process.Pid)-spent, idleTime()-idle
	most, first, err := w.together(ctx, names)
	if err != nil {
		return err
	}
	cost := spent / crowd
	share := float64(idle) / float64(took) / float64(runtime.NumCPU())
	busy := float64(spent) / float64(took) / float64(runtime.NumCPU())
	r.table.add(fmt.Sprintf("%d training jobs of 1 s each, all asked for at once", crowd), fmt.Sprintf("%.1f s (asked in %.1f s)", took.Seconds(), asked.Seconds()), "no idle core",
		fmt.Sprintf("cores idle %.0f %%; ours %.0f %% of them", 100*share, 100*busy), fmt.Sprintf("%.1f/s", crowd/took.Seconds()), new(share < 0.1))
	r.table.add("  running at a time, most", strconv.Itoa(most), "", "first container after "+ms(first), "", nil)
	r.table.add("  processor time a job, from the call to its model", ms(cost), "", "`runc run` of the same program "+ms(bare), times(cost, bare), nil)
	return nil
}

// bareCrowd is the processor time of one of many containers of runc alone.
func (r *run) bareCrowd(ctx context.Context) (time.Duration, error) {
	bundle, err := r.bundle(ctx, "crowd")
	if err != nil {
		return 0, err
	}
	before := children()
	var g errgroup.Group
	for i := range alone {
		g.Go(func() error {
			_, err := bareContainer(ctx, bundle, 1000+i)
			return err
		})
	}
	err = g.Wait()
	return (children() - before) / alone, err
}

// children is the processor time of what this process started and saw end.
func children() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// withChildren is the processor time of a process and of all that it saw end.
func withChildren(pid int) (t time.Duration) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	for _, ticks := range strings.Fields(rest)[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.Atoi(ticks)
		t += time.Duration(n) * 10 * time.Millisecond
	}
	return t
}

// idleTime is how long this machine's cores had nothing to do, together.
func idleTime() time.Duration {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.Fields(string(b))[4])
	return time.Duration(n) * 10 * time.Millisecond
}

// roomy is the same world with a subnet that has addresses for a crowd.
func (w *world) roomy(ctx context.Context, cidr string) (*world, error) {
	at := *w
	var err error
	at.subnet, err = w.makeSubnet(ctx, cidr, "a")
	return &at, err
}

// trainMany asks for so many jobs of the probe, eight at a time.
func (w *world) trainMany(ctx context.Context, prefix string, n int, hyper map[string]string) (names []string, err error) {
	for i := range n {
		names = append(names, fmt.Sprintf("%s-%d", prefix, i))
	}
	return names, each(ctx, names, func(ctx context.Context, name string) error {
		return w.create(ctx, name, fmt.Sprintf(probe, w.Account, w.Region), "train/", hyper)
	})
}

// each does something for every name, eight at a time.
func each(ctx context.Context, names []string, do func(context.Context, string) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(askers)
	for _, name := range names {
		g.Go(func() error { return do(ctx, name) })
	}
	return g.Wait()
}

// none waits until no job has a status.
func (w *world) none(ctx context.Context, status string) error {
	for {
		var out struct {
			TrainingJobSummaries []struct{ TrainingJobName string }
		}
		err := w.api.json(ctx, "sagemaker", "SageMaker.ListTrainingJobs", map[string]any{"StatusEquals": status, "MaxResults": 1}, &out)
		if err != nil || len(out.TrainingJobSummaries) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is still %s: %w", out.TrainingJobSummaries[0].TrainingJobName, status, ctx.Err())
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// together tells how many of the jobs' containers ran at a time, and when the first began after its job was asked for.
func (w *world) together(ctx context.Context, names []string) (most int, first time.Duration, err error) {
	change := map[time.Time]int{}
	for _, n := range names {
		var out struct {
			TrainingJobStatus, FailureReason                 string
			CreationTime, TrainingStartTime, TrainingEndTime float64
		}
		if err := w.api.json(ctx, "sagemaker", "SageMaker.DescribeTrainingJob", map[string]string{"TrainingJobName": n}, &out); err != nil {
			return 0, 0, err
		}
		if out.TrainingJobStatus != "Completed" {
			return 0, 0, fmt.Errorf("%s is %s: %s", n, out.TrainingJobStatus, out.FailureReason)
		}
		change[unix(out.TrainingStartTime)]++
		change[unix(out.TrainingEndTime)]--
		if d := unix(out.TrainingStartTime).Sub(unix(out.CreationTime)); first == 0 || d < first {
			first = d
		}
	}
	return peak(change), first, nil
}

func unix(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)) }

// peak is the most that a sum of changes reaches.
func peak(change map[time.Time]int) (most int) {
	now := 0
	for _, at := range slices.SortedFunc(maps.Keys(change), time.Time.Compare) {
		now += change[at]
		most = max(most, now)
	}
	return most
}
