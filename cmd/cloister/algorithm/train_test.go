package algorithm

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloister/demo/digits"
	"cloister/internal/engine/kmeans"
	"cloister/internal/engine/recordio"
)

// TestMain lets a test run this binary as the container's program.
func TestMain(m *testing.M) {
	if args := os.Getenv("ALGORITHM_TEST_ARGS"); args != "" {
		os.Exit(Main(strings.Fields(args)))
	}
	os.Exit(m.Run())
}

// place is a container's /opt/ml.
type place struct {
	t    *testing.T
	root string
	out  bytes.Buffer
}

func newPlace(t *testing.T) *place { return &place{t: t, root: t.TempDir()} }

func (p *place) write(path string, data []byte) {
	p.t.Helper()
	path = filepath.Join(p.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) read(path string) string {
	data, err := os.ReadFile(filepath.Join(p.root, path))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

func (p *place) configure(name string, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("input/config/"+name+".json", data)
}

// input is how a channel comes: its mode and content type.
type input struct{ mode, contentType string }

func (p *place) job(hyperparameters map[string]string, channels map[string]input) {
	p.configure("hyperparameters", hyperparameters)
	p.configure("resourceconfig", map[string]any{"current_host": "algo-1", "hosts": []string{"algo-1"}, "network_interface_name": "eth0"})
	data := map[string]any{}
	for name, c := range channels {
		entry := map[string]string{"TrainingInputMode": c.mode, "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
		if c.contentType != "" {
			entry["ContentType"] = c.contentType
		}
		data[name] = entry
	}
	p.configure("inputdataconfig", data)
}

func (p *place) program() program {
	return program{root: p.root, out: &p.out, env: func(string) string { return "" }, now: time.Now}
}

func (p *place) run(verb string) int { return p.program().run(p.t.Context(), []string{"kmeans", verb}) }

func (p *place) model() kmeans.Model {
	p.t.Helper()
	model, err := kmeans.DecodeModel([]byte(p.read("model/model_algo-1")))
	if err != nil {
		p.t.Fatal(err)
	}
	return model
}

var digitsJob = map[string]string{"k": "10", "feature_dim": "64"}

const csvWithoutLabel = "text/csv;label_size=0"

func trained(t *testing.T) *place {
	p := newPlace(t)
	p.job(digitsJob, map[string]input{"train": {"File", csvWithoutLabel}})
	p.write("input/data/train/digits.csv", digits.CSV())
	if code := p.run("train"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.out)
	}
	return p
}

func TestTrainWritesAModelThatTellsDigitsApart(t *testing.T) {
	p := trained(t)
	features, labels := digits.Load()
	var assigned []int
	for _, prediction := range p.model().Predict(nil, slices.Concat(features...)) {
		assigned = append(assigned, prediction.Cluster)
	}
	if got := kmeans.Purity(assigned, labels); got < 0.65 {
		t.Errorf("purity %.3f", got)
	}
	entries, err := os.ReadDir(filepath.Join(p.root, "model"))
	if err != nil || len(entries) != 1 {
		t.Errorf("model directory: %v, %v", entries, err)
	}
	if _, err := os.Stat(filepath.Join(p.root, "output", "failure")); err == nil {
		t.Error("a failure file was written")
	}
}

func TestTrainLog(t *testing.T) {
	p := trained(t)
	log := p.out.String()
	for _, pattern := range []string{
		`(?m)^Docker entrypoint called with argument\(s\): train$`,
		`(?m)^\[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d INFO \d+\] 'extra_center_factor' was set to 'auto', evaluated to 10\.$`,
		`WARNING \d+\] Batch size 5000 is bigger than the first batch data\. Effective batch size used to initialize is 1797`,
		`INFO \d+\] #progress_metric: host=algo-1, completed 100\.0 % of epochs`,
		`#throughput_metric: host=algo-1, train throughput=[\d.e+]+ records/second`,
		`shrinking 100 centers into 10`, `local kmeans attempt #9\. Current mean square distance \d+\.\d{6}`,
		`Test data is not provided\.`,
	} {
		if !regexp.MustCompile(pattern).MatchString(log) {
			t.Errorf("no line like %s in\n%s", pattern, log)
		}
	}
	for _, m := range kmeans.MetricDefinitions() {
		if found := regexp.MustCompile(m.Regex).FindStringSubmatch(log); strings.HasPrefix(m.Name, "train:") && len(found) != 2 {
			t.Errorf("no %s in\n%s", m.Name, log)
		}
	}
	lines := 0
	for line := range strings.Lines(log) {
		text, ok := strings.CutPrefix(line, "#metrics ")
		if !ok {
			continue
		}
		lines++
		var metrics struct {
			StartTime, EndTime float64
			Dimensions         map[string]any
			Metrics            map[string]struct{ Sum, Count, Min, Max float64 }
		}
		if err := json.Unmarshal([]byte(text), &metrics); err != nil || metrics.EndTime < metrics.StartTime ||
			metrics.Dimensions["Algorithm"] != "AWS/KMeansWebscale" || len(metrics.Metrics) == 0 {
			t.Errorf("%v in %s", err, text)
		}
	}
	if lines != 4 {
		t.Errorf("%d #metrics lines", lines)
	}
}

func TestTrainIsRepeatableAndFormatsAgree(t *testing.T) {
	want := trained(t).read("model/model_algo-1")
	features, labels := digits.Load()
	var dense, sparse, labelled []byte
	for i, row := range features {
		var keys []uint64
		var values []float32
		labelled = strconv.AppendInt(labelled, int64(labels[i]), 10)
		for j, v := range row {
			labelled = strconv.AppendInt(append(labelled, ','), int64(v), 10)
			if v != 0 {
				keys, values = append(keys, uint64(j)), append(values, v)
			}
		}
		labelled = append(labelled, '\n')
		label := map[string]recordio.Tensor{"values": {Kind: recordio.Float32, Float32s: []float32{float32(labels[i])}}}
		record := func(tensor recordio.Tensor) []byte {
			return recordio.Append(nil, recordio.Record{Features: map[string]recordio.Tensor{recordio.ValuesKey: tensor}, Label: label})
		}
		dense = recordio.AppendFrame(dense, record(recordio.Tensor{Kind: recordio.Float32, Float32s: row}))
		sparse = recordio.AppendFrame(sparse, record(recordio.Tensor{Kind: recordio.Float32, Float32s: values, Keys: keys, Shape: []uint64{64}}))
	}
	half := bytes.LastIndexByte(labelled[:len(labelled)/2], '\n') + 1
	for name, c := range map[string]struct {
		contentType string
		files       map[string][]byte
	}{
		"the same again":    {csvWithoutLabel, map[string][]byte{"a": digits.CSV()}},
		"labels come first": {"text/csv", map[string][]byte{"a": labelled}},
		"two files":         {"text/csv; label_size=1", map[string][]byte{"a/2": labelled[:half], "b/1": labelled[half:], "empty": nil}},
		"RecordIO":          {"application/x-recordio-protobuf", map[string][]byte{"a": dense}},
		"RecordIO unsaid":   {"", map[string][]byte{"a": dense}},
		"RecordIO, sparse":  {"application/x-recordio-protobuf", map[string][]byte{"a": sparse}},
	} {
		p := newPlace(t)
		p.job(digitsJob, map[string]input{"train": {"File", c.contentType}})
		for file, data := range c.files {
			p.write("input/data/train/"+file, data)
		}
		if code := p.run("train"); code != 0 {
			t.Errorf("%s: exit code %d\n%s", name, code, &p.out)
		} else if p.read("model/model_algo-1") != want {
			t.Errorf("%s: another model", name)
		}
	}
}

func TestTrainScoresTheTestChannel(t *testing.T) {
	p := newPlace(t)
	p.job(map[string]string{"k": "2", "feature_dim": "1", "extra_center_factor": "1", "init_method": "kmeans++", "epochs": "3", "eval_metrics": `["msd","ssd"]`},
		map[string]input{"train": {"File", csvWithoutLabel}, "test": {"FastFile", csvWithoutLabel}})
	p.write("input/data/train/a", []byte("0\n2\n10\n12\n"))
	p.write("input/data/test/a", []byte("1\n14\n"))
	if code := p.run("train"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.out)
	}
	for _, want := range []string{"host=algo-1, test msd <loss>=4.5\n", "host=algo-1, test ssd <loss>=9\n", "train msd <loss>=1\n", "No shrinking is required"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("no %q in\n%s", want, &p.out)
		}
	}
}

