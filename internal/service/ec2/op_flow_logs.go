package ec2

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateFlowLogs", func(c *api.Call, in *shape.CreateFlowLogsRequest) []api.Check {
	out := creates(c, "CreateFlowLogs", "vpc-flow-log", in.TagSpecifications)
	kind := map[string]string{"VPC": "vpc", "Subnet": "subnet", "NetworkInterface": "network-interface"}[str(in.ResourceType)]
	if kind != "" {
		out = append(out, each(c, "CreateFlowLogs", kind, in.ResourceIds)...)
	}
	if role := str(in.DeliverLogsPermissionArn); role != "" {
		out = append(out, api.Check{Action: "iam:PassRole", Resource: role, Keys: []api.Key{api.K("iam:PassedToService", flowPrincipal)}})
	}
	return out
}, (*Service).createFlowLogs)

// createFlowLogs makes a flow log for each resource. What is wrong with one of them, or with the
// destination, is no fault of the whole.
func (s *Service) createFlowLogs(ctx context.Context, c *api.Call, in *shape.CreateFlowLogsRequest) (*shape.CreateFlowLogsResult, error) {
	err := begin(in, "ClientToken", "DeliverLogsPermissionArn", "DeliverCrossAccountRole", "LogGroupName", "ResourceIds", "ResourceType", "TrafficType",
		"LogDestinationType", "LogDestination", "LogFormat", "TagSpecifications", "MaxAggregationInterval", "DestinationOptions")
	if err != nil {
		return nil, err
	}
	model, err := begun(in)
	if err != nil {
		return nil, err
	}
	model.Account = c.Account()
	if model.Tags, err = s.specified(in.TagSpecifications, "vpc-flow-log"); err != nil {
		return nil, err
	}
	out := &shape.CreateFlowLogsResult{ClientToken: in.ClientToken, FlowLogIds: []string{}, Unsuccessful: []shape.UnsuccessfulItem{}}
	if model.Bucket != "" {
		if reason := s.openBucket(ctx, c, model); reason != "" {
			for _, id := range in.ResourceIds {
				out.Unsuccessful = append(out.Unsuccessful, unsuccessful(id, "400", reason))
			}
			return out, nil
		}
	}
	return out, s.change(ctx, func(tx *store.Tx) error {
		out.FlowLogIds, out.Unsuccessful = []string{}, []shape.UnsuccessfulItem{}
		ids, err := recall(tx, c.Account(), "CreateFlowLogs", in.ClientToken, in)
		if err != nil || ids != "" {
			out.FlowLogIds = strings.Fields(ids)
			return err
		}
		if len(in.ResourceIds) == 0 {
			return missingParameter.New("The request must contain the parameter ResourceId")
		}
		for _, id := range distinct(in.ResourceIds) {
			l, err := s.newFlowLog(tx, c.Account(), str(in.ResourceType), id, model)
			if f, ok := fault.As(err); ok {
				out.Unsuccessful = append(out.Unsuccessful, unsuccessful(id, f.Code, f.Message))
				continue
			}
			if err != nil {
				return err
			}
			out.FlowLogIds = append(out.FlowLogIds, l.ID)
		}
		if len(out.FlowLogIds) == 0 && len(in.ResourceIds) == 1 { // of one alone the fault is the whole's
			f := out.Unsuccessful[0].Error
			return fault.Kind{Code: *f.Code, Status: 400}.New("%s", *f.Message)
		}
		return remember(tx, c.Account(), "CreateFlowLogs", in.ClientToken, in, strings.Join(out.FlowLogIds, " "))
	})
}

func unsuccessful(id, code, message string) shape.UnsuccessfulItem {
	return shape.UnsuccessfulItem{ResourceId: &id, Error: &shape.UnsuccessfulItemError{Code: &code, Message: &message}}
}

