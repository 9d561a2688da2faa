package sagemaker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/engine/batch"
	"cloister/internal/engine/dataset"
)

// transform drives the containers of a job: it deals the objects to them, posts their records and writes the
// outputs. What it has written stands in the record, so that a fresh process goes on with the rest.
type transform struct {
	*jobRun
	job     *transformJob
	process *batch.Process
	failed  atomic.Bool // an object could not be transformed
	blamed  atomic.Bool // and the model is to blame
}

func newTransform(r *jobRun) *transform { return &transform{jobRun: r, job: r.job().(*transformJob)} }

// Defaults of what neither the request nor the container says.
const (
	usualConcurrency = 1
	usualPayload     = 6 // MB
	usualTimeout     = 600 * time.Second
)

// parameters are how a host is worked with.
type parameters struct {
	MaxConcurrentTransforms int
	BatchStrategy           string
	MaxPayloadInMB          *int
}

// drive ends when all objects are done.
func (t *transform) drive(ctx context.Context) error {
	var err error
	if t.process, err = t.job.process(); err != nil {
		return fails("ClientError: %s", err)
	}
	objects, err := t.objects(ctx)
	if err != nil {
		return err
	}
	g, within := errgroup.WithContext(ctx)
	for i := range t.job.Hosts {
		g.Go(func() error {
			return t.host(within, i, dataset.Shard(objects, i, len(t.job.Hosts)))
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	switch {
	case t.blamed.Load():
		return fails("AlgorithmError: See job logs for more information")
	case t.failed.Load():
		return fails("ClientError: See job logs for more information")
	}
	return nil
}

// source is an object and where its output goes.
type source struct{ bucket, key, out string }

// objects lists the input, in the order of keys.
func (t *transform) objects(ctx context.Context) ([]source, error) {
	from := t.job.Request.TransformInput.DataSource.S3DataSource
	uri := text(from.S3Uri)
	bucket, prefix, _ := splitS3(uri)
	s3 := t.s3(0)
	defer s3.close()
	var out []source
	var err error
	if text(from.S3DataType) == "ManifestFile" {
		out, err = t.listed(ctx, s3, bucket, prefix)
	} else {
		names := 0
		folder := prefix[:strings.LastIndexByte(prefix, '/')+1]
		err = s3.list(ctx, bucket, prefix, func(o object) error {
			if names += len(o.Key); len(out) == mostMembers || names > mostNames {
				return fails("ClientError: More than %d objects, or names of %d bytes, begin with %s.", mostMembers, mostNames, uri)
			}
			if !strings.HasSuffix(o.Key, "/") {
				out = append(out, source{bucket, o.Key, t.output(strings.TrimPrefix(o.Key, folder))})
			}
			return nil
		})
	}
	if err != nil {
		return nil, transferred(download, err)
	}
	if len(out) == 0 {
		return nil, fails("ClientError: %s", noObjects(uri, t.Region, t.plan.Role, bucket))
	}
	slices.SortFunc(out, func(a, b source) int { return strings.Compare(a.key, b.key) })
	return out, nil
}

// listed are the objects of a manifest.
func (t *transform) listed(ctx context.Context, s3 *s3, bucket, key string) ([]source, error) {
	var said limited
	if err := s3.get(ctx, bucket, key, &said); err != nil {
		return nil, err
	}
	prefix, names, err := dataset.Manifest(said.b, mostMembers)
	from, folder, ok := splitS3(prefix)
	if err != nil || !ok {
		return nil, fails("ClientError: The manifest s3://%s/%s cannot be read: %v", bucket, key, cmp.Or(err, errors.New("it has no S3 prefix")))
	}
	var out []source
	for _, n := range names {
		out = append(out, source{from, folder + n, t.output(n)})
	}
	return out, nil
}

// output is the key of an object's output.
func (t *transform) output(name string) string {
	_, prefix, _ := splitS3(text(t.job.Request.TransformOutput.S3OutputPath))
	return strings.TrimPrefix(path.Join(prefix, path.Clean("/"+name))+".out", "/")
}

// host works with one container: it waits until that is healthy and does its objects, one after another.
func (t *transform) host(ctx context.Context, i int, objects []source) error {
	w := &worker{transform: t, host: i, log: t.dataLog(ctx, i)}
	defer w.log.close()
	w.client = t.caller(i, largestBatch)
	defer w.client.CloseIdleConnections()
	if err := t.await(ctx, w.client); err != nil {
		return err
	}
	w.ask(ctx)
	w.log.line("[sagemaker logs]: MaxConcurrentTransforms=%d, MaxPayloadInMB=%d, BatchStrategy=%s", w.concurrency, w.payload>>20, w.strategy)
	w.s3 = t.s3(i)
	defer w.s3.close()
	var err error
	if w.ledger, err = openLedger(filepath.Join(t.dir(i), ledgers)); err != nil {
		return err
	}
	defer w.ledger.close()
	for _, o := range objects {
		if _, done := t.st().Uploaded[o.out]; done {
			continue
		}
		if err := w.object(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// ask finds how the container wants to be worked with. What the request says comes first; what neither says is usual.
func (w *worker) ask(ctx context.Context) {
	var p parameters
	within, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	req, err := http.NewRequestWithContext(within, http.MethodGet, "http://localhost:8080/execution-parameters", nil)
	if err == nil {
		var resp *http.Response
		if resp, err = w.client.Do(req); err == nil {
			if resp.StatusCode == http.StatusOK {
				err = json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&p)
			}
			resp.Body.Close()
		}
	}
	if err != nil {
		p = parameters{}
		w.log.line("[sagemaker logs]: /execution-parameters cannot be read: %v", err)
	}
	r := &w.job.Request
	mb := usualPayload
	if p.MaxPayloadInMB != nil && *p.MaxPayloadInMB >= 0 && *p.MaxPayloadInMB <= largestBatch {
		mb = *p.MaxPayloadInMB
	}
	w.payload = int64(number(r.MaxPayloadInMB, int32(mb))) << 20
	// What the container says may be anything.
	said := cmp.Or(min(max(p.MaxConcurrentTransforms, 0), largestBatch), usualConcurrency)
	w.concurrency = max(1, min(int(number(r.MaxConcurrentTransforms, int32(said))), largestBatch))
	w.bound(r.MaxPayloadInMB == nil && p.MaxPayloadInMB != nil, r.MaxConcurrentTransforms == nil)
	w.strategy = "MULTI_RECORD"
	if p.BatchStrategy == "SINGLE_RECORD" {
		w.strategy = p.BatchStrategy
	}
	if r.BatchStrategy != nil {
		w.strategy = strategies[*r.BatchStrategy]
	}
	w.retries, w.timeout = 3, usualTimeout
	if c := r.ModelClientConfig; c != nil {
		w.retries = int(number(c.InvocationsMaxRetries, 3))
		w.timeout = time.Duration(number(c.InvocationsTimeoutInSeconds, int32(usualTimeout.Seconds()))) * time.Second
	}
}

// bound has all requests of the container together carry no more than the largest batch, where it was the container that
// chose: what the request says was checked when it came.
func (w *worker) bound(payload, concurrency bool) {
	most := int64(largestBatch) << 20
	if w.payload*int64(w.concurrency) <= most {
		return
	}
	if concurrency {
		w.concurrency = int(max(1, most/w.payload))
	} else if payload {
		w.payload = max(1, most/int64(w.concurrency)>>20) << 20
	}
}

// held is how large a request may be that is held in memory: a bound, also where the job asks for none.
func (w *worker) held() int64 {
	return cmp.Or(w.payload, int64(largestBatch)<<20/int64(w.concurrency))
}

// dataLog is the stream that tells of the objects.
func (t *transform) dataLog(ctx context.Context, host int) *dataLog {
	return &dataLog{ctx: ctx, to: stream{group: t.plan.LogGroup, prefix: t.plan.LogName + "/" + t.job.Hosts[host].Name + "/data-log", role: t.role}, service: t.Service}
}

// fault notes that an object could not be transformed; the others go on.
func (w *worker) fault(o source, model bool, format string, args ...any) {
	w.failed.Store(true)
	if model {
		w.blamed.Store(true)
	}
	w.log.line("[sagemaker logs]: "+o.bucket+"/"+o.key+": "+"%s", fmt.Sprintf(format, args...))
}
