package ecr

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ecrdkr"
)

var (
	_ = api.Define(registry, "HeadBlob", func(c *api.Call, in *shape.BlobRequest) []api.Check {
		return at(in.RegistryId, in.Name).ask(c, "BatchCheckLayerAvailability")
	}, (*Service).headBlob)
	_ = api.Define(registry, "GetBlob", func(c *api.Call, in *shape.BlobRequest) []api.Check {
		return at(in.RegistryId, in.Name).ask(c, "GetDownloadUrlForLayer")
	}, (*Service).getBlob)
)

const octets = "application/octet-stream"

// blobOf finds a layer for the registry.
func (s *Service) blobOf(ctx context.Context, p place, digest string) (*layer, error) {
	if !digestForm.MatchString(digest) {
		return nil, digestInvalid.New("%s is not a digest", digest)
	}
	l, err := s.findLayer(ctx, p, digest)
	if fault.Is(err, layersNotFound.Code) {
		return nil, blobUnknown.New("%s", err.(*fault.Fault).Message)
	}
	return l, say(err)
}

func (s *Service) headBlob(ctx context.Context, _ *api.Call, in *shape.BlobRequest) (*shape.BlobHead, error) {
	l, err := s.blobOf(ctx, at(in.RegistryId, in.Name), *in.Digest)
	if err != nil {
		return nil, err
	}
	return &shape.BlobHead{ContentType: new(octets), ContentLength: new(itoa(l.Size)), AcceptRanges: new("bytes"), Digest: &l.Digest}, nil
}

// getBlob gives a layer's bytes, or the one range that is asked for.
func (s *Service) getBlob(ctx context.Context, _ *api.Call, in *shape.BlobRequest) (*shape.BlobResponse, error) {
	p := at(in.RegistryId, in.Name)
	l, err := s.blobOf(ctx, p, *in.Digest)
	if err != nil {
		return nil, err
	}
	out := &shape.BlobResponse{ContentType: new(octets), AcceptRanges: new("bytes"), Digest: &l.Digest}
	first, last, part := span(text(in.Range), l.Size)
	if part && first > last {
		return nil, fault.Kind{Code: "SIZE_INVALID", Status: 416}.New("The range %s is not in the layer of %d bytes", *in.Range, l.Size)
	}
	if part {
		out.ContentRange = new(fmt.Sprintf("bytes %d-%d/%d", first, last, l.Size))
	}
	n := last - first + 1
	r, err := s.open(ctx, l, first, n)
	if swept(err) {
		return nil, blobUnknown.New("The layer %s does not exist any more", l.Digest)
	}
	if err != nil {
		return nil, err
	}
	out.Blob, out.ContentLength = r, new(itoa(n))
	return out, nil
}

// span reads a Range header. What is no single range of bytes asks for all.
func span(header string, size int64) (first, last int64, part bool) {
	last = size - 1
	text, ok := strings.CutPrefix(header, "bytes=")
	from, to, dash := strings.Cut(text, "-")
	if !ok || !dash {
		return 0, last, false
	}
	a, errA := strconv.ParseInt(from, 10, 64)
	b, errB := strconv.ParseInt(to, 10, 64)
	switch {
	case from == "" && errB == nil && b >= 0: // the last b bytes
		return max(0, size-b), last, true
	case errA != nil || a < 0 || to != "" && (errB != nil || b < a):
		return 0, last, false
	case to == "":
		return a, last, true
	}
	return a, min(b, last), true
}
