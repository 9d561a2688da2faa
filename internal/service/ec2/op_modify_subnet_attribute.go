package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "ModifySubnetAttribute", named("ModifySubnetAttribute", "subnet",
	func(in *shape.ModifySubnetAttributeRequest) *string { return in.SubnetId }), (*Service).modifySubnetAttribute)

// modifySubnetAttribute records mapPublicIpOnLaunch; every other attribute may only be set to what it
// is already.
func (s *Service) modifySubnetAttribute(ctx context.Context, c *api.Call, in *shape.ModifySubnetAttributeRequest) (*struct{}, error) {
	offs := map[string]*shape.AttributeBooleanValue{
		"AssignIpv6AddressOnCreation": in.AssignIpv6AddressOnCreation, "MapCustomerOwnedIpOnLaunch": in.MapCustomerOwnedIpOnLaunch,
		"EnableDns64": in.EnableDns64, "EnableResourceNameDnsARecordOnLaunch": in.EnableResourceNameDnsARecordOnLaunch,
		"EnableResourceNameDnsAAAARecordOnLaunch": in.EnableResourceNameDnsAAAARecordOnLaunch,
	}
	accepted := []string{"SubnetId", "MapPublicIpOnLaunch"}
	for name, v := range offs {
		if v != nil && !yes(v.Value) {
			accepted = append(accepted, name)
		}
	}
	if str(in.PrivateDnsHostnameTypeOnLaunch) == "ip-name" {
		accepted = append(accepted, "PrivateDnsHostnameTypeOnLaunch")
	}
	if err := begin(in, accepted...); err != nil {
		return nil, err
	}
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		n, err := subnets.get(tx, c.Account(), str(in.SubnetId))
		if err != nil || in.MapPublicIpOnLaunch == nil {
			return err
		}
		n.MapPublicIP = yes(in.MapPublicIpOnLaunch.Value)
		return subnets.put(tx, n)
	})
}
