package logs

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/logs"
)

var _ = api.Define(operations, "DescribeLogGroups", func(c *api.Call, in *shape.DescribeLogGroupsRequest) []api.Check {
	return onGroup(c, "DescribeLogGroups", "")
}, (*Service).describeLogGroups)

// describeLogGroups lists groups by name.
func (s *Service) describeLogGroups(ctx context.Context, c *api.Call, in *shape.DescribeLogGroupsRequest) (*shape.DescribeLogGroupsResponse, error) {
	if err := refuse(map[string]bool{"accountIdentifiers": len(in.AccountIdentifiers) > 0, "includeLinkedAccounts": in.IncludeLinkedAccounts != nil && *in.IncludeLinkedAccounts}); err != nil {
		return nil, err
	}
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, invalid.New("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	out := &shape.DescribeLogGroupsResponse{LogGroups: []shape.LogGroup{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := groups.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		limit := 50
		if in.Limit != nil {
			limit = int(*in.Limit)
		}
		for _, g := range all {
			if !g.fits(in) || in.NextToken != nil && g.Name <= *in.NextToken {
				continue
			}
			if len(out.LogGroups) == limit {
				out.NextToken = out.LogGroups[limit-1].LogGroupName
				return nil
			}
			v, err := g.shape(tx, c)
			if err != nil {
				return err
			}
			out.LogGroups = append(out.LogGroups, v)
		}
		return nil
	})
	return out, err
}

func (g *group) fits(in *shape.DescribeLogGroupsRequest) bool {
	switch {
	case in.LogGroupNamePrefix != nil && !strings.HasPrefix(g.Name, *in.LogGroupNamePrefix):
		return false
	case in.LogGroupNamePattern != nil && !strings.Contains(strings.ToLower(g.Name), strings.ToLower(*in.LogGroupNamePattern)):
		return false
	case in.LogGroupClass != nil && *in.LogGroupClass != "STANDARD":
		return false
	case len(in.LogGroupIdentifiers) > 0:
		return slices.ContainsFunc(in.LogGroupIdentifiers, func(id string) bool { return named(nil, &id) == g.Name })
	}
	return true
}

func (g *group) shape(tx *store.Tx, c *api.Call) (shape.LogGroup, error) {
	sts, err := streams.All(tx, store.Prefix(g.Account, g.Name))
	var bytes int64
	for _, st := range sts {
		bytes += st.Bytes
	}
	a := c.ARN("logs", "log-group:"+g.Name)
	return shape.LogGroup{LogGroupName: &g.Name, CreationTime: &g.Created, MetricFilterCount: new(int32(0)), Arn: new(a + ":*"),
		LogGroupArn: &a, StoredBytes: &bytes, LogGroupClass: new("STANDARD")}, err
}
