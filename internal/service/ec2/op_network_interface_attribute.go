package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeNetworkInterfaceAttribute", named("DescribeNetworkInterfaceAttribute", "network-interface",
	func(in *shape.DescribeNetworkInterfaceAttributeRequest) *string { return in.NetworkInterfaceId }), (*Service).describeNetworkInterfaceAttribute)

func (s *Service) describeNetworkInterfaceAttribute(ctx context.Context, c *api.Call, in *shape.DescribeNetworkInterfaceAttributeRequest) (*shape.DescribeNetworkInterfaceAttributeResult, error) {
	if err := begin(in, "NetworkInterfaceId", "Attribute"); err != nil {
		return nil, err
	}
	out := &shape.DescribeNetworkInterfaceAttributeResult{NetworkInterfaceId: in.NetworkInterfaceId}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		i, err := enis.get(tx, c.Account(), str(in.NetworkInterfaceId))
		if err != nil {
			return err
		}
		view, err := s.eniView(tx, c.Account())
		if err != nil {
			return err
		}
		switch shown := view.aws(i); str(in.Attribute) {
		case "description":
			out.Description = &shape.AttributeValue{Value: shown.Description}
		case "groupSet":
			out.Groups = shown.Groups
		case "sourceDestCheck":
			out.SourceDestCheck = &shape.AttributeBooleanValue{Value: shown.SourceDestCheck}
		case "attachment":
			out.Attachment = shown.Attachment
		case "associatePublicIpAddress":
			out.AssociatePublicIpAddress = new(false)
		case "":
			return missingParameter.New("The request must contain the parameter attribute")
		default:
			return invalidValue.New("Value (%s) for parameter attribute is invalid. Unknown attribute.", *in.Attribute)
		}
		return nil
	})
}

var _ = api.Define(operations, "ModifyNetworkInterfaceAttribute", func(c *api.Call, in *shape.ModifyNetworkInterfaceAttributeRequest) []api.Check {
	const action = "ModifyNetworkInterfaceAttribute"
	return append([]api.Check{check(c, action, "network-interface", str(in.NetworkInterfaceId))}, each(c, action, "security-group", in.Groups)...)
}, (*Service).modifyNetworkInterfaceAttribute)

// modifyNetworkInterfaceAttribute changes one attribute at a time, as AWS does.
func (s *Service) modifyNetworkInterfaceAttribute(ctx context.Context, c *api.Call, in *shape.ModifyNetworkInterfaceAttributeRequest) (*struct{}, error) {
	if err := begin(in, "NetworkInterfaceId", "Description", "SourceDestCheck", "Groups"); err != nil {
		return nil, err
	}
	given := attributes(in.SourceDestCheck)
	if in.Description != nil {
		given++
	}
	if len(in.Groups) > 0 {
		given++
	}
	if given != 1 {
		return nil, invalidCombination.New("Exactly one attribute must be specified")
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		i, err := ownInterface(tx, c.Account(), str(in.NetworkInterfaceId))
		if err != nil {
			return err
		}
		switch {
		case in.Description != nil:
			i.Description = str(in.Description.Value)
		case in.SourceDestCheck != nil:
			i.Forwards = !yes(in.SourceDestCheck.Value)
		default:
			v, err := vpcs.get(tx, c.Account(), i.VPC)
			if err != nil {
				return err
			}
			if i.Groups, err = s.usable(tx, v, in.Groups, i.Subnet); err != nil {
				return err
			}
		}
		return enis.put(tx, i)
	})
}

var _ = api.Define(operations, "ResetNetworkInterfaceAttribute", named("ResetNetworkInterfaceAttribute", "network-interface",
	func(in *shape.ResetNetworkInterfaceAttributeRequest) *string { return in.NetworkInterfaceId }), (*Service).resetNetworkInterfaceAttribute)

// resetNetworkInterfaceAttribute turns the source/destination check on again; there is no other.
func (s *Service) resetNetworkInterfaceAttribute(ctx context.Context, c *api.Call, in *shape.ResetNetworkInterfaceAttributeRequest) (*struct{}, error) {
	if err := begin(in, "NetworkInterfaceId", "SourceDestCheck"); err != nil {
		return nil, err
	}
	if err := need("sourceDestCheck", str(in.SourceDestCheck)); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		i, err := ownInterface(tx, c.Account(), str(in.NetworkInterfaceId))
		if err != nil {
			return err
		}
		i.Forwards = false
		return enis.put(tx, i)
	})
}

// ownInterface gives an interface that customers may change.
func ownInterface(tx *store.Tx, account, id string) (*eni, error) {
	i, err := enis.get(tx, account, id)
	if err == nil && i.managed() {
		return nil, authFailure.New("You do not have permission to access the specified resource.")
	}
	return i, err
}
