package sagemaker

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/engine/batch"
)

// worker drives one host's container.
type worker struct {
	*transform
	host        int
	client      *http.Client
	s3          *s3
	ledger      *ledger
	log         *dataLog
	payload     int64 // bytes of a request; 0 is no bound
	concurrency int
	strategy    string
	retries     int
	timeout     time.Duration
}

// modelFault is an answer of the model that fails the object, inputFault what is wrong with the object itself.
type (
	modelFault struct{ why string }
	inputFault struct{ error }
)

func (m *modelFault) Error() string { return m.why }

// object transforms one object and writes its output. What is wrong with it, or what the model says to it, is
// noted and fails the job in the end; the error is for what keeps all objects from being done.
func (w *worker) object(ctx context.Context, o source) error {
	in, out := filepath.Join(w.dir(w.host), "input"), filepath.Join(w.dir(w.host), "output")
	if w.made(o, out) { // by a process that died before it knew what S3 has of it
		return w.keep(ctx, o, out)
	}
	defer os.Remove(in)
	if err := w.bring(ctx, o, in); err != nil {
		return transferred(download, err)
	}
	err := w.work(ctx, in, out)
	var model *modelFault
	var input *inputFault
	var record *batch.RecordError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &model):
		w.fault(o, true, "%s", model)
		return nil
	case errors.As(err, &input), errors.As(err, &record):
		w.fault(o, false, "%s", err)
		return nil
	case err != nil:
		return err
	}
	return w.keep(ctx, o, out)
}

func (w *worker) bring(ctx context.Context, o source, to string) (err error) {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return w.s3.get(ctx, o.bucket, o.key, f)
}

// made tells whether a file is the whole output of an object: the ledger speaks of it as soon as it is to be put.
func (w *worker) made(o source, file string) bool {
	info, err := os.Lstat(file)
	return err == nil && w.ledger.of(o.out).File == print(info)
}

// keep uploads an output and remembers that. Nothing is put twice: until the record has it the file stays.
func (w *worker) keep(ctx context.Context, o source, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	bucket, _, _ := splitS3(text(w.job.Request.TransformOutput.S3OutputPath))
	if err := w.ledger.put(ctx, w.s3, bucket, o.out, f, info.Size(), print(info)); err != nil {
		return transferred(upload, err)
	}
	err = w.update(ctx, func(_ time.Time, j job) {
		s := j.state()
		if s.Uploaded == nil {
			s.Uploaded = map[string]string{}
		}
		s.Uploaded[o.out] = ""
	})
	if err != nil {
		return err
	}
	return os.Remove(from)
}

// work makes the output of an object in a file.
func (w *worker) work(ctx context.Context, from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	var r io.Reader = in
	if text(w.job.Request.TransformInput.CompressionType) == "Gzip" {
		if r, err = gzip.NewReader(in); err != nil {
			return &inputFault{errors.New("it is not gzipped")}
		}
	}
	split := batch.Split(text(orText(w.job.Request.TransformInput.SplitType, "None")))
	if split == batch.Whole && w.payload == 0 && w.process.Idle() {
		return w.stream(ctx, r, out)
	}
	return w.batches(ctx, r, split, out)
}

// answer is what came of a request.
type answer struct {
	body *spill
	err  error
}

// batches posts the records of an object, several requests at a time, and writes the answers in their order.
func (w *worker) batches(ctx context.Context, r io.Reader, split batch.Split, out io.Writer) error {
	g, ctx := errgroup.WithContext(ctx)
	waiting := make(chan chan answer, w.concurrency)
	var begun []chan answer // what nobody waits for any more
	slots := make(chan struct{}, w.concurrency)
	g.Go(func() error {
		defer close(waiting)
		for req, err := range batch.Requests(r, split, w.strategy == "MULTI_RECORD", w.held()) {
			if err != nil {
				var at *batch.RecordError
				if !errors.As(err, &at) {
					err = &inputFault{err}
				}
				return err
			}
			mine := make(chan answer, 1)
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case waiting <- mine:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error {
				defer func() { <-slots }()
				body, err := w.request(ctx, req)
				mine <- answer{body, err}
				return err
			})
		}
		return nil
	})
	g.Go(func() error {
		lines := text(w.job.Request.TransformOutput.AssembleWith) == "Line"
		for mine := range waiting {
			select {
			case a := <-mine:
				if a.err != nil {
					return a.err
				}
				if err := a.body.assemble(out, lines); err != nil {
					return err
				}
			case <-ctx.Done():
				begun = append(begun, mine)
				return ctx.Err()
			}
		}
		return nil
	})
	err := g.Wait()
	for mine := range waiting {
		begun = append(begun, mine)
	}
	return errors.Join(err, drop(begun))
}

