package sagemaker

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloister/internal/engine/dataset"
	"cloister/internal/engine/recordio"
	"cloister/internal/machine/executor/memory"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

// witness is a program that notes all that it is given: files by their names, pipes by theirs.
type witness struct {
	mu     sync.Mutex
	saw    map[string]string // host + " " + path below input
	passes int
}

func (x *witness) note(host, name, content string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.saw[host+" "+name] = content
}

func (x *witness) run(ctx context.Context, p memory.Process) int {
	code := make(chan int, 1)
	go func() { code <- x.look(p) }()
	select {
	case n := <-code:
		return n
	case <-p.Terminate:
		return 143
	case <-ctx.Done():
		return 137
	}
}

func (x *witness) look(p memory.Process) int {
	root := p.Path("/opt/ml/input")
	settings, err := os.ReadFile(root + "/config/inputdataconfig.json")
	if err != nil {
		return 90
	}
	x.note(p.Hostname, "config", string(settings))
	var channels map[string]struct{ TrainingInputMode string }
	if json.Unmarshal(settings, &channels) != nil {
		return 91
	}
	for name, c := range channels {
		for pass := 0; c.TrainingInputMode == pipe && pass < x.passes; pass++ {
			b, err := os.ReadFile(fmt.Sprintf("%s/data/%s_%d", root, name, pass))
			if err != nil {
				return 92
			}
			x.note(p.Hostname, fmt.Sprintf("%s_%d", name, pass), string(b))
		}
	}
	err = filepath.WalkDir(root+"/data", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(name)
		x.note(p.Hostname, strings.TrimPrefix(name, root+"/data/"), string(b))
		return err
	})
	if err != nil {
		return 93
	}
	return 0
}

// hosted puts a job of n hosts on record.
func (w *world) hosted(s *Service, r *sagemaker.CreateTrainingJobRequest, n int) {
	w.t.Helper()
	j := &trainingJob{jobState: newJob(w.call(), "tj", resource(w.call(), "training-job", *r.TrainingJobName)), Request: completeTraining(r)}
	j.addHosts(n, *r.ResourceConfig.InstanceType)
	if err := w.db.Update(w.t.Context(), func(tx *store.Tx) error {
		return s.begin(tx, trainingKind, store.Key(account, lower(*r.TrainingJobName)), j)
	}); err != nil {
		w.t.Fatal(err)
	}
}

func witnessed(t *testing.T, passes int) (*world, *witness) {
	x := &witness{saw: map[string]string{}, passes: passes}
	return newWorld(t, map[string]memory.Program{"program": x.run}), x
}

func s3Channel(name, kind, uri, mode string) sagemaker.Channel {
	return sagemaker.Channel{ChannelName: &name, InputMode: &mode, DataSource: &sagemaker.DataSource{S3DataSource: &sagemaker.S3DataSource{S3DataType: &kind, S3Uri: &uri}}}
}

func zip(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s)) //nolint:errcheck // it is memory
	z.Close()
	return b.Bytes()
}

func framed(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = recordio.AppendFrame(b, []byte(p))
	}
	return string(b)
}

