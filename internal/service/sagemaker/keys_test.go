package sagemaker

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	shapes "cloister/internal/value/model"
	"cloister/internal/value/shape/sagemaker"
)

// records are the keys that AWS gives from what is stored and not from a request (or that no action is
// listed with), beside those that checks.go and the runtime give.
var records = strings.Fields(`OwnerUserProfileArn CurrentModelLifeCycleStage CurrentModelLifeCycleStageStatus WorkteamType DomainId
	UserProfileName HomeEfsFileSystemKmsKey TaggingAction TargetModel`)

func TestKeyTableIsTheModelsAndTheEngines(t *testing.T) {
	m := shapes.MustLoad("sagemaker")
	seen := map[string]bool{}
	for _, row := range keyTable {
		seen[row.key] = true
		name := "sagemaker:" + row.key
		if k := policy.KeyNamed(name); !strings.HasSuffix(name, "/") && (k == 0 || k.Name() != name || k.Many() != several[name]) {
			t.Errorf("%s is not a key of the engine's, or has one value where that has several", name)
		}
		for _, action := range strings.Fields(row.actions) {
			op := m.Operations[action]
			if op == nil {
				t.Errorf("%s: no operation %s", row.key, action)
				continue
			}
			for _, p := range strings.Fields(row.paths) {
				path, _, _ := strings.Cut(p, "|")
				if !leads(op.Input, strings.Split(path, ".")) {
					t.Errorf("%s: %s has no %s", row.key, action, path)
				}
			}
		}
	}
	for k := policy.KeyNamed("sagemaker:VpcSubnets"); int(k) < 256 && k > 0; k++ {
		name, ok := strings.CutPrefix(nameOf(k), "sagemaker:")
		if ok && !seen[name] && !slices.Contains(records, name) {
			t.Errorf("no request tells %s", name)
		}
		if !ok {
			break
		}
	}
}

// nameOf is the name of a key, and nothing for a number that no key has.
func nameOf(k policy.Key) (name string) {
	defer func() { _ = recover() }()
	return k.Name()
}

func leads(s *shapes.Shape, path []string) bool {
	if len(path) == 0 {
		return true
	}
	name, each := strings.CutSuffix(path[0], "[]")
	for _, m := range s.Members {
		if m.Name != name && (name != "*" || m.Shape.Type != "structure") {
			continue
		}
		next := m.Shape
		if each {
			next = next.Element.Shape
		}
		if leads(next, path[1:]) {
			return true
		}
	}
	return false
}

// fill puts something everywhere.
func fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if depth > 0 && v.CanSet() && v.Type().Elem().PkgPath() != "time" {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth-1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth-1)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 && depth > 0 {
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0), depth-1)
			fill(v.Index(1), depth-1)
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(7)
	}
}

func TestEveryOperationTellsTheKeysOfItsAction(t *testing.T) {
	b, err := newWorld(t, nil).service().Bind()
	if err != nil {
		t.Fatal(err)
	}
	c := &api.Call{Region: region}
	for name, op := range b.Operations {
		want := map[string]bool{}
		for _, s := range stands[name] {
			want[s.key] = s.mark != "gated" // which everything at once is not: it comes through a hub
		}
		in := op.New()
		for _, ch := range op.Checks(c, in) { // nothing said, nothing told
			for _, k := range ch.Keys {
				if strings.HasPrefix(k.Name, "sagemaker:") {
					t.Errorf("%s tells %s %v of an empty request", name, k.Name, k.Values)
				}
			}
		}
		fill(reflect.ValueOf(in).Elem(), 16)
		told := map[string]bool{}
		for _, ch := range op.Checks(c, in) {
			for _, k := range ch.Keys {
				told[k.Name] = true
				if strings.HasPrefix(k.Name, "sagemaker:") && k.Name != "sagemaker:TaggingAction" && !want[k.Name] {
					t.Errorf("%s tells %s, which AWS does not list with it", name, k.Name)
				}
			}
		}
		for k, w := range want {
			if w && !told[k] {
				t.Errorf("%s does not tell %s", name, k)
			}
		}
	}
}

