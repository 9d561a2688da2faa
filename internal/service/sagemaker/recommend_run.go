package sagemaker

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/executor"
	"cloister/internal/value/shape/sagemaker"
)

// plan is that of a container of the model for each test, all waiting for their turn.
func (j *recommendJob) plan(*Service) jobPlan {
	m, c := &j.Model.Request, j.Model.container()
	return jobPlan{
		What: "Inference Recommendations Job " + j.ARN, Noun: "inference recommendations job", Role: text(j.Request.RoleArn), Image: text(c.Image),
		NoImage: "ClientError: The image '{image}' does not exist, or the role {role} may not pull it.",
		VPC:     j.vpc(), Isolated: flag(m.EnableNetworkIsolation), Endpoints: true,
		Grace: farewell, MaxRuntime: seconds(j.Request.InputConfig.JobDurationInSeconds, longestTest),
		LogGroup: "/aws/sagemaker/InferenceRecommendationsJobs", LogName: j.name() + "/Endpoint",
		Stages: []jobStage{
			{name: "Starting", status: "Starting", message: "Starting the job", early: true, do: (*jobRun).start},
			{name: "LaunchingMLInstances", status: "Starting", message: "Launching requested ML instances", early: true, do: (*jobRun).launch},
			{name: "DownloadingImage", status: "Starting", message: "Preparing the instances", early: true, do: (*jobRun).pull},
			{name: downloading, status: "Downloading", message: "Downloading the model", early: true, do: func(r *jobRun, ctx context.Context) error { return r.bringModels(ctx, &j.Model) }},
			{name: "Testing", status: "Testing", message: "Testing", do: (*jobRun).run},
		},
		Drive: recommend,
	}
}

// vpc is where the endpoints are: where the request says, or else where the model does.
func (j *recommendJob) vpc() *sagemaker.VpcConfig {
	if v := j.Request.InputConfig.VpcConfig; v != nil {
		return &sagemaker.VpcConfig{SecurityGroupIds: v.SecurityGroupIds, Subnets: v.Subnets}
	}
	return j.Model.Request.VpcConfig
}

// container is the model's, with the variables that are tried.
func (j *recommendJob) container(r *jobRun, host int) (executor.Spec, error) {
	chosen := map[string]string{}
	for _, v := range j.Tests[host].Environment {
		chosen[v.Name] = v.Value
	}
	return r.serving(host, &j.Model, map[string]string{"AWS_REGION": r.Region}, chosen), nil
}

// judge is not asked: what comes of the tests says how the job ends.
func (j *recommendJob) judge(*jobRun, []executor.Exit) *outcome {
	return &outcome{Status: failed, Secondary: failed, Reason: internalReason}
}

// recommend runs the tests that are left, and ends when all have ended. What came of each stands in the record, so
// that a fresh process goes on with the rest; one that was under way is begun anew.
func recommend(r *jobRun, ctx context.Context) error {
	j := r.job().(*recommendJob)
	payloads, err := r.payloads(ctx, text(j.Request.InputConfig.ContainerConfig.PayloadConfig.SamplePayloadUrl))
	if err != nil {
		return err
	}
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(1)
	if l := j.Request.InputConfig.ResourceLimit; l != nil {
		g.SetLimit(int(number(l.MaxParallelOfTests, 1)))
	}
	for i := range j.Tests {
		if j.Tests[i].Ended == nil {
			g.Go(func() error { return r.test(within, i, payloads) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	succeeded, why := false, ""
	if err := r.update(ctx, func(_ time.Time, j job) { // parallel tests may have left an older record in our hands
		for _, t := range j.(*recommendJob).Tests {
			succeeded, why = succeeded || t.Best != nil, t.Failure
		}
	}); err != nil || succeeded {
		return err
	}
	return fails("No load test succeeded. %s", why)
}

// test runs one, and records when it begins and what comes of it.
func (r *jobRun) test(ctx context.Context, host int, payloads [][]byte) error {
	if err := r.update(ctx, func(now time.Time, j job) { j.(*recommendJob).Tests[host].Begun = &now }); err != nil {
		return err
	}
	best, err := newLoader(r, host, payloads).run(ctx)
	var no *failure
	if err != nil && !errors.As(err, &no) {
		return err
	}
	defer r.passes(ctx, fmt.Sprintf("tested %d", host+1))
	return r.update(ctx, func(now time.Time, j job) {
		t := &j.(*recommendJob).Tests[host]
		if t.Ended, t.Best = &now, best; no != nil {
			t.Failure = clip(no.reason)
		}
	})
}

const (
	// mostPayloads are the sample requests of an archive that are used, largestPayload is what an endpoint takes of
	// one, and allPayloads bounds them together.
	mostPayloads   = 1000
	largestPayload = 25 << 20
	allPayloads    = 256 << 20
)

// payloads brings the sample requests. They do not come through the job's VPC: a bucket that lets only that in
// refuses them.
func (r *jobRun) payloads(ctx context.Context, uri string) ([][]byte, error) {
	bucket, key, _ := splitS3(uri)
	f, err := os.Create(filepath.Join(r.dir(0), "payload.tar.gz"))
	if err != nil {
		return nil, err
	}
	defer func() { f.Close(); os.Remove(f.Name()) }()
	s3 := r.newS3(internet, r.role)
	defer s3.close()
	if err := s3.get(ctx, bucket, key, f); err != nil {
		return nil, sampleFailure(uri, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	out, err := samples(patient{ctx, f})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var bad *badArchive
	if errors.As(err, &bad) {
		return nil, fails("ClientError: The sample payload %s cannot be used: %s.", uri, bad.why)
	}
	return out, err
}

// sampleFailure is why the sample requests could not be brought.
func sampleFailure(uri string, err error) error {
	err = transferred(download, err)
	var no *failure
	if !errors.As(err, &no) {
		return err
	}
	return &failure{request: no.request, reason: fmt.Sprintf("%s. The sample payload is at %s; it is not read through the VPC of the job.", no.reason, uri)}
}

// samples reads the files of a gzipped tar, in their order. Whoever made it is a stranger.
func samples(r io.Reader) (out [][]byte, err error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, &badArchive{"it is not gzipped"}
	}
	left := int64(allPayloads)
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		switch {
		case err == io.EOF && len(out) == 0:
			return nil, &badArchive{"it holds no file"}
		case err == io.EOF:
			return out, nil
		case err != nil:
			return nil, &badArchive{"it is damaged"}
		case h.Typeflag != tar.TypeReg:
			continue
		}
		if left -= h.Size; h.Size > largestPayload || left < 0 || len(out) == mostPayloads {
			return nil, &badArchive{"it is too large"}
		}
		b := make([]byte, h.Size)
		if _, err := io.ReadFull(t, b); err != nil {
			return nil, &badArchive{"it is damaged"}
		}
		out = append(out, b)
	}
}
