package sagemaker

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// begunFile is where a host's uploads in parts are noted.
const begunFile = "begun"

// abandonTime is how long the end of a job waits for S3 to forget what was left behind.
const abandonTime = 20 * time.Second

// begunUploads is a file that tells which uploads in parts were begun and which of these are over, also to a
// process that comes after this one: nobody else would end them, and their parts cost. Without a name nothing
// is noted.
type begunUploads string

// begunUpload is a line of it.
type begunUpload struct {
	Bucket string `json:"b"`
	Key    string `json:"k"`
	ID     string `json:"u"`
	Over   bool   `json:"o,omitempty"`
}

func (u begunUpload) query() url.Values { return url.Values{"uploadId": {u.ID}} }

// note adds a line, in one write: other transfers may note theirs.
func (b begunUploads) note(u begunUpload) error {
	if b == "" {
		return nil
	}
	line, err := json.Marshal(u)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(string(b), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\n" + string(line)) // whoever died in the middle of a line has not spoilt this one
	return errors.Join(err, f.Close())
}

// left gives those that are not over.
func (b begunUploads) left() (left []begunUpload, err error) {
	all, err := os.ReadFile(string(b))
	if b == "" || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	over := map[begunUpload]bool{}
	for line := range strings.Lines(string(all)) {
		var u begunUpload
		if json.Unmarshal([]byte(line), &u) != nil || u.ID == "" {
			continue
		}
		if u.Over {
			u.Over = false
			over[u] = true
			continue
		}
		left = append(left, u)
	}
	n := 0
	for _, u := range left {
		if !over[u] {
			left[n] = u
			n++
		}
	}
	return left[:n], nil
}

// abort ends an upload and has S3 forget its parts. One that S3 does not know is over.
func (c *s3) abort(ctx context.Context, u begunUpload) {
	err := c.tell(ctx, ask{operation: "AbortMultipartUpload", method: http.MethodDelete, bucket: u.Bucket, key: u.Key, query: u.query()}, nil, nil)
	var no *s3Error
	if err == nil || errors.As(err, &no) && no.Status == http.StatusNotFound {
		u.Over = true
		err = c.begun.note(u)
	}
	if err != nil {
		c.service.Log.Warn("parts of an upload that failed stay in the bucket", "bucket", u.Bucket, "key", u.Key, "error", err)
	}
}

// abandon ends the uploads that processes before this one began and did not bring to an end: the next begins
// anew. A role that may write may still not be allowed this, and the job ends all the same.
func (r *jobRun) abandon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, abandonTime)
	defer cancel()
	for i, h := range r.st().Hosts {
		if r.plan.VPC != nil && h.Interface == "" {
			continue // it never had a way to S3
		}
		c := r.s3(i)
		left, err := c.begun.left()
		if err != nil {
			r.Log.Warn("it is not known which uploads were begun", "job", r.st().ARN, "error", err)
		}
		for _, u := range left {
			c.abort(ctx, u)
		}
		c.close()
	}
}
