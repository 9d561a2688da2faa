package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DeleteSubnet", named("DeleteSubnet", "subnet", func(in *shape.DeleteSubnetRequest) *string { return in.SubnetId }),
	(*Service).deleteSubnet)

func (s *Service) deleteSubnet(ctx context.Context, c *api.Call, in *shape.DeleteSubnetRequest) (*struct{}, error) {
	if err := begin(in, "SubnetId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		n, err := subnets.get(tx, c.Account(), str(in.SubnetId))
		if err != nil {
			return err
		}
		used, err := countIn(tx, enis, c.Account(), func(i *eni) bool { return i.Subnet == n.ID })
		if err != nil {
			return err
		}
		if used > 0 {
			return dependencyViolation.New("The subnet '%s' has dependencies and cannot be deleted.", n.ID)
		}
		tables, err := routeTables.where(tx, c.Account(), func(t *routeTable) bool { return t.VPC == n.VPC })
		if err != nil {
			return err
		}
		for _, t := range tables {
			left := slices.DeleteFunc(slices.Clone(t.Associations), func(a association) bool { return a.Subnet == n.ID })
			if len(left) == len(t.Associations) {
				continue
			}
			t.Associations = left
			if err := routeTables.put(tx, t); err != nil {
				return err
			}
		}
		return subnets.remove(tx, n)
	})
}
