package ec2

import (
	"strconv"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

func awsVPC(v *vpc, state string) shape.Vpc {
	out := shape.Vpc{
		VpcId: &v.ID, OwnerId: &v.Account, State: &state, CidrBlock: new(v.CIDR.String()), DhcpOptionsId: &v.DHCPOptionsID,
		InstanceTenancy: new("default"), IsDefault: &v.Default, Tags: awsTags(v.Tags),
		Ipv6CidrBlockAssociationSet: []shape.VpcIpv6CidrBlockAssociation{},
	}
	if v.Dedicated {
		out.InstanceTenancy = new("dedicated")
	}
	for _, b := range v.blocks() {
		out.CidrBlockAssociationSet = append(out.CidrBlockAssociationSet, b.aws())
	}
	return out
}

var vpcFields = fields[*vpc]{
	"vpc-id": one(func(v *vpc) string { return v.ID }),
	"cidr":   one(func(v *vpc) string { return v.CIDR.String() }),
	"cidr-block-association.association-id": func(v *vpc) (out []string) {
		for _, b := range v.blocks() {
			out = append(out, b.Association)
		}
		return out
	},
	"cidr-block-association.cidr-block": func(v *vpc) (out []string) {
		for _, b := range v.blocks() {
			out = append(out, b.CIDR.String())
		}
		return out
	},
	"ipv6-cidr-block-association.association-id":  never[*vpc],
	"ipv6-cidr-block-association.ipv6-cidr-block": never[*vpc],
	"ipv6-cidr-block-association.ipv6-pool":       never[*vpc],
	"ipv6-cidr-block-association.state":           never[*vpc],
	"cidr-block-association.state":                one(func(*vpc) string { return "associated" }),
	"dhcp-options-id":                             one(func(v *vpc) string { return v.DHCPOptionsID }),
	"is-default":                                  one(func(v *vpc) string { return strconv.FormatBool(v.Default) }),
	"isDefault":                                   one(func(v *vpc) string { return strconv.FormatBool(v.Default) }),
	"owner-id":                                    one(func(v *vpc) string { return v.Account }),
	"state":                                       one(func(*vpc) string { return available }),
}

// inVPC gives an account's VPC and how many records of a kind it has.
func countIn[T any, P interface {
	*T
	common() *head
}](tx *store.Tx, k kind[T, P], account string, test func(P) bool) (int, error) {
	list, err := k.where(tx, account, test)
	return len(list), err
}
