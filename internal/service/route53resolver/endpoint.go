package route53resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/ec2"
	shape "cloister/internal/value/shape/route53resolver"
)

// endpoint is an inbound resolver endpoint.
type endpoint struct {
	ID, Account, Name string
	Token             string // CreatorRequestId
	VPC               string
	Groups            []string
	Status            string
	Addresses         []*address
	Tags              map[string]string `json:",omitempty"`
	Created, Modified time.Time
}

// address is one of its addresses; Interface is empty until it is made.
type address struct {
	ID, Subnet, IP    string
	Interface         string
	Created, Modified time.Time
}

const (
	creating    = "CREATING"
	operational = "OPERATIONAL"
	updating    = "UPDATING"
	deleting    = "DELETING"
)

var endpoints = store.NewTable[endpoint]("route53resolver.endpoint")

func putEndpoint(tx *store.Tx, e *endpoint) error {
	e.Modified = tx.Now
	return endpoints.Put(tx, store.Key(e.Account, e.ID), e)
}

func findEndpoint(tx *store.Tx, account, id string) (*endpoint, error) {
	e, err := endpoints.Get(tx, store.Key(account, id))
	if err == nil && e == nil {
		err = notFound.New("Resolver endpoint with ID \"%s\" does not exist.", id)
	}
	return e, err
}

func (s *Service) arn(kind, account, id string) string {
	return arn.Format("route53resolver", s.Region, account, kind+"/"+id)
}

func (s *Service) endpointShape(e *endpoint) *shape.ResolverEndpoint {
	return &shape.ResolverEndpoint{Id: &e.ID, CreatorRequestId: &e.Token, Arn: new(s.arn("resolver-endpoint", e.Account, e.ID)), Name: &e.Name,
		SecurityGroupIds: e.Groups, Direction: new("INBOUND"), IpAddressCount: new(int32(len(e.Addresses))), HostVPCId: &e.VPC, Status: &e.Status,
		StatusMessage: new(statusWords[e.Status]), CreationTime: shownTime(e.Created), ModificationTime: shownTime(e.Modified),
		ResolverEndpointType: new("IPV4"), Protocols: []string{"Do53"}}
}

var statusWords = map[string]string{
	creating: "Creating the Resolver Endpoint", operational: "This Resolver Endpoint is operational.",
	updating: "Updating the Resolver Endpoint", deleting: "Deleting the Resolver Endpoint",
}

func (a *address) aws() shape.IpAddressResponse {
	status := "ATTACHED"
	if a.Interface == "" {
		status = "ATTACHING"
	}
	return shape.IpAddressResponse{IpId: &a.ID, SubnetId: &a.Subnet, Ip: &a.IP, Status: &status,
		StatusMessage: new("This IP address is operational."), CreationTime: shownTime(a.Created), ModificationTime: shownTime(a.Modified)}
}

// mark is the description by which an address's interface is found again.
func mark(endpoint, address string) string { return "Route 53 Resolver: " + endpoint + ":" + address }

// attach makes the interfaces of those addresses that have none. It may be repeated.
func (s *Service) attach(ctx context.Context, e *endpoint) error {
	for _, a := range e.Addresses {
		if a.Interface != "" {
			continue
		}
		in := &ec2.CreateNetworkInterfaceRequest{SubnetId: &a.Subnet, Groups: e.Groups, ClientToken: &a.ID, Description: new(mark(e.ID, a.ID))}
		if a.IP != "" {
			in.PrivateIpAddress = &a.IP
		}
		out, err := api.CallAs[ec2.CreateNetworkInterfaceResult](ctx, s.Client, self(e.Account), "ec2", "CreateNetworkInterface", in)
		if f, ok := fault.As(err); ok {
			return invalidParameter.New("%s", f.Message)
		}
		if err != nil {
			return fmt.Errorf("interface of %s: %w", a.ID, err)
		}
		i := out.NetworkInterface
		if err := s.Network.Manage(ctx, e.Account, text(i.NetworkInterfaceId)); err != nil {
			return fmt.Errorf("interface of %s: %w", a.ID, err)
		}
		a.Interface, a.IP = text(i.NetworkInterfaceId), text(i.PrivateIpAddress)
	}
	return nil
}