func TestTrainReadsPipes(t *testing.T) {
	p := newPlace(t)
	p.job(map[string]string{"k": "2", "feature_dim": "1", "epochs": "2"}, map[string]input{"train": {"Pipe", csvWithoutLabel}})
	p.write("input/data/keep", nil)
	for pass := range 3 {
		path := filepath.Join(p.root, "input/data", "train_"+strconv.Itoa(pass))
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		go os.WriteFile(path, []byte("0\n2\n10\n12\n"), 0)
	}
	if code := p.run("train"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.out)
	}
	if model := p.model(); model.K != 2 {
		t.Errorf("%+v", model)
	}
}

func TestTrainRefusesBadInput(t *testing.T) {
	csv := map[string]input{"train": {"File", csvWithoutLabel}}
	for name, c := range map[string]struct {
		hyperparameters map[string]string
		channels        map[string]input
		data, want      string
	}{
		"no k":            {map[string]string{"feature_dim": "2"}, csv, "1,2\n", "Customer Error: No value(s) were specified for 'k' which are required hyperparameter(s) (caused by ValidationError)"},
		"no train":        {digitsJob, map[string]input{"test": {"File", csvWithoutLabel}}, "1,2\n", "Caused by: 'train' is a required property"},
		"other channel":   {digitsJob, map[string]input{"train": csv["train"], "validation": csv["train"]}, "1,2\n", "('validation' was unexpected)"},
		"other type":      {digitsJob, map[string]input{"train": {"File", "image/png"}}, "1,2\n", `content type "image/png" is not one of`},
		"JSON":            {digitsJob, map[string]input{"train": {"File", "application/json"}}, "{}", "content type 'application/json' is not one of"},
		"no files":        {digitsJob, csv, "", "Input channel 'train' has no files"},
		"wrong width":     {digitsJob, csv, "1,2\n", "Unable to read data channel 'train'. Requested content-type is 'text/csv;label_size=0'. Please verify the data matches the requested content-type. (caused by a: row 1: the row has 2 features, feature_dim is 64)"},
		"CSV as RecordIO": {digitsJob, map[string]input{"train": {"File", ""}}, "1,2,3,4,5,6,7,8\n", "Requested content-type is 'application/x-recordio-protobuf'"},
		"fewer rows":      {map[string]string{"k": "3", "feature_dim": "1"}, csv, "1\n2\n", "fewer records than k: 2 records, k is 3"},
	} {
		p := newPlace(t)
		p.job(c.hyperparameters, c.channels)
		if c.data != "" {
			p.write("input/data/train/a", []byte(c.data))
		}
		if code := p.run("train"); code != 1 {
			t.Errorf("%s: exit code %d", name, code)
			continue
		}
		failure := p.read("output/failure")
		if !strings.HasPrefix(failure, "Customer Error: ") || !strings.Contains(failure, c.want) {
			t.Errorf("%s: failure %q, want %q", name, failure, c.want)
		}
		if !strings.Contains(p.out.String(), failure) {
			t.Errorf("%s: the log does not tell the failure", name)
		}
		if _, err := os.Stat(filepath.Join(p.root, "model/model_algo-1")); err == nil {
			t.Errorf("%s: a model was written", name)
		}
	}
}

