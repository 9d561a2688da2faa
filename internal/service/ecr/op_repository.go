package ecr

import (
	"context"
	"errors"
	"maps"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ecr"
)

var (
	_ = api.Define(operations, "CreateRepository", func(c *api.Call, in *shape.CreateRepositoryRequest) []api.Check {
		p := where(c, in.RegistryId, in.RepositoryName)
		keys := tagKeys(in.Tags)
		checks := p.ask(c, "CreateRepository", keys...)
		if len(in.Tags) > 0 {
			checks = append(checks, p.ask(c, "TagResource", keys...)...)
		}
		return checks
	}, (*Service).createRepository)
	_ = api.Define(operations, "DescribeRepositories", func(c *api.Call, in *shape.DescribeRepositoriesRequest) (checks []api.Check) {
		names := in.RepositoryNames
		if len(names) == 0 {
			names = []string{"*"}
		}
		for _, n := range names {
			checks = append(checks, where(c, in.RegistryId, &n).ask(c, "DescribeRepositories")...)
		}
		return checks
	}, (*Service).describeRepositories)
	_ = api.Define(operations, "DeleteRepository", func(c *api.Call, in *shape.DeleteRepositoryRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "DeleteRepository")
	}, (*Service).deleteRepository)
	_ = api.Define(operations, "PutImageTagMutability", func(c *api.Call, in *shape.PutImageTagMutabilityRequest) []api.Check {
		return where(c, in.RegistryId, in.RepositoryName).ask(c, "PutImageTagMutability")
	}, (*Service).putImageTagMutability)
)

func (s *Service) createRepository(ctx context.Context, c *api.Call, in *shape.CreateRepositoryRequest) (*shape.CreateRepositoryResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	r := &repository{Account: p.account, Name: p.name}
	if err := r.setMutability(in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters); err != nil {
		return nil, err
	}
	if e := in.EncryptionConfiguration; e != nil && (*e.EncryptionType != "AES256" || e.KmsKey != nil) {
		return nil, invalid.New("encryptionConfiguration: only AES256 is supported by Cloister: there are no KMS keys.")
	}
	if sc := in.ImageScanningConfiguration; sc != nil && sc.ScanOnPush != nil && *sc.ScanOnPush {
		return nil, invalid.New("imageScanningConfiguration.scanOnPush is not supported by Cloister: nothing scans images. Remove it from the request.")
	}
	var err error
	if r.Tags, err = retagged(nil, in.Tags); err != nil {
		return nil, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := repositories.Get(tx, p.key())
		if err != nil {
			return err
		}
		if old != nil {
			return repositoryExists.New("The repository with name '%s' already exists in the registry with id '%s'", p.name, p.account)
		}
		r.Created = tx.Now
		return s.put(tx, r)
	})
	if err != nil {
		return nil, err
	}
	return &shape.CreateRepositoryResponse{Repository: s.shown(r)}, nil
}

func (s *Service) describeRepositories(ctx context.Context, c *api.Call, in *shape.DescribeRepositoriesRequest) (*shape.DescribeRepositoriesResponse, error) {
	if len(in.RepositoryNames) > 0 && (in.MaxResults != nil || in.NextToken != nil) {
		return nil, invalid.New("Invalid request parameters: maxResults and nextToken cannot be used with repositoryNames")
	}
	out := &shape.DescribeRepositoriesResponse{Repositories: []shape.Repository{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		for _, name := range in.RepositoryNames {
			r, err := find(tx, where(c, in.RegistryId, &name))
			if err != nil {
				return err
			}
			out.Repositories = append(out.Repositories, *s.shown(r))
		}
		if len(in.RepositoryNames) > 0 {
			return nil
		}
		from, err := begin(in.NextToken)
		if err != nil {
			return err
		}
		account := where(c, in.RegistryId, nil).account
		limit := size(in.MaxResults)
		found, err := repositories.From(tx, store.Prefix(account), store.Key(account, from), limit+1)
		if err != nil {
			return err
		}
		for _, e := range found[:min(limit, len(found))] {
			out.Repositories = append(out.Repositories, *s.shown(e.Value))
		}
		if len(found) > limit {
			out.NextToken = token(found[limit].Value.Name)
		}
		return nil
	})
	return out, err
}

// deleteRepository deletes a repository; with force also one that has images. Its bytes are swept after.
func (s *Service) deleteRepository(ctx context.Context, c *api.Call, in *shape.DeleteRepositoryRequest) (*shape.DeleteRepositoryResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	var r *repository
	err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if r, err = find(tx, p); err != nil {
			return err
		}
		some, err := images.From(tx, p.prefix(), "", 1)
		if err != nil {
			return err
		}
		if len(some) > 0 && (in.Force == nil || !*in.Force) {
			return repositoryNotEmpty.New("The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images", p.name, p.account)
		}
		tx.After(func() { s.Directory.RemoveResource(p.arn(s.Region)) })
		return errors.Join(repositories.Delete(tx, p.key()), images.DeleteAll(tx, p.prefix()), manifests.DeleteAll(tx, p.prefix()),
			tags.DeleteAll(tx, p.prefix()), layers.DeleteAll(tx, p.prefix()), uploads.DeleteAll(tx, p.prefix()))
	})
	if err != nil {
		return nil, err
	}
	s.ring()
	return &shape.DeleteRepositoryResponse{Repository: s.shown(r)}, nil
}

// change rewrites a repository's record.
func (s *Service) change(ctx context.Context, p place, f func(*store.Tx, *repository) error) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := find(tx, p)
		if err != nil {
			return err
		}
		if err := f(tx, r); err != nil {
			return err
		}
		return s.put(tx, r)
	})
}

func (s *Service) putImageTagMutability(ctx context.Context, c *api.Call, in *shape.PutImageTagMutabilityRequest) (*shape.PutImageTagMutabilityResponse, error) {
	p := where(c, in.RegistryId, in.RepositoryName)
	out := &shape.PutImageTagMutabilityResponse{RegistryId: &p.account, RepositoryName: &p.name, ImageTagMutability: in.ImageTagMutability}
	return out, s.change(ctx, p, func(_ *store.Tx, r *repository) error {
		err := r.setMutability(in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters)
		out.ImageTagMutabilityExclusionFilters = filters(r.Exclusions)
		return err
	})
}

// tagKeys are the condition keys of tags in a request.
func tagKeys(list []shape.Tag) (keys []api.Key) {
	if len(list) == 0 {
		return nil
	}
	all := map[string]string{}
	for _, t := range list {
		all[text(t.Key)] = text(t.Value)
	}
	for k, v := range all {
		keys = append(keys, api.K("aws:RequestTag/"+k, v))
	}
	return append(keys, api.Ks("aws:TagKeys", slices.Sorted(maps.Keys(all))...))
}
