package elasticloadbalancing

import (
	"context"
	"errors"

	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
)

// WatchTags tells what tags each resource has, now and from now on, for decisions to look at. An empty
// list says that it has none, or is gone.
func (s *Service) WatchTags(ctx context.Context, _ string, told func(arn string, tags []caller.Tag)) error {
	return errors.Join(
		watch(ctx, s.DB, balancers, func(b *balancer) map[string]string { return b.Tags }, told),
		watch(ctx, s.DB, targetGroups, func(g *targetGroup) map[string]string { return g.Tags }, told),
		watch(ctx, s.DB, listeners, func(l *listener) map[string]string { return l.Tags }, told),
	)
}

func watch[T any](ctx context.Context, db *store.DB, table store.Table[T], of func(*T) map[string]string, told func(string, []caller.Tag)) error {
	return store.Watch(ctx, db, table, func(key string, v *T) func() {
		_, arn := store.Split(key)
		var tags []caller.Tag
		if v != nil {
			for k, value := range of(v) {
				tags = append(tags, caller.Tag{Key: k, Value: value})
			}
		}
		return func() { told(arn, tags) }
	})
}
