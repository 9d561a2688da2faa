package sagemaker

import (
	"context"
	"strings"
	"testing"

	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

func TestImagesThatCannotBeIsolated(t *testing.T) {
	for image, no := range map[string]bool{
		"520713654638.dkr.ecr.us-east-1.amazonaws.com/sagemaker-chainer:4.0.0-cpu-py3":  true,
		"520713654638.dkr.ecr.us-east-1.amazonaws.com/sagemaker-rl-tensorflow:ray0.8.5": true,
		"520713654638.dkr.ecr.us-east-1.amazonaws.com/sagemaker-rl-mxnet@sha256:0123":   true,
		"sagemaker-chainer": true,
		"111122223333.dkr.ecr.us-east-1.amazonaws.com/my-sagemaker-chainer:1":               false,
		"111122223333.dkr.ecr.us-east-1.amazonaws.com/sagemaker-chainer/of-mine:1":          false,
		"683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3": false,
	} {
		if got := refuseIsolation(image, true) != nil; got != no {
			t.Errorf("%s: %t", image, got)
		}
		if refuseIsolation(image, false) != nil {
			t.Errorf("%s is refused with a network", image)
		}
	}
	w, s := trainingWorld(t)
	r := trainingRequest("job")
	r.AlgorithmSpecification.TrainingImage = new("520713654638.dkr.ecr.us-east-1.amazonaws.com/sagemaker-chainer:5")
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); !fault.Is(err, "ValidationException") {
		t.Errorf("a job: %v", err)
	}
	m := &sagemaker.CreateModelInput{ModelName: new("m"), ExecutionRoleArn: new(role), EnableNetworkIsolation: new(true),
		PrimaryContainer: &sagemaker.ContainerDefinition{Image: new("520713654638.dkr.ecr.us-east-1.amazonaws.com/sagemaker-rl-ray:1")}}
	if _, err := s.createModel(t.Context(), w.call(), m); !fault.Is(err, "ValidationException") {
		t.Errorf("a model: %v", err)
	}
}

// marketed finds images of the Marketplace.
type marketed struct{ *world }

func (m marketed) Image(ctx context.Context, as caller.Caller, reference string) (*Image, error) {
	i, err := m.world.Image(ctx, as, reference)
	if err == nil {
		i.Labels = map[string]string{marketplaceLabel: "true"}
	}
	return i, err
}

func TestImagesOfTheMarketplaceRunIsolatedOnly(t *testing.T) {
	w, _ := trainingWorld(t)
	w.s3.put("out/m.tar.gz", []byte("model"))
	w.config = func(c *Config) { c.Images = marketed{w} }
	s := w.service()
	w.run(s)
	for name, isolated := range map[string]bool{"free": false, "isolated": true} {
		r := trainingRequest(name)
		r.EnableNetworkIsolation = &isolated
		if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
			t.Fatal(err)
		}
		d := w.ended(s, name)
		if (*d.TrainingJobStatus == completed) != isolated || !isolated && text(d.FailureReason) !=
			"ClientError: Network isolation is required to run 382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1, an image from AWS Marketplace. Set EnableNetworkIsolation." {
			t.Errorf("%s: %s: %s", name, *d.TrainingJobStatus, text(d.FailureReason))
		}
	}
	w.deployable(s, "m", "", 1)
	w.create(s, "e", "m")
	if d := w.status(s, "e", failed); !strings.HasPrefix(text(d.FailureReason), "ClientError: Network isolation is required to run ") {
		t.Errorf("the endpoint failed: %s", text(d.FailureReason))
	}
	w.deleteEndpoint(s, "e")
	w.status(s, "e", "gone")
	w.empty()
}
