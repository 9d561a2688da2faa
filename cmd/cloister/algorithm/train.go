package algorithm

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"cloister/internal/engine/kmeans"
)

// seed makes training repeatable: the same data and hyperparameters give the same model.
const seed = 1

// training is one run of train and what its log lines need.
type training struct {
	program
	config     configuration
	parameters kmeans.Hyperparameters
	source     *channel
	cluster    kmeans.Cluster

	start, stage time.Time // of the run, of the current stage
	total        int       // rows read, in all passes
	batches      int
	times        []metric
}

func (p program) train(ctx context.Context) error {
	t := &training{program: p, start: p.now(), cluster: kmeans.Alone{}}
	t.stage = t.start
	err := t.whole(ctx)
	if c, ok := t.cluster.(*cluster); ok {
		c.leave(t.reason(err))
	}
	return err
}

// reason is what the other hosts are to fail with: where it began, they learn from the text.
func (t *training) reason(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.As(err, new(peerFailure)):
		return err.Error()
	}
	return failureText(err) + " (on " + t.config.host + ")"
}

func (t *training) whole(ctx context.Context) error {
	if err := t.configure(); err != nil {
		return err
	}
	var err error
	if t.cluster, err = t.join(ctx, t.config); err != nil {
		return err
	}
	if err := t.open(); err != nil {
		return err
	}
	defer t.source.close()
	setup := t.now().Sub(t.start)
	model, err := kmeans.TrainIn(ctx, t.cluster, t.parameters, t.source, rand.New(rand.NewPCG(seed, seed)), t.report)
	stopped := errors.Is(err, context.Canceled)
	switch {
	case stopped:
		t.log("WARNING", "told to stop: keeping the model of the data seen so far")
	case errors.Is(err, kmeans.ErrTooFewRows):
		return customer(err)
	case err != nil:
		return err
	}
	if _, self := t.cluster.Hosts(); len(model.Centers) > 0 && self == 0 {
		if err := t.save(model); err != nil {
			return err
		}
	}
	if !stopped {
		if err := t.test(model); err != nil {
			return err
		}
	}
	t.metrics(t.config.host, t.start, t.now(), nil, metric{"setuptime", milliseconds(setup)}, metric{"totaltime", milliseconds(t.now().Sub(t.start))})
	return nil
}

func (t *training) configure() error {
	var err error
	if t.config, err = t.readConfiguration(); err != nil {
		return err
	}
	given, merged := t.config.hyperparameters, kmeans.Defaults()
	maps.Copy(merged, given)
	t.log("INFO", "Merging with provided configuration from %s: %s", filepath.Join(t.root, "input/config/hyperparameters.json"), dictionary(given))
	t.log("INFO", "Final configuration: %s", dictionary(merged))
	if t.parameters, err = kmeans.ParseHyperparameters(given); err != nil {
		return customer(err)
	}
	return checkChannels(t.config.channels)
}

func (t *training) open() error {
	var err error
	t.source, err = t.openChannel("train", t.config.channels["train"], t.parameters.FeatureDim, len(t.config.hosts))
	if err == nil {
		t.log("INFO", "Loaded iterator creator %s for content type '%s'", t.source.content.Format, t.source.contentText)
		t.log("INFO", "Number of GPUs being used: 0")
	}
	return err
}

// save writes the model under its final name only when it is whole.
func (t *training) save(model kmeans.Model) error {
	directory := filepath.Join(t.root, "model")
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(directory, ".model-")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(model.Encode())
	if err = errors.Join(err, temporary.Chmod(0o644), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), filepath.Join(directory, "model_"+t.config.host))
}

// test scores the model over the test channel, if there is one: the first host does, or all
// together where each has some of it.
func (t *training) test(model kmeans.Model) error {
	config, ok := t.config.channels["test"]
	if !ok {
		t.log("INFO", "Test data is not provided.")
		return nil
	}
	cluster := t.cluster
	_, self := cluster.Hosts()
	switch sharded := config.S3DistributionType == "ShardedByS3Key"; {
	case sharded:
	case self > 0:
		return nil
	default:
		cluster = kmeans.Alone{}
	}
	source, err := t.openChannel("test", config, t.parameters.FeatureDim, len(t.config.hosts))
	if err != nil {
		return err
	}
	defer source.close()
	evaluation, err := model.EvaluateIn(cluster, source)
	if err != nil || self > 0 {
		return err
	}
	for _, name := range t.parameters.EvalMetrics {
		t.log("INFO", "#quality_metric: host=%s, test %s <loss>=%v", t.config.host, name, evaluation.Metric(name))
	}
	return nil
}
