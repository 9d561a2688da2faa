// Package ecr is Amazon ECR: repositories with their policies, images, layers, and the registry that container
// tools push to and pull from.
//
// It promises that what was acknowledged is there whole after kill -9 and bears its digest; that an image can only
// be put when all that it consists of is there; that a repository's policy is in force when the call that set it
// returns; and that bytes which nothing speaks of any more go away. What it cannot act on it refuses. It decides
// nothing about who may call, and does not know who runs images.
package ecr

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/blob"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/fault"
)

// operations are the API's, registry those of the door that container tools speak to.
var (
	operations = api.NewSet[*Service]("ecr")
	registry   = api.NewSet[*Service]("ecrdkr")
)

var (
	invalid              = fault.Kind{Code: "InvalidParameterException", Status: 400}
	invalidTag           = fault.Kind{Code: "InvalidTagParameterException", Status: 400}
	tooManyTags          = fault.Kind{Code: "TooManyTagsException", Status: 400}
	limitExceeded        = fault.Kind{Code: "LimitExceededException", Status: 400}
	repositoryNotFound   = fault.Kind{Code: "RepositoryNotFoundException", Status: 400}
	repositoryExists     = fault.Kind{Code: "RepositoryAlreadyExistsException", Status: 400}
	repositoryNotEmpty   = fault.Kind{Code: "RepositoryNotEmptyException", Status: 400}
	policyNotFound       = fault.Kind{Code: "RepositoryPolicyNotFoundException", Status: 400}
	lifecycleNotFound    = fault.Kind{Code: "LifecyclePolicyNotFoundException", Status: 400}
	imageNotFound        = fault.Kind{Code: "ImageNotFoundException", Status: 400}
	imageExists          = fault.Kind{Code: "ImageAlreadyExistsException", Status: 400}
	imageTagExists       = fault.Kind{Code: "ImageTagAlreadyExistsException", Status: 400}
	imageDigestDiffers   = fault.Kind{Code: "ImageDigestDoesNotMatchException", Status: 400}
	referencedNotFound   = fault.Kind{Code: "ReferencedImagesNotFoundException", Status: 400}
	layersNotFound       = fault.Kind{Code: "LayersNotFoundException", Status: 400}
	layerExists          = fault.Kind{Code: "LayerAlreadyExistsException", Status: 400}
	invalidLayer         = fault.Kind{Code: "InvalidLayerException", Status: 400}
	invalidLayerPart     = fault.Kind{Code: "InvalidLayerPartException", Status: 400}
	layerPartTooSmall    = fault.Kind{Code: "LayerPartTooSmallException", Status: 400}
	uploadNotFound       = fault.Kind{Code: "UploadNotFoundException", Status: 400}
	emptyUpload          = fault.Kind{Code: "EmptyUploadException", Status: 400}
	imageTagDoesNotMatch = "ImageTagDoesNotMatchDigest"
)

// Service is ECR over a store of records and one of bytes. Load is to be called before the first call, and Run
// along with the calls.
type Service struct {
	DB        *store.DB
	Blobs     blob.Store
	Directory *directory.Directory
	// Client asks as the caller whether a layer of another repository may be had.
	Client api.Client
	Region string
	// Log may be nil.
	Log *slog.Logger

	held held
	once sync.Once
	bell chan struct{}
}

// Bind gives the API's operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

// Registry is what container tools speak to.
type Registry struct{ *Service }

// Bind gives the registry's operations to the door.
func (r Registry) Bind() (*api.Service, error) { return registry.Bind(r.Service) }

// Load tells the directory every repository and its policy.
func (s *Service) Load(ctx context.Context) error {
	return s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := repositories.All(tx, "")
		if err != nil {
			return err
		}
		for _, r := range all {
			x, err := s.resource(r)
			if err != nil {
				return fmt.Errorf("policy of repository %s: %w", r.Name, err)
			}
			s.Directory.SetResource(x)
		}
		return nil
	})
}

// houseEvery is how often lifecycle policies are applied and bytes without a record are looked for.
const houseEvery = time.Hour

// Run keeps house, at once and then from time to time and when there is reason to, until ctx is done.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(houseEvery)
	defer tick.Stop()
	for {
		s.tell(ctx, "lifecycle policies", s.expire(ctx))
		s.tell(ctx, "sweep of layers", s.sweep(ctx))
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.ringing():
		}
	}
}

// ring has the house kept soon.
func (s *Service) ring() {
	select {
	case s.ringing() <- struct{}{}:
	default:
	}
}

func (s *Service) ringing() chan struct{} {
	s.once.Do(func() { s.bell = make(chan struct{}, 1) })
	return s.bell
}

func (s *Service) tell(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil && s.Log != nil {
		s.Log.Warn(what, "error", err)
	}
}

// place is a repository of a registry, which is an account.
type place struct{ account, name string }

func (p place) arn(region string) string {
	return arn.Format("ecr", region, p.account, "repository/"+p.name)
}
func (p place) key(parts ...string) string {
	return store.Key(append([]string{p.account, p.name}, parts...)...)
}
func (p place) prefix() string { return store.Prefix(p.account, p.name) }

// where is the repository that a request names; without a registry it is the caller's.
func where(c *api.Call, registryID, name *string) place {
	p := place{account: c.Account(), name: text(name)}
	if registryID != nil {
		p.account = *registryID
	}
	return p
}

// ask is one question about one repository.
func (p place) ask(c *api.Call, action string, keys ...api.Key) []api.Check {
	return []api.Check{{Action: "ecr:" + action, Resource: p.arn(c.Region), Account: p.account, Keys: keys}}
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// parameter is how ECR refuses the value of a parameter.
func parameter(name, constraint string) error {
	return invalid.New("Invalid parameter at '%s' failed to satisfy constraint: '%s'", name, constraint)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
