package sagemaker

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/frame/api"
	"cloister/internal/frame/reconcile"
	"cloister/internal/machine/executor"
	"cloister/internal/machine/store"
	"cloister/internal/machine/tunnel/mesh"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
)

// The faults a customer of this service may see beside the door's own.
var (
	validation    = fault.Kind{Code: "ValidationException", Status: 400}
	resourceInUse = fault.Kind{Code: "ResourceInUse", Status: 400}
)

// principal is what the service is called where it acts by itself.
const principal = "sagemaker.amazonaws.com"

// internet is the place of traffic that belongs to no VPC.
const internet = "internet"

var operations = api.NewSet[*Service]("sagemaker")

// Network is the part of the fabric that jobs need: see fabric.Fabric.
type Network interface {
	Dial(ctx context.Context, id string, to netip.AddrPort) (net.Conn, error)
	Namespace(id string) string
	Resolver(id string) network.Resolver
	Lookup(id, name string) []netip.Addr
}

// Isolation is what the network's owner does for jobs beside its API. All of it may be repeated.
type Isolation interface {
	// Isolate makes a namespace that has a loopback device and nothing else, Release removes it.
	Isolate(ctx context.Context, id string) error
	Release(ctx context.Context, id string) error
	// Join makes a network of hosts that reach each other and nothing else, each in the namespace of its id, and
	// gives their addresses in the order of the hosts; Part removes it.
	Join(ctx context.Context, id string, hosts []string) ([]netip.Addr, error)
	Part(ctx context.Context, id string) error
	// Home gives hosts whose customer names no VPC a place with a way to the internet, each in the namespace of its
	// id, and gives their addresses in the order of the hosts; Leave removes it.
	Home(ctx context.Context, id string, hosts []string) ([]netip.Addr, error)
	Leave(ctx context.Context, id string, hosts []string) error
	// Manage marks an interface as in use and as the service's, so that nobody deletes it under a job; Unuse
	// ends that. Address is its address.
	Manage(ctx context.Context, account, id string) error
	Unuse(ctx context.Context, account, id string) error
	Address(ctx context.Context, account, id string) (netip.Addr, error)
	// Describe says anew what an interface is for.
	Describe(ctx context.Context, account, id, description string) error
	// Inform has what runs at an interface ask for its credentials, for as long as there is the interface.
	Inform(ctx context.Context, account, id string) error
}

// Meshes seal what hosts send each other: see mesh.Meshes.
type Meshes interface {
	Open(ctx context.Context, id string, hosts []mesh.Host) error
	Close(id string)
}

// Image is an unpacked image.
type Image struct {
	Digest, Root         string
	Entrypoint, Cmd, Env []string
	WorkingDir           string
	UID, GID             uint32
	Labels               map[string]string
}

// ErrNoImage says that there is no such image, or none for who asks.
var ErrNoImage = errors.New("no such image")

// NoImage is ErrNoImage with what the registry said, for the customer's eyes.
type NoImage struct{ Reason string }

func (e *NoImage) Error() string { return "no such image: " + e.Reason }

// Is makes it an ErrNoImage.
func (e *NoImage) Is(target error) bool { return target == ErrNoImage }

// withReason is a sentence about an image that was not to be had, and after it what the registry said.
func withReason(sentence string, err error) string {
	var why *NoImage
	if errors.As(err, &why) && why.Reason != "" {
		return sentence + " " + why.Reason
	}
	return sentence
}

// Images finds the image a customer named, as the role that is to run it.
type Images interface {
	Image(ctx context.Context, as caller.Caller, reference string) (*Image, error)
	// Kept finds an image that was found before, by its digest: what runs goes on with it whatever has become of its
	// name, or of the role's permission.
	Kept(ctx context.Context, digest string) (*Image, error)
}

// Traffic is told which instances of an endpoint are ready: by variant their weight and their
// places, each a namespace in which a container listens on 127.0.0.1:8080. Route and Remove are
// quick; Drain waits until no request is under way at a place, or ctx is done.
type Traffic interface {
	Route(account, endpoint string, weights map[string]float64, places map[string][]string)
	Remove(account, endpoint string)
	Drain(ctx context.Context, place string)
}

// Capacity is the most that one container may get, whatever its instance type says; zero means no cap.
type Capacity struct {
	CPUs   float64
	Memory int64
}

