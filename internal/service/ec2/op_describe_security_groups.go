package ec2

import (
	"context"
	"errors"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeSecurityGroups", describes[shape.DescribeSecurityGroupsRequest]("DescribeSecurityGroups"),
	(*Service).describeSecurityGroups)

func (s *Service) describeSecurityGroups(ctx context.Context, c *api.Call, in *shape.DescribeSecurityGroupsRequest) (*shape.DescribeSecurityGroupsResult, error) {
	if err := begin(in, "GroupIds", "GroupNames", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeSecurityGroupsResult{SecurityGroups: []shape.SecurityGroup{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		names, err := groupNames(tx, c.Account())
		if err != nil {
			return err
		}
		ids := in.GroupIds
		if len(in.GroupNames) > 0 {
			named, err := groupsByName(tx, c.Account(), in.GroupNames)
			if err != nil {
				return err
			}
			for _, g := range named {
				ids = append(ids, g.ID)
			}
		}
		page, err := find(tx, groups, c.Account(), query{ids, in.Filters, in.MaxResults, in.NextToken}, groupFields(names))
		for _, g := range page.items {
			err = errors.Join(err, look(tx, g))
			out.SecurityGroups = append(out.SecurityGroups, s.awsGroup(g))
		}
		out.NextToken = page.next
		return err
	})
	return out, err
}

var _ = api.Define(operations, "DescribeSecurityGroupRules", describes[shape.DescribeSecurityGroupRulesRequest]("DescribeSecurityGroupRules"),
	(*Service).describeSecurityGroupRules)

// ruleOf is a rule with the group it is in.
type ruleOf struct {
	group *group
	*rule
}

func (s *Service) describeSecurityGroupRules(ctx context.Context, c *api.Call, in *shape.DescribeSecurityGroupRulesRequest) (*shape.DescribeSecurityGroupRulesResult, error) {
	if err := begin(in, "SecurityGroupRuleIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeSecurityGroupRulesResult{SecurityGroupRules: []shape.SecurityGroupRule{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := rulesOf(tx, c.Account(), in.SecurityGroupRuleIds)
		if err != nil {
			return err
		}
		page, err := sift(all, func(r ruleOf) string { return r.ID }, func(r ruleOf) map[string]string { return r.Tags },
			query{nil, in.Filters, in.MaxResults, in.NextToken}, fields[ruleOf]{
				"group-id":               one(func(r ruleOf) string { return r.group.ID }),
				"security-group-rule-id": one(func(r ruleOf) string { return r.ID }),
			})
		for _, r := range page.items {
			err = errors.Join(err, look(tx, r.group))
			out.SecurityGroupRules = append(out.SecurityGroupRules, s.awsRule(r.group, r.rule))
		}
		out.NextToken = page.next
		return err
	})
	return out, err
}

// rulesOf gives the rules of an account's groups: those of the ids, or all.
func rulesOf(tx *store.Tx, account string, ids []string) (out []ruleOf, err error) {
	list, err := groups.all(tx, account)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !wellFormed("sgr-", id) {
			return nil, ruleMalformed.New(`Invalid id: "%s" (expecting "sgr-...")`, id)
		}
	}
	missing := distinct(ids)
	for _, g := range list {
		for i := range g.Rules {
			r := &g.Rules[i]
			if len(ids) == 0 || slices.Contains(ids, r.ID) {
				out = append(out, ruleOf{g, r})
				missing = without(missing, []string{r.ID})
			}
		}
	}
	if len(missing) > 0 {
		return nil, noRule(missing[0])
	}
	return out, nil
}

func noRule(id string) error {
	return ruleNotFound.New("The security group rule ID '%s' does not exist", id)
}
