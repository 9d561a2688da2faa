package compat

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

// framed is a text as a record of RecordIO.
func framed(text string) string {
	b := binary.LittleEndian.AppendUint32(nil, 0xCED7230A)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	b = append(b, text...)
	return string(append(b, make([]byte, -len(text)&3)...))
}

var channelRows = []row{
	{"a folder's objects are files below the channel", "training-Given", func(t *testing.T, g *evidence) {
		for _, host := range []string{"algo-1", "algo-2"} {
			same(t, g.at(t, host).below("/opt/ml/input/data/whole"), map[string]string{"a.csv": "1,2\n", "b/c.csv": "3,4\n"})
		}
	}},
	{"a prefix is one of keys and a folder without its slash too", "training-Given", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").below("/opt/ml/input/data/word"), map[string]string{"a.csv": "1,2\n", "b/c.csv": "3,4\n", "data-x.csv": "5,6\n"})
	}},
	{"a manifest's keys and no others", "training-Given", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").below("/opt/ml/input/data/listed"), map[string]string{"b/c.csv": "3,4\n"})
	}},
	{"a sharded channel is dealt out by key", "training-Given", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").below("/opt/ml/input/data/part"), map[string]string{"a.csv": "1,2\n"})
		same(t, g.at(t, "algo-2").below("/opt/ml/input/data/part"), map[string]string{"b/c.csv": "3,4\n"})
		same(t, []any{g.at(t, "algo-1").Streams["turn"], g.at(t, "algo-2").Streams["turn"]}, []any{[]string{"1,2\n", "1,2\n"}, []string{"3,4\n", "3,4\n"}})
	}},
	{"a channel is for the instance groups that it names", "training-groups", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").below("/opt/ml/input/data"), map[string]string{})
		same(t, g.at(t, "algo-2").below("/opt/ml/input/data"), map[string]string{"theirs/a.csv": "1,2\n", "theirs/b/c.csv": "3,4\n"})
	}},
	{"a file mode leaves what is compressed", "training-Given", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").below("/opt/ml/input/data/zipped"), map[string]string{"one.gz": hex.EncodeToString(zipped(t, []byte("unzipped")))})
	}},
	{"a fast file is shown and cannot be written", "training-Given", func(t *testing.T, g *evidence) {
		w := g.at(t, "algo-2")
		same(t, w.below("/opt/ml/input/data/fast"), map[string]string{"a.csv": "1,2\n", "b/c.csv": "3,4\n"})
		if no := w.Written["/opt/ml/input/data/fast"]; no != "read-only file system" && no != "permission denied" {
			t.Errorf("writing there: %q", no)
		}
	}},
	{"a pipe is a FIFO for each pass from 0", "training-Given", func(t *testing.T, g *evidence) {
		var pipes []string
		for name, is := range g.at(t, "algo-1").below("/opt/ml/input/data") {
			if is == "p" {
				pipes = append(pipes, name)
			}
		}
		slices.Sort(pipes)
		same(t, pipes, []string{"lines_0", "mixed_0", "stream_0", "turn_0", "unzip_0", "wrapped_0"})
	}},
	{"a reader may leave early and the next pass is whole", "training-Given", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Streams["stream"], []string{"1", "1,2\n3,4\n"})
	}},
	{"a pipe of gzip is decompressed", "training-Given", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Streams["unzip"], []string{"unzipped", "unzipped"})
	}},
	{"objects are wrapped as records", "training-Given", func(t *testing.T, g *evidence) {
		one := hex.EncodeToString([]byte(framed("1,2\n") + framed("3,4\n")))
		same(t, g.at(t, "algo-1").Streams["wrapped"], []string{one, one})
	}},
	{"passes are shuffled each in its own way and alike on all hosts", "training-Given", func(t *testing.T, g *evidence) {
		passes := g.at(t, "algo-1").Streams["mixed"]
		same(t, g.at(t, "algo-2").Streams["mixed"], passes)
		for _, pass := range passes {
			sorted := strings.Split(pass, "")
			slices.Sort(sorted)
			same(t, strings.Join(sorted, ""), "0123456")
		}
		if len(passes) != 2 || passes[0] == passes[1] {
			t.Errorf("passes %v", passes)
		}
	}},
	{"attributes of an augmented manifest are records in order", "training-Given", func(t *testing.T, g *evidence) {
		one := hex.EncodeToString([]byte(framed("7") + framed("1,2\n") + framed("eight") + framed("3,4\n")))
		same(t, g.at(t, "algo-1").Streams["lines"], []string{one, one})
	}},
}

