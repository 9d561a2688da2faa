package ec2

import (
	"context"
	"net/netip"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

// ruleChange is what the four operations that authorize and revoke have in common.
type ruleChange struct {
	egress      bool
	id, name    *string
	permissions []shape.IpPermission
	rules       []string // by id; revoking only
	tags        map[string]string
}

// simple adds the old form of one permission, written flat in the request.
func (r *ruleChange) simple(protocol, cidr *string, from, to *int32) error {
	if str(protocol) == "" && str(cidr) == "" {
		return nil
	}
	if len(r.permissions) > 0 {
		return invalidCombination.New("The parameter ipPermissions may not be used in combination with ipProtocol")
	}
	r.permissions = []shape.IpPermission{{IpProtocol: protocol, FromPort: from, ToPort: to, IpRanges: []shape.IpRange{{CidrIp: cidr}}}}
	return nil
}

func ruleChecks(c *api.Call, action string, id *string, specs []shape.TagSpecification) []api.Check {
	tags := tagKeys(flatten(specs))
	out := []api.Check{check(c, action, "security-group", str(id), tags...)}
	if len(tags) > 0 {
		out = append(out, check(c, "CreateTags", "security-group-rule", "*", append(tags, api.K("ec2:CreateAction", action))...))
	}
	return out
}

var _ = api.Define(operations, "AuthorizeSecurityGroupIngress", func(c *api.Call, in *shape.AuthorizeSecurityGroupIngressRequest) []api.Check {
	return ruleChecks(c, "AuthorizeSecurityGroupIngress", in.GroupId, in.TagSpecifications)
}, (*Service).authorizeSecurityGroupIngress)

func (s *Service) authorizeSecurityGroupIngress(ctx context.Context, c *api.Call, in *shape.AuthorizeSecurityGroupIngressRequest) (*shape.AuthorizeSecurityGroupIngressResult, error) {
	if err := begin(in, "GroupId", "GroupName", "IpPermissions", "TagSpecifications", "CidrIp", "IpProtocol", "FromPort", "ToPort"); err != nil {
		return nil, err
	}
	r := ruleChange{id: in.GroupId, name: in.GroupName, permissions: in.IpPermissions}
	err := r.simple(in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort)
	if err == nil {
		r.tags, err = s.specified(in.TagSpecifications, "security-group-rule")
	}
	if err != nil {
		return nil, err
	}
	made, err := s.authorize(ctx, c, &r)
	if err != nil {
		return nil, err
	}
	return &shape.AuthorizeSecurityGroupIngressResult{Return: new(true), SecurityGroupRules: made}, err
}

var _ = api.Define(operations, "AuthorizeSecurityGroupEgress", func(c *api.Call, in *shape.AuthorizeSecurityGroupEgressRequest) []api.Check {
	return ruleChecks(c, "AuthorizeSecurityGroupEgress", in.GroupId, in.TagSpecifications)
}, (*Service).authorizeSecurityGroupEgress)

func (s *Service) authorizeSecurityGroupEgress(ctx context.Context, c *api.Call, in *shape.AuthorizeSecurityGroupEgressRequest) (*shape.AuthorizeSecurityGroupEgressResult, error) {
	if err := begin(in, "GroupId", "IpPermissions", "TagSpecifications"); err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "security-group-rule")
	if err != nil {
		return nil, err
	}
	made, err := s.authorize(ctx, c, &ruleChange{egress: true, id: in.GroupId, permissions: in.IpPermissions, tags: tags})
	return &shape.AuthorizeSecurityGroupEgressResult{Return: new(true), SecurityGroupRules: made}, err
}

// authorize adds rules, all of them or none.
func (s *Service) authorize(ctx context.Context, c *api.Call, r *ruleChange) (made []shape.SecurityGroupRule, err error) {
	err = s.change(ctx, func(tx *store.Tx) error {
		g, err := groupByEither(tx, c.Account(), r.id, r.name)
		if err != nil {
			return err
		}
		rules, err := s.parsePermissions(tx, r.permissions, g, r.egress)
		if err != nil {
			return err
		}
		for i := range rules {
			n := &rules[i]
			if slices.ContainsFunc(rules[:i], func(o rule) bool { return o.same(n) }) {
				return invalidValue.New("The same permission must not appear multiple times")
			}
			n.ID, n.Tags = newID("sgr-"), r.tags
			if err := s.admit(tx, g, n); err != nil {
				return err
			}
			g.Rules = append(g.Rules, *n)
			made = append(made, s.awsRule(g, n))
		}
		return groups.put(tx, g)
	})
	return made, err
}

// admit says why a rule cannot be added to a group.
func (s *Service) admit(tx *store.Tx, g *group, n *rule) error {
	if n.CIDR.IsValid() && n.CIDR.Addr().Is6() {
		return unsupportedOperation.New("IPv6 rules are not supported.")
	}
	if n.Group != "" {
		if err := n.find(tx, g); err != nil {
			return err
		}
	}
	if n.PrefixList != "" {
		if _, err := s.knownPrefixList(tx, g.Account, n.PrefixList); err != nil {
			return err
		}
	}
	count := 0
	for i := range g.Rules {
		if g.Rules[i].same(n) {
			return permissionDuplicate.New(`the specified rule "%s" already exists`, n)
		}
		if g.Rules[i].Egress == n.Egress {
			weight, err := s.weight(tx, g.Account, &g.Rules[i])
			if err != nil {
				return err
			}
			count += weight
		}
	}
	weight, err := s.weight(tx, g.Account, n)
	if err != nil {
		return err
	}
	if count+weight > s.Quotas.RulesPerDirection {
		return rulesPerGroup.New("The maximum number of rules per security group has been reached.")
	}
	return nil
}

