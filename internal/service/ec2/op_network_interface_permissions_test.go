package ec2

import (
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

func TestAServiceIsPermittedToAttachAnInterface(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	id := *h.eni(h.subnet(v, "10.0.0.0/24", "a")).NetworkInterfaceId
	give := func(i, service, permission string) *shape.CreateNetworkInterfacePermissionRequest {
		return &shape.CreateNetworkInterfacePermissionRequest{NetworkInterfaceId: &i, AwsService: &service, Permission: &permission}
	}
	create := func(in *shape.CreateNetworkInterfacePermissionRequest) *shape.NetworkInterfacePermission {
		return must[shape.CreateNetworkInterfacePermissionResult](h, "CreateNetworkInterfacePermission", in).InterfacePermission
	}
	p := create(give(id, "sagemaker.amazonaws.com", instanceAttach))
	if again := create(give(id, "sagemaker.amazonaws.com", instanceAttach)); *again.NetworkInterfacePermissionId != *p.NetworkInterfacePermissionId || *p.PermissionState.State != "granted" {
		t.Errorf("given twice: %+v, %+v", p, again)
	}
	for in, code := range map[*shape.CreateNetworkInterfacePermissionRequest]string{
		give("eni-0abc", "sagemaker.amazonaws.com", instanceAttach):                                                    "InvalidNetworkInterfaceID.NotFound",
		give(id, "sagemaker.amazonaws.com", "EVERYTHING"):                                                              "InvalidParameterValue",
		give(id, "sagemaker.amazonaws.com", "EIP-ASSOCIATE"):                                                           "UnsupportedOperation",
		{NetworkInterfaceId: &id, Permission: new(instanceAttach)}:                                                     "MissingParameter",
		{NetworkInterfaceId: &id, Permission: new(instanceAttach), AwsAccountId: new(other)}:                           "UnsupportedOperation",
		{NetworkInterfaceId: &id, AwsService: new("sagemaker.amazonaws.com"), Permission: new("x"), DryRun: new(true)}: "DryRunOperation",
	} {
		refused[shape.CreateNetworkInterfacePermissionResult](h, "CreateNetworkInterfacePermission", in, code, "")
	}
	all := func(filters ...shape.Filter) []shape.NetworkInterfacePermission {
		return must[shape.DescribeNetworkInterfacePermissionsResult](h, "DescribeNetworkInterfacePermissions", &shape.DescribeNetworkInterfacePermissionsRequest{Filters: filters}).NetworkInterfacePermissions
	}
	if got := all(filter("network-interface-permission.network-interface-id", id)); len(got) != 1 || *got[0].AwsService != "sagemaker.amazonaws.com" {
		t.Errorf("permissions %+v", got)
	}
	if err := h.Manage(t.Context(), account, id); err != nil {
		t.Fatal(err)
	}
	take := &shape.DeleteNetworkInterfacePermissionRequest{NetworkInterfacePermissionId: p.NetworkInterfacePermissionId}
	refused[shape.DeleteNetworkInterfacePermissionResult](h, "DeleteNetworkInterfacePermission", take, "OperationNotPermitted", "")
	if err := h.Unuse(t.Context(), account, id); err != nil {
		t.Fatal(err)
	}
	must[shape.DeleteNetworkInterfacePermissionResult](h, "DeleteNetworkInterfacePermission", take)
	refused[shape.DeleteNetworkInterfacePermissionResult](h, "DeleteNetworkInterfacePermission", take, "InvalidPermissionID.NotFound", "")
	create(give(id, "sagemaker.amazonaws.com", instanceAttach))
	must[struct{}](h, "DeleteNetworkInterface", &shape.DeleteNetworkInterfaceRequest{NetworkInterfaceId: &id})
	if got := all(); len(got) != 0 {
		t.Errorf("permissions outlive their interface: %+v", got)
	}
}
