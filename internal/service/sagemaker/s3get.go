package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// chunkBytes is what one request brings of a large object, or takes of a large file.
const chunkBytes = 16 << 20

// slot waits for its turn among the client's transfers and gives what ends it.
func (c *s3) slot(ctx context.Context) (done func(), err error) {
	select {
	case c.slots <- struct{}{}:
		return func() { <-c.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// reading gives an object's bytes from off to end. A connection that breaks is made again where it broke;
// an object that somebody replaces meanwhile is an error and never a mixture.
type reading struct {
	ctx      context.Context
	client   *s3
	bucket   string
	key, tag string
	off, end int64 // end is negative until S3 has told how large the object is
	size     int64 // of the whole object
	body     io.ReadCloser
	tries    int // since the last byte
}

// open begins to read an object at off. Before end is the last byte; a negative one is the object's. An empty
// tag is any object's.
func (c *s3) open(ctx context.Context, bucket, key, tag string, off, end int64) (*reading, error) {
	r := &reading{ctx: ctx, client: c, bucket: bucket, key: key, tag: tag, off: off, end: end}
	return r, try(ctx, r.connect)
}

func (r *reading) connect() error {
	h := http.Header{}
	switch {
	case r.end >= 0:
		h.Set("Range", fmt.Sprintf("bytes=%d-%d", r.off, r.end-1))
	case r.off > 0:
		h.Set("Range", fmt.Sprintf("bytes=%d-", r.off))
	}
	if r.tag != "" {
		h.Set("If-Match", r.tag)
	}
	resp, err := r.client.do(r.ctx, ask{operation: "GetObject", method: http.MethodGet, bucket: r.bucket, key: r.key, header: h})
	if err != nil {
		return err
	}
	r.size = resp.ContentLength
	if h.Get("Range") != "" && (r.off > 0 || resp.StatusCode != http.StatusOK) {
		_, whole, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		if r.size, err = strconv.ParseInt(whole, 10, 64); err != nil || resp.StatusCode != http.StatusPartialContent {
			resp.Body.Close()
			return fmt.Errorf("GetObject of %s/%s: no range in the answer", r.bucket, r.key)
		}
	}
	if r.size < 0 {
		resp.Body.Close()
		return fmt.Errorf("GetObject of %s/%s: no length in the answer", r.bucket, r.key)
	}
	if r.end < 0 || r.end > r.size {
		r.end = r.size
	}
	r.tag, r.body = resp.Header.Get("ETag"), resp.Body
	return nil
}

func (r *reading) Read(p []byte) (int, error) {
	for {
		if r.off >= r.end {
			return 0, io.EOF
		}
		n, err := r.body.Read(p[:min(int64(len(p)), r.end-r.off)])
		if r.off += int64(n); n > 0 {
			r.tries = 0
			return n, nil
		}
		if err == nil {
			continue
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if r.tries++; r.tries > len(patience) || r.tag == "" || r.ctx.Err() != nil {
			return 0, fmt.Errorf("GetObject of %s/%s at byte %d of %d: %w", r.bucket, r.key, r.off, r.end, err)
		}
		r.body.Close()
		if err := try(r.ctx, r.connect); err != nil {
			return 0, err
		}
	}
}

func (r *reading) Close() error { return r.body.Close() }

// get copies an object's bytes to w.
func (c *s3) get(ctx context.Context, bucket, key string, w io.Writer) error {
	r, err := c.open(ctx, bucket, key, "", 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}

// errReplaced is an object that is not what it was when its reading began.
var errReplaced = errors.New("the object was replaced while it was read")

// replaced tells of a refusal that it is one because of another object in the place.
func replaced(err error) error {
	var no *s3Error
	if errors.As(err, &no) && no.Status == http.StatusPreconditionFailed {
		return fmt.Errorf("%w: %w", errReplaced, err)
	}
	return err
}

// fetch writes an object to a file that is empty, a large one in several transfers at a time.
func (c *s3) fetch(ctx context.Context, bucket string, o object, f *os.File) error {
	for i := 0; ; i++ {
		err := replaced(c.fetchOnce(ctx, bucket, o, f))
		if err == nil || i == len(patience) || !errors.Is(err, errReplaced) {
			return err
		}
		if err := f.Truncate(0); err != nil {
			return err
		}
		o.Size = -1
	}
}

func (c *s3) fetchOnce(ctx context.Context, bucket string, o object, f *os.File) error {
	end := int64(-1)
	if o.Size < 0 || o.Size > c.chunk {
		end = c.chunk
	}
	first, err := c.span(ctx, bucket, o.Key, "", 0, end, f)
	var no *s3Error
	if errors.As(err, &no) && no.Status == http.StatusRequestedRangeNotSatisfiable {
		first, err = c.span(ctx, bucket, o.Key, "", 0, -1, f) // it is empty
	}
	if err != nil || first.end == first.size {
		return err
	}
	if first.tag == "" {
		return fmt.Errorf("GetObject of %s/%s: no ETag in the answer", bucket, o.Key)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	for off := c.chunk; off < first.size; off += c.chunk {
		g.Go(func() error {
			_, err := c.span(ctx, bucket, o.Key, first.tag, off, min(off+c.chunk, first.size), f)
			return err
		})
	}
	return g.Wait()
}

// span brings one part of an object to its place in a file.
func (c *s3) span(ctx context.Context, bucket, key, tag string, off, end int64, f *os.File) (*reading, error) {
	done, err := c.slot(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := c.open(ctx, bucket, key, tag, off, end)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	_, err = io.CopyBuffer(io.NewOffsetWriter(f, off), onlyReader{r}, make([]byte, 256<<10))
	return r, err
}

type onlyReader struct{ io.Reader }
