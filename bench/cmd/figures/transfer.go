package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/engine/sigv4"
)

const (
	// moved is what one job brings and leaves; the peers move it by as many streams in parts of the same size.
	moved     = 256 << 20
	movedPart = 16 << 20
	streams   = 8
	moves     = 5
)

// skimmed is what the probe says of a file that it has read.
var skimmed = regexp.MustCompile(`skimmed (\d+) bytes in (\d+) us`)

// measureTransfer measures a job's two stages that move data, from the start of one status to that of the next,
// beside a program on this host that copies the same bytes from and to the same bucket; and a container that reads
// them as they come, beside a program that reads them from the bucket in the same subnet.
func (r *run) measureTransfer(ctx context.Context) error {
	if r.world == nil {
		return errNoWorld
	}
	w := r.world
	b := make([]byte, moved)
	rand.Read(b) //nolint:errcheck // it always can
	door := *w.api
	door.http = &http.Client{Transport: &http.Transport{TLSClientConfig: w.api.http.Transport.(*http.Transport).TLSClientConfig, MaxIdleConnsPerHost: streams}}
	from := filepath.Join(r.work, "moved")
	if err := os.WriteFile(from, b, 0o600); err != nil {
		return err
	}
	if err := door.putParts(ctx, "/digits-bucket/moved/weights", from); err != nil {
		return err
	}
	var down, up, read, peerDown, peerUp, peerRead []time.Duration
	for i := range moves {
		began := time.Now()
		f, err := os.Create(filepath.Join(r.work, "copied"))
		if err != nil {
			return err
		}
		if err := errors.Join(door.getParts(ctx, "/digits-bucket/moved/weights", f), f.Close()); err != nil {
			return err
		}
		peerDown = append(peerDown, time.Since(began))
		began = time.Now()
		if err := door.putParts(ctx, "/digits-bucket/copied", from); err != nil {
			return err
		}
		peerUp = append(peerUp, time.Since(began))
		d, u, err := w.stages(ctx, fmt.Sprintf("move-%d", i))
		if err != nil {
			return err
		}
		down, up = append(down, d), append(up, u)
		var bare time.Duration
		if err := r.inside(ctx, "fetch", fetchJob{w.Region, "/digits-bucket/moved/weights"}, &bare); err != nil {
			return err
		}
		peerRead = append(peerRead, bare)
		took, err := w.skim(ctx, fmt.Sprintf("skim-%d", i))
		if err != nil {
			return err
		}
		read = append(read, took)
	}
	for _, row := range []struct {
		figure, peer string
		target       float64
		ours, theirs []time.Duration
	}{
		{"File mode: 256 MiB from S3 to a training job", "the same GETs, 8 streams, to a file ", 0.8, down, peerDown},
		{"FastFile: 256 MiB read from front to end by the container", "the same GETs from the same subnet, 8 streams ", 0.7, read, peerRead},
		{"artefact of 256 MiB: packed and put into S3", "the same bytes put, 8 streams, unpacked ", 0.8, up, peerUp},
	} {
		share := float64(median(row.theirs)) / float64(median(row.ours))
		r.table.add(row.figure, spread(row.ours), fmt.Sprintf("%.1f of the peer's speed", row.target), row.peer+ms(median(row.theirs)), fmt.Sprintf("%.2f", share), new(share >= row.target))
	}
	return nil
}

// stages runs a job that is given a file and leaves another, and tells how long each took to be moved.
func (w *world) stages(ctx context.Context, name string) (down, up time.Duration, err error) {
	if err := w.trainOn(ctx, name, fmt.Sprintf(probe, w.Account, w.Region), "moved/", map[string]string{"fill": strconv.Itoa(moved)}); err != nil {
		return 0, 0, err
	}
	var out struct {
		SecondaryStatusTransitions []struct {
			Status             string
			StartTime, EndTime float64
		}
	}
	if err := w.api.json(ctx, "sagemaker", "SageMaker.DescribeTrainingJob", map[string]string{"TrainingJobName": name}, &out); err != nil {
		return 0, 0, err
	}
	for _, t := range out.SecondaryStatusTransitions {
		took := time.Duration((t.EndTime - t.StartTime) * float64(time.Second))
		switch t.Status {
		case "Downloading":
			down = took
		case "Uploading":
			up = took
		}
	}
	if down == 0 || up == 0 {
		return 0, 0, fmt.Errorf("%s shows no stages", name)
	}
	return down, up, nil
}

