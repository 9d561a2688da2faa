package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"

	"cloister/internal/frame/api"
	"cloister/internal/machine/image"
	"cloister/internal/service/ecr"
	"cloister/internal/service/sagemaker"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ecr"
)

// puller brings images of ECR to the image store, in the name of the role that is to run them.
type puller struct {
	store  *image.Store
	client api.Client
	ecr    *ecr.Service
	region string
	own    map[string]bool
}

// errNotInECR says that a reference does not name a repository that there is.
var errNotInECR = errors.New("not in ECR")

var ecrForm = regexp.MustCompile(`^([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)(?::([^:@]+))?(?:@(sha256:[0-9a-f]{64}))?$`)

// mediaTypes are the manifests that this machine can run.
var (
	imageTypes = []string{"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json"}
	listTypes  = []string{"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json"}
)

// repository is where a pull reads.
type repository struct {
	puller
	as            caller.Caller
	account, name string
}

// pull asks ECR for an image. What the role may not have, or is not there, is a NoImage with ECR's own words.
func (p puller) pull(ctx context.Context, as caller.Caller, reference string) (image.Digest, error) {
	m := ecrForm.FindStringSubmatch(reference)
	if m == nil || p.own[reference] {
		return "", errNotInECR
	}
	there, err := p.ecr.Has(ctx, m[1], m[3])
	if err != nil {
		return "", err
	}
	if !there && m[2] == p.region {
		return "", errNotInECR
	}
	if m[2] != p.region {
		return "", &sagemaker.NoImage{Reason: "The image must be in an ECR repository of the region " + p.region + "."}
	}
	r := repository{p, as, m[1], m[3]}
	id := shape.ImageIdentifier{}
	switch {
	case m[5] != "":
		id.ImageDigest = &m[5]
	case m[4] != "":
		id.ImageTag = &m[4]
	default:
		id.ImageTag = new("latest")
	}
	digest, err := r.image(ctx, id)
	if f, told := fault.As(err); told {
		return "", &sagemaker.NoImage{Reason: f.Message}
	}
	return digest, err
}

// image brings one image.
func (r repository) image(ctx context.Context, id shape.ImageIdentifier) (image.Digest, error) {
	raw, digest, err := r.manifest(ctx, id)
	if err != nil {
		return "", err
	}
	var m struct{ Config struct{ Digest string } }
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", fmt.Errorf("manifest %s: %w", digest, err)
	}
	// Whether it is here already is nobody's right to know who may not pull it.
	_, err = r.client.Call(ctx, r.as, "ecr", "GetDownloadUrlForLayer", &shape.GetDownloadUrlForLayerRequest{
		RegistryId: &r.account, RepositoryName: &r.name, LayerDigest: &m.Config.Digest})
	if err != nil {
		return "", err
	}
	if _, err := r.store.Image(ctx, image.Digest(digest)); err == nil {
		return image.Digest(digest), nil
	}
	config, err := r.read(ctx, m.Config.Digest)
	if err != nil {
		return "", err
	}
	img, err := image.Of(raw, config, func(d string) (io.ReadCloser, error) { return r.ecr.Bytes(ctx, r.account, r.name, d) })
	if err == nil {
		var kept image.Digest
		if kept, err = r.store.Keep(ctx, img); err == nil {
			return kept, nil
		}
	}
	if ctx.Err() != nil {
		return "", err
	}
	return "", &sagemaker.NoImage{Reason: "The image cannot be unpacked: " + err.Error() + "."}
}

// maxConfig bounds the configuration of an image.
const maxConfig = 8 << 20

func (r repository) read(ctx context.Context, digest string) ([]byte, error) {
	in, err := r.ecr.Bytes(ctx, r.account, r.name, digest)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, maxConfig))
}

// manifest gets the manifest of an image; of a list, that for this machine.
func (r repository) manifest(ctx context.Context, id shape.ImageIdentifier) (raw []byte, digest string, err error) {
	for types := append(listTypes, imageTypes...); ; types = imageTypes {
		out, err := api.CallAs[shape.BatchGetImageResponse](ctx, r.client, r.as, "ecr", "BatchGetImage", &shape.BatchGetImageRequest{
			RegistryId: &r.account, RepositoryName: &r.name, ImageIds: []shape.ImageIdentifier{id}, AcceptedMediaTypes: types})
		if err != nil {
			return nil, "", err
		}
		if len(out.Images) != 1 {
			return nil, "", &sagemaker.NoImage{Reason: *out.Failures[0].FailureReason + "."}
		}
		i := out.Images[0]
		raw, digest = []byte(*i.ImageManifest), *i.ImageId.ImageDigest
		child, list, err := fitting(raw)
		if err != nil || !list {
			return raw, digest, err
		}
		id = shape.ImageIdentifier{ImageDigest: &child}
	}
}

// fitting finds the image for this machine on a list; list is false for what is none.
func fitting(raw []byte) (digest string, list bool, err error) {
	var m struct {
		Manifests []struct {
			Digest   string
			Platform struct{ OS, Architecture string }
		}
	}
	if err := json.Unmarshal(raw, &m); err != nil || m.Manifests == nil {
		return "", false, err
	}
	for _, d := range m.Manifests {
		if d.Platform.OS == "linux" && d.Platform.Architecture == runtime.GOARCH {
			return d.Digest, true, nil
		}
	}
	return "", true, &sagemaker.NoImage{Reason: "The image has no variant for linux/" + runtime.GOARCH + "."}
}
