package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DeleteNetworkInterface", named("DeleteNetworkInterface", "network-interface",
	func(in *shape.DeleteNetworkInterfaceRequest) *string { return in.NetworkInterfaceId }), (*Service).deleteNetworkInterface)

func (s *Service) deleteNetworkInterface(ctx context.Context, c *api.Call, in *shape.DeleteNetworkInterfaceRequest) (*struct{}, error) {
	if err := begin(in, "NetworkInterfaceId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.changeInterface(ctx, func(tx *store.Tx) error {
		i, err := enis.get(tx, c.Account(), str(in.NetworkInterfaceId))
		if err != nil {
			return err
		}
		if i.Attachment != "" {
			return interfaceInUse.New("Network interface '%s' is currently in use.", i.ID)
		}
		if e, err := elasticOn(tx, c.Account(), i.ID); err != nil {
			return err
		} else if e != nil {
			if err := e.free(tx); err != nil {
				return err
			}
		}
		return removeInterface(tx, i)
	})
}
