package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "ModifySecurityGroupRules", named("ModifySecurityGroupRules", "security-group",
	func(in *shape.ModifySecurityGroupRulesRequest) *string { return in.GroupId }), (*Service).modifySecurityGroupRules)

// modifySecurityGroupRules replaces rules under their ids, all of them or none.
func (s *Service) modifySecurityGroupRules(ctx context.Context, c *api.Call, in *shape.ModifySecurityGroupRulesRequest) (*shape.ModifySecurityGroupRulesResult, error) {
	if err := begin(in, "GroupId", "SecurityGroupRules"); err != nil {
		return nil, err
	}
	return &shape.ModifySecurityGroupRulesResult{Return: new(true)}, s.change(ctx, func(tx *store.Tx) error {
		g, err := groups.get(tx, c.Account(), str(in.GroupId))
		if err != nil {
			return err
		}
		for i := range in.SecurityGroupRules {
			u := &in.SecurityGroupRules[i]
			at := slices.IndexFunc(g.Rules, func(r rule) bool { return r.ID == str(u.SecurityGroupRuleId) })
			if at < 0 {
				return noRule(str(u.SecurityGroupRuleId))
			}
			if err := s.replaceRule(tx, g, at, u.SecurityGroupRule); err != nil {
				return err
			}
		}
		return groups.put(tx, g)
	})
}

func (s *Service) replaceRule(tx *store.Tx, g *group, at int, in *shape.SecurityGroupRuleRequest) error {
	if in == nil {
		return missingParameter.New("The request must contain the parameter SecurityGroupRule")
	}
	p := shape.IpPermission{IpProtocol: in.IpProtocol, FromPort: in.FromPort, ToPort: in.ToPort}
	if str(in.CidrIpv4) != "" {
		p.IpRanges = []shape.IpRange{{CidrIp: in.CidrIpv4, Description: in.Description}}
	}
	if str(in.CidrIpv6) != "" {
		p.Ipv6Ranges = []shape.Ipv6Range{{CidrIpv6: in.CidrIpv6, Description: in.Description}}
	}
	if str(in.PrefixListId) != "" {
		p.PrefixListIds = []shape.PrefixListId{{PrefixListId: in.PrefixListId, Description: in.Description}}
	}
	if str(in.ReferencedGroupId) != "" {
		p.UserIdGroupPairs = []shape.UserIdGroupPair{{GroupId: in.ReferencedGroupId, Description: in.Description}}
		if r := &g.Rules[at]; r.Peer != nil && r.Group == *in.ReferencedGroupId { // the same as before
			p.UserIdGroupPairs[0].UserId = &r.Peer.Account
		}
	}
	old := g.Rules[at]
	made, err := s.parsePermissions(tx, []shape.IpPermission{p}, g, old.Egress)
	if err != nil {
		return err
	}
	if len(made) != 1 {
		return invalidCombination.New("A security group rule must have exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId")
	}
	made[0].ID, made[0].Tags = old.ID, old.Tags
	g.Rules = slices.Delete(g.Rules, at, at+1)
	if err := s.admit(tx, g, &made[0]); err != nil {
		return err
	}
	g.Rules = slices.Insert(g.Rules, at, made[0])
	return nil
}

var _ = api.Define(operations, "UpdateSecurityGroupRuleDescriptionsIngress", named("UpdateSecurityGroupRuleDescriptionsIngress", "security-group",
	func(in *shape.UpdateSecurityGroupRuleDescriptionsIngressRequest) *string { return in.GroupId }), (*Service).describeIngress)

func (s *Service) describeIngress(ctx context.Context, c *api.Call, in *shape.UpdateSecurityGroupRuleDescriptionsIngressRequest) (*shape.UpdateSecurityGroupRuleDescriptionsIngressResult, error) {
	if err := begin(in, "GroupId", "GroupName", "IpPermissions", "SecurityGroupRuleDescriptions"); err != nil {
		return nil, err
	}
	err := s.redescribe(ctx, c, &ruleChange{id: in.GroupId, name: in.GroupName, permissions: in.IpPermissions}, in.SecurityGroupRuleDescriptions)
	return &shape.UpdateSecurityGroupRuleDescriptionsIngressResult{Return: new(true)}, err
}

var _ = api.Define(operations, "UpdateSecurityGroupRuleDescriptionsEgress", named("UpdateSecurityGroupRuleDescriptionsEgress", "security-group",
	func(in *shape.UpdateSecurityGroupRuleDescriptionsEgressRequest) *string { return in.GroupId }), (*Service).describeEgress)

func (s *Service) describeEgress(ctx context.Context, c *api.Call, in *shape.UpdateSecurityGroupRuleDescriptionsEgressRequest) (*shape.UpdateSecurityGroupRuleDescriptionsEgressResult, error) {
	if err := begin(in, "GroupId", "GroupName", "IpPermissions", "SecurityGroupRuleDescriptions"); err != nil {
		return nil, err
	}
	err := s.redescribe(ctx, c, &ruleChange{egress: true, id: in.GroupId, name: in.GroupName, permissions: in.IpPermissions}, in.SecurityGroupRuleDescriptions)
	return &shape.UpdateSecurityGroupRuleDescriptionsEgressResult{Return: new(true)}, err
}

// redescribe changes nothing but texts, so the fabric has no part in it.
func (s *Service) redescribe(ctx context.Context, c *api.Call, r *ruleChange, texts []shape.SecurityGroupRuleDescription) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		g, err := groupByEither(tx, c.Account(), r.id, r.name)
		if err != nil {
			return err
		}
		for _, t := range texts {
			at := slices.IndexFunc(g.Rules, func(o rule) bool { return o.ID == str(t.SecurityGroupRuleId) && o.Egress == r.egress })
			if at < 0 {
				return noRule(str(t.SecurityGroupRuleId))
			}
			if err := describable(str(t.Description)); err != nil {
				return err
			}
			g.Rules[at].Description = str(t.Description)
		}
		if len(texts) > 0 {
			return groups.put(tx, g)
		}
		wanted, err := s.parsePermissions(tx, r.permissions, g, r.egress)
		if err != nil {
			return err
		}
		for i := range wanted {
			at := slices.IndexFunc(g.Rules, func(o rule) bool { return o.same(&wanted[i]) })
			if at < 0 {
				return permissionNotFound.New("The specified rule does not exist in this security group.")
			}
			g.Rules[at].Description = wanted[i].Description
		}
		return groups.put(tx, g)
	})
}