// TestChannels compares what a container sees with what the request says, for every mode.
func TestChannels(t *testing.T) {
	w, x := witnessed(t, 2)
	w.s3.put("data/d/a", []byte("A"))
	w.s3.put("data/d/b", []byte("BB"))
	w.s3.put("data/d/sub/c", []byte("CCC"))
	w.s3.put("data/d/folder/", nil)
	w.s3.put("data/m", []byte(`[{"prefix":"s3://data/d/"},"b","sub/c","b"]`))
	w.s3.put("data/z/1", zip("one,"))
	w.s3.put("data/z/2", append(zip("two"), zip(",")...)) // of two members
	w.s3.put("data/aug", []byte(`{"image-ref":"s3://data/d/b","label":1,"name":"x"}`+"\n\n"+`{"name":"y","label":{"k": [2]},"image-ref":"s3://data/d/a"}`+"\n"))
	r := trainingRequest("job")
	r.AlgorithmSpecification.TrainingInputMode = new(pipe)
	attributes := []string{"label", "image-ref", "name"}
	channels := map[string]sagemaker.Channel{
		"file":    s3Channel("file", prefixData, "s3://data/d/", file),
		"partial": s3Channel("partial", prefixData, "s3://data/d/s", file),
		"list":    s3Channel("list", manifestData, "s3://data/m", file),
		"pipe":    s3Channel("pipe", prefixData, "s3://data/d/", ""), // the algorithm's mode
		"piped":   s3Channel("piped", manifestData, "s3://data/m", pipe),
		"wrapped": s3Channel("wrapped", prefixData, "s3://data/d/", pipe),
		"zipped":  s3Channel("zipped", prefixData, "s3://data/z/", pipe),
		"both":    s3Channel("both", prefixData, "s3://data/z/", pipe),
		"aug":     s3Channel("aug", augmentedData, "s3://data/aug", pipe),
		"framed":  s3Channel("framed", augmentedData, "s3://data/aug", pipe),
		"mixed":   s3Channel("mixed", prefixData, "s3://data/d/", pipe),
	}
	r.InputDataConfig = nil
	for name, c := range channels {
		switch name {
		case "zipped", "both":
			c.CompressionType = new(gzipped)
		case "aug", "framed":
			c.DataSource.S3DataSource.AttributeNames = attributes
		case "mixed":
			c.ShuffleConfig = &sagemaker.ShuffleConfig{Seed: new(int64(3))}
		}
		if name == "wrapped" || name == "both" || name == "framed" {
			c.RecordWrapperType = new(wrappedInRecordIO)
		}
		r.InputDataConfig = append(r.InputDataConfig, c)
	}
	s := w.service()
	w.run(s)
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
		t.Fatal(err)
	}
	if d := w.ended(s, "job"); *d.TrainingJobStatus != completed {
		t.Fatalf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.empty()
	want := map[string]string{
		"file/a": "A", "file/b": "BB", "file/sub/c": "CCC", "partial/sub/c": "CCC", "list/b": "BB", "list/sub/c": "CCC",
	}
	for pass := range 2 {
		for name, content := range map[string]string{
			"pipe": "ABBCCC", "piped": "BBCCCBB", "wrapped": framed("A", "BB", "CCC"), "zipped": "one,two,", "both": framed("one,", "two,"),
			"aug": `1BBx{"k":[2]}Ay`, "framed": framed("1", "BB", "x", `{"k":[2]}`, "A", "y"),
			"mixed": strings.Join(dataset.Shuffle([]string{"A", "BB", "CCC"}, 3, pass), ""),
		} {
			want[fmt.Sprintf("%s_%d", name, pass)] = content
		}
	}
	for name, content := range want {
		if got, ok := x.saw["algo-1 "+name]; !ok || got != content {
			t.Errorf("%s: saw %q, want %q", name, got, content)
		}
	}
	if len(x.saw) != len(want)+1 {
		t.Errorf("saw %d things, want %d", len(x.saw), len(want)+1)
	}
	var settings map[string]map[string]string
	if err := json.Unmarshal([]byte(x.saw["algo-1 config"]), &settings); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]string{"file": file, "pipe": pipe, "piped": pipe} {
		if got := settings[name]; got["TrainingInputMode"] != mode || got["S3DistributionType"] != "FullyReplicated" || got["RecordWrapperType"] != "None" {
			t.Errorf("inputdataconfig.json of %s: %v", name, got)
		}
	}
	if settings["framed"]["RecordWrapperType"] != "RecordIO" {
		t.Errorf("inputdataconfig.json of framed: %v", settings["framed"])
	}
}

