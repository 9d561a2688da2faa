package ecr

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/blob"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ecrdkr"
)

// The registry's own faults, in the words of the protocol of container tools.
var (
	nameUnknown     = fault.Kind{Code: "NAME_UNKNOWN", Status: 404}
	manifestUnknown = fault.Kind{Code: "MANIFEST_UNKNOWN", Status: 404}
	manifestInvalid = fault.Kind{Code: "MANIFEST_INVALID", Status: 400}
	manifestBlob    = fault.Kind{Code: "MANIFEST_BLOB_UNKNOWN", Status: 404}
	tagInvalid      = fault.Kind{Code: "TAG_INVALID", Status: 400}
	digestInvalid   = fault.Kind{Code: "DIGEST_INVALID", Status: 400}
	blobUnknown     = fault.Kind{Code: "BLOB_UNKNOWN", Status: 404}
	uploadUnknown   = fault.Kind{Code: "BLOB_UPLOAD_UNKNOWN", Status: 404}
	uploadInvalid   = fault.Kind{Code: "BLOB_UPLOAD_INVALID", Status: 416}
	sizeInvalid     = fault.Kind{Code: "SIZE_INVALID", Status: 400}
	referenced      = fault.Kind{Code: "DENIED", Status: 405}
)

// spoken are the registry's faults for those of the API.
var spoken = map[string]fault.Kind{
	repositoryNotFound.Code: nameUnknown, imageNotFound.Code: manifestUnknown, layersNotFound.Code: manifestBlob, referencedNotFound.Code: manifestUnknown,
	imageTagExists.Code: tagInvalid, imageDigestDiffers.Code: digestInvalid, invalidLayer.Code: digestInvalid, uploadNotFound.Code: uploadUnknown,
	invalidLayerPart.Code: uploadInvalid, limitExceeded.Code: sizeInvalid, invalid.Code: manifestInvalid,
}

// say puts an API's fault into the registry's words.
func say(err error) error {
	if f, ok := fault.As(err); ok {
		if k, ok := spoken[f.Code]; ok {
			return k.New("%s", f.Message)
		}
	}
	return err
}

// at is the repository that a request is about.
func at(account, name *string) place { return place{text(account), text(name)} }

var (
	_ = api.Define(registry, "CheckVersion", func(*api.Call, *shape.RegistryRequest) []api.Check { return api.KnownCaller }, (*Service).checkVersion)
	_ = api.Define(registry, "ListRepositories", func(c *api.Call, in *shape.ListRepositoriesRequest) []api.Check {
		return at(in.RegistryId, new("*")).ask(c, "DescribeRepositories")
	}, (*Service).catalog)
	_ = api.Define(registry, "ListTags", func(c *api.Call, in *shape.ListTagsRequest) []api.Check {
		return at(in.RegistryId, in.Name).ask(c, "ListImages")
	}, (*Service).listTags)
	_ = api.Define(registry, "ListReferrers", func(c *api.Call, in *shape.ListReferrersRequest) []api.Check {
		return at(in.RegistryId, in.Name).ask(c, "BatchGetImage")
	}, (*Service).listReferrers)
)

func (s *Service) checkVersion(context.Context, *api.Call, *shape.RegistryRequest) (*struct{}, error) {
	return new(struct{}), nil
}

// some gives the names after last, at most n of them, and the link to the rest.
func some(names []string, n *int32, last *string, path string) ([]string, *string, error) {
	slices.Sort(names)
	i, found := slices.BinarySearch(names, text(last))
	if found && last != nil {
		i++
	}
	names = slices.Clone(names[i:])
	if n == nil {
		return names, nil, nil
	}
	if *n < 0 {
		return nil, nil, fault.Kind{Code: "PAGINATION_NUMBER_INVALID", Status: 400}.New("n must not be negative")
	}
	if len(names) <= int(*n) || *n == 0 {
		return names[:min(len(names), int(*n))], nil, nil
	}
	names = names[:*n]
	return names, new("<" + path + "?n=" + strconv.Itoa(int(*n)) + "&last=" + url.QueryEscape(names[*n-1]) + `>; rel="next"`), nil
}

func (s *Service) catalog(ctx context.Context, _ *api.Call, in *shape.ListRepositoriesRequest) (*shape.ListRepositoriesResponse, error) {
	out := &shape.ListRepositoriesResponse{}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := repositories.All(tx, store.Prefix(*in.RegistryId))
		if err != nil {
			return err
		}
		names := []string{}
		for _, r := range all {
			names = append(names, r.Name)
		}
		out.Repositories, out.Link, err = some(names, in.N, in.Last, "/v2/_catalog")
		return err
	})
}

func (s *Service) listTags(ctx context.Context, _ *api.Call, in *shape.ListTagsRequest) (*shape.ListTagsResponse, error) {
	p := at(in.RegistryId, in.Name)
	out := &shape.ListTagsResponse{Name: in.Name}
	return out, say(s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, p); err != nil {
			return err
		}
		all, err := tags.All(tx, p.prefix())
		if err != nil {
			return err
		}
		names := []string{}
		for _, t := range all {
			names = append(names, t.Name)
		}
		out.Tags, out.Link, err = some(names, in.N, in.Last, "/v2/"+p.name+"/tags/list")
		return err
	}))
}

// listReferrers gives the images that say that they are about another.
func (s *Service) listReferrers(ctx context.Context, _ *api.Call, in *shape.ListReferrersRequest) (*shape.ListReferrersResponse, error) {
	type entry struct {
		MediaType    string `json:"mediaType"`
		Digest       string `json:"digest"`
		Size         int    `json:"size"`
		ArtifactType string `json:"artifactType,omitempty"`
	}
	p, list := at(in.RegistryId, in.Name), []entry{}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, p); err != nil {
			return err
		}
		all, err := images.All(tx, p.prefix())
		for _, i := range all {
			if i.Subject != *in.Digest || in.ArtifactType != nil && *in.ArtifactType != i.ArtifactType {
				continue
			}
			m, err := manifests.Get(tx, p.key(i.Digest))
			if err != nil {
				return err
			}
			list = append(list, entry{i.MediaType, i.Digest, len(m.Raw), i.ArtifactType})
		}
		return err
	})
	if err != nil {
		return nil, say(err)
	}
	raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": ociIndex, "manifests": list})
	out := &shape.ListReferrersResponse{ContentType: new(ociIndex), Index: raw}
	if in.ArtifactType != nil {
		out.Filters = new("artifactType")
	}
	return out, err
}

// swept tells a layer's bytes that went away between its record and their opening.
func swept(err error) bool { return errors.Is(err, blob.ErrMissing) }

// isDigest tells a digest from a tag.
func isDigest(reference string) bool { return strings.Contains(reference, ":") }
