package ecr

import (
	"regexp"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ecr"
)

// repository is the record of a repository.
type repository struct {
	Account, Name string
	Created       time.Time
	Mutability    string
	Exclusions    []string          `json:",omitempty"` // patterns of tags for which it is the other way round
	Tags          map[string]string `json:",omitempty"`
	Policy        string            `json:",omitempty"`
	// Principals are the unique ids of the users and roles that the policy names: one made later under the same
	// name is not meant.
	Principals map[string]string `json:",omitempty"`
	Lifecycle  string            `json:",omitempty"`
	Evaluated  time.Time         `json:",omitzero"`
}

// image is the record of a manifest.
type image struct {
	Digest, MediaType     string
	ArtifactType, Subject string `json:",omitempty"`
	Size                  int64  // of all layers and the configuration
	Pushed                time.Time
	Pulled                time.Time `json:",omitzero"`
	Layers                []string  `json:",omitempty"` // digests, the configuration's among them
	Children              []string  `json:",omitempty"` // of an index
}

// manifest is what an image's digest is of.
type manifest struct{ Raw []byte }

// tag is a name of an image.
type tag struct{ Name, Digest string }

// piece is a blob that is a part of a layer.
type piece struct {
	Blob string
	Size int64
}

// layer is bytes of a repository with a digest. Seen is when somebody last wanted it here who may not have put its
// image yet.
type layer struct {
	Digest    string
	MediaType string `json:",omitempty"`
	Size      int64
	Pieces    []piece
	Seen      time.Time
}

// upload is a layer to be. State is that of the sum so far.
type upload struct {
	ID      string
	Started time.Time
	Touched time.Time
	Size    int64
	Pieces  []piece
	State   []byte
}

// All are keyed by account and repository, then by what they are called there.
var (
	repositories = store.NewTable[repository]("ecr_repository")
	images       = store.NewTable[image]("ecr_image")
	manifests    = store.NewTable[manifest]("ecr_manifest")
	tags         = store.NewTable[tag]("ecr_tag")
	layers       = store.NewTable[layer]("ecr_layer")
	uploads      = store.NewTable[upload]("ecr_upload")
)

func (r *repository) place() place { return place{r.Account, r.Name} }

func find(tx *store.Tx, p place) (*repository, error) {
	r, err := repositories.Get(tx, p.key())
	if err == nil && r == nil {
		err = repositoryNotFound.New("The repository with name '%s' does not exist in the registry with id '%s'", p.name, p.account)
	}
	return r, err
}

// host is the name of an account's registry.
func (s *Service) host(account string) string {
	return account + ".dkr.ecr." + s.Region + ".amazonaws.com"
}

func (s *Service) shown(r *repository) *shape.Repository {
	return &shape.Repository{
		RepositoryArn: new(r.place().arn(s.Region)), RegistryId: &r.Account, RepositoryName: &r.Name, RepositoryUri: new(s.host(r.Account) + "/" + r.Name),
		CreatedAt: &r.Created, ImageTagMutability: &r.Mutability, ImageTagMutabilityExclusionFilters: filters(r.Exclusions),
		ImageScanningConfiguration: &shape.ImageScanningConfiguration{ScanOnPush: new(false)},
		EncryptionConfiguration:    &shape.EncryptionConfiguration{EncryptionType: new("AES256")},
	}
}

// resource is what the directory is to know of a repository.
func (s *Service) resource(r *repository) (*directory.Resource, error) {
	x := &directory.Resource{ARN: r.place().arn(s.Region), Account: r.Account}
	if r.Policy == "" {
		return x, nil
	}
	d, err := policy.Parse(r.Policy)
	if err != nil {
		return nil, err
	}
	x.Policy = &policy.Attached{ARN: x.ARN, Owner: r.Account, Document: d.Bind(func(arn string) (string, bool) {
		id, ok := r.Principals[arn]
		return id, ok
	})}
	return x, nil
}

// put writes a repository's record and tells the directory.
func (s *Service) put(tx *store.Tx, r *repository) error {
	x, err := s.resource(r)
	if err != nil {
		return err
	}
	tx.After(func() { s.Directory.SetResource(x) })
	return repositories.Put(tx, r.place().key(), r)
}

var (
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	tagForm    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	nameForm   = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
)
