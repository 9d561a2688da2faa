package ec2

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

var attachmentNotFound = fault.Kind{Code: "InvalidAttachmentID.NotFound", Status: 400}

var _ = api.Define(operations, "AttachNetworkInterface", func(c *api.Call, in *shape.AttachNetworkInterfaceRequest) []api.Check {
	return []api.Check{
		check(c, "AttachNetworkInterface", "network-interface", str(in.NetworkInterfaceId)), check(c, "AttachNetworkInterface", "instance", str(in.InstanceId)),
	}
}, (*Service).attachNetworkInterface)

// attachNetworkInterface can only refuse: there are no instances.
func (s *Service) attachNetworkInterface(ctx context.Context, c *api.Call, in *shape.AttachNetworkInterfaceRequest) (*shape.AttachNetworkInterfaceResult, error) {
	if err := begin(in, "NetworkInterfaceId", "InstanceId", "DeviceIndex", "NetworkCardIndex"); err != nil {
		return nil, err
	}
	return nil, s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := enis.get(tx, c.Account(), str(in.NetworkInterfaceId)); err != nil {
			return err
		}
		return noInstance.New("The instance ID '%s' does not exist", str(in.InstanceId))
	})
}

var _ = api.Define(operations, "DetachNetworkInterface", func(c *api.Call, _ *shape.DetachNetworkInterfaceRequest) []api.Check {
	return []api.Check{check(c, "DetachNetworkInterface", "network-interface", ""), check(c, "DetachNetworkInterface", "instance", "")}
}, (*Service).detachNetworkInterface)

// detachNetworkInterface can only refuse: all attachments are services'.
func (s *Service) detachNetworkInterface(ctx context.Context, c *api.Call, in *shape.DetachNetworkInterfaceRequest) (*struct{}, error) {
	if err := begin(in, "AttachmentId", "Force"); err != nil {
		return nil, err
	}
	id := str(in.AttachmentId)
	if err := need("attachmentId", id); err != nil {
		return nil, err
	}
	return nil, s.DB.View(ctx, func(tx *store.Tx) error {
		n, err := countIn(tx, enis, c.Account(), func(i *eni) bool { return i.Attachment == id })
		switch {
		case err != nil:
			return err
		case n > 0 || strings.HasPrefix(id, "ela-attach-"):
			return notPermitted.New("You are not allowed to manage 'ela-attach' attachments.")
		}
		return attachmentNotFound.New("The attachment ID '%s' does not exist", id)
	})
}

var _ = api.Define(operations, "AssignPrivateIpAddresses", named("AssignPrivateIpAddresses", "network-interface",
	func(in *shape.AssignPrivateIpAddressesRequest) *string { return in.NetworkInterfaceId }), (*Service).assignPrivateIpAddresses)

// assignPrivateIpAddresses can only refuse: an interface has one address.
func (s *Service) assignPrivateIpAddresses(ctx context.Context, c *api.Call, in *shape.AssignPrivateIpAddressesRequest) (*shape.AssignPrivateIpAddressesResult, error) {
	return nil, s.oneAddress(ctx, c.Account(), str(in.NetworkInterfaceId))
}

var _ = api.Define(operations, "UnassignPrivateIpAddresses", named("UnassignPrivateIpAddresses", "network-interface",
	func(in *shape.UnassignPrivateIpAddressesRequest) *string { return in.NetworkInterfaceId }), (*Service).unassignPrivateIpAddresses)

func (s *Service) unassignPrivateIpAddresses(ctx context.Context, c *api.Call, in *shape.UnassignPrivateIpAddressesRequest) (*struct{}, error) {
	return nil, s.oneAddress(ctx, c.Account(), str(in.NetworkInterfaceId))
}

func (s *Service) oneAddress(ctx context.Context, account, id string) error {
	return s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := enis.get(tx, account, id); err != nil {
			return err
		}
		return unsupportedOperation.New("Secondary private IP addresses are not supported.")
	})
}
