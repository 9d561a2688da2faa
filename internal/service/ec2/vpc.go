package ec2

import (
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

func awsVPC(v *vpc, state string) shape.Vpc {
	return shape.Vpc{
		VpcId: &v.ID, OwnerId: &v.Account, State: &state, CidrBlock: new(v.CIDR.String()), DhcpOptionsId: &v.DHCPOptionsID,
		InstanceTenancy: new("default"), IsDefault: new(false), Tags: awsTags(v.Tags),
		CidrBlockAssociationSet: []shape.VpcCidrBlockAssociation{{
			AssociationId: &v.Association, CidrBlock: new(v.CIDR.String()), CidrBlockState: &shape.VpcCidrBlockState{State: new("associated")},
		}},
		Ipv6CidrBlockAssociationSet: []shape.VpcIpv6CidrBlockAssociation{},
	}
}

var vpcFields = fields[*vpc]{
	"vpc-id":                                one(func(v *vpc) string { return v.ID }),
	"cidr":                                  one(func(v *vpc) string { return v.CIDR.String() }),
	"cidr-block-association.association-id": one(func(v *vpc) string { return v.Association }),
	"cidr-block-association.cidr-block":     one(func(v *vpc) string { return v.CIDR.String() }),
	"cidr-block-association.state":          one(func(*vpc) string { return "associated" }),
	"dhcp-options-id":                       one(func(v *vpc) string { return v.DHCPOptionsID }),
	"is-default":                            one(func(*vpc) string { return "false" }),
	"isDefault":                             one(func(*vpc) string { return "false" }),
	"owner-id":                              one(func(v *vpc) string { return v.Account }),
	"state":                                 one(func(*vpc) string { return available }),
}

// inVPC gives an account's VPC and how many records of a kind it has.
func countIn[T any, P interface {
	*T
	common() *head
}](tx *store.Tx, k kind[T, P], account string, test func(P) bool) (int, error) {
	list, err := k.where(tx, account, test)
	return len(list), err
}
