package ecr

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	apishape "cloister/internal/value/shape/ecr"
	shape "cloister/internal/value/shape/ecrdkr"
)

var (
	_ = api.Define(registry, "StartUpload", func(c *api.Call, in *shape.StartUploadRequest) []api.Check {
		p := at(in.RegistryId, in.Name)
		checks := p.ask(c, "InitiateLayerUpload")
		if in.Digest != nil { // all in one request
			checks = append(checks, append(p.ask(c, "UploadLayerPart"), p.ask(c, "CompleteLayerUpload")...)...)
		}
		return checks
	}, (*Service).startUpload)
	_ = api.Define(registry, "GetUpload", func(c *api.Call, in *shape.UploadRequest) []api.Check {
		return at(in.RegistryId, in.Name).ask(c, "UploadLayerPart")
	}, (*Service).getUpload)
	_ = api.Define(registry, "PatchUpload", func(c *api.Call, in *shape.PatchUploadRequest) []api.Check {
		return at(in.RegistryId, in.Name).ask(c, "UploadLayerPart")
	}, (*Service).patchUpload)
	_ = api.Define(registry, "PutUpload", func(c *api.Call, in *shape.PutUploadRequest) []api.Check {
		p := at(in.RegistryId, in.Name)
		return append(p.ask(c, "CompleteLayerUpload"), p.ask(c, "UploadLayerPart")...) // its body may be the last part
	}, (*Service).putUpload)
	_ = api.Define(registry, "DeleteUpload", func(c *api.Call, in *shape.UploadRequest) []api.Check {
		return at(in.RegistryId, in.Name).ask(c, "UploadLayerPart")
	}, (*Service).deleteUpload)
)

// shownUpload tells where an upload goes on, and how far it is.
func (s *Service) shownUpload(p place, u *upload) *shape.UploadResponse {
	return &shape.UploadResponse{
		Location: new("https://" + s.host(p.account) + "/v2/" + p.name + "/blobs/uploads/" + u.ID), UploadId: &u.ID, Range: new(fmt.Sprintf("0-%d", max(0, u.Size-1))),
	}
}

// done tells where a layer is.
func (s *Service) done(p place, digest string) *shape.UploadResponse {
	return &shape.UploadResponse{StatusCode: new(int32(201)), Digest: &digest, Location: new("https://" + s.host(p.account) + "/v2/" + p.name + "/blobs/" + digest)}
}

// startUpload begins an upload, takes a layer whole, or finds it in another repository.
func (s *Service) startUpload(ctx context.Context, c *api.Call, in *shape.StartUploadRequest) (*shape.UploadResponse, error) {
	p := at(in.RegistryId, in.Name)
	if in.Mount != nil && in.From != nil {
		if ok, err := s.mount(ctx, c, p, *in.From, *in.Mount); err != nil {
			return nil, say(err)
		} else if ok {
			return s.done(p, *in.Mount), nil
		}
	}
	u, err := s.begin(ctx, p)
	if err != nil {
		return nil, say(err)
	}
	if in.Digest == nil {
		return s.shownUpload(p, u), nil
	}
	return s.end(ctx, p, u.ID, *in.Digest, anywhere, in.Blob)
}

// mount makes a layer of another repository of the registry one of this, if the caller may have it there. If not, or
// if it is not there, the caller uploads it.
func (s *Service) mount(ctx context.Context, c *api.Call, p place, from, digest string) (bool, error) {
	source := place{p.account, from}
	if _, err := s.Client.Call(ctx, c.Caller, "ecr", "GetDownloadUrlForLayer", &apishape.GetDownloadUrlForLayerRequest{
		RegistryId: &source.account, RepositoryName: &source.name, LayerDigest: &digest}); err != nil {
		if _, refused := fault.As(err); refused {
			return false, nil
		}
		return false, err
	}
	mounted := false
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, p); err != nil {
			return err
		}
		l, err := layers.Get(tx, source.key(digest))
		if err != nil || l == nil {
			return err
		}
		mounted = true
		l.Seen = tx.Now
		return layers.Put(tx, p.key(digest), l)
	})
	return mounted, err
}

func (s *Service) getUpload(ctx context.Context, _ *api.Call, in *shape.UploadRequest) (*shape.UploadResponse, error) {
	p := at(in.RegistryId, in.Name)
	u, err := s.upload(ctx, p, *in.UploadId)
	if err != nil {
		return nil, say(err)
	}
	return s.shownUpload(p, u), nil
}

// offset reads where a part belongs, which its sender may leave out.
func offset(header *string) (int64, error) {
	if header == nil {
		return anywhere, nil
	}
	from, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(*header, "bytes"), " "), "-")
	n, err := strconv.ParseInt(strings.TrimPrefix(from, "="), 10, 64)
	if err != nil || n < 0 {
		return 0, uploadInvalid.New("Content-Range %s is no range", *header)
	}
	return n, nil
}

func (s *Service) patchUpload(ctx context.Context, _ *api.Call, in *shape.PatchUploadRequest) (*shape.UploadResponse, error) {
	p := at(in.RegistryId, in.Name)
	first, err := offset(in.ContentRange)
	if err != nil {
		return nil, err
	}
	u, err := s.receive(ctx, p, *in.UploadId, first, in.Blob)
	if err != nil {
		return nil, say(err)
	}
	return s.shownUpload(p, u), nil
}

func (s *Service) putUpload(ctx context.Context, _ *api.Call, in *shape.PutUploadRequest) (*shape.UploadResponse, error) {
	first, err := offset(in.ContentRange)
	if err != nil {
		return nil, err
	}
	if in.Digest == nil {
		return nil, digestInvalid.New("The request must say the digest of the layer")
	}
	return s.end(ctx, at(in.RegistryId, in.Name), *in.UploadId, *in.Digest, first, in.Blob)
}

// end takes the last bytes of an upload, if there are any, and makes the layer.
func (s *Service) end(ctx context.Context, p place, id, digest string, first int64, body io.Reader) (*shape.UploadResponse, error) {
	if !digestForm.MatchString(digest) {
		return nil, digestInvalid.New("%s is not a digest of sha256", digest)
	}
	if body != nil {
		if _, err := s.receive(ctx, p, id, first, body); err != nil {
			return nil, say(err)
		}
	}
	if _, _, err := s.finish(ctx, p, id, digest); err != nil {
		return nil, say(err)
	}
	return s.done(p, digest), nil
}

func (s *Service) deleteUpload(ctx context.Context, _ *api.Call, in *shape.UploadRequest) (*struct{}, error) {
	return new(struct{}), say(s.abandon(ctx, at(in.RegistryId, in.Name), *in.UploadId))
}
