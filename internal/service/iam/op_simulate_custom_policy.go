package iam

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "SimulateCustomPolicy", on("SimulateCustomPolicy", func(c *api.Call, in *shape.SimulateCustomPolicyRequest) string { return "*" }), (*Service).simulateCustomPolicy)

// simulateCustomPolicy answers what policies that nobody has would say.
func (s *Service) simulateCustomPolicy(ctx context.Context, c *api.Call, in *shape.SimulateCustomPolicyRequest) (*shape.SimulatePolicyResponse, error) {
	m, err := simulate(c, &given{
		policies: in.PolicyInputList, boundaries: in.PermissionsBoundaryPolicyInputList, actions: in.ActionNames, resources: in.ResourceArns,
		resourcePolicy: in.ResourcePolicy, owner: in.ResourceOwner, caller: in.CallerArn, option: in.ResourceHandlingOption, entries: in.ContextEntries,
	})
	if err != nil {
		return nil, err
	}
	if err := m.callerKnown(); err != nil {
		return nil, err
	}
	if m.caller.ARN != "" {
		m.self(&m.caller, m.caller.ARN[strings.LastIndexByte(m.caller.ARN, '/')+1:], "", nil)
	}
	return m.page(in.Marker, in.MaxItems)
}