// lets asks a role's policy about every check of a call.
func lets(t *testing.T, document string, checks []api.Check) bool {
	t.Helper()
	d, err := policy.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	stack := policy.Stack{Identity: []policy.Attached{{Document: d}}}
	for _, ch := range checks {
		var x policy.Context
		for _, k := range ch.Keys {
			if k.Multi {
				x.SetNamedMany(k.Name, k.Values)
			} else {
				x.SetNamed(k.Name, k.Values[0])
			}
		}
		r := policy.Request{Principal: policy.Principal{Kind: policy.User, ARN: "arn:aws:iam::111122223333:user/ann", Account: account}, Action: ch.Action, Resource: ch.Resource, Context: &x}
		if policy.Decide(&stack, &r).Effect != policy.Allowed {
			return false
		}
	}
	return true
}

const pass = `{"Effect":"Allow","Action":["iam:PassRole","sagemaker:AddTags"],"Resource":"*"},`

func guard(condition string) string {
	return `{"Version":"2012-10-17","Statement":[` + pass + `{"Effect":"Allow","Action":["sagemaker:CreateTrainingJob","sagemaker:CreateModel","sagemaker:CreateEndpointConfig"],"Resource":"*","Condition":` + condition + `}]}`
}

func except(condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"sagemaker:Create*","Resource":"*","Condition":` + condition + `}]}`
}

func TestGuardrailsOfTrainingJobs(t *testing.T) {
	w := newWorld(t, nil)
	type request = sagemaker.CreateTrainingJobRequest
	open := func(r *request) { r.EnableNetworkIsolation = nil }
	tagged := func(r *request) { r.Tags = []sagemaker.Tag{{Key: new("team"), Value: new("a")}} }
	encrypted := func(r *request) {
		r.ResourceConfig.VolumeKmsKeyId, r.OutputDataConfig.KmsKeyId = new("arn:k"), new("arn:o")
	}
	for _, c := range []struct {
		name, policy string
		change       func(*request)
		want         bool
	}{
		{"isolated", guard(`{"Bool":{"sagemaker:NetworkIsolation":"true"}}`), func(*request) {}, true},
		{"not isolated", guard(`{"Bool":{"sagemaker:NetworkIsolation":"true"}}`), open, false},
		{"isolated, said with Deny", except(`{"BoolIfExists":{"sagemaker:NetworkIsolation":"false"}}`), func(*request) {}, true},
		{"not isolated, said with Deny", except(`{"Null":{"sagemaker:NetworkIsolation":"true"}}`), open, false},
		{"this subnet", guard(`{"ForAllValues:StringEquals":{"sagemaker:VpcSubnets":["subnet-1"]},"Null":{"sagemaker:VpcSubnets":"false"}}`), func(*request) {}, true},
		{"another subnet beside it", guard(`{"ForAllValues:StringEquals":{"sagemaker:VpcSubnets":["subnet-1"]},"Null":{"sagemaker:VpcSubnets":"false"}}`),
			func(r *request) { r.VpcConfig.Subnets = append(r.VpcConfig.Subnets, "subnet-2") }, false},
		{"no subnet", guard(`{"ForAllValues:StringEquals":{"sagemaker:VpcSubnets":["subnet-1"]},"Null":{"sagemaker:VpcSubnets":"false"}}`),
			func(r *request) { r.VpcConfig = nil }, false},
		{"no subnet is every subnet without Null", guard(`{"ForAllValues:StringEquals":{"sagemaker:VpcSubnets":["subnet-1"]}}`), func(r *request) { r.VpcConfig = nil }, true},
		{"this group", guard(`{"ForAnyValue:StringEquals":{"sagemaker:VpcSecurityGroupIds":["sg-1"]}}`), func(*request) {}, true},
		{"another group", guard(`{"ForAnyValue:StringEquals":{"sagemaker:VpcSecurityGroupIds":["sg-2"]}}`), func(*request) {}, false},
		{"encrypted", guard(`{"Null":{"sagemaker:VolumeKmsKey":"false","sagemaker:OutputKmsKey":"false"}}`), encrypted, true},
		{"not encrypted", guard(`{"Null":{"sagemaker:VolumeKmsKey":"false","sagemaker:OutputKmsKey":"false"}}`), func(*request) {}, false},
		{"between containers too", guard(`{"Bool":{"sagemaker:InterContainerTrafficEncryption":"true"}}`), func(r *request) { r.EnableInterContainerTrafficEncryption = new(true) }, true},
		{"between containers not", guard(`{"Bool":{"sagemaker:InterContainerTrafficEncryption":"true"}}`), func(*request) {}, false},
		{"tagged", guard(`{"StringEquals":{"aws:RequestTag/team":"a"}}`), tagged, true},
		{"not tagged", guard(`{"StringEquals":{"aws:RequestTag/team":"a"}}`), func(*request) {}, false},
		{"tagged by the creation", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:PassRole","sagemaker:CreateTrainingJob"],"Resource":"*"},
			{"Effect":"Allow","Action":"sagemaker:AddTags","Resource":"*","Condition":{"StringEquals":{"sagemaker:TaggingAction":"CreateTrainingJob"}}}]}`, tagged, true},
		{"tagged by another creation", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:PassRole","sagemaker:CreateTrainingJob"],"Resource":"*"},
			{"Effect":"Allow","Action":"sagemaker:AddTags","Resource":"*","Condition":{"StringEquals":{"sagemaker:TaggingAction":"CreateModel"}}}]}`, tagged, false},
		{"short", guard(`{"NumericLessThanEquals":{"sagemaker:MaxRuntimeInSeconds":"600"}}`), func(*request) {}, true},
		{"long", guard(`{"NumericLessThanEquals":{"sagemaker:MaxRuntimeInSeconds":"599"}}`), func(*request) {}, false},
		{"a small type", guard(`{"ForAllValues:StringLike":{"sagemaker:InstanceTypes":["ml.m5.*"]}}`), func(*request) {}, true},
		{"a small and a large type", guard(`{"ForAllValues:StringLike":{"sagemaker:InstanceTypes":["ml.m5.*"]}}`), func(r *request) {
			r.ResourceConfig.InstanceGroups = []sagemaker.InstanceGroup{{InstanceType: new("ml.p5.48xlarge")}}
		}, false},
		{"a pool", except(`{"NumericGreaterThan":{"sagemaker:KeepAlivePeriod":"0"}}`), func(r *request) { r.ResourceConfig.KeepAlivePeriodInSeconds = new(int32(60)) }, false},
		{"one foreign file system of two", except(`{"StringNotEqualsIfExists":{"sagemaker:FileSystemId":"fs-1"}}`), func(r *request) {
			ch := func(id string) sagemaker.Channel {
				return sagemaker.Channel{DataSource: &sagemaker.DataSource{FileSystemDataSource: &sagemaker.FileSystemDataSource{FileSystemId: &id}}}
			}
			r.InputDataConfig = []sagemaker.Channel{ch("fs-1"), ch("fs-2")}
		}, false},
		{"a gated model", except(`{"Bool":{"sagemaker:DirectGatedModelAccess":"true"}}`), func(r *request) {
			r.InputDataConfig[0].DataSource.S3DataSource.ModelAccessConfig = &sagemaker.ModelAccessConfig{AcceptEula: new(true)}
		}, false},
		{"no gated model", except(`{"Bool":{"sagemaker:DirectGatedModelAccess":"true"}}`), func(*request) {}, true},
		{"passed for this job", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sagemaker:*","Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*",
			"Condition":{"StringEquals":{"iam:PassedToService":"sagemaker.amazonaws.com"},"ArnLike":{"iam:AssociatedResourceArn":"arn:aws:sagemaker:*:*:training-job/dig*"}}}]}`, func(*request) {}, true},
		{"not passed for this job", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sagemaker:*","Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*",
			"Condition":{"ArnLike":{"iam:AssociatedResourceArn":"arn:aws:sagemaker:*:*:model/*"}}}]}`, func(*request) {}, false},
		{"passed to another service", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sagemaker:*","Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*",
			"Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}}]}`, func(*request) {}, false},
	} {
		r := trainingRequest("Digits")
		c.change(r)
		if got := lets(t, c.policy, createTrainingJobChecks(w.call(), r)); got != c.want {
			t.Errorf("%s: allowed %v, want %v", c.name, got, c.want)
		}
	}
}

