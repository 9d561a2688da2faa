package logs

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/logs"
)

var _ = api.Define(operations, "DeleteLogStream", func(c *api.Call, in *shape.DeleteLogStreamRequest) []api.Check {
	return onStream(c, "DeleteLogStream", *in.LogGroupName, *in.LogStreamName)
}, (*Service).deleteLogStream)

// deleteLogStream removes a stream with its events.
func (s *Service) deleteLogStream(ctx context.Context, c *api.Call, in *shape.DeleteLogStreamRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := findStream(tx, c, *in.LogGroupName, *in.LogStreamName); err != nil {
			return err
		}
		if err := events.DeleteAll(tx, store.Prefix(c.Account(), *in.LogGroupName, *in.LogStreamName)); err != nil {
			return err
		}
		return streams.Delete(tx, store.Key(c.Account(), *in.LogGroupName, *in.LogStreamName))
	})
}
