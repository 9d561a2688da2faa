package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

// eniPermission is what an account gave a service: to attach one of its interfaces. It goes with the interface.
type eniPermission struct {
	head
	Interface, Service string
}

var eniPermissions = newKind[eniPermission]("network-interface-permission", "eni-perm-",
	"InvalidPermissionID", "The network interface permission ID '%s' does not exist")

const instanceAttach = "INSTANCE-ATTACH"

var _ = api.Define(operations, "CreateNetworkInterfacePermission", func(c *api.Call, in *shape.CreateNetworkInterfacePermissionRequest) []api.Check {
	var keys []api.Key
	for name, value := range map[string]*string{"ec2:Permission": in.Permission, "ec2:AuthorizedService": in.AwsService, "ec2:AuthorizedUser": in.AwsAccountId} {
		if value != nil {
			keys = append(keys, api.K(name, *value))
		}
	}
	return []api.Check{check(c, "CreateNetworkInterfacePermission", "network-interface", str(in.NetworkInterfaceId), keys...)}
}, (*Service).createNetworkInterfacePermission)

// createNetworkInterfacePermission lets a service attach an interface. Other accounts have nothing here to
// attach it to.
func (s *Service) createNetworkInterfacePermission(ctx context.Context, c *api.Call, in *shape.CreateNetworkInterfacePermissionRequest) (*shape.CreateNetworkInterfacePermissionResult, error) {
	if err := begin(in, "NetworkInterfaceId", "AwsService", "Permission"); err != nil {
		return nil, err
	}
	switch service, permission := str(in.AwsService), str(in.Permission); {
	case service == "":
		return nil, missingParameter.New("The request must contain the parameter AwsService or AwsAccountId")
	case permission != instanceAttach && permission != "EIP-ASSOCIATE":
		return nil, invalidValue.New("Value (%s) for parameter permission is invalid.", permission)
	case permission != instanceAttach:
		return nil, unsupportedOperation.New("The permission %s is not supported.", permission)
	}
	out := &shape.CreateNetworkInterfacePermissionResult{}
	return out, s.DB.UpdateShared(ctx, func(tx *store.Tx) error {
		i, err := enis.get(tx, c.Account(), str(in.NetworkInterfaceId))
		if err != nil {
			return err
		}
		old, err := permissionsOf(tx, i)
		if err != nil {
			return err
		}
		for _, p := range old {
			if p.Service == *in.AwsService {
				out.InterfacePermission = new(p.aws())
				return nil
			}
		}
		p := &eniPermission{head: eniPermissions.begin(tx, c.Account(), nil), Interface: i.ID, Service: *in.AwsService}
		out.InterfacePermission = new(p.aws())
		return eniPermissions.put(tx, p)
	})
}

func permissionsOf(tx *store.Tx, i *eni) ([]*eniPermission, error) {
	return eniPermissions.where(tx, i.Account, func(p *eniPermission) bool { return p.Interface == i.ID })
}

func (p *eniPermission) aws() shape.NetworkInterfacePermission {
	return shape.NetworkInterfacePermission{
		NetworkInterfacePermissionId: &p.ID, NetworkInterfaceId: &p.Interface, AwsService: &p.Service, Permission: new(instanceAttach),
		PermissionState: &shape.NetworkInterfacePermissionState{State: new("granted")},
	}
}

var _ = api.Define(operations, "DeleteNetworkInterfacePermission",
	describes[shape.DeleteNetworkInterfacePermissionRequest]("DeleteNetworkInterfacePermission"), (*Service).deleteNetworkInterfacePermission)

// deleteNetworkInterfacePermission takes back what is not made use of: what a service attached stays its own.
func (s *Service) deleteNetworkInterfacePermission(ctx context.Context, c *api.Call, in *shape.DeleteNetworkInterfacePermissionRequest) (*shape.DeleteNetworkInterfacePermissionResult, error) {
	if err := begin(in, "NetworkInterfacePermissionId", "Force"); err != nil {
		return nil, err
	}
	return &shape.DeleteNetworkInterfacePermissionResult{Return: new(true)}, s.DB.UpdateShared(ctx, func(tx *store.Tx) error {
		p, err := eniPermissions.get(tx, c.Account(), str(in.NetworkInterfacePermissionId))
		if err != nil {
			return err
		}
		i, err := enis.table.Get(tx, store.Key(p.Account, p.Interface))
		if err != nil {
			return err
		}
		if i != nil && i.Attachment != "" {
			return notPermitted.New("The network interface '%s' is in use by %s.", i.ID, p.Service)
		}
		return eniPermissions.remove(tx, p)
	})
}

var _ = api.Define(operations, "DescribeNetworkInterfacePermissions",
	describes[shape.DescribeNetworkInterfacePermissionsRequest]("DescribeNetworkInterfacePermissions"), (*Service).describeNetworkInterfacePermissions)

func (s *Service) describeNetworkInterfacePermissions(ctx context.Context, c *api.Call, in *shape.DescribeNetworkInterfacePermissionsRequest) (*shape.DescribeNetworkInterfacePermissionsResult, error) {
	if err := begin(in, "NetworkInterfacePermissionIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeNetworkInterfacePermissionsResult{NetworkInterfacePermissions: []shape.NetworkInterfacePermission{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		page, err := find(tx, eniPermissions, c.Account(), query{in.NetworkInterfacePermissionIds, in.Filters, in.MaxResults, in.NextToken}, fields[*eniPermission]{
			"network-interface-permission.network-interface-permission-id": one(func(p *eniPermission) string { return p.ID }),
			"network-interface-permission.network-interface-id":            one(func(p *eniPermission) string { return p.Interface }),
			"network-interface-permission.aws-service":                     one(func(p *eniPermission) string { return p.Service }),
			"network-interface-permission.aws-account-id":                  never[*eniPermission],
			"network-interface-permission.permission":                      one(func(*eniPermission) string { return instanceAttach }),
		})
		for _, p := range page.items {
			out.NetworkInterfacePermissions = append(out.NetworkInterfacePermissions, p.aws())
		}
		out.NextToken = page.next
		return err
	})
}

// removeInterface removes an interface's record and what was permitted with it.
func removeInterface(tx *store.Tx, i *eni) error {
	all, err := permissionsOf(tx, i)
	if err != nil {
		return err
	}
	for _, p := range all {
		if err := eniPermissions.remove(tx, p); err != nil {
			return err
		}
	}
	return enis.remove(tx, i)
}
