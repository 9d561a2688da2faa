package sagemaker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

const poolQuota = "ml.m5.large for training warm pool usage"

// warmWorld is a training world whose account may keep so many instances.
func warmWorld(t *testing.T, most int) (*world, *Service) {
	w, _ := trainingWorld(t)
	w.config = func(c *Config) { c.Quotas = map[string]int{poolQuota: most} }
	return w, w.service()
}

// warmRequest asks for two instances that are kept for an hour.
func warmRequest(name string) *sagemaker.CreateTrainingJobRequest {
	r := trainingRequest(name)
	r.EnableNetworkIsolation = nil
	r.ResourceConfig.InstanceCount, r.ResourceConfig.KeepAlivePeriodInSeconds = new(int32(2)), new(int32(3600))
	return r
}

// pool waits until a job's warm pool has a status; "" is none.
func (w *world) pool(s *Service, name, status string) *sagemaker.DescribeTrainingJobResponse {
	w.t.Helper()
	var d *sagemaker.DescribeTrainingJobResponse
	w.until("pool of "+name+" "+status, func() bool {
		d = w.describe(s, name)
		return poolStatus(d) == status
	})
	return d
}

func poolStatus(d *sagemaker.DescribeTrainingJobResponse) string {
	if d.WarmPoolStatus == nil {
		return ""
	}
	return *d.WarmPoolStatus.Status
}

// network names everything of the network that jobs have now.
func (w *world) network() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for id := range w.interfaces {
		all = append(all, id)
	}
	for id := range w.isolated {
		all = append(all, "isolated "+id)
	}
	for id, hosts := range w.joined {
		all = append(all, "joined "+id+" "+strings.Join(hosts, ","))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func keepFor(s *Service, w *world, name string, seconds int32) error {
	_, err := s.updateTrainingJob(w.t.Context(), w.call(), &sagemaker.UpdateTrainingJobRequest{
		TrainingJobName: &name, ResourceConfig: &sagemaker.ResourceConfigForUpdate{KeepAlivePeriodInSeconds: &seconds}})
	return err
}

func lastMessage(d *sagemaker.DescribeTrainingJobResponse) string {
	return text(d.SecondaryStatusTransitions[len(d.SecondaryStatusTransitions)-1].StatusMessage)
}

// TestACluster goes from job to job: the same interfaces and namespaces, wherever the hosts are.
func TestAClusterGoesFromJobToJob(t *testing.T) {
	for name, change := range map[string]func(*sagemaker.CreateTrainingJobRequest){
		"in a VPC": func(*sagemaker.CreateTrainingJobRequest) {},
		"alone": func(r *sagemaker.CreateTrainingJobRequest) {
			r.ResourceConfig.InstanceCount, r.EnableNetworkIsolation = nil, new(true)
		},
		"apart":         func(r *sagemaker.CreateTrainingJobRequest) { r.EnableNetworkIsolation = new(true) },
		"without a VPC": func(r *sagemaker.CreateTrainingJobRequest) { r.VpcConfig = nil },
		"sealed":        func(r *sagemaker.CreateTrainingJobRequest) { r.EnableInterContainerTrafficEncryption = new(true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := warmWorld(t, 2)
			w.run(s)
			request := func(name, do string) *sagemaker.CreateTrainingJobRequest {
				r := warmRequest(name)
				r.HyperParameters["do"] = do
				change(r)
				return r
			}
			w.begin(s, request("one", "wait"))
			w.until("training", func() bool { return *w.describe(s, "one").SecondaryStatus == training })
			before, mesh := w.network(), w.theMesh()
			if d := w.describe(s, "one"); d.WarmPoolStatus != nil || before == "" {
				t.Errorf("%+v of %q before there is one", d.WarmPoolStatus, before)
			}
			if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("one")); err != nil {
				t.Fatal(err)
			}
			if d := w.pool(s, "one", "Available"); *d.TrainingJobStatus != stopped || lastMessage(d) != "Resource retained for reuse" || d.WarmPoolStatus.ResourceRetainedBillableTimeInSeconds != nil {
				t.Errorf("%s %+v", lastMessage(d), d.WarmPoolStatus)
			}
			w.begin(s, request("Two", "wait"))
			d := w.describe(s, "one")
			if p := d.WarmPoolStatus; *p.Status != "Reused" || text(p.ReusedByJob) != "Two" || p.ResourceRetainedBillableTimeInSeconds == nil || lastMessage(d) != "Resource reused by training job: Two" {
				t.Errorf("%s %+v", lastMessage(d), p)
			}
			if got := poolStatus(w.describe(s, "two")); got != "InUse" {
				t.Errorf("the second's pool is %q", got)
			}
			w.until("training", func() bool { return *w.describe(s, "two").SecondaryStatus == training })
			if now := w.network(); now != before {
				t.Errorf("now %q, before %q", now, before)
			}
			w.mu.Lock()
			for id, i := range w.interfaces {
				if !strings.Contains(*i.Description, ":training-job/two - tj-") {
					t.Errorf("%s is for %s", id, *i.Description)
				}
			}
			w.mu.Unlock()
			for i, h := range w.theMesh() {
				if h.Key == mesh[i].Key || h.Namespace != mesh[i].Namespace || name != "sealed" {
					t.Errorf("a tunnel %+v, before %+v", h, mesh[i])
				}
			}
			if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("two")); err != nil {
				t.Fatal(err)
			}
			w.pool(s, "two", "Available")
			// The last does not ask to keep it.
			r := request("three", "")
			r.ResourceConfig.KeepAlivePeriodInSeconds = nil
			w.begin(s, r)
			d = w.ended(s, "three")
			if p := w.pool(s, "three", "Terminated").WarmPoolStatus; *d.TrainingJobStatus != completed || *p.ResourceRetainedBillableTimeInSeconds != 0 {
				t.Errorf("%s: %s: %+v", *d.TrainingJobStatus, text(d.FailureReason), p)
			}
			w.mu.Lock()
			made := len(w.tokens)
			w.mu.Unlock()
			if want := strings.Count(before, "eni-"); made != want {
				t.Errorf("%d interfaces were made, not %d", made, want)
			}
			w.empty()
		})
	}
}

