package sagemaker

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/shape/sagemaker"
)

// zeros are so many bytes that take few.
func zeros(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	block := make([]byte, 1<<20)
	for ; n > 0; n -= len(block) {
		if _, err := z.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHostileInputs are small inputs of which much would become: in memory, or on the disk where no volume is looked for.
func TestHostileInputs(t *testing.T) {
	const head = "ClientError: Data download failed:"
	for name, c := range map[string]struct {
		channel sagemaker.Channel
		object  func(t *testing.T) []byte
		change  func(*sagemaker.Channel)
		reason  string
	}{
		"a manifest of too many": {s3Channel("train", manifestData, "s3://data/d/a", file), func(*testing.T) []byte {
			return []byte(`[{"prefix":"s3://data/d/"}` + strings.Repeat(`,"a"`, mostMembers+1) + `]`)
		}, nil, head + "The manifest s3://data/d/a cannot be used: it names too much: more than 1048576 files."},
		"a manifest that is too long": {s3Channel("train", manifestData, "s3://data/d/a", file), func(*testing.T) []byte { return make([]byte, mostManifest+1) }, nil,
			head + "The manifest is longer than 67108864 bytes."},
		"too many lines": {s3Channel("train", augmentedData, "s3://data/d/a", pipe), func(*testing.T) []byte {
			return bytes.Repeat([]byte("{\"x\":1}\n"), mostMembers+1)
		}, func(c *sagemaker.Channel) { c.DataSource.S3DataSource.AttributeNames = []string{"x"} },
			head + "The augmented manifest s3://data/d/a cannot be used: it names too much: more than 1048576 lines."},
		"a record of zeros": {s3Channel("train", prefixData, "s3://data/d/", pipe), func(t *testing.T) []byte { return zeros(t, 400<<20) }, func(c *sagemaker.Channel) {
			c.CompressionType, c.RecordWrapperType = new(gzipped), new(wrappedInRecordIO)
		}, "ClientError: No space left on device: the files take more than the 10 GB of the volume."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := witnessed(t, 1)
			w.s3.put("data/d/a", c.object(t))
			r := trainingRequest("job")
			if c.change != nil {
				c.change(&c.channel)
			}
			r.InputDataConfig = []sagemaker.Channel{c.channel}
			s := w.service()
			s.volumes.gigabyte, s.volumes.pause = 1<<20, 5*time.Millisecond
			if c.channel.RecordWrapperType == nil {
				s.volumes.gigabyte = 1 << 30
			}
			w.run(s)
			if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
				t.Fatal(err)
			}
			d := w.ended(s, "job")
			if *d.TrainingJobStatus != failed || !strings.HasPrefix(text(d.FailureReason), c.reason) {
				t.Errorf("%s %q, want %q", *d.TrainingJobStatus, text(d.FailureReason), c.reason)
			}
			w.empty()
		})
	}
}

// TestHostileParameters: what a container says of how it wants to be worked with does not take the memory of all.
func TestHostileParameters(t *testing.T) {
	for _, c := range []struct {
		payload                 int64 // MB, 0 is no bound
		concurrency             int
		chosePayload, choseMany bool
		wantPayload, wantHeld   int64
		wantConcurrency         int
	}{
		{6, 1, false, false, 6, 6, 1},
		{100, 100, true, true, 100, 100, 1},
		{100, 100, false, true, 100, 100, 1},
		{100, 50, true, false, 2, 2, 50},
		{100, 1, true, true, 100, 100, 1},
		{6, 100, false, true, 6, 6, 16},
		{6, 100, false, false, 6, 6, 100}, // as the request says
		{0, 10, true, true, 0, 10, 10},
		{0, 1, false, false, 0, 100, 1},
	} {
		w := &worker{payload: c.payload << 20, concurrency: c.concurrency}
		w.bound(c.chosePayload, c.choseMany)
		if w.payload != c.wantPayload<<20 || w.concurrency != c.wantConcurrency || w.held() != c.wantHeld<<20 {
			t.Errorf("%+v became %d MB, %d times, held %d MB", c, w.payload>>20, w.concurrency, w.held()>>20)
		}
	}
	m, _ := transformWorld(t)
	m.parameters = `{"MaxConcurrentTransforms":2000000000,"BatchStrategy":"EVERYTHING","MaxPayloadInMB":0}`
	m.exec = memory.New(map[string]memory.Program{"program": m.serve})
	m.s3.mu.Lock()
	delete(m.s3.objects, "in/data/a.csv")
	delete(m.s3.objects, "in/data/sub/b.csv")
	m.s3.mu.Unlock()
	m.s3.put("in/data/a", zeros(t, 8<<20)) // one line
	in := transformRequest("job")
	in.TransformInput.CompressionType = new(gzipped)
	s := m.service()
	m.run(s)
	m.start(s, in)
	if d := m.ended(s, "job"); *d.TransformJobStatus != failed || text(d.FailureReason) != "ClientError: See job logs for more information" {
		t.Errorf("%s: %s", *d.TransformJobStatus, text(d.FailureReason))
	}
	if len(m.bodies) != 0 {
		t.Errorf("the container had %d requests", len(m.bodies))
	}
}
