package ec2

import (
	"context"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateVpcEndpointConnectionNotification", func(c *api.Call, in *shape.CreateVpcEndpointConnectionNotificationRequest) []api.Check {
	kind, id := "vpc-endpoint-service", str(in.ServiceId)
	if id == "" {
		kind, id = "vpc-endpoint", str(in.VpcEndpointId)
	}
	return []api.Check{check(c, "CreateVpcEndpointConnectionNotification", kind, id)}
}, (*Service).createVpcEndpointConnectionNotification)

// createVpcEndpointConnectionNotification can only refuse: there is nobody to be told.
func (s *Service) createVpcEndpointConnectionNotification(context.Context, *api.Call, *shape.CreateVpcEndpointConnectionNotificationRequest) (*shape.CreateVpcEndpointConnectionNotificationResult, error) {
	return nil, unsupportedOperation.New("Connection notifications are not supported: there are no SNS topics.")
}

var _ = api.Define(operations, "DescribeVpcEndpointConnectionNotifications",
	describes[shape.DescribeVpcEndpointConnectionNotificationsRequest]("DescribeVpcEndpointConnectionNotifications"), (*Service).describeVpcEndpointConnectionNotifications)

func (s *Service) describeVpcEndpointConnectionNotifications(_ context.Context, _ *api.Call, in *shape.DescribeVpcEndpointConnectionNotificationsRequest) (*shape.DescribeVpcEndpointConnectionNotificationsResult, error) {
	if err := begin(in, "ConnectionNotificationId", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if id := str(in.ConnectionNotificationId); id != "" {
		return nil, noNotification.New("The connection notification %s does not exist.", id)
	}
	return &shape.DescribeVpcEndpointConnectionNotificationsResult{ConnectionNotificationSet: []shape.ConnectionNotification{}}, nil
}