// TestOnlyAJobThatIsLikeItHasAPool changes one thing after the other.
func TestOnlyAJobThatIsLikeItHasAPool(t *testing.T) {
	w, s := warmWorld(t, 2)
	w.estate.groups["sg-2"] = "vpc-1"
	w.run(s)
	w.begin(s, warmRequest("first"))
	w.pool(s, "first", "Available")
	i := 0
	for what, change := range map[string]func(*sagemaker.CreateTrainingJobRequest){
		"role":      func(r *sagemaker.CreateTrainingJobRequest) { r.RoleArn = new(role + "s") },
		"count":     func(r *sagemaker.CreateTrainingJobRequest) { r.ResourceConfig.InstanceCount = new(int32(1)) },
		"type":      func(r *sagemaker.CreateTrainingJobRequest) { r.ResourceConfig.InstanceType = new("ml.m5.xlarge") },
		"volume":    func(r *sagemaker.CreateTrainingJobRequest) { r.ResourceConfig.VolumeSizeInGB = new(int32(11)) },
		"subnets":   func(r *sagemaker.CreateTrainingJobRequest) { r.VpcConfig.Subnets = []string{"subnet-1", "subnet-2"} },
		"groups":    func(r *sagemaker.CreateTrainingJobRequest) { r.VpcConfig.SecurityGroupIds = []string{"sg-1", "sg-2"} },
		"no VPC":    func(r *sagemaker.CreateTrainingJobRequest) { r.VpcConfig = nil },
		"sealed":    func(r *sagemaker.CreateTrainingJobRequest) { r.EnableInterContainerTrafficEncryption = new(true) },
		"isolation": func(r *sagemaker.CreateTrainingJobRequest) { r.EnableNetworkIsolation = new(true) },
		"spot": func(r *sagemaker.CreateTrainingJobRequest) {
			r.EnableManagedSpotTraining, r.StoppingCondition.MaxWaitTimeInSeconds = new(true), new(int32(600))
		},
		"groups of instances": func(r *sagemaker.CreateTrainingJobRequest) {
			r.ResourceConfig.InstanceType, r.ResourceConfig.InstanceCount = nil, nil
			r.ResourceConfig.InstanceGroups = []sagemaker.InstanceGroup{{InstanceGroupName: new(homogeneous), InstanceType: new("ml.m5.large"), InstanceCount: new(int32(2))}}
		},
	} {
		i++
		r := warmRequest(fmt.Sprint("other-", i))
		r.ResourceConfig.KeepAlivePeriodInSeconds = nil
		change(r)
		w.begin(s, r)
		if d := w.ended(s, fmt.Sprint("other-", i)); *d.TrainingJobStatus != completed || d.WarmPoolStatus != nil {
			t.Errorf("%s: %s %s %+v", what, *d.TrainingJobStatus, text(d.FailureReason), d.WarmPoolStatus)
		}
	}
	like := warmRequest("like")
	like.HyperParameters["k"], like.StoppingCondition.MaxRuntimeInSeconds = "11", new(int32(99))
	w.pool(s, "first", "Available")
	w.begin(s, like)
	w.pool(s, "first", "Reused")
	w.pool(s, "like", "Available")
	if err := keepFor(s, w, "like", 0); err != nil {
		t.Fatal(err)
	}
	w.until("gone", func() bool { return w.network() == "" })
	w.empty()
}