// drop lets go of answers that were not assembled.
func drop(begun []chan answer) (err error) {
	for _, mine := range begun {
		select {
		case a := <-mine:
			err = errors.Join(err, a.body.empty())
		default:
		}
	}
	return err
}

// request posts records and gives what is to be kept of the answer. An answer of which all is kept need not be in memory.
func (w *worker) request(ctx context.Context, req batch.Request) (kept *spill, err error) {
	kept = &spill{dir: w.dir(w.host)}
	defer func() {
		if err != nil {
			err = errors.Join(err, kept.empty())
		}
	}()
	body, err := w.process.Send(req)
	if err != nil {
		return kept, err
	}
	var to io.Writer
	if w.process.Idle() {
		to = kept
	}
	for try := 0; ; try++ {
		if err := kept.empty(); err != nil {
			return kept, err
		}
		got, again, err := w.post(ctx, bytes.NewReader(body), int64(len(body)), to)
		if err == nil && to == nil {
			if got, err = w.process.Keep(req, got); err == nil {
				kept.memory = got
			}
			return kept, err
		}
		if err == nil {
			return kept, nil
		}
		if !again || try == w.retries || ctx.Err() != nil {
			return kept, err
		}
		select {
		case <-time.After(100 * time.Millisecond << min(try, 6)):
		case <-ctx.Done():
			return kept, ctx.Err()
		}
	}
}

// stream posts an object as it is, without knowing its length, and the answer goes to the output as it comes.
func (w *worker) stream(ctx context.Context, r io.Reader, out io.Writer) error {
	_, _, err := w.post(ctx, io.NopCloser(r), -1, out)
	return err
}

// largestAnswers bounds the answers of a container that are held in memory, all that may be at a time.
const largestAnswers = 512 << 20

func (w *worker) largestAnswer() int64 { return w.answers / int64(w.concurrency) }

// post sends one request. again says whether it may be sent again; an answer goes to out, if there is one.
func (w *worker) post(ctx context.Context, body io.Reader, size int64, out io.Writer) (got []byte, again bool, err error) {
	within, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(within, http.MethodPost, "http://localhost:8080/invocations", body)
	if err != nil {
		return nil, false, err
	}
	req.ContentLength = size
	req.Header.Set("User-Agent", "Go-http-client")
	if t := text(w.job.Request.TransformInput.ContentType); t != "" {
		req.Header.Set("Content-Type", t)
	}
	if t := text(w.job.Request.TransformOutput.Accept); t != "" {
		req.Header.Set("Accept", t)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, true, w.unanswered(ctx, within, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) //nolint:errcheck // what there is of it
		return nil, resp.StatusCode >= 500, &modelFault{fmt.Sprintf("Bad HTTP status received from algorithm: %d %s", resp.StatusCode, said)}
	}
	if out != nil {
		_, err = io.Copy(out, resp.Body)
	} else if got, err = io.ReadAll(io.LimitReader(resp.Body, w.largestAnswer()+1)); int64(len(got)) > w.largestAnswer() {
		return nil, false, &modelFault{"The answer of the algorithm is too large"}
	}
	if err != nil {
		return nil, true, w.unanswered(ctx, within, err)
	}
	return got, false, nil
}

// unanswered is that the container gave no whole answer.
func (w *worker) unanswered(ctx, within context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case within.Err() != nil:
		return &modelFault{fmt.Sprintf("Model server did not respond to /invocations request within %d seconds", int(w.timeout.Seconds()))}
	}
	w.Log.Info("a container did not answer", "job", w.st().ARN, "error", err)
	return &modelFault{"The connection to the algorithm was lost before it answered"}
}
