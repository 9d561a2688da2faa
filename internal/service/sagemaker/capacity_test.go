package sagemaker

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

const wait = "Please use AWS Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota."

func (w *world) exceeds(err error, quota, numbers string) {
	w.t.Helper()
	f, ok := fault.As(err)
	if want := "The account-level service limit '" + quota + "' is " + numbers + " " + wait; !ok || f.Code != "ResourceLimitExceeded" || f.Message != want {
		w.t.Errorf("%v\nwant %s", err, want)
	}
}

// TestAnAccountsQuotas counts what is under way, and nothing else.
func TestAnAccountsQuotas(t *testing.T) {
	w, _ := trainingWorld(t)
	w.s3.put("out/m.tar.gz", []byte("model"))
	quotas := map[string]int{"ml.m5.large for training job usage": 1, "Number of instances across all training jobs": 2, "ml.m5.large for endpoint usage": 3}
	w.config = func(c *Config) { c.Quotas = quotas }
	s := w.service()
	create := func(name, instanceType string) error {
		r := trainingRequest(name)
		r.ResourceConfig.InstanceType = &instanceType
		_, err := s.createTrainingJob(t.Context(), w.call(), r)
		return err
	}
	if err := create("one", "ml.m5.large"); err != nil {
		t.Fatal(err)
	}
	w.exceeds(create("two", "ml.m5.large"), "ml.m5.large for training job usage", "1 Instances, with current utilization of 1 Instances and a request delta of 1 Instances.")
	if err := create("three", "ml.m5.xlarge"); err != nil {
		t.Fatal(err)
	}
	w.exceeds(create("four", "ml.m5.2xlarge"), "Number of instances across all training jobs", "2 Instances, with current utilization of 2 Instances and a request delta of 1 Instances.")
	if _, err := s.describeTrainingJob(t.Context(), w.call(), &sagemaker.DescribeTrainingJobRequest{TrainingJobName: new("two")}); err == nil {
		t.Error("a refused job is on record")
	}
	stop := w.run(s)
	w.ended(s, "one")
	w.ended(s, "three")
	stop()
	s = w.service()
	if err := create("two", "ml.m5.large"); err != nil {
		t.Errorf("after the others ended: %v", err)
	}
	w.deployable(s, "m", "", 4)
	_, err := s.createEndpoint(t.Context(), w.call(), &sagemaker.CreateEndpointInput{EndpointName: new("e"), EndpointConfigName: new("m")})
	w.exceeds(err, "ml.m5.large for endpoint usage", "3 Instances, with current utilization of 3 Instances and a request delta of 1 Instances.")
	quotas["ml.m5.large for endpoint usage"] = 4
	w.create(s, "e", "m")
}