// TestSharding has several hosts see everything once among them, in each mode and each pass.
func TestSharding(t *testing.T) {
	const hosts, objects = 3, 11
	w, x := witnessed(t, 3)
	var all []string
	for i := range objects {
		all = append(all, fmt.Sprintf("<%02d>", i))
		w.s3.put(fmt.Sprintf("data/d/%02d", i), []byte(all[i]))
	}
	w.s3.page = 5
	r := trainingRequest("job")
	r.InputDataConfig = []sagemaker.Channel{
		s3Channel("file", prefixData, "s3://data/d/", file), s3Channel("pipe", prefixData, "s3://data/d/", pipe),
		s3Channel("mixed", prefixData, "s3://data/d/", pipe), s3Channel("whole", prefixData, "s3://data/d/", pipe),
	}
	for i := range 3 {
		r.InputDataConfig[i].DataSource.S3DataSource.S3DataDistributionType = new(shardedByKey)
	}
	r.InputDataConfig[2].ShuffleConfig = &sagemaker.ShuffleConfig{Seed: new(int64(1))}
	s := w.service()
	w.hosted(s, r, hosts)
	w.run(s)
	if d := w.ended(s, "job"); *d.TrainingJobStatus != completed {
		t.Fatalf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.empty()
	moved := false
	for _, name := range []string{"file/", "pipe_0", "pipe_1", "mixed_0", "mixed_1", "mixed_2"} {
		var got []string
		for host := 1; host <= hosts; host++ {
			var own []string
			for key, content := range x.saw {
				if strings.HasPrefix(key, fmt.Sprintf("algo-%d %s", host, name)) {
					for part := range strings.SplitSeq(strings.Trim(content, "<>"), "><") {
						own = append(own, "<"+part+">")
					}
				}
			}
			if len(own) < objects/hosts || len(own) > objects/hosts+1 {
				t.Errorf("%s: algo-%d has %d of %d", name, host, len(own), objects)
			}
			got = append(got, own...)
		}
		slices.Sort(got)
		if !slices.Equal(got, all) {
			t.Errorf("%s: %v", name, got)
		}
	}
	moved = x.saw["algo-1 mixed_0"] != x.saw["algo-1 mixed_1"]
	if !moved || x.saw["algo-1 pipe_0"] != x.saw["algo-1 pipe_1"] {
		t.Error("the shuffled passes are alike, or the others are not")
	}
	for host := 1; host <= hosts; host++ {
		if got := x.saw[fmt.Sprintf("algo-%d whole_1", host)]; got != strings.Join(all, "") {
			t.Errorf("algo-%d has %q of what all have", host, got)
		}
	}
}

// TestPipesFail names what is wrong with the data of a pipe, though the container has begun.
func TestPipesFail(t *testing.T) {
	const head = "ClientError: Data download failed:"
	for name, c := range map[string]struct {
		prepare func(*world, *sagemaker.Channel)
		reason  string
	}{
		"nothing": {func(w *world, _ *sagemaker.Channel) {
			w.deny["s3.ListObjectsV2"] = unseen
			delete(w.s3.objects, "data/d/a")
		}, head + `No S3 objects found under S3 URL "s3://data/d/"`},
		"denied": {func(w *world, _ *sagemaker.Channel) {
			w.s3.refuse = func(r *http.Request) (int, string) {
				if r.URL.Path == "/data/d/a" {
					return 403, "AccessDenied"
				}
				return 0, ""
			}
		}, head + "failed to download data. 403 Forbidden (403): Forbidden"},
		"no gzip": {func(_ *world, c *sagemaker.Channel) { c.CompressionType = new(gzipped) }, head + "Failed to decompress data. S3 key:\nd/a is not gzip"},
		"half gzip": {func(w *world, c *sagemaker.Channel) {
			c.CompressionType = new(gzipped)
			w.s3.put("data/d/a", zip("long enough")[:20])
		}, head + "Failed to decompress data. S3 key:\nd/a is not gzip"},
		"bad line": {func(w *world, c *sagemaker.Channel) {
			w.s3.put("data/d/aug", []byte("{\"x\":1}\n{}"))
			*c = s3Channel("train", augmentedData, "s3://data/d/aug", pipe)
			c.DataSource.S3DataSource.AttributeNames = []string{"x"}
		}, head + "Line 2 of the augmented manifest s3://data/d/aug cannot be used: it has no attribute x."},
		"nowhere": {func(w *world, c *sagemaker.Channel) {
			w.s3.put("data/d/aug", []byte(`{"x-ref":"s3://data/none"}`))
			*c = s3Channel("train", augmentedData, "s3://data/d/aug", pipe)
			c.DataSource.S3DataSource.AttributeNames = []string{"x-ref"}
		}, head + "failed to download data. 404 Not Found (404): Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := witnessed(t, 1)
			w.s3.put("data/d/a", []byte("no gzip"))
			r := trainingRequest("job")
			r.InputDataConfig = []sagemaker.Channel{s3Channel("train", prefixData, "s3://data/d/", pipe)}
			c.prepare(w, &r.InputDataConfig[0])
			s := w.service()
			w.run(s)
			if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
				t.Fatal(err)
			}
			w.until("end", func() bool { return *w.describe(s, "job").TrainingJobStatus != inProgress })
			d := w.ended(s, "job")
			if *d.TrainingJobStatus != failed || !strings.HasPrefix(text(d.FailureReason), c.reason) {
				t.Errorf("%s %q, want %q", *d.TrainingJobStatus, text(d.FailureReason), c.reason)
			}
			w.until("nothing left", func() bool { files, _ := os.ReadDir(filepath.Join(w.dir, "jobs")); return len(files) == 0 })
			w.empty()
		})
	}
}