func (s *Service) newFlowLog(tx *store.Tx, account, kind, id string, model *flowLog) (*flowLog, error) {
	if _, err := logged(tx, account, kind, id); err != nil {
		return nil, err
	}
	l := *model
	l.head, l.Resource = flowLogs.begin(tx, account, model.Tags), id
	twins, err := flowLogs.where(tx, account, l.same)
	if err != nil {
		return nil, err
	}
	if len(twins) > 0 {
		return nil, flowLogExists.New("Error. There is an existing Flow Log with the same configuration and log destination.")
	}
	return &l, flowLogs.put(tx, &l)
}

var _ = api.Define(operations, "DescribeFlowLogs", describes[shape.DescribeFlowLogsRequest]("DescribeFlowLogs"), (*Service).describeFlowLogs)

// describeFlowLogs leaves out what it does not find; the deletion says so.
func (s *Service) describeFlowLogs(ctx context.Context, c *api.Call, in *shape.DescribeFlowLogsRequest) (*shape.DescribeFlowLogsResult, error) {
	if err := begin(in, "Filter", "FlowLogIds", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeFlowLogsResult{FlowLogs: []shape.FlowLog{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := flowLogs.all(tx, c.Account())
		if err != nil {
			return err
		}
		if len(in.FlowLogIds) > 0 {
			all = slices.DeleteFunc(all, func(l *flowLog) bool { return !slices.Contains(in.FlowLogIds, l.ID) })
		}
		id := func(l *flowLog) string { return l.ID }
		page, err := sift(all, id, func(l *flowLog) map[string]string { return l.Tags }, query{nil, in.Filter, in.MaxResults, in.NextToken}, s.flowLogFields())
		if err != nil {
			return err
		}
		for _, l := range page.items {
			out.FlowLogs = append(out.FlowLogs, s.awsFlowLog(l))
		}
		out.NextToken = page.next
		return nil
	})
}

func (s *Service) flowLogFields() fields[*flowLog] {
	return fields[*flowLog]{
		"deliver-log-status":   one(func(l *flowLog) string { return *s.awsFlowLog(l).DeliverLogsStatus }),
		"log-destination-type": one((*flowLog).destinationType),
		"flow-log-id":          one(func(l *flowLog) string { return l.ID }),
		"log-group-name":       one(func(l *flowLog) string { return l.Group }),
		"resource-id":          one(func(l *flowLog) string { return l.Resource }),
		"traffic-type":         one(func(l *flowLog) string { return l.Traffic }),
	}
}

var _ = api.Define(operations, "DeleteFlowLogs", func(c *api.Call, in *shape.DeleteFlowLogsRequest) []api.Check {
	if len(in.FlowLogIds) == 0 {
		return []api.Check{check(c, "DeleteFlowLogs", "vpc-flow-log", "")}
	}
	return each(c, "DeleteFlowLogs", "vpc-flow-log", in.FlowLogIds)
}, (*Service).deleteFlowLogs)

func (s *Service) deleteFlowLogs(ctx context.Context, c *api.Call, in *shape.DeleteFlowLogsRequest) (*shape.DeleteFlowLogsResult, error) {
	if err := begin(in, "FlowLogIds"); err != nil {
		return nil, err
	}
	if len(in.FlowLogIds) == 0 {
		return nil, missingParameter.New("The request must contain the parameter FlowLogId")
	}
	out := &shape.DeleteFlowLogsResult{}
	return out, s.change(ctx, func(tx *store.Tx) error {
		out.Unsuccessful = []shape.UnsuccessfulItem{}
		var absent []string
		for _, id := range distinct(in.FlowLogIds) {
			l, err := flowLogs.get(tx, c.Account(), id)
			if fault.Is(err, flowLogs.notFound.Code) {
				absent = append(absent, id)
				continue
			}
			if err != nil {
				return err
			}
			if err := flowLogs.remove(tx, l); err != nil {
				return err
			}
		}
		if len(absent) > 0 {
			return flowLogs.notFound.New("%s", fmt.Sprintf("These flow log ids in the input list are not found: [TotalCount: %d] %s", len(absent), strings.Join(absent, " ")))
		}
		return nil
	})
}
