package sagemaker

import (
	"strings"
	"testing"

	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

func TestModelAndConfigRecords(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	ctx := t.Context()
	const model, config = `"arn:aws:sagemaker:us-east-1:111122223333:model/m"`, `"arn:aws:sagemaker:us-east-1:111122223333:endpoint-config/m"`
	w.s3.put("out/m.tar.gz", []byte("model"))
	w.deployable(s, "M", "", 1)

	_, err := s.createModel(ctx, w.call(), &sagemaker.CreateModelInput{ModelName: new("m"), ExecutionRoleArn: new(role), PrimaryContainer: &sagemaker.ContainerDefinition{Image: new("x/kmeans:1")}})
	refused(t, err, "ValidationException", "Cannot create already existing model "+model+".")
	_, err = s.createEndpointConfig(ctx, w.call(), &sagemaker.CreateEndpointConfigInput{EndpointConfigName: new("m"), ProductionVariants: []sagemaker.ProductionVariant{{VariantName: new("v"), ModelName: new("m"), InstanceType: new("ml.t2.medium")}}})
	refused(t, err, "ValidationException", "Cannot create already existing endpoint configuration "+config+".")
	_, err = s.createEndpoint(ctx, w.call(), &sagemaker.CreateEndpointInput{EndpointName: new("e"), EndpointConfigName: new("none")})
	refused(t, err, "ValidationException", `Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:111122223333:endpoint-config/none".`)
	_, err = s.createEndpointConfig(ctx, w.call(), &sagemaker.CreateEndpointConfigInput{EndpointConfigName: new("c"), ProductionVariants: []sagemaker.ProductionVariant{{VariantName: new("v"), ModelName: new("none"), InstanceType: new("ml.t2.medium")}}})
	refused(t, err, "ValidationException", `Could not find model "arn:aws:sagemaker:us-east-1:111122223333:model/none".`)

	m, err := s.describeModel(ctx, w.call(), &sagemaker.DescribeModelInput{ModelName: new("m")})
	if err != nil || *m.ModelName != "M" || *m.PrimaryContainer.Mode != "SingleModel" || *m.EnableNetworkIsolation {
		t.Errorf("model %+v %v", m, err)
	}
	c, err := s.describeEndpointConfig(ctx, w.call(), &sagemaker.DescribeEndpointConfigInput{EndpointConfigName: new("M")})
	if err != nil || *c.ProductionVariants[0].InitialVariantWeight != 1 {
		t.Errorf("configuration %+v %v", c, err)
	}
	models, err := s.listModels(ctx, w.call(), &sagemaker.ListModelsInput{})
	if err != nil || len(models.Models) != 1 {
		t.Errorf("models %v %v", models, err)
	}
	configs, err := s.listEndpointConfigs(ctx, w.call(), &sagemaker.ListEndpointConfigsInput{})
	if err != nil || len(configs.EndpointConfigs) != 1 {
		t.Errorf("configurations %v %v", configs, err)
	}
	for range 2 {
		_, err = s.deleteModel(ctx, w.call(), &sagemaker.DeleteModelInput{ModelName: new("M")})
	}
	refused(t, err, "ValidationException", "Could not find model "+model+".")
	_, err = s.createEndpoint(ctx, w.call(), &sagemaker.CreateEndpointInput{EndpointName: new("e"), EndpointConfigName: new("m")})
	refused(t, err, "ValidationException", "Could not find model "+model+".")
	for range 2 {
		_, err = s.deleteEndpointConfig(ctx, w.call(), &sagemaker.DeleteEndpointConfigInput{EndpointConfigName: new("M")})
	}
	refused(t, err, "ValidationException", "Could not find endpoint configuration "+config+".")
	for _, do := range []func() error{
		func() error {
			_, err := s.describeEndpoint(ctx, w.call(), &sagemaker.DescribeEndpointInput{EndpointName: new("x")})
			return err
		},
		func() error {
			_, err := s.deleteEndpoint(ctx, w.call(), &sagemaker.DeleteEndpointInput{EndpointName: new("x")})
			return err
		},
		func() error {
			_, err := s.updateEndpoint(ctx, w.call(), &sagemaker.UpdateEndpointInput{EndpointName: new("x"), EndpointConfigName: new("m")})
			return err
		},
	} {
		refused(t, do(), "ValidationException", `Could not find endpoint "arn:aws:sagemaker:us-east-1:111122223333:endpoint/x".`)
	}
}

func TestCreateModelRefuses(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	good := func() *sagemaker.CreateModelInput {
		return &sagemaker.CreateModelInput{ModelName: new("m"), ExecutionRoleArn: new(role), PrimaryContainer: &sagemaker.ContainerDefinition{Image: new("x/kmeans:1")}}
	}
	for message, change := range map[string]func(*sagemaker.CreateModelInput){
		"Specify one of either PrimaryContainer or Containers": func(r *sagemaker.CreateModelInput) { r.PrimaryContainer = nil },
		"more than one container":                              func(r *sagemaker.CreateModelInput) { r.Containers = make([]sagemaker.ContainerDefinition, 2) },
		"InferenceExecutionConfig": func(r *sagemaker.CreateModelInput) {
			r.InferenceExecutionConfig = &sagemaker.InferenceExecutionConfig{}
		},
		"Mode MultiModel":  func(r *sagemaker.CreateModelInput) { r.PrimaryContainer.Mode = new("MultiModel") },
		"ModelPackageName": func(r *sagemaker.CreateModelInput) { r.PrimaryContainer.ModelPackageName = new("p") },
		"Specify one of either Image and Model Data URL": func(r *sagemaker.CreateModelInput) { r.PrimaryContainer.Image = nil },
		"ModelDataUrl":     func(r *sagemaker.CreateModelInput) { r.PrimaryContainer.ModelDataUrl = new("s3://b") },
		"ExecutionRoleArn": func(r *sagemaker.CreateModelInput) { r.ExecutionRoleArn = nil },
		"S3Object None": func(r *sagemaker.CreateModelInput) {
			r.PrimaryContainer.ModelDataSource = &sagemaker.ModelDataSource{S3DataSource: &sagemaker.S3ModelDataSource{S3DataType: new("S3Object"), CompressionType: new("None"), S3Uri: new("s3://b/k")}}
		},
	} {
		r := good()
		change(r)
		_, err := s.createModel(t.Context(), w.call(), r)
		refused(t, err, "ValidationException", message)
	}
	w.deny["sts.AssumeRole"] = fault.Kind{Code: "AccessDenied", Status: 403}.New("no")
	_, err := s.createModel(t.Context(), w.call(), good())
	refused(t, err, "ValidationException", `The execution role ARN "`+role+`" is invalid. Please ensure that the role exists and that its trust relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com".`)
}

func TestCreateEndpointConfigRefuses(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	for message, change := range map[string]func(*sagemaker.CreateEndpointConfigInput){
		"DataCaptureConfig": func(r *sagemaker.CreateEndpointConfigInput) { r.DataCaptureConfig = &sagemaker.DataCaptureConfig{} },
		"AsyncInferenceConfig": func(r *sagemaker.CreateEndpointConfigInput) {
			r.AsyncInferenceConfig = &sagemaker.AsyncInferenceConfig{}
		},
		"ShadowProductionVariants": func(r *sagemaker.CreateEndpointConfigInput) { r.ShadowProductionVariants = r.ProductionVariants },
		"KmsKeyId":                 func(r *sagemaker.CreateEndpointConfigInput) { r.KmsKeyId = new("k") },
		"ServerlessConfig": func(r *sagemaker.CreateEndpointConfigInput) {
			r.ProductionVariants[0].ServerlessConfig = &sagemaker.ProductionVariantServerlessConfig{}
		},
		"InitialInstanceCount": func(r *sagemaker.CreateEndpointConfigInput) {
			r.ProductionVariants[0].InitialInstanceCount = new(int32(5))
		},
		"more than once": func(r *sagemaker.CreateEndpointConfigInput) {
			r.ProductionVariants = append(r.ProductionVariants, r.ProductionVariants[0])
		},
		"at least one": func(r *sagemaker.CreateEndpointConfigInput) { r.ProductionVariants = nil },
		"endpoint/ml.g5.xlarge is not available": func(r *sagemaker.CreateEndpointConfigInput) {
			r.ProductionVariants[0].InstanceType = new("ml.g5.xlarge")
		},
	} {
		r := &sagemaker.CreateEndpointConfigInput{EndpointConfigName: new("c"), ProductionVariants: []sagemaker.ProductionVariant{{VariantName: new("v"), ModelName: new("m"), InstanceType: new("ml.t2.medium")}}}
		change(r)
		_, err := s.createEndpointConfig(t.Context(), w.call(), r)
		refused(t, err, "ValidationException", message)
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	ctx, name := t.Context(), "arn:aws:sagemaker:us-east-1:111122223333:training-job/job"
	known := map[string][]caller.Tag{}
	if err := s.WatchTags(ctx, region, func(arn string, tags []caller.Tag) { known[arn] = tags }); err != nil {
		t.Fatal(err)
	}
	r := trainingRequest("Job")
	r.Tags = []sagemaker.Tag{{Key: new("a"), Value: new("1")}}
	if _, err := s.createTrainingJob(ctx, w.call(), r); err != nil {
		t.Fatal(err)
	}
	abroad := strings.Replace(name, "arn:aws:", "arn:aws-cn:", 1)
	if _, err := s.addTags(ctx, w.call(), &sagemaker.AddTagsInput{ResourceArn: &abroad, Tags: r.Tags}); err == nil {
		t.Error("a name that no policy about the resource has in mind")
	}
	twice := []sagemaker.Tag{{Key: new("B"), Value: new("2")}, {Key: new("b"), Value: new("3")}}
	if _, err := s.addTags(ctx, w.call(), &sagemaker.AddTagsInput{ResourceArn: &name, Tags: twice}); err == nil {
		t.Error("two tags of whom conditions see one")
	}
	if _, err := s.addTags(ctx, w.call(), &sagemaker.AddTagsInput{ResourceArn: &name, Tags: []sagemaker.Tag{{Key: new("a"), Value: new("2")}, {Key: new("b"), Value: new("3")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.deleteTags(ctx, w.call(), &sagemaker.DeleteTagsInput{ResourceArn: &name, TagKeys: []string{"b", "none"}}); err != nil {
		t.Fatal(err)
	}
	out, err := s.listTags(ctx, w.call(), &sagemaker.ListTagsInput{ResourceArn: &name})
	if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "a" || *out.Tags[0].Value != "2" {
		t.Errorf("tags %v %v", out, err)
	}
	if got := known[name]; len(got) != 1 || got[0] != (caller.Tag{Key: "a", Value: "2"}) {
		t.Errorf("decisions know of %v", known)
	}
	for message, in := range map[string]*sagemaker.AddTagsInput{
		"Could not find":       {ResourceArn: new(name + "x")},
		"Invalid resource ARN": {ResourceArn: new("arn:aws:sagemaker:us-east-1:999999999999:training-job/job")},
		"Duplicate":            {ResourceArn: &name, Tags: []sagemaker.Tag{{Key: new("x")}, {Key: new("x")}}},
		"aws:":                 {ResourceArn: &name, Tags: []sagemaker.Tag{{Key: new("aws:x")}}},
	} {
		_, err := s.addTags(ctx, w.call(), in)
		refused(t, err, "ValidationException", message)
	}
}