// weight is how many rules a rule counts as: one, or as many as its prefix list may have entries.
func (s *Service) weight(tx *store.Tx, account string, n *rule) (int, error) {
	if n.PrefixList == "" {
		return 1, nil
	}
	return s.knownPrefixList(tx, account, n.PrefixList)
}

var _ = api.Define(operations, "RevokeSecurityGroupIngress", func(c *api.Call, in *shape.RevokeSecurityGroupIngressRequest) []api.Check {
	return ruleChecks(c, "RevokeSecurityGroupIngress", in.GroupId, nil)
}, (*Service).revokeSecurityGroupIngress)

func (s *Service) revokeSecurityGroupIngress(ctx context.Context, c *api.Call, in *shape.RevokeSecurityGroupIngressRequest) (*shape.RevokeSecurityGroupIngressResult, error) {
	if err := begin(in, "GroupId", "GroupName", "IpPermissions", "SecurityGroupRuleIds", "CidrIp", "IpProtocol", "FromPort", "ToPort"); err != nil {
		return nil, err
	}
	r := ruleChange{id: in.GroupId, name: in.GroupName, permissions: in.IpPermissions, rules: in.SecurityGroupRuleIds}
	if err := r.simple(in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort); err != nil {
		return nil, err
	}
	gone, err := s.revoke(ctx, c, &r)
	return &shape.RevokeSecurityGroupIngressResult{Return: new(true), RevokedSecurityGroupRules: gone}, err
}

var _ = api.Define(operations, "RevokeSecurityGroupEgress", func(c *api.Call, in *shape.RevokeSecurityGroupEgressRequest) []api.Check {
	return ruleChecks(c, "RevokeSecurityGroupEgress", in.GroupId, nil)
}, (*Service).revokeSecurityGroupEgress)

func (s *Service) revokeSecurityGroupEgress(ctx context.Context, c *api.Call, in *shape.RevokeSecurityGroupEgressRequest) (*shape.RevokeSecurityGroupEgressResult, error) {
	if err := begin(in, "GroupId", "IpPermissions", "SecurityGroupRuleIds"); err != nil {
		return nil, err
	}
	gone, err := s.revoke(ctx, c, &ruleChange{egress: true, id: in.GroupId, permissions: in.IpPermissions, rules: in.SecurityGroupRuleIds})
	return &shape.RevokeSecurityGroupEgressResult{Return: new(true), RevokedSecurityGroupRules: gone}, err
}

// revoke takes rules away, all of them or none.
func (s *Service) revoke(ctx context.Context, c *api.Call, r *ruleChange) (gone []shape.RevokedSecurityGroupRule, err error) {
	if len(r.rules) > 0 && len(r.permissions) > 0 {
		return nil, invalidCombination.New("The parameter securityGroupRuleIds may not be used in combination with ipPermissions")
	}
	err = s.change(ctx, func(tx *store.Tx) error {
		gone = []shape.RevokedSecurityGroupRule{}
		g, err := groupByEither(tx, c.Account(), r.id, r.name)
		if err != nil {
			return err
		}
		at, err := s.meant(tx, g, r)
		if err != nil {
			return err
		}
		var left []rule
		for i := range g.Rules {
			if slices.Contains(at, i) {
				gone = append(gone, awsRevoked(g, &g.Rules[i]))
			} else {
				left = append(left, g.Rules[i])
			}
		}
		g.Rules = left
		return groups.put(tx, g)
	})
	return gone, err
}

// meant finds the rules that a revocation speaks of.
func (s *Service) meant(tx *store.Tx, g *group, r *ruleChange) (at []int, err error) {
	for _, id := range r.rules {
		i := slices.IndexFunc(g.Rules, func(o rule) bool { return o.ID == id && o.Egress == r.egress })
		if i < 0 {
			return nil, noRule(id)
		}
		at = append(at, i)
	}
	if len(r.rules) > 0 {
		return at, nil
	}
	wanted, err := s.parsePermissions(tx, r.permissions, g, r.egress)
	if err != nil {
		return nil, err
	}
	for k := range wanted {
		i := slices.IndexFunc(g.Rules, func(o rule) bool { return o.same(&wanted[k]) })
		if i < 0 {
			return nil, permissionNotFound.New("The specified rule does not exist in this security group.")
		}
		at = append(at, i)
	}
	return at, nil
}

func awsRevoked(g *group, r *rule) shape.RevokedSecurityGroupRule {
	out := shape.RevokedSecurityGroupRule{
		SecurityGroupRuleId: &r.ID, GroupId: &g.ID, IsEgress: &r.Egress, IpProtocol: new(protocolName(r.Protocol)),
		FromPort: new(int32(r.From)), ToPort: new(int32(r.To)),
	}
	if r.Description != "" {
		out.Description = &r.Description
	}
	switch {
	case r.Group != "":
		out.ReferencedGroupId = &r.Group
	case r.PrefixList != "":
		out.PrefixListId = &r.PrefixList
	case r.CIDR != (netip.Prefix{}):
		out.CidrIpv4 = new(r.CIDR.String())
	}
	return out
}
