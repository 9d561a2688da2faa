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
	var err error
	if part := c.partSize(size); size > part {
		err = c.putParts(ctx, bucket, key, from, size, part)
	} else {
		_, err = c.send(ctx, ask{operation: "PutObject", method: http.MethodPut, bucket: bucket, key: key}, from, 0, size)
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

func (c *s3) putParts(ctx context.Context, bucket, key string, from io.ReaderAt, size, partSize int64) error {
	var begun struct{ UploadId string }
	if err := c.tell(ctx, ask{operation: "CreateMultipartUpload", method: http.MethodPost, bucket: bucket, key: key, query: url.Values{"uploads": {""}}}, nil, &begun); err != nil {
		return err
	}
	id := url.Values{"uploadId": {begun.UploadId}}
	err := c.allParts(ctx, ask{bucket: bucket, key: key, query: id}, from, size, partSize)
	if err != nil { // what is there of it goes, also when nobody waits any more
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if lost := c.tell(after, ask{operation: "AbortMultipartUpload", method: http.MethodDelete, bucket: bucket, key: key, query: id}, nil, nil); lost != nil {
			c.service.Log.Warn("parts of an upload that failed stay in the bucket", "bucket", bucket, "key", key, "error", lost)
		}
	}
	return err
}

func (c *s3) allParts(ctx context.Context, a ask, from io.ReaderAt, size, partSize int64) error {
	whole := struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Part    []part
	}{Part: make([]part, (size+partSize-1)/partSize)}
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	for i := range whole.Part {
		g.Go(func() error {
			one := a
			one.operation, one.method = "UploadPart", http.MethodPut
			one.query = url.Values{"uploadId": a.query["uploadId"], "partNumber": {strconv.Itoa(i + 1)}}
			off := int64(i) * partSize
			tag, err := c.send(within, one, from, off, min(partSize, size-off))
			whole.Part[i] = part{i + 1, tag}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	c.passes(ctx, "parts of "+a.key)
	a.operation, a.method = "CompleteMultipartUpload", http.MethodPost
	return c.tell(ctx, a, whole, nil)
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
