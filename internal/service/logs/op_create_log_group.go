package logs

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/logs"
)

var _ = api.Define(operations, "CreateLogGroup", func(c *api.Call, in *shape.CreateLogGroupRequest) []api.Check {
	return withTags(onGroup(c, "CreateLogGroup", *in.LogGroupName), in.Tags)
}, (*Service).createLogGroup)

// createLogGroup makes an empty group.
func (s *Service) createLogGroup(ctx context.Context, c *api.Call, in *shape.CreateLogGroupRequest) (*struct{}, error) {
	if err := refuse(map[string]bool{"kmsKeyId": in.KmsKeyId != nil, "deletionProtectionEnabled": in.DeletionProtectionEnabled != nil && *in.DeletionProtectionEnabled,
		"logGroupClass": in.LogGroupClass != nil && *in.LogGroupClass != "STANDARD"}); err != nil {
		return nil, err
	}
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		key := store.Key(c.Account(), *in.LogGroupName)
		old, err := groups.Get(tx, key)
		if err != nil {
			return err
		}
		if old != nil {
			return alreadyExists.New("The specified log group already exists")
		}
		return groups.Put(tx, key, &group{Account: c.Account(), Name: *in.LogGroupName, Created: tx.Now.UnixMilli(), Tags: in.Tags})
	})
}
