package ec2

import (
	"slices"

	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	shape "cloister/internal/value/shape/ec2"
)

func (s *Service) groupARN(account, id string) string {
	return arn.Format("ec2", s.Region, account, "security-group/"+id)
}

func (s *Service) awsGroup(g *group) shape.SecurityGroup {
	return shape.SecurityGroup{
		GroupId: &g.ID, GroupName: &g.Name, Description: &g.Description, VpcId: &g.VPC, OwnerId: &g.Account,
		SecurityGroupArn: new(s.groupARN(g.Account, g.ID)), IpPermissions: permissions(g, false), IpPermissionsEgress: permissions(g, true),
		Tags: awsTags(g.Tags),
	}
}

// awsRule shows one rule by itself.
func (s *Service) awsRule(g *group, r *rule) shape.SecurityGroupRule {
	out := shape.SecurityGroupRule{
		SecurityGroupRuleId: &r.ID, GroupId: &g.ID, GroupOwnerId: &g.Account, IsEgress: &r.Egress, IpProtocol: new(protocolName(r.Protocol)),
		FromPort: new(int32(r.From)), ToPort: new(int32(r.To)), Tags: awsTags(r.Tags),
		SecurityGroupRuleArn: new(arn.Format("ec2", s.Region, g.Account, "security-group-rule/"+r.ID)),
	}
	if r.Description != "" {
		out.Description = &r.Description
	}
	switch {
	case r.Group != "":
		out.ReferencedGroupInfo = r.referenced(g)
	case r.PrefixList != "":
		out.PrefixListId = &r.PrefixList
	default:
		out.CidrIpv4 = new(r.CIDR.String())
	}
	return out
}

// groupByEither finds a group by its id; a name alone means a group of the default VPC.
func groupByEither(tx *store.Tx, account string, id, name *string) (*group, error) {
	if str(id) != "" {
		return groups.get(tx, account, *id)
	}
	if str(name) != "" {
		list, err := groupsByName(tx, account, []string{*name})
		if err != nil {
			return nil, err
		}
		return list[0], nil
	}
	return nil, missingParameter.New("The request must contain the parameter groupName or groupId")
}

// groupsByName finds groups of the default VPC.
func groupsByName(tx *store.Tx, account string, names []string) ([]*group, error) {
	v, err := vpcOrDefault(tx, account, "")
	if err != nil {
		return nil, err
	}
	all, err := groups.where(tx, account, func(g *group) bool { return g.VPC == v.ID })
	if err != nil {
		return nil, err
	}
	var out []*group
	for _, name := range distinct(names) {
		at := slices.IndexFunc(all, func(g *group) bool { return g.Name == name })
		if at < 0 {
			return nil, groups.notFound.New("The security group '%s' does not exist in default VPC '%s'", name, v.ID)
		}
		out = append(out, all[at])
	}
	return out, nil
}

// groupNames gives the name of each group of an account.
func groupNames(tx *store.Tx, account string) (map[string]string, error) {
	list, err := groups.all(tx, account)
	out := make(map[string]string, len(list))
	for _, g := range list {
		out[g.ID] = g.Name
	}
	return out, err
}

// over collects a field of the rules of one direction.
func over(egress bool, of func(*rule) string) func(*group) []string {
	return func(g *group) (out []string) {
		for i := range g.Rules {
			if v := of(&g.Rules[i]); g.Rules[i].Egress == egress && v != "" {
				out = append(out, v)
			}
		}
		return out
	}
}

func (r *rule) cidrText() string {
	if r.CIDR.IsValid() {
		return r.CIDR.String()
	}
	return ""
}

// groupFields are the filters of groups; names are those of all the account's groups, by id.
func groupFields(names map[string]string) fields[*group] {
	f := fields[*group]{
		"group-id":    one(func(g *group) string { return g.ID }),
		"group-name":  one(func(g *group) string { return g.Name }),
		"description": one(func(g *group) string { return g.Description }),
		"vpc-id":      one(func(g *group) string { return g.VPC }),
		"owner-id":    one(func(g *group) string { return g.Account }),
	}
	for prefix, egress := range map[string]bool{"ip-permission.": false, "egress.ip-permission.": true} {
		f[prefix+"cidr"] = over(egress, (*rule).cidrText)
		f[prefix+"group-id"] = over(egress, func(r *rule) string { return r.Group })
		f[prefix+"ipv6-cidr"] = never[*group]
		f[prefix+"prefix-list-id"] = over(egress, func(r *rule) string { return r.PrefixList })
		f[prefix+"protocol"] = over(egress, func(r *rule) string { return protocolName(r.Protocol) })
		f[prefix+"from-port"] = over(egress, func(r *rule) string { return text(r.From) })
		f[prefix+"to-port"] = over(egress, func(r *rule) string { return text(r.To) })
	}
	for prefix, egress := range map[string]bool{"ip-permission.": false, "egress.ip-permission.": true} {
		f[prefix+"group-name"] = over(egress, func(r *rule) string { return names[r.Group] })
		f[prefix+"user-id"] = func(g *group) []string {
			return over(egress, func(r *rule) string {
				if r.Group == "" {
					return ""
				}
				return *r.pair(g.Account, nil).UserId
			})(g)
		}
	}
	return f
}

// usable gives the groups that an interface in a VPC is to have: those named, or the VPC's default.
func (s *Service) usable(tx *store.Tx, v *vpc, ids []string, subnet string) ([]string, error) {
	if len(ids) == 0 {
		return []string{v.Group}, nil
	}
	ids = distinct(ids)
	if len(ids) > s.Quotas.GroupsPerInterface {
		return nil, groupsPerInterface.New("The maximum number of security groups per interface has been reached.")
	}
	for _, id := range ids {
		g, err := groups.get(tx, v.Account, id)
		if err != nil {
			return nil, err
		}
		if g.VPC != v.ID {
			return nil, invalidParameter.New("Security group %s and subnet %s belong to different networks.", id, subnet)
		}
	}
	return ids, nil
}
