package sagemaker

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/ec2"
	"cloister/internal/value/shape/sagemaker"
)

// attach makes the interface of a job or instance in a subnet of its VPC, as the role: what the role
// may not do does not happen. token makes repeating it free, and marks it. A subnet that has no address left
// is passed over for the next; one where the token has made an interface already is the right one.
func (s *Service) attach(ctx context.Context, as caller.Caller, account string, vpc *sagemaker.VpcConfig, subnet int, token, what string) (id string, at netip.Addr, err error) {
	refused := fails("ClientError: VpcConfig has no subnet.")
	for i := range vpc.Subnets {
		out, err := api.CallAs[ec2.CreateNetworkInterfaceResult](ctx, s.Client, as, "ec2", "CreateNetworkInterface", &ec2.CreateNetworkInterfaceRequest{
			SubnetId: &vpc.Subnets[(subnet+i)%len(vpc.Subnets)], Groups: vpc.SecurityGroupIds, ClientToken: &token, Description: new(mark(token, what)),
		})
		if f, ok := fault.As(err); ok {
			if f.Code != "IdempotentParameterMismatch" {
				refused = fails("ClientError: Unable to create a network interface in the VPC: %s", f.Message)
			}
			if f.Code == "InsufficientFreeAddressesInSubnet" || f.Code == "IdempotentParameterMismatch" {
				continue
			}
			return "", at, refused
		}
		if err != nil {
			return "", at, fmt.Errorf("create interface: %w", err)
		}
		if out.NetworkInterface == nil || text(out.NetworkInterface.NetworkInterfaceId) == "" {
			return "", at, fmt.Errorf("create interface: no id")
		}
		id = *out.NetworkInterface.NetworkInterfaceId
		if at, err = s.takeOver(ctx, as, account, id); err != nil {
			return "", at, err
		}
		return id, at, nil
	}
	return "", at, refused
}

// takeOver has the role give the service an interface that it made, and looks at it.
func (s *Service) takeOver(ctx context.Context, as caller.Caller, account, id string) (at netip.Addr, err error) {
	_, err = s.Client.Call(ctx, as, "ec2", "CreateNetworkInterfacePermission", &ec2.CreateNetworkInterfacePermissionRequest{
		NetworkInterfaceId: &id, AwsService: new(principal), Permission: new("INSTANCE-ATTACH"),
	})
	if f, ok := fault.As(err); ok {
		return at, fails("ClientError: Unable to permit the use of a network interface in the VPC: %s", f.Message)
	}
	if err != nil {
		return at, fmt.Errorf("permit the use of %s: %w", id, err)
	}
	out, err := look[ec2.DescribeNetworkInterfacesResult](ctx, s, as, "DescribeNetworkInterfaces", "a network interface of the VPC", &ec2.DescribeNetworkInterfacesRequest{NetworkInterfaceIds: []string{id}})
	if err != nil {
		return at, err
	}
	if len(out.NetworkInterfaces) == 1 {
		at, _ = netip.ParseAddr(text(out.NetworkInterfaces[0].PrivateIpAddress))
	}
	if err := s.Isolation.Manage(ctx, account, id); err != nil {
		return at, fmt.Errorf("manage interface %s: %w", id, err)
	}
	return at, nil
}

// mark is the description by which an interface is found again when its id was lost in a crash.
func mark(token, what string) string {
	return "[DO NOT DELETE] ENI managed by SageMaker for " + what + " - " + token
}

// namespace waits until the fabric has made the namespace of an interface.
func (s *Service) namespace(ctx context.Context, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		if path := s.Network.Namespace(id); path != "" {
			return path, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("no namespace of %s: %w", id, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// detach deletes an interface. Without an id it looks for one that bears the mark. It acts as the
// service that owns the interface: the role may be gone by now.
func (s *Service) detach(ctx context.Context, account, id, token, what string) error {
	ids := []string{id}
	if id == "" {
		var err error
		if ids, err = s.findInterfaces(ctx, account, mark(token, what)); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if err := s.Isolation.Unuse(ctx, account, id); err != nil {
			return fmt.Errorf("free interface %s: %w", id, err)
		}
		_, err := s.Client.Call(ctx, s.self(account), "ec2", "DeleteNetworkInterface", &ec2.DeleteNetworkInterfaceRequest{NetworkInterfaceId: &id})
		if err != nil && !fault.Is(err, "InvalidNetworkInterfaceID.NotFound") {
			return fmt.Errorf("delete interface %s: %w", id, err)
		}
	}
	return nil
}

func (s *Service) findInterfaces(ctx context.Context, account, description string) ([]string, error) {
	out, err := api.CallAs[ec2.DescribeNetworkInterfacesResult](ctx, s.Client, s.self(account), "ec2", "DescribeNetworkInterfaces", &ec2.DescribeNetworkInterfacesRequest{
		Filters: []ec2.Filter{{Name: new("description"), Values: []string{description}}},
	})
	if err != nil {
		return nil, fmt.Errorf("look for interfaces: %w", err)
	}
	var ids []string
	for _, i := range out.NetworkInterfaces {
		if text(i.Description) == description {
			ids = append(ids, text(i.NetworkInterfaceId))
		}
	}
	return ids, nil
}