// skim runs a job that reads a file as it comes, and tells how long that took.
func (w *world) skim(ctx context.Context, name string) (took time.Duration, err error) {
	if err := w.createIn(ctx, "FastFile", name, fmt.Sprintf(probe, w.Account, w.Region), "moved/", map[string]string{"skim": "1"}); err != nil {
		return 0, err
	}
	if err := w.completed(ctx, name); err != nil {
		return 0, err
	}
	text, err := w.log(ctx, name)
	if err != nil {
		return 0, err
	}
	m := skimmed.FindStringSubmatch(text)
	if m == nil || m[1] != strconv.Itoa(moved) {
		return 0, fmt.Errorf("%s did not read all: %.200q", name, text)
	}
	us, err := strconv.Atoi(m[2])
	return time.Duration(us) * time.Microsecond, err
}

// fetchJob is what the half inside the VPC is told: it answers how long the object took.
type fetchJob struct{ Region, Path string }

// fetch reads an object, straight from the bucket.
func fetch(ctx context.Context, args []string) error {
	var j fetchJob
	if err := json.Unmarshal([]byte(args[0]), &j); err != nil {
		return err
	}
	k, err := keyOf(os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), os.Getenv("AWS_PROFILE"))
	if err != nil {
		return err
	}
	s3, err := newClient("https://s3."+j.Region+".amazonaws.com", j.Region, os.Getenv("AWS_CA_BUNDLE"), k)
	if err != nil {
		return err
	}
	s3.http.Transport.(*http.Transport).MaxIdleConnsPerHost = streams
	began := time.Now()
	if err := s3.getParts(ctx, j.Path, nowhere{}); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(time.Since(began))
}

// nowhere is a file that nobody wants.
type nowhere struct{}

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

// ask sends one signed request to S3 and hands its answer to use.
func (c *client) ask(ctx context.Context, method, path string, header map[string]string, body io.Reader, size int64, use func(*http.Response) error) error {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	r.ContentLength = size
	for k, v := range header {
		r.Header.Set(k, v)
	}
	sigv4.Sign(r, sigv4.UnsignedPayload, c.credentials, sigv4.Scope{Region: c.region, Service: "s3"}, time.Now())
	w, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	if w.StatusCode/100 != 2 {
		said, _ := io.ReadAll(w.Body)
		return fmt.Errorf("%s %s: %d %s", method, path, w.StatusCode, said)
	}
	return use(w)
}

func (c *client) getParts(ctx context.Context, path string, to io.WriterAt) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(streams)
	for off := int64(0); off < moved; off += movedPart {
		g.Go(func() error {
			part := map[string]string{"Range": fmt.Sprintf("bytes=%d-%d", off, off+movedPart-1)}
			return c.ask(ctx, http.MethodGet, path, part, nil, 0, func(w *http.Response) error {
				_, err := io.Copy(io.NewOffsetWriter(to, off), w.Body)
				return err
			})
		})
	}
	return g.Wait()
}

func (c *client) putParts(ctx context.Context, path, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	var begun struct{ UploadId string }
	if err := c.ask(ctx, http.MethodPost, path+"?uploads=", nil, nil, 0, func(w *http.Response) error { return xml.NewDecoder(w.Body).Decode(&begun) }); err != nil {
		return err
	}
	const parts = moved / movedPart
	tags := make([]string, parts)
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(streams)
	for i := range parts {
		g.Go(func() error {
			at := fmt.Sprintf("%s?partNumber=%d&uploadId=%s", path, i+1, begun.UploadId)
			return c.ask(within, http.MethodPut, at, nil, io.NewSectionReader(f, int64(i)*movedPart, movedPart), movedPart, func(w *http.Response) error {
				tags[i] = w.Header.Get("ETag")
				return nil
			})
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	whole := "<CompleteMultipartUpload>"
	for i, tag := range tags {
		whole += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, tag)
	}
	whole += "</CompleteMultipartUpload>"
	return c.ask(ctx, http.MethodPost, path+"?uploadId="+begun.UploadId, nil, strings.NewReader(whole), int64(len(whole)), func(*http.Response) error { return nil })
}