// TestATypeOfWhichThereAreTooFew: jobs and endpoints that find none fail and say so; what ended gives its own back.
func TestATypeOfWhichThereAreTooFew(t *testing.T) {
	w, _ := trainingWorld(t)
	w.s3.put("out/m.tar.gz", []byte("model"))
	w.config = func(c *Config) {
		c.Types = map[string]InstanceType{"ml.trn1.2xlarge": {CPUs: 8, Memory: 61, Available: new(1)}, "ml.m5.large": {Available: new(0)}}
	}
	s := w.service()
	create := func(name, instanceType string) {
		r := trainingRequest(name)
		r.ResourceConfig.InstanceType = &instanceType
		if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
			t.Fatal(err)
		}
	}
	stop := w.run(s)
	create("first", "ml.trn1.2xlarge")
	if d := w.ended(s, "first"); *d.TrainingJobStatus != completed {
		t.Fatalf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	create("second", "ml.trn1.2xlarge")
	if d := w.ended(s, "second"); *d.TrainingJobStatus != completed {
		t.Errorf("after the first has given it back: %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	create("none", "ml.m5.large")
	const lack = "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
	if d := w.ended(s, "none"); *d.TrainingJobStatus != failed || text(d.FailureReason) != lack {
		t.Errorf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.deployable(s, "m", "", 1)
	w.create(s, "e", "m")
	if d := w.status(s, "e", failed); text(d.FailureReason) != "There is not enough capacity for instance type ml.m5.large. Please try again later." {
		t.Errorf("the endpoint failed: %s", text(d.FailureReason))
	}
	w.deleteEndpoint(s, "e")
	w.status(s, "e", "gone")
	stop()
	w.empty()
}

// TestQuotasHoldForManyAtOnce: of many who ask at the same time as many get what there is.
func TestQuotasHoldForManyAtOnce(t *testing.T) {
	w, _ := trainingWorld(t)
	w.config = func(c *Config) { c.Quotas = map[string]int{"ml.m5.large for training job usage": 3} }
	s := w.service()
	var made atomic.Int32
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			_, err := s.createTrainingJob(t.Context(), w.call(), trainingRequest(fmt.Sprint("job-", i)))
			if err == nil {
				made.Add(1)
			} else if !fault.Is(err, "ResourceLimitExceeded") {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := made.Load(); n != 3 {
		t.Errorf("%d jobs were made", n)
	}
}

func TestTablesOfTypesAndQuotas(t *testing.T) {
	for _, c := range []struct {
		types  map[string]InstanceType
		quotas map[string]int
		wrong  string
	}{
		{types: map[string]InstanceType{"ml.m5.large": {Available: new(2)}, "ml.g5.xlarge": {CPUs: 4, Memory: 16}}},
		{types: map[string]InstanceType{"m5.large": {}}, wrong: "is no instance type"},
		{types: map[string]InstanceType{"ml.m5.large": {CPUs: -1}}, wrong: "less than nothing"},
		{types: map[string]InstanceType{"ml.trn1.32xlarge": {CPUs: 4}}, wrong: "cpus and memory"},
		{quotas: map[string]int{"ml.m5.large for spot training job usage": 0, "Number of instances across all processing jobs": 9}},
		{quotas: map[string]int{trialsQuota: 750, parallelQuota: 100}},
		{quotas: map[string]int{"ml.m5.large for training": 1}, wrong: "ml.m5.large for training"},
		{quotas: map[string]int{"ml.m5.large for endpoint usage": -1}, wrong: "-1"},
	} {
		err := ValidateTypes(c.types)
		if err == nil {
			err = ValidateQuotas(c.quotas)
		}
		if (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%+v: %v, want %q", c, err, c.wrong)
		}
	}
	s := New(Config{Types: map[string]InstanceType{"ml.c5.xlarge": {Adapter: true, Memory: 1}}})
	if l, ok := s.limits("ml.c5.xlarge"); !ok || l.CPUs != 4 || l.Memory != 1<<30 || s.addressesOf("ml.c5.xlarge") != 5 || s.addressesOf("ml.c5.large") != 2 || s.addressesOf("ml.p4d.24xlarge") != 5 {
		t.Errorf("ml.c5.xlarge is %+v", l)
	}
}

// TestSpotInstancesAreCountedApart: each kind has its own quotas, and neither takes from the other's.
func TestSpotInstancesAreCountedApart(t *testing.T) {
	w, _ := trainingWorld(t)
	w.config = func(c *Config) {
		c.Quotas = map[string]int{"ml.m5.large for training job usage": 1, "ml.m5.large for spot training job usage": 1, "Number of instances across all spot training jobs": 2}
	}
	s := w.service()
	create := func(name string, spot bool, instanceType string) error {
		r := trainingRequest(name)
		if r.ResourceConfig.InstanceType = &instanceType; spot {
			r.EnableManagedSpotTraining, r.StoppingCondition.MaxWaitTimeInSeconds = new(true), new(int32(600))
		}
		_, err := s.createTrainingJob(t.Context(), w.call(), r)
		return err
	}
	for i, spot := range []bool{true, false} {
		if err := create(fmt.Sprint("first-", i), spot, "ml.m5.large"); err != nil {
			t.Fatal(err)
		}
	}
	const beyond = "1 Instances, with current utilization of 1 Instances and a request delta of 1 Instances."
	w.exceeds(create("spot", true, "ml.m5.large"), "ml.m5.large for spot training job usage", beyond)
	w.exceeds(create("steady", false, "ml.m5.large"), "ml.m5.large for training job usage", beyond)
	if err := create("other", true, "ml.m5.xlarge"); err != nil {
		t.Fatal(err)
	}
	w.exceeds(create("all", true, "ml.m5.2xlarge"), "Number of instances across all spot training jobs", "2 Instances, with current utilization of 2 Instances and a request delta of 1 Instances.")
}
