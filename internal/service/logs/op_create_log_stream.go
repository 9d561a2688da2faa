package logs

import (
	"context"
	"strings"
	"unicode"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/logs"
)

var _ = api.Define(operations, "CreateLogStream", func(c *api.Call, in *shape.CreateLogStreamRequest) []api.Check {
	return onStream(c, "CreateLogStream", *in.LogGroupName, *in.LogStreamName)
}, (*Service).createLogStream)

// createLogStream makes an empty stream in a group. Names with control characters are refused, for
// they part the keys of records.
func (s *Service) createLogStream(ctx context.Context, c *api.Call, in *shape.CreateLogStreamRequest) (*struct{}, error) {
	if strings.ContainsFunc(*in.LogStreamName, unicode.IsControl) {
		return nil, invalid.New("1 validation error detected: Value at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*")
	}
	return new(struct{}), s.DB.UpdateShared(ctx, func(tx *store.Tx) error {
		if _, err := findGroup(tx, c, *in.LogGroupName); err != nil {
			return err
		}
		key := store.Key(c.Account(), *in.LogGroupName, *in.LogStreamName)
		old, err := streams.Get(tx, key)
		if err != nil {
			return err
		}
		if old != nil {
			return alreadyExists.New("The specified log stream already exists")
		}
		return streams.Put(tx, key, &stream{Account: c.Account(), Group: *in.LogGroupName, Name: *in.LogStreamName, Created: tx.Now.UnixMilli()})
	})
}