// TestWhatIsKeptDependsOnTheEnd: what the customer or his container did leaves a whole cluster, what the platform did not.
func TestWhatIsKeptDependsOnTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*world, *sagemaker.CreateTrainingJobRequest)
		ends    string
		kept    bool
	}{
		"completed": {func(*world, *sagemaker.CreateTrainingJobRequest) {}, completed, true},
		"algorithm": {func(_ *world, r *sagemaker.CreateTrainingJobRequest) { r.HyperParameters["do"] = "fail" }, failed, true},
		"client": {func(w *world, r *sagemaker.CreateTrainingJobRequest) {
			w.deny["s3.ListObjectsV2"] = unseen
			r.InputDataConfig[0].DataSource.S3DataSource.S3Uri = new("s3://data/other/")
		}, failed, true},
		"too long": {func(_ *world, r *sagemaker.CreateTrainingJobRequest) {
			r.HyperParameters["do"], r.StoppingCondition.MaxRuntimeInSeconds = "wait", new(int32(1))
		}, stopped, true},
		"platform": {func(w *world, _ *sagemaker.CreateTrainingJobRequest) {
			w.s3.refuse = refuseMethod("PUT", 500, "InternalError")
		}, failed, false},
		"before the launch": {func(w *world, _ *sagemaker.CreateTrainingJobRequest) {
			w.deny["ec2.CreateNetworkInterface"] = validation.New("no")
		}, failed, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := warmWorld(t, 2)
			r := warmRequest("job")
			c.prepare(w, r)
			w.run(s)
			w.begin(s, r)
			if d := w.ended(s, "job"); *d.TrainingJobStatus != c.ends {
				t.Errorf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
			}
			if !c.kept {
				if p := w.pool(s, "job", "Terminated").WarmPoolStatus; *p.ResourceRetainedBillableTimeInSeconds != 0 {
					t.Errorf("%+v", p)
				}
				w.empty()
				return
			}
			w.pool(s, "job", "Available")
			// A second that fails before it runs hands the cluster on too.
			second := warmRequest("second")
			second.AlgorithmSpecification.TrainingImage = new("x/none:1")
			w.s3.refuse = nil
			w.begin(s, second)
			w.pool(s, "second", "Available")
			w.pool(s, "job", "Reused")
			if err := keepFor(s, w, "second", 0); err != nil {
				t.Error(err)
			}
			w.until("gone", func() bool { return w.network() == "" })
		})
	}
}