var endRows = []row{
	{"all 0 is Completed", "training-Given", func(t *testing.T, g *evidence) {
		same(t, []any{g.says["TrainingJobStatus"], g.says["SecondaryStatus"], g.says["FailureReason"]}, []any{"Completed", "Completed", nil})
	}},
	{"the statuses on the way and their messages", "training-Given", func(t *testing.T, g *evidence) {
		var seen []any
		for _, s := range g.says["SecondaryStatusTransitions"].([]any) {
			s := s.(m)
			seen = append(seen, s["Status"], s["StatusMessage"])
			if s["StartTime"] == nil || s["EndTime"] == nil {
				t.Error(s)
			}
		}
		same(t, seen, []any{"Starting", "Preparing the instances for training", "Downloading", "Downloading input data",
			"Training", "Training image download completed. Training in progress.", "Uploading", "Uploading generated training model", "Completed", "Training job completed"})
	}},
	{"the times of the training", "training-late", func(t *testing.T, g *evidence) {
		created, _ := g.says["CreationTime"].(float64)
		began, _ := g.says["TrainingStartTime"].(float64)
		ended, _ := g.says["TrainingEndTime"].(float64)
		took, _ := g.says["TrainingTimeInSeconds"].(float64)
		if created == 0 || began < created || ended < began+8 || took < 8 || g.says["BillableTimeInSeconds"] != took {
			t.Error(g.says)
		}
	}},
	{"the model's archive has the files of all hosts and the last of one name", "training-Given", func(t *testing.T, g *evidence) {
		var names []string
		for name := range g.packed {
			names = append(names, name)
		}
		slices.Sort(names)
		same(t, names, []string{"model/algo-1.json", "model/algo-2.json", "model/same", "output/extra"})
		same(t, []string{g.packed["model/same"], g.packed["output/extra"]}, []string{"algo-2", "more"})
		same(t, g.says["ModelArtifacts"], m{"S3ModelArtifacts": "s3://" + bucket + "/out/training-Given/output/model.tar.gz"})
	}},
	{"checkpoints are there before the start", "training-Given", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-2").below("/opt/ml/checkpoints"), map[string]string{"old": "old", "gone": "gone"})
	}},
	{"checkpoints go to one prefix and are deleted there", "training-Given", func(t *testing.T, g *evidence) {
		text, _ := g.object(t, "chk/sub/new")
		old, _ := g.object(t, "chk/old")
		_, left := g.object(t, "chk/gone")
		if !strings.HasPrefix(text, "algo-") || old != "old" || left {
			t.Errorf("%q %q %v", text, old, left)
		}
	}},
	{"a failure's text is the reason and the whole has 1024 characters", "training-entry", func(t *testing.T, g *evidence) {
		same(t, []any{g.says["TrainingJobStatus"], g.says["FailureReason"]}, []any{"Failed", "AlgorithmError: " + strings.Repeat("x", 1008)})
	}},
	{"more memory than the instance has is the client's error", "training-eats", func(t *testing.T, g *evidence) {
		same(t, []any{g.says["TrainingJobStatus"], g.says["FailureReason"]}, []any{"Failed",
			"ClientError: Please use an instance type with more memory, or reduce the size of job data processed on an instance."})
	}},
	{"a failed job's output is uploaded", "training-entry", func(t *testing.T, g *evidence) {
		if _, there := g.packed["output/algo-1.json"]; !there {
			t.Error(g.packed)
		}
	}},
	{"a failed job's model is not uploaded", "training-entry", func(t *testing.T, g *evidence) {
		_, there := g.packed["model/m"]
		same(t, []any{there, g.says["ModelArtifacts"]}, []any{false, nil})
	}},
	{"an empty model completes and is told of", "training-args", func(t *testing.T, g *evidence) {
		at := "out/training-args/output/model.tar.gz"
		_, there := g.object(t, at)
		same(t, []any{g.says["TrainingJobStatus"], g.says["ModelArtifacts"], there}, []any{"Completed", m{"S3ModelArtifacts": "s3://" + bucket + "/" + at}, false})
	}},
	{"the last value in the log is the metric's", "training-args", func(t *testing.T, g *evidence) {
		all, _ := g.says["FinalMetricDataList"].([]any)
		if len(all) != 1 || all[0].(m)["MetricName"] != "loss" || all[0].(m)["Value"] != 0.5 {
			t.Error(all)
		}
	}},
	{"a stop is SIGTERM", "training-both", func(t *testing.T, g *evidence) {
		signals := g.at(t, "algo-1").Signals
		same(t, []any{g.says["TrainingJobStatus"], g.says["SecondaryStatus"], g.says["FailureReason"], len(signals)}, []any{"Stopped", "Stopped", nil, 1})
		same(t, signals[0].Signal, "terminated")
	}},
	{"a stopped job's model is uploaded, loose where no compression is asked for", "training-both", func(t *testing.T, g *evidence) {
		same(t, g.says["ModelArtifacts"], m{"S3ModelArtifacts": "s3://" + bucket + "/out/training-both/output/model/"})
		if _, packed := g.packed["model/algo-1.json"]; packed || g.packed["loose/algo-1.json"] == "" {
			t.Error(g.packed)
		}
	}},
	{"checkpoints have the path that is asked for, and nothing comes in later", "training-both", func(t *testing.T, g *evidence) {
		same(t, g.at(t, "algo-1").Later, []string{"here"})
	}},
	{"an output without content is not uploaded", "training-both", func(t *testing.T, g *evidence) {
		_, packed := g.object(t, "out/training-both/output/output.tar.gz")
		_, loose := g.object(t, "out/training-late/output/output.tar.gz")
		same(t, []bool{packed, loose}, []bool{false, false})
	}},
	{"too long a time is a stop and no failure", "training-late", func(t *testing.T, g *evidence) {
		signals := g.at(t, "algo-1").Signals
		same(t, []any{g.says["TrainingJobStatus"], g.says["SecondaryStatus"], g.says["FailureReason"], len(signals)}, []any{"Stopped", "MaxRuntimeExceeded", nil, 1})
	}},
}