// TestPipesGoOnAfterACrash ends the server again and again while the container reads: it sees every byte once.
func TestPipesGoOnAfterACrash(t *testing.T) {
	for _, wrapper := range []string{"None", wrappedInRecordIO} {
		t.Run(wrapper, func(t *testing.T) {
			t.Parallel()
			w, x := witnessed(t, 2)
			want := ""
			for i, n := range []int{100_000, 0, 3_000_001, 17, 2_000_000} {
				b := noise(n)
				w.s3.put(fmt.Sprintf("data/d/%d", i), b)
				if wrapper == "None" {
					want += string(b)
				} else {
					want += framed(string(b))
				}
			}
			r := trainingRequest("job")
			r.InputDataConfig = []sagemaker.Channel{s3Channel("train", prefixData, "s3://data/d/", pipe)}
			r.InputDataConfig[0].RecordWrapperType = &wrapper
			s := w.service()
			if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
				t.Fatal(err)
			}
			crashes := 0
			for *w.describe(s, "job").TrainingJobStatus == inProgress {
				s = w.service()
				stop := w.run(s)
				time.Sleep(time.Duration(20+crashes*3) * time.Millisecond)
				stop()
				crashes++
			}
			d := w.describe(s, "job")
			if *d.TrainingJobStatus != completed || crashes < 2 {
				t.Fatalf("%s after %d crashes: %s", *d.TrainingJobStatus, crashes, text(d.FailureReason))
			}
			for pass := range 2 {
				if got := x.saw[fmt.Sprintf("algo-1 train_%d", pass)]; got != want {
					t.Errorf("pass %d: %d bytes of %d", pass, len(got), len(want))
				}
			}
		})
	}
}

// TestPipesThatAreLost ends the keeper while its container reads: what that took for the end was none.
func TestPipesThatAreLost(t *testing.T) {
	w, _ := witnessed(t, 1)
	w.s3.put("data/d/a", noise(5_000_000))
	var once sync.Once
	w.s3.cut = func(*http.Request) int { // somebody reads: it holds the server's lock
		once.Do(func() {
			found, _ := filepath.Glob(filepath.Join(w.dir, "jobs", "*", "pipes", "lock"))
			for _, name := range found {
				b, _ := os.ReadFile(name)
				if pid, err := strconv.Atoi(string(b)); err == nil {
					syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		})
		return -1
	}
	r := trainingRequest("job")
	r.InputDataConfig = []sagemaker.Channel{s3Channel("train", prefixData, "s3://data/d/", pipe)}
	s := w.service()
	w.run(s)
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
		t.Fatal(err)
	}
	d := w.ended(s, "job")
	if *d.TrainingJobStatus != failed || !strings.HasPrefix(text(d.FailureReason), "InternalServerError: The pipes of algo-1 were lost") {
		t.Errorf("%s %q", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.empty()
}

// TestOtherSourcesAreRefused: a channel need not have S3 as its source at all.
func TestOtherSourcesAreRefused(t *testing.T) {
	w, s := trainingWorld(t)
	for want, d := range map[string]*sagemaker.DataSource{
		"FileSystemDataSource is not supported": {FileSystemDataSource: &sagemaker.FileSystemDataSource{}},
		"DatasetSource is not supported":        {DatasetSource: &sagemaker.DatasetSource{}},
		"DataSource.S3DataSource is required":   {},
	} {
		r := trainingRequest("x")
		r.InputDataConfig[0].DataSource = d
		_, err := s.createTrainingJob(t.Context(), w.call(), r)
		refused(t, err, "ValidationException", want)
	}
}
