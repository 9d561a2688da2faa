package logs

import (
	"context"

	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
)

// WatchTags tells what tags each group has, now and from now on, for decisions to look at. An empty
// list says that it has none, or is gone.
func (s *Service) WatchTags(ctx context.Context, region string, told func(arn string, tags []caller.Tag)) error {
	return store.Watch(ctx, s.DB, groups, func(key string, g *group) func() {
		account, name := store.Split(key)
		var tags []caller.Tag
		if g != nil {
			for k, v := range g.Tags {
				tags = append(tags, caller.Tag{Key: k, Value: v})
			}
		}
		return func() { told(arn.Format("logs", region, account, "log-group:"+name), tags) }
	})
}
