package sagemaker

import (
	"context"

	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
)

// WatchTags tells what tags each resource has, now and from now on, for decisions to look at. An empty
// list says that it has none, or is gone.
func (s *Service) WatchTags(ctx context.Context, _ string, told func(arn string, tags []caller.Tag)) error {
	return store.Watch(ctx, s.DB, tagSets, func(arn string, set *tagSet) func() {
		var tags []caller.Tag
		if set != nil {
			for _, t := range set.Tags {
				tags = append(tags, caller.Tag{Key: text(t.Key), Value: text(t.Value)})
			}
		}
		return func() { told(arn, tags) }
	})
}
