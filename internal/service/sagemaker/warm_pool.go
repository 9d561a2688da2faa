package sagemaker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/machine/tunnel"
	"cloister/internal/value/shape/sagemaker"
)

// warmPool is what a job's record says of its warm pool: a cluster that outlives its job and waits for another that is
// like it. What stays are interfaces, namespaces, addresses, GPUs and the place in the quotas, all named after the
// first job of the cluster; containers and files of a job never do.
type warmPool struct {
	// Status is the API's, empty while the job runs on a cluster that has not waited yet.
	Status string
	// Kept says that the cluster stays when what else the job has here goes.
	Kept bool
	// Born is when the first job of the cluster was made, Since when this job's began to wait, Retained for how
	// many seconds it did.
	Born     time.Time
	Since    time.Time
	Retained int32
	ReusedBy string `json:",omitempty"`
}

// The statuses of a warm pool.
const (
	available  = sagemaker.WarmPoolResourceStatusAvailable
	poolInUse  = sagemaker.WarmPoolResourceStatusInUse
	reused     = sagemaker.WarmPoolResourceStatusReused
	terminated = sagemaker.WarmPoolResourceStatusTerminated
)

// longestPool is how long a cluster can go from job to job.
const longestPool = 28 * 24 * time.Hour

// waitingPool is a cluster that waits: from the transaction in which its job is at rest until the one in which it
// is taken over or ended. Its key is that of its instances in use.
type waitingPool struct {
	Job   string // key of the job that it is of
	Like  string // what a job asks for that may have it
	Until time.Time
}

var waitingPools = store.NewTable[waitingPool]("sagemaker.warm-pool")

// kept tells whether the job's cluster stays when the job is undone.
func (j *jobState) kept() bool { return j.Warm != nil && j.Warm.Kept }

// waits tells whether the job's cluster waits.
func (j *jobState) waits() bool { return j.Warm != nil && j.Warm.Status == available }

// keepAlive is how long the cluster is to wait when the job has ended.
func (j *trainingJob) keepAlive() time.Duration {
	return time.Duration(number(j.Request.ResourceConfig.KeepAlivePeriodInSeconds, 0)) * time.Second
}

// waitsUntil is when the cluster has waited long enough.
func (j *trainingJob) waitsUntil() time.Time {
	until, last := j.Warm.Since.Add(j.keepAlive()), j.Warm.Born.Add(longestPool)
	if last.Before(until) {
		return last
	}
	return until
}

// like is what two jobs have in common of which the later can have the earlier's cluster.
func (j *trainingJob) like() (string, error) {
	in, r := &j.Request, j.Request.ResourceConfig
	var subnets, groups []string
	if in.VpcConfig != nil {
		subnets, groups = slices.Sorted(slices.Values(in.VpcConfig.Subnets)), slices.Sorted(slices.Values(in.VpcConfig.SecurityGroupIds))
	}
	b, err := json.Marshal([]any{text(in.RoleArn), number(r.InstanceCount, 1), text(r.InstanceType), text(r.VolumeKmsKeyId), number(r.VolumeSizeInGB, 0),
		subnets, groups, flag(in.EnableInterContainerTrafficEncryption), flag(in.EnableNetworkIsolation)})
	return string(b), err
}

// retain decides, when it is clear how a job ends and before anything of it is undone, whether its cluster stays.
func (r *jobRun) retain(tx *store.Tx, j job) error {
	t, ok := j.(*trainingJob)
	if !ok || t.Warm == nil && t.keepAlive() == 0 {
		return nil
	}
	if t.Warm == nil {
		t.Warm = &warmPool{Born: t.Created}
	}
	if t.keepAlive() == 0 || !t.sound() || !tx.Now.Before(t.Warm.Born.Add(longestPool)) {
		return nil
	}
	kept, err := r.roomForPool(tx, t)
	t.Warm.Kept = kept
	return err
}

// sound tells whether a job that ends leaves a whole cluster: it was launched, and nothing but the customer or his
// container is why the job failed.
func (j *trainingJob) sound() bool {
	launched := j.Warm.Status != "" || !slices.Contains([]string{"", starting, launching}, j.Stage)
	blamed := strings.HasPrefix(j.Outcome.Reason, "ClientError:") || strings.HasPrefix(j.Outcome.Reason, "AlgorithmError:")
	return launched && (j.Outcome.Status != failed || blamed)
}

// roomForPool counts the job's instances as a warm pool's, if the account may have as many. Without a quota it may
// have none, as on AWS.
func (s *Service) roomForPool(tx *store.Tx, t *trainingJob) (bool, error) {
	key, own := store.Key(t.Account, t.ID), text(t.Request.ResourceConfig.InstanceType)
	u, err := used.Get(tx, key)
	if err != nil || u == nil {
		return false, err
	}
	others, err := used.All(tx, store.Prefix(t.Account))
	if err != nil {
		return false, err
	}
	n := len(t.Hosts)
	for _, o := range others {
		if o.Pooled {
			n += o.Types[own]
		}
	}
	if n > s.Quotas[own+" for training warm pool usage"] {
		return false, nil
	}
	u.Pooled = true
	return true, used.Put(tx, key, u)
}

// awaitNext has the cluster of a job wait, of which nothing else is left.
func (s *Service) awaitNext(tx *store.Tx, key string, t *trainingJob) error {
	like, err := t.like()
	if err != nil {
		return err
	}
	t.Warm.Status, t.Warm.Since = available, tx.Now
	t.show(tx.Now, t.Secondary, "Resource retained for reuse")
	return s.putPool(tx, store.Key(t.Account, t.ID), &waitingPool{Job: key, Like: like, Until: t.waitsUntil()})
}

