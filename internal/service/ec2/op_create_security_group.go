package ec2

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateSecurityGroup", func(c *api.Call, in *shape.CreateSecurityGroupRequest) []api.Check {
	return append(creates(c, "CreateSecurityGroup", "security-group", in.TagSpecifications), check(c, "CreateSecurityGroup", "vpc", str(in.VpcId)))
}, (*Service).createSecurityGroup)

func (s *Service) createSecurityGroup(ctx context.Context, c *api.Call, in *shape.CreateSecurityGroupRequest) (*shape.CreateSecurityGroupResult, error) {
	if err := begin(in, "Description", "GroupName", "VpcId", "TagSpecifications"); err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "security-group")
	if err != nil {
		return nil, err
	}
	if err := nameable(str(in.GroupName), str(in.Description)); err != nil {
		return nil, err
	}
	var g *group
	err = s.change(ctx, func(tx *store.Tx) error {
		v, err := vpcOrDefault(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		all, err := groups.all(tx, c.Account())
		if err != nil {
			return err
		}
		for _, o := range all {
			if o.VPC == v.ID && o.Name == *in.GroupName {
				return groupDuplicate.New("The security group '%s' already exists for VPC '%s'", o.Name, v.ID)
			}
		}
		if len(all) >= s.Quotas.Groups {
			return groupLimit.New("The maximum number of security groups has been reached.")
		}
		g = &group{head: groups.begin(tx, c.Account(), tags), VPC: v.ID, Name: *in.GroupName, Description: *in.Description}
		g.Rules = []rule{{ID: newID("sgr-"), Protocol: -1, From: -1, To: -1, CIDR: anywhere, Egress: true}}
		return groups.put(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &shape.CreateSecurityGroupResult{GroupId: &g.ID, SecurityGroupArn: new(s.groupARN(g.Account, g.ID)), Tags: awsTags(g.Tags)}, nil
}

// nameable says why a group cannot have this name or description.
func nameable(name, description string) error {
	switch {
	case name == "":
		return missingParameter.New("The request must contain the parameter groupName")
	case description == "":
		return missingParameter.New("The request must contain the parameter groupDescription")
	case strings.HasPrefix(name, "sg-"):
		return invalidValue.New("Invalid value '%s' for groupName. Group names may not be in the format sg-*.", name)
	case name == "default":
		return invalidValue.New("Cannot use reserved security group name: default")
	}
	for what, text := range map[string]string{"groupName": name, "groupDescription": description} {
		if len(text) > 255 || strings.Trim(text, descriptionCharacters) != "" {
			return invalidValue.New("Value (%s) for parameter %s is invalid. Character sets beyond ASCII are not supported.", text, what)
		}
	}
	return nil
}