// Config is what the service works with.
type Config struct {
	DB     *store.DB
	Client api.Client
	// Identify tells whose temporary credentials these are.
	Identify  func(accessKey, token string) (caller.Identity, error)
	Network   Network
	Executor  executor.Executor
	Images    Images
	Isolation Isolation
	Meshes    Meshes
	Traffic   Traffic
	// Roots verify the certificates of S3's door.
	Roots *x509.CertPool
	// Keeper is the command that keeps pipes: see feed.Start.
	Keeper []string
	// Directory holds the working directories of jobs and instances.
	Directory string
	Region    string
	Log       *slog.Logger
	Clock     func() time.Time
	Capacity  Capacity
	// GPUs are the host's, by the names that an executor knows them by.
	GPUs []string
	// Types are instance types that mean something else than usual, or that are not known otherwise; Quotas the
	// most instances that an account may have, by AWS's names of the quotas. Both may be nil.
	Types  map[string]InstanceType
	Quotas map[string]int
	// Compiler is the image that compiles models, if there is one.
	Compiler string
	// Passing, if there is one, hears wherever a job has done one thing and not yet the next, and it goes on when that
	// returns. Nobody listens in what is shipped: tests have the process die there.
	Passing func(ctx context.Context, resource, point string)
	// Connect bounds one connection to S3 (10 s when zero), Startup the time a container has to
	// answer its first health check (8 minutes when zero).
	Connect, Startup time.Duration
}

// Service holds no state: records do, and the queues can be filled from them at any time.
type Service struct {
	Config
	jobs, pools, endpoints, instances, tunings *reconcile.Queue
	bells                                      bells
	lent                                       lent
	// pause is the least time between two looks at a container's checkpoints.
	pause time.Duration
	// chunk is what one transfer brings of a large object.
	chunk int64
	// answers is how many bytes of the answers of one container are held in memory.
	answers int64
	volumes *volumes
	// second is how long a second of a load test is.
	second time.Duration
}

// New makes the service; nothing happens before Run.
func New(c Config) *Service {
	if c.Connect == 0 {
		c.Connect = 10 * time.Second
	}
	if c.Startup == 0 {
		c.Startup = 8 * time.Minute
	}
	s := &Service{Config: c, pause: checkpointPause, chunk: chunkBytes, volumes: newVolumes(), answers: largestAnswers, second: time.Second}
	s.tunings = reconcile.New("tuning-jobs", c.Log, s.workOnTuningJob)
	s.jobs = reconcile.New("jobs", c.Log, func(ctx context.Context, key string) (time.Duration, error) { return 0, s.workOnJob(ctx, key) })
	s.pools = reconcile.New("warm-pools", c.Log, s.workOnPool)
	s.endpoints = reconcile.New("endpoints", c.Log, s.workOnEndpoint)
	s.instances = reconcile.New("endpoint-instances", c.Log, s.workOnInstance)
	return s
}

// Bind gives the operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

// ImagesInUse gives the digests of the images that unsettled jobs and instances run, or will run again.
func (s *Service) ImagesInUse(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		for _, kind := range jobKinds {
			keys, err := kind.keys(tx)
			if err != nil {
				return err
			}
			for _, key := range keys {
				j, err := kind.get(tx, key)
				if err != nil {
					return err
				}
				used[j.state().Image] = true
			}
		}
		all, err := instances.From(tx, "", "", -1)
		for _, e := range all {
			used[e.Value.Digest] = true
		}
		return err
	})
	return used, err
}

// concurrency is how many jobs, endpoints and instances are in hand at a time; each waits most of
// its life and costs a goroutine or three.
const concurrency = 4096

// Run resumes every unsettled job and endpoint and works until ctx is done. Containers stay.
func (s *Service) Run(ctx context.Context) error {
	if err := s.resume(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.jobs.Run(ctx, concurrency) })
	g.Go(func() error { return s.pools.Run(ctx, concurrency) })
	g.Go(func() error { return s.tunings.Run(ctx, concurrency) })
	g.Go(func() error { return s.endpoints.Run(ctx, concurrency) })
	g.Go(func() error { return s.instances.Run(ctx, concurrency) })
	return g.Wait()
}

// resume fills the queues and puts the routes of ready instances in force.
func (s *Service) resume(ctx context.Context) error {
	return s.DB.View(ctx, func(tx *store.Tx) error {
		if err := s.resumeTunings(tx); err != nil {
			return err
		}
		if err := s.resumeJobs(tx); err != nil {
			return err
		}
		if err := s.resumePools(tx); err != nil {
			return err
		}
		return s.resumeEndpoints(tx)
	})
}
