package sagemaker

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// mostParts is how many parts S3 takes of one object.
const mostParts = 10_000

// partSize is what one part of an object of a size has. It is of the size alone: so is the ETag then.
func (c *s3) partSize(size int64) int64 {
	part := c.chunk
	for size > part*mostParts {
		part *= 2
	}
	return part
}

// put writes an object of a known size, a large one in several transfers at a time: it is there whole or not
// at all. from may be read more than once.
func (c *s3) put(ctx context.Context, bucket, key string, from io.ReaderAt, size int64) error {
	return c.putFrom(ctx, bucket, key, known{from, size}, c.partSize(size))
}

// origin is what an object is made of. It may still be made itself.
type origin interface {
	io.ReaderAt
	// upTo waits until there are n bytes, or as many as there will be, and gives how many of these n there are.
	upTo(ctx context.Context, n int64) (int64, error)
}

// known is an origin of which all is there.
type known struct {
	io.ReaderAt
	size int64
}

func (k known) upTo(_ context.Context, n int64) (int64, error) { return min(n, k.size), nil }

// putFrom puts what may still be made meanwhile, in parts of a size if it has more than that.
func (c *s3) putFrom(ctx context.Context, bucket, key string, from origin, partSize int64) error {
	have, err := from.upTo(ctx, partSize+1)
	if err != nil {
		return err
	}
	if have > partSize {
		err = c.putParts(ctx, bucket, key, from, partSize)
	} else {
		_, err = c.send(ctx, ask{operation: "PutObject", method: http.MethodPut, bucket: bucket, key: key}, from, 0, have)
	}
	if err == nil {
		c.passes(ctx, "put "+key)
	}
	return err
}

// send puts size bytes at off and gives the ETag of what S3 has then.
func (c *s3) send(ctx context.Context, a ask, from io.ReaderAt, off, size int64) (tag string, err error) {
	done, err := c.slot(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	a.size = size
	a.body = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(from, off, size)), nil }
	err = try(ctx, func() error {
		resp, err := c.do(ctx, a)
		if err != nil {
			return err
		}
		tag = resp.Header.Get("ETag")
		io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) //nolint:errcheck // only to keep the connection
		return resp.Body.Close()
	})
	return tag, err
}

type part struct {
	PartNumber int
	ETag       string
}

func (c *s3) putParts(ctx context.Context, bucket, key string, from origin, partSize int64) error {
	var begun struct{ UploadId string }
	if err := c.tell(ctx, ask{operation: "CreateMultipartUpload", method: http.MethodPost, bucket: bucket, key: key, query: url.Values{"uploads": {""}}}, nil, &begun); err != nil {
		return err
	}
	u := begunUpload{bucket, key, begun.UploadId, false}
	err := c.begun.note(u) // before there is a part
	if err == nil {
		err = c.allParts(ctx, ask{bucket: bucket, key: key, query: u.query()}, from, partSize)
	}
	if err == nil {
		u.Over = true
		return c.begun.note(u)
	}
	// What is there of it goes, also when nobody waits any more.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	c.abort(after, u)
	return err
}

// allParts sends parts as soon as their bytes are there, and has S3 make the object of them.
func (c *s3) allParts(ctx context.Context, a ask, from origin, partSize int64) error {
	var sent []*part
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	var short error
	for off := int64(0); ; off += partSize {
		have, err := from.upTo(within, off+partSize)
		if short = err; err != nil || have <= off {
			break
		}
		p := &part{PartNumber: len(sent) + 1}
		sent = append(sent, p)
		g.Go(func() (err error) {
			one := a
			one.operation, one.method = "UploadPart", http.MethodPut
			one.query = url.Values{"uploadId": a.query["uploadId"], "partNumber": {strconv.Itoa(p.PartNumber)}}
			p.ETag, err = c.send(within, one, from, off, have-off)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if short != nil {
		return short
	}
	c.passes(ctx, "parts of "+a.key)
	a.operation, a.method = "CompleteMultipartUpload", http.MethodPost
	return c.tell(ctx, a, struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Part    []*part
	}{Part: sent}, nil)
}

// tell sends a document and reads the answer's. S3 may also begin an answer well and end it with an error.
func (c *s3) tell(ctx context.Context, a ask, in, out any) error {
	var b []byte
	if in != nil {
		var err error
		if b, err = xml.Marshal(in); err != nil {
			return err
		}
	}
	a.size = int64(len(b))
	a.body = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	return try(ctx, func() error {
		resp, err := c.do(ctx, a)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err != nil {
			return fmt.Errorf("%s: %w", a.operation, err)
		}
		var no struct {
			XMLName       xml.Name
			Code, Message string
		}
		if xml.Unmarshal(said, &no) == nil && no.XMLName.Local == "Error" {
			return &s3Error{Status: http.StatusInternalServerError, Code: no.Code, Message: no.Message, Operation: a.operation, URL: a.bucket + "/" + a.key, Request: resp.Header.Get("X-Amz-Request-Id")}
		}
		if out == nil {
			return nil
		}
		if err := xml.Unmarshal(said, out); err != nil {
			return fmt.Errorf("%s: %w", a.operation, err)
		}
		return nil
	})
}

// tagOf is the ETag that put gives an object with these bytes.
func (c *s3) tagOf(ctx context.Context, from io.ReaderAt, size int64) (string, error) {
	partSize := c.partSize(size)
	var all []byte
	n := 0
	for off := int64(0); off == 0 || off < size; off += partSize {
		h := md5.New()
		want := min(partSize, size-off)
		if n, err := io.Copy(h, patient{ctx, io.NewSectionReader(from, off, want)}); err != nil {
			return "", err
		} else if n != want {
			return "", io.ErrUnexpectedEOF
		}
		all = h.Sum(all)
		n++
	}
	if n == 1 {
		return `"` + hex.EncodeToString(all) + `"`, nil
	}
	sum := md5.Sum(all)
	return fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(sum[:]), n), nil
}

// has tells whether an object with this ETag is in its place. Who may not look does not know.
func (c *s3) has(ctx context.Context, bucket, key, tag string) (bool, error) {
	found := false
	err := c.list(ctx, bucket, key, func(o object) error {
		found = found || o.Key == key && o.ETag == tag
		return errEnough // the key itself is the first of those that begin with it
	})
	if err == errEnough {
		err = nil
	}
	return found, err
}

var errEnough = errors.New("enough")

// remove deletes an object; it is no error if there is none.
func (c *s3) remove(ctx context.Context, bucket, key string) error {
	resp, err := c.do(ctx, ask{operation: "DeleteObject", method: http.MethodDelete, bucket: bucket, key: key})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