// TestAPoolNeedsAQuota: without one nothing is kept, and no word said; with one what is kept counts twice, as a
// pool's and as training's, and whoever takes it over is counted already.
func TestAPoolNeedsAQuota(t *testing.T) {
	w, _ := trainingWorld(t)
	quotas := map[string]int{"ml.m5.large for training job usage": 3}
	w.config = func(c *Config) {
		c.Quotas, c.Types = quotas, map[string]InstanceType{"ml.m5.large": {Available: new(3)}}
	}
	s := w.service()
	stop := w.run(s)
	w.begin(s, warmRequest("none"))
	w.ended(s, "none")
	w.pool(s, "none", "Terminated")
	w.empty()
	stop()
	quotas[poolQuota] = 2
	s = w.service()
	w.run(s)
	w.begin(s, warmRequest("one"))
	w.pool(s, "one", "Available")
	other := warmRequest("two")
	other.VpcConfig.Subnets = []string{"subnet-2"}
	_, err := s.createTrainingJob(t.Context(), w.call(), other)
	w.exceeds(err, "ml.m5.large for training job usage", "3 Instances, with current utilization of 2 Instances and a request delta of 2 Instances.")
	quotas["ml.m5.large for training job usage"] = 9
	other.ResourceConfig.InstanceCount = new(int32(1))
	w.begin(s, other) // the third, which may not be kept beside the others
	w.ended(s, "two")
	w.pool(s, "two", "Terminated")
	w.pool(s, "one", "Available")
	other = warmRequest("three")
	other.VpcConfig.Subnets = []string{"subnet-2"}
	w.begin(s, other) // of which there are too few
	if d := w.ended(s, "three"); !strings.HasPrefix(text(d.FailureReason), "CapacityError: ") || poolStatus(d) != "Terminated" {
		t.Errorf("%s: %+v", text(d.FailureReason), d.WarmPoolStatus)
	}
	w.begin(s, warmRequest("four"))
	w.pool(s, "four", "Available")
	if d := w.describe(s, "four"); *d.TrainingJobStatus != completed {
		t.Errorf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
}

// TestPoolsEnd when their time is over, also while no server ran, or when somebody ends them.
func TestPoolsEnd(t *testing.T) {
	w, s := warmWorld(t, 6)
	stop := w.run(s)
	for name, seconds := range map[string]int32{"short": 1, "long": 3600, "old": 21600} {
		r := warmRequest(name)
		r.ResourceConfig.KeepAlivePeriodInSeconds, r.ResourceConfig.VolumeSizeInGB = &seconds, new(int32(len(name)))
		w.begin(s, r)
		w.ended(s, name)
	}
	if d := w.pool(s, "short", "Terminated"); *d.WarmPoolStatus.ResourceRetainedBillableTimeInSeconds != 1 || lastMessage(d) != "Resource released due to keep alive period expiry" || *d.TrainingJobStatus != completed {
		t.Errorf("%s %+v", lastMessage(d), d.WarmPoolStatus)
	}
	list := func(status string) (names []string) {
		out, err := s.listTrainingJobs(t.Context(), w.call(), &sagemaker.ListTrainingJobsRequest{WarmPoolStatusEquals: &status, SortBy: new("Name"), SortOrder: new("Ascending")})
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range out.TrainingJobSummaries {
			if names = append(names, *j.TrainingJobName); *j.WarmPoolStatus.Status != status {
				t.Errorf("%s is %s", *j.TrainingJobName, *j.WarmPoolStatus.Status)
			}
		}
		return names
	}
	if got := fmt.Sprint(list("Available"), list("Terminated"), list("Reused"), list("InUse")); got != "[long old] [short] [] []" {
		t.Errorf("lists %s", got)
	}
	remove := func(name string) error {
		_, err := s.deleteTrainingJob(t.Context(), w.call(), &sagemaker.DeleteTrainingJobRequest{TrainingJobName: &name})
		return err
	}
	refused(t, remove("long"), "ResourceInUse", "retains a warm pool in status Available")
	refused(t, keepFor(s, w, "short", 60), "ValidationException", "has no warm pool in status Available")
	both := &sagemaker.UpdateTrainingJobRequest{TrainingJobName: new("long"), ProfilerConfig: &sagemaker.ProfilerConfigForUpdate{DisableProfiler: new(true)},
		ResourceConfig: &sagemaker.ResourceConfigForUpdate{KeepAlivePeriodInSeconds: new(int32(1))}}
	_, err := s.updateTrainingJob(t.Context(), w.call(), both)
	refused(t, err, "ValidationException", "is in status Completed")
	for range 2 {
		if err := keepFor(s, w, "long", 7200); err != nil {
			t.Fatal(err)
		}
	}
	if d := w.pool(s, "long", "Available"); *d.ResourceConfig.KeepAlivePeriodInSeconds != 7200 {
		t.Errorf("kept for %d", *d.ResourceConfig.KeepAlivePeriodInSeconds)
	}
	if err := keepFor(s, w, "long", 0); err != nil {
		t.Fatal(err)
	}
	if got := poolStatus(w.describe(s, "long")); got != "Terminated" {
		t.Errorf("ended by hand it is %s", got)
	}
	w.until("deletable", func() bool { return remove("long") == nil })
	stop()
	w.passed(27*24*time.Hour+23*time.Hour, "old")
	s = w.service()
	w.run(s)
	w.until("gone", func() bool { return w.network() == "" })
	if d := w.pool(s, "old", "Terminated"); *d.WarmPoolStatus.ResourceRetainedBillableTimeInSeconds != 21600 {
		t.Errorf("%+v", d.WarmPoolStatus)
	}
	w.until("released", func() bool { return remove("old") == nil })
	w.empty()
}

// passed has a job's pool be older than it is.
func (w *world) passed(by time.Duration, name string) {
	w.t.Helper()
	if err := w.db.Update(w.t.Context(), func(tx *store.Tx) error {
		key := store.Key(account, name)
		j, err := trainingJobs.Get(tx, key)
		if err != nil {
			return err
		}
		pool := store.Key(account, j.ID)
		p, err := waitingPools.Get(tx, pool)
		if err != nil {
			return err
		}
		j.Warm.Since, j.Warm.Born, p.Until = j.Warm.Since.Add(-by), j.Warm.Born.Add(-by), p.Until.Add(-by)
		if err := waitingPools.Put(tx, pool, p); err != nil {
			return err
		}
		return trainingJobs.Put(tx, key, j)
	}); err != nil {
		w.t.Fatal(err)
	}
}

// TestAClusterIsNotKeptForEver: after 28 days it ends, however many jobs it goes to.
func TestAClusterIsNotKeptForEver(t *testing.T) {
	w, s := warmWorld(t, 2)
	stop := w.run(s)
	w.begin(s, warmRequest("one"))
	w.pool(s, "one", "Available")
	stop()
	if err := w.db.Update(t.Context(), func(tx *store.Tx) error {
		j, err := trainingJobs.Get(tx, store.Key(account, "one"))
		if err != nil {
			return err
		}
		j.Warm.Born = time.Now().Add(-longestPool)
		return trainingJobs.Put(tx, store.Key(account, "one"), j)
	}); err != nil {
		t.Fatal(err)
	}
	s = w.service()
	w.run(s)
	w.begin(s, warmRequest("two"))
	w.ended(s, "two")
	w.pool(s, "two", "Terminated")
	w.pool(s, "one", "Reused")
	w.empty()
}

// TestOnePoolIsForOneJob: of many that are like it and begin at once one has it.
func TestOnePoolIsForOneJob(t *testing.T) {
	w, s := warmWorld(t, 2)
	w.run(s)
	w.begin(s, warmRequest("first"))
	w.pool(s, "first", "Available")
	before := w.network()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := warmRequest(fmt.Sprint("job-", i))
			r.HyperParameters["do"] = "wait"
			if _, err := s.createTrainingJob(context.Background(), w.call(), r); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	have := 0
	for i := range 8 {
		if poolStatus(w.describe(s, fmt.Sprint("job-", i))) == "InUse" {
			have++
		}
	}
	if have != 1 {
		t.Errorf("%d jobs have the pool", have)
	}
	w.until("all run", func() bool { all, _ := w.exec.List(t.Context()); return len(all) == 16 })
	if now := w.network(); !strings.Contains(now, before) || strings.Count(now, "eni-") < 16 {
		t.Errorf("%s; before %s", now, before)
	}
}

func TestWhatCannotBeAWarmPool(t *testing.T) {
	w, s := warmWorld(t, 2)
	spot, groups := warmRequest("spot"), warmRequest("groups")
	spot.EnableManagedSpotTraining, spot.StoppingCondition.MaxWaitTimeInSeconds = new(true), new(int32(600))
	groups.ResourceConfig.InstanceType, groups.ResourceConfig.InstanceCount = nil, nil
	groups.ResourceConfig.InstanceGroups = []sagemaker.InstanceGroup{{InstanceGroupName: new("a"), InstanceType: new("ml.m5.large"), InstanceCount: new(int32(2))}}
	for want, r := range map[string]*sagemaker.CreateTrainingJobRequest{"EnableManagedSpotTraining": spot, "InstanceGroups": groups} {
		_, err := s.createTrainingJob(t.Context(), w.call(), r)
		refused(t, err, "ValidationException", "KeepAlivePeriodInSeconds cannot be given together with "+want)
	}
	refused(t, keepFor(s, w, "gone", 60), "ValidationException", "Requested resource not found.")
}
