package cloister

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/value/arn"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/cloister"
)

var invalidConnection = fault.Kind{Code: "InvalidConnection", Status: 400}

var _ = api.Define(operations, "ExplainConnection", func(c *api.Call, in *shape.ExplainConnectionInput) []api.Check {
	const action = "cloister:ExplainConnection"
	if in.NetworkInterfaceId != nil {
		return []api.Check{{Action: action, Resource: interfaceARN(c.Region, c.Account(), *in.NetworkInterfaceId)}}
	}
	subnet := "*"
	if in.SubnetId != nil {
		subnet = *in.SubnetId
	}
	// The other end is asked about, too: what lets packets in there, and whether they find back.
	ends := []string{subnet}
	if in.PeerSubnetId != nil && *in.PeerSubnetId != subnet {
		ends = append(ends, *in.PeerSubnetId)
	}
	var checks []api.Check
	for _, id := range ends {
		checks = append(checks, api.Check{Action: action, Resource: arn.Format("ec2", c.Region, c.Account(), "subnet/"+id)})
	}
	return checks
}, (*Service).explainConnection)

// explainConnection tells whether an interface of the caller's account, or one that it could make, reaches
// something; as a JSON text.
func (s *Service) explainConnection(ctx context.Context, c *api.Call, in *shape.ExplainConnectionInput) (*shape.ExplainConnectionOutput, error) {
	if (in.NetworkInterfaceId == nil) == (in.SubnetId == nil) {
		return nil, invalidConnection.New("Either NetworkInterfaceId or SubnetId says from where.")
	}
	if in.NetworkInterfaceId != nil && (in.SecurityGroupIds != nil || in.PeerSubnetId != nil) {
		return nil, invalidConnection.New("SecurityGroupIds and PeerSubnetId are for a connection from a SubnetId.")
	}
	text, reaches, err := s.Interfaces(c.Region).Explain(ctx, c.Account(), value(in.NetworkInterfaceId), value(in.SubnetId), in.SecurityGroupIds,
		*in.To, value(in.PeerSubnetId), value(in.Protocol))
	if err != nil {
		return nil, err
	}
	return &shape.ExplainConnectionOutput{Reaches: &reaches, Explanation: &text}, nil
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
