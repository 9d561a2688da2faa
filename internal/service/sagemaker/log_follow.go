package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/executor"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/logs"
)

// logProgress is how far a container's output was carried to CloudWatch Logs. It is written after
// the lines were taken: a crash between the two doubles a batch, and none is lost.
type logProgress struct {
	Next   int64
	Stream string
}

var logProgresses = store.NewTable[logProgress]("sagemaker.log-progress")

const (
	batchLines = 500
	batchBytes = 256 << 10
	batchTime  = 200 * time.Millisecond
	// lastLines is how long the end of a log may take once its container has ended.
	lastLines = 15 * time.Second
)

// stream is where lines go, and as whom: the job's or model's role, as on AWS. A role that may not
// write logs has none.
type stream struct {
	group, prefix, container string
	role                     func(context.Context) (*session, error)
	// read is told of every line, and keep when lines are about to count as carried; both may be nil.
	read func(executor.Line)
	keep func(context.Context) error
}

// follow carries a container's lines to its stream until it has ended or ctx is done. What the logs
// service refuses is tried again for a while and then left: a job does not fail for its log.
func (s *Service) follow(ctx context.Context, to stream) error {
	progress, err := s.openLog(ctx, to)
	if err != nil {
		return err
	}
	lines := make(chan executor.Line, batchLines)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(lines)
		for line, err := range s.Executor.Logs(ctx, to.container, progress.Next) {
			if errors.Is(err, executor.ErrUnknown) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read log of %s: %w", to.container, err)
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return ctx.Err()
	})
	g.Go(func() error { return s.carry(ctx, to, progress, lines) })
	return g.Wait()
}

// openLog makes group and stream, and gives how far the log was carried. The stream's name has the
// time of the container's start in it, so it is made up once.
func (s *Service) openLog(ctx context.Context, to stream) (*logProgress, error) {
	var p *logProgress
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		p, err = logProgresses.Get(tx, to.container)
		return err
	})
	if err != nil {
		return nil, err
	}
	if p == nil {
		p = &logProgress{Stream: to.prefix}
		if to.prefix[len(to.prefix)-1] == '-' {
			p.Stream += strconv.FormatInt(s.Clock().Unix(), 10)
		}
		if err := s.saveLog(ctx, to, p); err != nil {
			return nil, err
		}
	}
	err = s.asRole(ctx, to, "CreateLogGroup", &logs.CreateLogGroupRequest{LogGroupName: &to.group})
	if err == nil || fault.Is(err, "ResourceAlreadyExistsException") || fault.Is(err, denied) {
		// A role may well be allowed to write to a group that it may not make.
		err = s.asRole(ctx, to, "CreateLogStream", &logs.CreateLogStreamRequest{LogGroupName: &to.group, LogStreamName: &p.Stream})
	}
	if err != nil && !fault.Is(err, "ResourceAlreadyExistsException") && ctx.Err() == nil {
		s.Log.Warn("log stream could not be made", "group", to.group, "stream", p.Stream, "error", err)
	}
	return p, ctx.Err()
}

func (s *Service) saveLog(ctx context.Context, to stream, p *logProgress) error {
	return s.DB.UpdateShared(ctx, func(tx *store.Tx) error { return logProgresses.Put(tx, to.container, p) })
}

// forgetLog drops the progress of a container that is gone.
func (s *Service) forgetLog(ctx context.Context, container string) error {
	return s.DB.UpdateShared(ctx, func(tx *store.Tx) error { return logProgresses.Delete(tx, container) })
}

// carry sends batches: when one is full, or a moment after its first line.
func (s *Service) carry(ctx context.Context, to stream, p *logProgress, lines <-chan executor.Line) error {
	var batch []logs.InputLogEvent
	bytes, last := 0, int64(0)
	var due <-chan time.Time
	flush := func() error {
		due = nil
		if len(batch) == 0 {
			return nil
		}
		if to.keep != nil {
			if err := to.keep(ctx); err != nil {
				return err
			}
		}
		err := s.send(ctx, to, p.Stream, batch)
		batch, bytes = nil, 0
		if err != nil {
			return err
		}
		return s.saveLog(ctx, to, p)
	}
	for {
		select {
		case line, more := <-lines:
			if !more {
				return flush()
			}
			p.Next = line.Sequence + 1
			if to.read != nil {
				to.read(line)
			}
			if line.Text == "" { // an event cannot be empty
				continue
			}
			last = max(last, line.Time.UnixMilli()) // events of a batch must be in order
			batch, bytes = append(batch, logs.InputLogEvent{Timestamp: new(last), Message: new(line.Text)}), bytes+len(line.Text)+26
			if due == nil {
				due = time.After(batchTime)
			}
			if len(batch) < batchLines && bytes < batchBytes {
				continue
			}
		case <-due:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := flush(); err != nil {
			return err
		}
	}
}

// denied is what a role without rights is told.
const denied = "AccessDeniedException"

// asRole calls an operation of CloudWatch Logs as the role whose container it is.
func (s *Service) asRole(ctx context.Context, to stream, operation string, in any) error {
	x, err := to.role(ctx)
	if err != nil {
		return err
	}
	_, err = s.Client.Call(ctx, x.as, "logs", operation, in)
	return err
}

// send puts a batch, trying a few times.
func (s *Service) send(ctx context.Context, to stream, name string, batch []logs.InputLogEvent) error {
	var err error
	for pause := 50 * time.Millisecond; pause < time.Second; pause *= 2 {
		err = s.asRole(ctx, to, "PutLogEvents", &logs.PutLogEventsRequest{LogGroupName: &to.group, LogStreamName: &name, LogEvents: batch})
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if fault.Is(err, denied) {
			break
		}
		if fault.Is(err, "ResourceNotFoundException") { // deleted meanwhile
			if _, err := s.openLog(ctx, to); err != nil {
				return err
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.Log.Warn("log lines are lost", "group", to.group, "stream", name, "lines", len(batch), "error", err)
	return nil
}