// detach takes the interfaces of addresses away, also those whose ids a stop lost. It may be repeated.
func (s *Service) detach(ctx context.Context, e *endpoint, list []*address) error {
	for _, a := range list {
		found, err := api.CallAs[ec2.DescribeNetworkInterfacesResult](ctx, s.Client, self(e.Account), "ec2", "DescribeNetworkInterfaces",
			&ec2.DescribeNetworkInterfacesRequest{Filters: []ec2.Filter{{Name: new("description"), Values: []string{mark(e.ID, a.ID)}}}})
		if err != nil {
			return fmt.Errorf("look for interface of %s: %w", a.ID, err)
		}
		for _, i := range found.NetworkInterfaces {
			if err := s.Network.Unuse(ctx, e.Account, text(i.NetworkInterfaceId)); err != nil {
				return err
			}
			_, err := s.Client.Call(ctx, self(e.Account), "ec2", "DeleteNetworkInterface", &ec2.DeleteNetworkInterfaceRequest{NetworkInterfaceId: i.NetworkInterfaceId})
			if err != nil && !fault.Is(err, "InvalidNetworkInterfaceID.NotFound") {
				return fmt.Errorf("delete interface of %s: %w", a.ID, err)
			}
		}
	}
	return nil
}

// remove takes an endpoint away: first its addresses answer no more, then its interfaces go, then it is
// forgotten.
func (s *Service) remove(ctx context.Context, e *endpoint) error {
	if err := s.detach(ctx, e, e.Addresses); err != nil {
		return err
	}
	return s.Network.Change(ctx, func(tx *store.Tx) error { return endpoints.Delete(tx, store.Key(e.Account, e.ID)) })
}

// settle ends what was not finished when the last process stopped: what was being made is taken back,
// for whoever asked for it has heard of no success.
func (s *Service) settle(ctx context.Context) error {
	var all []*endpoint
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) { all, err = endpoints.All(tx, ""); return err })
	for _, e := range all {
		switch e.Status {
		case creating, deleting:
			err = errors.Join(err, s.remove(ctx, e))
		case updating:
			half := slices.DeleteFunc(slices.Clone(e.Addresses), func(a *address) bool { return a.Interface != "" })
			e.Addresses = slices.DeleteFunc(e.Addresses, func(a *address) bool { return a.Interface == "" })
			err = errors.Join(err, s.detach(ctx, e, half), s.operate(ctx, e))
		}
	}
	return err
}

// operate records that an endpoint is as it should be, and returns when its addresses answer.
func (s *Service) operate(ctx context.Context, e *endpoint) error {
	e.Status = operational
	return s.Network.Change(ctx, func(tx *store.Tx) error {
		now, err := findEndpoint(tx, e.Account, e.ID)
		if err != nil {
			return err
		}
		if now.Status == deleting {
			return inUse.New("Resolver endpoint \"%s\" is being deleted.", e.ID)
		}
		e.Name, e.Tags = now.Name, now.Tags
		return putEndpoint(tx, e)
	})
}

// vpcOf asks in which VPC subnets are, which must be one.
func (s *Service) vpcOf(ctx context.Context, account string, subnets []string) (string, error) {
	slices.Sort(subnets)
	out, err := api.CallAs[ec2.DescribeSubnetsResult](ctx, s.Client, self(account), "ec2", "DescribeSubnets", &ec2.DescribeSubnetsRequest{SubnetIds: slices.Compact(subnets)})
	if f, ok := fault.As(err); ok {
		return "", invalidParameter.New("%s", f.Message).With("FieldName", "SubnetId")
	}
	if err != nil {
		return "", err
	}
	vpc := ""
	for _, n := range out.Subnets {
		if id := text(n.VpcId); vpc == "" {
			vpc = id
		} else if id != vpc {
			return "", invalidRequest.New("All IP addresses must be in the same VPC.")
		}
	}
	return vpc, nil
}
