package logs

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/logs"
)

var _ = api.Define(operations, "DeleteLogGroup", func(c *api.Call, in *shape.DeleteLogGroupRequest) []api.Check {
	return onGroup(c, "DeleteLogGroup", *in.LogGroupName)
}, (*Service).deleteLogGroup)

// deleteLogGroup removes a group with its streams and events.
func (s *Service) deleteLogGroup(ctx context.Context, c *api.Call, in *shape.DeleteLogGroupRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := findGroup(tx, c, *in.LogGroupName); err != nil {
			return err
		}
		all := store.Prefix(c.Account(), *in.LogGroupName)
		if err := events.DeleteAll(tx, all); err != nil {
			return err
		}
		if err := streams.DeleteAll(tx, all); err != nil {
			return err
		}
		return groups.Delete(tx, store.Key(c.Account(), *in.LogGroupName))
	})
}
