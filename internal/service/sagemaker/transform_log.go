package sagemaker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cloister/internal/value/fault"
	"cloister/internal/value/shape/logs"
)

// dataLog is the stream in which the platform tells of a job's objects. A role that may not write logs has none.
type dataLog struct {
	ctx     context.Context //nolint:containedctx // it lives as long as the worker
	to      stream
	service *Service
	mu      sync.Mutex
	lines   []logs.InputLogEvent
	made    bool
}

// mostLines is how many lines are held before they are sent.
const mostLines = 100

func (l *dataLog) line(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.service.Clock()
	text := now.UTC().Format("2006-01-02T15:04:05.000") + ":" + fmt.Sprintf(format, args...)
	l.lines = append(l.lines, logs.InputLogEvent{Timestamp: new(now.UnixMilli()), Message: &text})
	if len(l.lines) >= mostLines {
		l.flush(l.ctx)
	}
}

// close sends what is left, also when the job was cut short.
func (l *dataLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), 5*time.Second)
	defer cancel()
	l.flush(ctx)
}

func (l *dataLog) flush(ctx context.Context) {
	if len(l.lines) == 0 {
		return
	}
	name := l.to.prefix
	if !l.made {
		l.made = true
		l.ask(ctx, "CreateLogGroup", &logs.CreateLogGroupRequest{LogGroupName: &l.to.group})
		l.ask(ctx, "CreateLogStream", &logs.CreateLogStreamRequest{LogGroupName: &l.to.group, LogStreamName: &name})
	}
	l.ask(ctx, "PutLogEvents", &logs.PutLogEventsRequest{LogGroupName: &l.to.group, LogStreamName: &name, LogEvents: l.lines})
	l.lines = nil
}

func (l *dataLog) ask(ctx context.Context, operation string, in any) {
	if err := l.service.asRole(ctx, l.to, operation, in); err != nil && !fault.Is(err, "ResourceAlreadyExistsException") && ctx.Err() == nil {
		l.service.Log.Warn("a data log is incomplete", "group", l.to.group, "stream", l.to.prefix, "error", err)
	}
}
