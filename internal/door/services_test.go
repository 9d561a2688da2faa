package door_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"cloister/internal/frame/api"
	"cloister/internal/value/fault"
	s3shape "cloister/internal/value/shape/s3"
	smshape "cloister/internal/value/shape/sagemaker"
)

// stub is a service of SageMaker's model whose operations go wrong in every way there is.
type stub struct {
	ran map[string]int
	// begun is told when ListNotebookInstances runs, which takes until wait is closed.
	begun, wait chan struct{}
}

func (s *stub) service(t testing.TB) *api.Service {
	set := api.NewSet[*stub]("sagemaker")
	on := func(action string) []api.Check { return []api.Check{{Action: "sagemaker:" + action, Resource: "*"}} }
	api.Define(set, "ListModels", func(*api.Call, *smshape.ListModelsInput) []api.Check { return on("ListModels") },
		func(s *stub, _ context.Context, _ *api.Call, in *smshape.ListModelsInput) (*smshape.ListModelsOutput, error) {
			return &smshape.ListModelsOutput{Models: []smshape.ModelSummary{}}, nil
		})
	api.Define(set, "ListEndpoints", func(*api.Call, *smshape.ListEndpointsInput) []api.Check { return on("ListEndpoints") },
		func(*stub, context.Context, *api.Call, *smshape.ListEndpointsInput) (*smshape.ListEndpointsOutput, error) {
			panic("the wall is at /var/secret")
		})
	api.Define(set, "ListTrainingJobs", func(*api.Call, *smshape.ListTrainingJobsRequest) []api.Check { return on("ListTrainingJobs") },
		func(*stub, context.Context, *api.Call, *smshape.ListTrainingJobsRequest) (*smshape.ListTrainingJobsResponse, error) {
			return nil, errors.New("open /var/secret: no such file")
		})
	api.Define(set, "DescribeModel", func(*api.Call, *smshape.DescribeModelInput) []api.Check { return on("DescribeModel") },
		func(*stub, context.Context, *api.Call, *smshape.DescribeModelInput) (*smshape.DescribeModelOutput, error) {
			return nil, errors.Join(errors.New("inside"), fault.Kind{Code: "ValidationException", Status: 400}.New(`Could not find model "m".`))
		})
	api.Define(set, "ListNotebookInstances", func(*api.Call, *smshape.ListNotebookInstancesInput) []api.Check { return on("ListNotebookInstances") },
		func(s *stub, ctx context.Context, _ *api.Call, _ *smshape.ListNotebookInstancesInput) (*smshape.ListNotebookInstancesOutput, error) {
			close(s.begun)
			<-s.wait
			return new(smshape.ListNotebookInstancesOutput), ctx.Err()
		})
	// An operation whose author forgot to ask anything.
	api.Define(set, "DeleteModel", func(*api.Call, *smshape.DeleteModelInput) []api.Check { return nil },
		func(s *stub, _ context.Context, _ *api.Call, _ *smshape.DeleteModelInput) (*struct{}, error) {
			s.ran["DeleteModel"]++
			return new(struct{}), nil
		})
	// And one that asks two questions.
	api.Define(set, "DescribeEndpoint", func(*api.Call, *smshape.DescribeEndpointInput) []api.Check {
		return append(on("DescribeEndpoint"), api.Check{Action: "iam:PassRole", Resource: "arn:aws:iam::111122223333:role/r"})
	}, func(s *stub, _ context.Context, _ *api.Call, _ *smshape.DescribeEndpointInput) (*smshape.DescribeEndpointOutput, error) {
		s.ran["DescribeEndpoint"]++
		return nil, errors.New("unreachable in these tests")
	})
	out, err := set.Bind(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// objects is an S3 with one object, which takes what is put and gives it back.
type objects struct{ last []byte }

func (o *objects) service(t testing.TB) *api.Service {
	set := api.NewSet[*objects]("s3")
	check := func(action string, key *string) []api.Check {
		return []api.Check{{Action: "s3:" + action, Resource: "arn:aws:s3:::bucket/" + *key, Account: "111122223333"}}
	}
	api.Define(set, "PutObject", func(_ *api.Call, in *s3shape.PutObjectRequest) []api.Check { return check("PutObject", in.Key) },
		func(o *objects, _ context.Context, _ *api.Call, in *s3shape.PutObjectRequest) (*s3shape.PutObjectOutput, error) {
			b, err := io.ReadAll(in.Body)
			if err != nil {
				return nil, err
			}
			o.last = b
			return &s3shape.PutObjectOutput{ETag: new(`"e"`)}, nil
		})
	api.Define(set, "GetObject", func(_ *api.Call, in *s3shape.GetObjectRequest) []api.Check { return check("GetObject", in.Key) },
		func(o *objects, _ context.Context, _ *api.Call, in *s3shape.GetObjectRequest) (*s3shape.GetObjectOutput, error) {
			return &s3shape.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(o.last)), ContentLength: new(int64(len(o.last)))}, nil
		})
	api.Define(set, "HeadObject", func(_ *api.Call, in *s3shape.HeadObjectRequest) []api.Check { return check("GetObject", in.Key) },
		func(o *objects, _ context.Context, _ *api.Call, in *s3shape.HeadObjectRequest) (*s3shape.HeadObjectOutput, error) {
			return &s3shape.HeadObjectOutput{ContentLength: new(int64(len(o.last))), ETag: new(`"e"`)}, nil
		})
	out, err := set.Bind(o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