func TestGuardrailsOfEndpoints(t *testing.T) {
	w := newWorld(t, nil)
	variants := func(models ...string) *sagemaker.CreateEndpointConfigInput {
		in := &sagemaker.CreateEndpointConfigInput{EndpointConfigName: new("c"), Tags: []sagemaker.Tag{{Key: new("team"), Value: new("a")}}}
		for _, m := range models {
			in.ProductionVariants = append(in.ProductionVariants, sagemaker.ProductionVariant{ModelName: &m, InstanceType: new("ml.m5.large")})
		}
		return in
	}
	mine := guard(`{"ArnLike":{"sagemaker:ModelArn":"arn:aws:sagemaker:*:*:model/mine-*"},"StringEquals":{"aws:RequestTag/team":"a"}}`)
	if !lets(t, mine, createEndpointConfigChecks(w.call(), variants("Mine-1", "mine-2"))) {
		t.Error("two models of mine are refused")
	}
	if lets(t, mine, createEndpointConfigChecks(w.call(), variants("mine-1", "others"))) {
		t.Error("somebody else's model came along with one of mine")
	}
	small := except(`{"NumericGreaterThan":{"sagemaker:ServerlessMemorySize":"1024"}}`)
	in := variants("a", "b")
	in.ProductionVariants[0].ServerlessConfig = &sagemaker.ProductionVariantServerlessConfig{MemorySizeInMB: new(int32(1024))}
	if !lets(t, small, createEndpointConfigChecks(w.call(), in)) {
		t.Error("a small one is refused")
	}
	in.ProductionVariants[1].ServerlessConfig = &sagemaker.ProductionVariantServerlessConfig{MemorySizeInMB: new(int32(2048))}
	if lets(t, small, createEndpointConfigChecks(w.call(), in)) {
		t.Error("the second variant's memory was not asked")
	}
	model := &sagemaker.CreateModelInput{ModelName: new("m"), ExecutionRoleArn: new(role), Containers: []sagemaker.ContainerDefinition{{}, {ModelDataSource: &sagemaker.ModelDataSource{
		S3DataSource: &sagemaker.S3ModelDataSource{ModelAccessConfig: &sagemaker.ModelAccessConfig{AcceptEula: new(true)}}}}}}
	gate := except(`{"Bool":{"sagemaker:DirectGatedModelAccess":"true"}}`)
	if lets(t, gate, createModelChecks(w.call(), model)) {
		t.Error("a gated model")
	}
	model.Containers[1].ModelDataSource.S3DataSource.HubAccessConfig = &sagemaker.InferenceHubAccessConfig{HubContentArn: new("h")}
	if !lets(t, gate, createModelChecks(w.call(), model)) {
		t.Error("a gated model through a hub")
	}
	tagged := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sagemaker:CreateEndpoint","sagemaker:AddTags"],"Resource":"*","Condition":{"Null":{"aws:RequestTag/team":"false"}}}]}`
	e := &sagemaker.CreateEndpointInput{EndpointName: new("e"), EndpointConfigName: new("c"), Tags: []sagemaker.Tag{{Key: new("team"), Value: new("a")}}}
	if !lets(t, tagged, createEndpointChecks(w.call(), e)) {
		t.Error("a tagged endpoint is refused: its tags must be known for each of its resources")
	}
}
