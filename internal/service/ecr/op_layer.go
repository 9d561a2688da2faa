package ecr

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ecr"
)

var (
	_ = api.Define(operations, "BatchCheckLayerAvailability", func(c *api.Call, in *shape.BatchCheckLayerAvailabilityRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "BatchCheckLayerAvailability")
	}, (*Service).batchCheckLayerAvailability)
	_ = api.Define(operations, "GetDownloadUrlForLayer", func(c *api.Call, in *shape.GetDownloadUrlForLayerRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "GetDownloadUrlForLayer")
	}, (*Service).getDownloadURLForLayer)
	_ = api.Define(operations, "InitiateLayerUpload", func(c *api.Call, in *shape.InitiateLayerUploadRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "InitiateLayerUpload")
	}, (*Service).initiateLayerUpload)
	_ = api.Define(operations, "UploadLayerPart", func(c *api.Call, in *shape.UploadLayerPartRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "UploadLayerPart")
	}, (*Service).uploadLayerPart)
	_ = api.Define(operations, "CompleteLayerUpload", func(c *api.Call, in *shape.CompleteLayerUploadRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "CompleteLayerUpload")
	}, (*Service).completeLayerUpload)
)

const (
	// partSize is how large parts should be, minPart the least size of all but the last.
	partSize = 20 << 20
	minPart  = 5 << 20
	// addressTime is how long the address of a layer is good.
	addressTime = time.Hour
)

var anyDigest = regexp.MustCompile(`^[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+$`)

func (s *Service) batchCheckLayerAvailability(ctx context.Context, c *api.Call, in *shape.BatchCheckLayerAvailabilityRequest) (*shape.BatchCheckLayerAvailabilityResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	out := &shape.BatchCheckLayerAvailabilityResponse{Layers: []shape.Layer{}, Failures: []shape.LayerFailure{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, p); err != nil {
			return err
		}
		for _, d := range in.LayerDigests {
			if !anyDigest.MatchString(d) {
				out.Failures = append(out.Failures, shape.LayerFailure{LayerDigest: &d, FailureCode: new("InvalidLayerDigest"),
					FailureReason: new("Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")})
				continue
			}
			l, err := layers.Get(tx, p.key(d))
			if err != nil {
				return err
			}
			if l == nil {
				out.Layers = append(out.Layers, shape.Layer{LayerDigest: &d, LayerAvailability: new("UNAVAILABLE")})
				continue
			}
			found := shape.Layer{LayerDigest: &d, LayerAvailability: new("AVAILABLE"), LayerSize: &l.Size}
			if l.MediaType != "" {
				found.MediaType = &l.MediaType
			}
			out.Layers = append(out.Layers, found)
		}
		return nil
	})
}

// getDownloadURLForLayer gives an address at which the registry hands out this layer, and nothing else, without
// a password.
func (s *Service) getDownloadURLForLayer(ctx context.Context, c *api.Call, in *shape.GetDownloadUrlForLayerRequest) (*shape.GetDownloadUrlForLayerResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	l, err := s.findLayer(ctx, p, *in.LayerDigest)
	if err != nil {
		return nil, err
	}
	path := "/v2/" + p.name + "/blobs/" + l.Digest
	pass, err := s.Directory.Pass(directory.LayerPass(s.Region, "/"+p.account+path), c.Caller.Identity, c.Time.Add(addressTime))
	if err != nil {
		return nil, err
	}
	return &shape.GetDownloadUrlForLayerResponse{LayerDigest: &l.Digest, DownloadUrl: new("https://" + s.host(p.account) + path + "?X-Cloister-Pass=" + pass)}, nil
}

func (s *Service) initiateLayerUpload(ctx context.Context, c *api.Call, in *shape.InitiateLayerUploadRequest) (*shape.InitiateLayerUploadResponse, error) {
	u, err := s.begin(ctx, where(c, in.RegistryId, in.RepositoryName))
	if err != nil {
		return nil, err
	}
	return &shape.InitiateLayerUploadResponse{UploadId: &u.ID, PartSize: new(int64(partSize))}, nil
}

func (s *Service) uploadLayerPart(ctx context.Context, c *api.Call, in *shape.UploadLayerPartRequest) (*shape.UploadLayerPartResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	if got := int64(len(in.LayerPartBlob)); *in.PartLastByte-*in.PartFirstByte+1 != got || got == 0 {
		return nil, parameter("layerPartBlob", "must have as many bytes as partFirstByte and partLastByte say")
	}
	u, err := s.receive(ctx, p, *in.UploadId, *in.PartFirstByte, bytes.NewReader(in.LayerPartBlob))
	if err != nil {
		return nil, err
	}
	return &shape.UploadLayerPartResponse{RegistryId: &p.account, RepositoryName: &p.name, UploadId: in.UploadId, LastByteReceived: new(u.Size - 1)}, nil
}

func (s *Service) completeLayerUpload(ctx context.Context, c *api.Call, in *shape.CompleteLayerUploadRequest) (*shape.CompleteLayerUploadResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	u, err := s.upload(ctx, p, *in.UploadId)
	if err != nil {
		return nil, err
	}
	if len(u.Pieces) == 0 {
		return nil, emptyUpload.New("The upload with id '%s' does not contain any layer parts", u.ID)
	}
	if slices.ContainsFunc(u.Pieces[:len(u.Pieces)-1], func(x piece) bool { return x.Size < minPart }) {
		return nil, layerPartTooSmall.New("Layer parts must be at least 5 MiB in size, but for the last")
	}
	at := slices.IndexFunc(in.LayerDigests, digestForm.MatchString)
	if at < 0 {
		return nil, invalidLayer.New("The layer digests '%v' have none of sha256", in.LayerDigests)
	}
	l, again, err := s.finish(ctx, p, u.ID, in.LayerDigests[at])
	if err != nil {
		return nil, err
	}
	if again {
		return nil, layerExists.New("The layer with digest '%s' already exists in the repository with name '%s' in the registry with id '%s'", l.Digest, p.name, p.account)
	}
	return &shape.CompleteLayerUploadResponse{RegistryId: &p.account, RepositoryName: &p.name, UploadId: &u.ID, LayerDigest: &l.Digest}, nil
}