func (s *Service) putPool(tx *store.Tx, key string, p *waitingPool) error {
	tx.After(func() { s.pools.Add(key) })
	return waitingPools.Put(tx, key, p)
}

// reuse gives a job that is about to begin a cluster that waits for one like it, if there is one. The job's containers
// get credentials and keys of their own; all else that the former job had there is gone.
func (s *Service) reuse(tx *store.Tx, t *trainingJob) error {
	if flag(t.Request.EnableManagedSpotTraining) || len(t.Request.ResourceConfig.InstanceGroups) > 0 {
		return nil
	}
	all, err := waitingPools.From(tx, store.Prefix(t.Account), "", -1)
	if err != nil || len(all) == 0 {
		return err
	}
	like, err := t.like()
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.Value.Like == like && tx.Now.Before(e.Value.Until) {
			return s.takeOverPool(tx, e.Key, e.Value.Job, t)
		}
	}
	return nil
}

func (s *Service) takeOverPool(tx *store.Tx, pool, former string, t *trainingJob) error {
	old, err := trainingJobs.Get(tx, former)
	if err != nil || old == nil {
		return err
	}
	u, err := used.Get(tx, pool)
	if err != nil {
		return err
	}
	if u != nil {
		u.Pooled = false
		if err := used.Put(tx, pool, u); err != nil {
			return err
		}
	}
	t.ID, t.Hosts, t.Warm = old.ID, slices.Clone(old.Hosts), &warmPool{Status: poolInUse, Born: old.Warm.Born}
	for i := range t.Hosts {
		h := &t.Hosts[i]
		h.Secret, h.Exit, h.Encrypted, h.Key = newSecret(), nil, netip.Addr{}, tunnel.Key{}
	}
	old.Warm.leave(reused, tx.Now)
	old.Warm.ReusedBy = t.name()
	old.show(tx.Now, old.Secondary, "Resource reused by training job: "+t.name())
	if err := waitingPools.Delete(tx, pool); err != nil {
		return err
	}
	return trainingJobs.Put(tx, former, old)
}

// inherit has the interfaces of a cluster that was taken over say whose they are now.
func (r *jobRun) inherit(ctx context.Context) error {
	if w := r.st().Warm; w == nil || w.Status != poolInUse {
		return nil
	}
	for _, h := range r.st().Hosts {
		if err := r.Isolation.Describe(ctx, r.st().Account, h.Interface, mark(h.ID, r.plan.What)); err != nil {
			return fmt.Errorf("take over %s: %w", h.Interface, err)
		}
	}
	return nil
}

// leave ends the job's share in the cluster.
func (w *warmPool) leave(status string, at time.Time) {
	w.Status, w.Kept, w.Retained = status, false, int32(at.Sub(w.Since).Round(time.Second)/time.Second)
}

// terminate ends a cluster that waits: it counts no more, and the job has something to undo again.
func (s *Service) terminate(tx *store.Tx, key string, t *trainingJob, at time.Time) error {
	t.Warm.leave(terminated, at)
	t.show(tx.Now, t.Secondary, "Resource released due to keep alive period expiry")
	t.Outcome = &outcome{Status: t.Status, Secondary: t.Secondary, Reason: t.FailureReason}
	for _, f := range []func() error{
		func() error { return waitingPools.Delete(tx, store.Key(t.Account, t.ID)) },
		func() error { return giveBack(tx, t.Account, t.ID) },
		func() error { return freeGPUs(tx, t.ID) },
		func() error { return trainingJobs.Put(tx, key, t) },
	} {
		if err := f(); err != nil {
			return err
		}
	}
	tx.After(func() { s.jobs.Add(trainingKind.queued(key)) })
	return nil
}

// workOnPool ends a cluster that has waited long enough, or says how long it may wait.
func (s *Service) workOnPool(ctx context.Context, key string) (left time.Duration, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := waitingPools.Get(tx, key)
		if err != nil || p == nil {
			return err
		}
		if left = p.Until.Sub(tx.Now); left > 0 {
			return nil
		}
		t, err := trainingJobs.Get(tx, p.Job)
		if err != nil || t == nil {
			return err
		}
		return s.terminate(tx, p.Job, t, p.Until)
	})
	return max(0, left), err
}

// resumePools fills the queue.
func (s *Service) resumePools(tx *store.Tx) error {
	all, err := waitingPools.From(tx, "", "", -1)
	for _, e := range all {
		s.pools.Add(e.Key)
	}
	return err
}

// changePool has a cluster that waits do so for as long as the job asks for now, counted from when it began to.
func (s *Service) changePool(tx *store.Tx, key string, t *trainingJob, seconds *int32) error {
	t.Request.ResourceConfig.KeepAlivePeriodInSeconds, t.Modified = seconds, tx.Now
	until := t.waitsUntil()
	if !tx.Now.Before(until) {
		return s.terminate(tx, key, t, tx.Now)
	}
	pool := store.Key(t.Account, t.ID)
	p, err := waitingPools.Get(tx, pool)
	if err != nil || p == nil {
		return err
	}
	p.Until = until
	if err := s.putPool(tx, pool, p); err != nil {
		return err
	}
	return trainingJobs.Put(tx, key, t)
}

// shown is what the API tells of a job's pool: nothing until it has waited, or was not let.
func (w *warmPool) shown() *sagemaker.WarmPoolStatus {
	if w == nil || w.Status == "" {
		return nil
	}
	out := &sagemaker.WarmPoolStatus{Status: &w.Status}
	if w.Status == reused || w.Status == terminated {
		out.ResourceRetainedBillableTimeInSeconds = &w.Retained
	}
	if w.ReusedBy != "" {
		out.ReusedByJob = &w.ReusedBy
	}
	return out
}