func TestTrainKeepsItsModelWhenStopped(t *testing.T) {
	p := newPlace(t)
	p.job(map[string]string{"k": "10", "feature_dim": "64", "epochs": "1000000000"}, map[string]input{"train": {"File", csvWithoutLabel}})
	p.write("input/data/train/a", digits.CSV())
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), "ALGORITHM_TEST_ARGS=kmeans train", "SAGEMAKER_BASE_DIR="+p.root)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	seen := make([]byte, 1<<16)
	for !bytes.Contains(seen, []byte("#progress_metric")) {
		n, err := output.Read(seen)
		if err != nil {
			t.Fatalf("%v after %s", err, seen[:n])
		}
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	go func() {
		for err := error(nil); err == nil; _, err = output.Read(seen) {
		}
	}()
	if state, err := command.Process.Wait(); err != nil || state.ExitCode() != 0 {
		t.Errorf("%v, %v", state, err)
	}
	if model := p.model(); model.K != 10 || model.Dim != 64 {
		t.Errorf("%d x %d", model.K, model.Dim)
	}
}

func TestUnknownArguments(t *testing.T) {
	for _, args := range [][]string{nil, {"kmeans"}, {"kmeans", "fly"}, {"pca", "train"}, {"kmeans", "train", "x"}} {
		p := newPlace(t)
		if code := p.program().run(context.Background(), args); code != 2 {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
}
