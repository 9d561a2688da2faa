package ec2

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "ModifyVpcEndpointServicePermissions", named("ModifyVpcEndpointServicePermissions", "vpc-endpoint-service",
	func(in *shape.ModifyVpcEndpointServicePermissionsRequest) *string { return in.ServiceId }), (*Service).modifyVpcEndpointServicePermissions)

var principalForm = regexp.MustCompile(`^(\*|arn:aws:iam::[0-9]{12}:(root|user/.+|role/.+))$`)

func (s *Service) modifyVpcEndpointServicePermissions(ctx context.Context, c *api.Call, in *shape.ModifyVpcEndpointServicePermissionsRequest) (*shape.ModifyVpcEndpointServicePermissionsResult, error) {
	if err := begin(in, "ServiceId", "AddAllowedPrincipals", "RemoveAllowedPrincipals"); err != nil {
		return nil, err
	}
	for _, p := range in.AddAllowedPrincipals {
		if !principalForm.MatchString(p) {
			return nil, invalidPrincipal.New("Invalid Principal: '%s'", p)
		}
	}
	out := &shape.ModifyVpcEndpointServicePermissionsResult{ReturnValue: new(true), AddedPrincipals: []shape.AddedPrincipal{}}
	return out, s.changeService(ctx, c.Account(), str(in.ServiceId), func(_ *store.Tx, v *endpointService) error {
		out.AddedPrincipals = []shape.AddedPrincipal{}
		v.Principals = slices.DeleteFunc(v.Principals, func(p permission) bool { return slices.Contains(in.RemoveAllowedPrincipals, p.Principal) })
		for _, name := range distinct(in.AddAllowedPrincipals) {
			at := slices.IndexFunc(v.Principals, func(p permission) bool { return p.Principal == name })
			if at < 0 {
				v.Principals, at = append(v.Principals, permission{newID("vpce-svc-perm-"), name}), len(v.Principals)
			}
			p := v.Principals[at]
			out.AddedPrincipals = append(out.AddedPrincipals, shape.AddedPrincipal{PrincipalType: new(principalType(name)), Principal: &p.Principal, ServicePermissionId: &p.ID, ServiceId: &v.ID})
		}
		return nil
	})
}

func principalType(p string) string {
	switch {
	case p == "*":
		return "All"
	case strings.HasSuffix(p, ":root"):
		return "Account"
	case strings.Contains(p, ":user/"):
		return "User"
	}
	return "Role"
}

var _ = api.Define(operations, "DescribeVpcEndpointServicePermissions", named("DescribeVpcEndpointServicePermissions", "vpc-endpoint-service",
	func(in *shape.DescribeVpcEndpointServicePermissionsRequest) *string { return in.ServiceId }), (*Service).describeVpcEndpointServicePermissions)

func (s *Service) describeVpcEndpointServicePermissions(ctx context.Context, c *api.Call, in *shape.DescribeVpcEndpointServicePermissionsRequest) (*shape.DescribeVpcEndpointServicePermissionsResult, error) {
	if err := begin(in, "ServiceId", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeVpcEndpointServicePermissionsResult{AllowedPrincipals: []shape.AllowedPrincipal{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		v, err := endpointServices.get(tx, c.Account(), str(in.ServiceId))
		if err != nil {
			return err
		}
		page, err := sift(v.Principals, func(p permission) string { return p.ID }, nil, query{nil, in.Filters, in.MaxResults, in.NextToken}, fields[permission]{
			"principal":      one(func(p permission) string { return p.Principal }),
			"principal-type": one(func(p permission) string { return principalType(p.Principal) }),
		})
		for _, p := range page.items {
			out.AllowedPrincipals = append(out.AllowedPrincipals, shape.AllowedPrincipal{PrincipalType: new(principalType(p.Principal)), Principal: &p.Principal,
				ServicePermissionId: &p.ID, ServiceId: &v.ID, Tags: []shape.Tag{}})
		}
		out.NextToken = page.next
		return err
	})
}

var _ = api.Define(operations, "DescribeVpcEndpointConnections", describes[shape.DescribeVpcEndpointConnectionsRequest]("DescribeVpcEndpointConnections"), (*Service).describeVpcEndpointConnections)

// connection is an endpoint as the owner of its service sees it.
type connection struct {
	*endpoint
	service *endpointService
	shown   string // the state
}

func (s *Service) describeVpcEndpointConnections(ctx context.Context, c *api.Call, in *shape.DescribeVpcEndpointConnectionsRequest) (*shape.DescribeVpcEndpointConnectionsResult, error) {
	if err := begin(in, "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeVpcEndpointConnectionsResult{VpcEndpointConnections: []shape.VpcEndpointConnection{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		own, err := endpointServices.all(tx, c.Account())
		if err != nil {
			return err
		}
		var all []connection
		for _, v := range own {
			list, err := v.connections(tx)
			if err != nil {
				return err
			}
			for _, e := range list {
				all = append(all, connection{e, v, e.state(tx.Now)})
			}
		}
		page, err := sift(all, func(x connection) string { return x.ID }, nil, query{nil, in.Filters, in.MaxResults, in.NextToken}, fields[connection]{
			"service-id":          one(func(x connection) string { return x.service.ID }),
			"vpc-endpoint-owner":  one(func(x connection) string { return x.Account }),
			"vpc-endpoint-state":  one(func(x connection) string { return x.shown }),
			"vpc-endpoint-id":     one(func(x connection) string { return x.ID }),
			"vpc-endpoint-region": one(func(connection) string { return s.Region }),
			"ip-address-type":     one(func(connection) string { return "ipv4" }),
		})
		for _, x := range page.items {
			regional, _ := endpointNames(s.Region, x.endpoint)
			out.VpcEndpointConnections = append(out.VpcEndpointConnections, shape.VpcEndpointConnection{
				ServiceId: &x.service.ID, VpcEndpointId: &x.ID, VpcEndpointOwner: &x.Account, VpcEndpointState: &x.shown, CreationTimestamp: &x.Created,
				DnsEntries: []shape.DnsEntry{{DnsName: &regional, HostedZoneId: new(endpointZone(s.Region))}}, NetworkLoadBalancerArns: x.service.Balancers,
				IpAddressType: new("ipv4"), VpcEndpointConnectionId: new("vpce-con-0" + digest(x.ID)[:16]), Tags: []shape.Tag{}, VpcEndpointRegion: &s.Region,
			})
		}
		out.NextToken = page.next
		return err
	})
}

var _ = api.Define(operations, "AcceptVpcEndpointConnections", named("AcceptVpcEndpointConnections", "vpc-endpoint-service",
	func(in *shape.AcceptVpcEndpointConnectionsRequest) *string { return in.ServiceId }), (*Service).acceptVpcEndpointConnections)

func (s *Service) acceptVpcEndpointConnections(ctx context.Context, c *api.Call, in *shape.AcceptVpcEndpointConnectionsRequest) (*shape.AcceptVpcEndpointConnectionsResult, error) {
	if err := begin(in, "ServiceId", "VpcEndpointIds"); err != nil {
		return nil, err
	}
	out := new(shape.AcceptVpcEndpointConnectionsResult)
	return out, s.decide(ctx, c, str(in.ServiceId), in.VpcEndpointIds, &out.Unsuccessful, func(e *endpoint, now string) bool {
		if now == pendingAcceptance || now == rejected {
			e.State = pending
		}
		return e.carried()
	})
}

var _ = api.Define(operations, "RejectVpcEndpointConnections", named("RejectVpcEndpointConnections", "vpc-endpoint-service",
	func(in *shape.RejectVpcEndpointConnectionsRequest) *string { return in.ServiceId }), (*Service).rejectVpcEndpointConnections)

func (s *Service) rejectVpcEndpointConnections(ctx context.Context, c *api.Call, in *shape.RejectVpcEndpointConnectionsRequest) (*shape.RejectVpcEndpointConnectionsResult, error) {
	if err := begin(in, "ServiceId", "VpcEndpointIds"); err != nil {
		return nil, err
	}
	out := new(shape.RejectVpcEndpointConnectionsResult)
	return out, s.decide(ctx, c, str(in.ServiceId), in.VpcEndpointIds, &out.Unsuccessful, func(e *endpoint, now string) bool {
		if now == expired {
			return false
		}
		e.State = rejected
		return true
	})
}

// decide takes a supplier's decision about endpoints of its service; f says whether it can be.
func (s *Service) decide(ctx context.Context, c *api.Call, id string, ids []string, out *[]shape.UnsuccessfulItem, f func(e *endpoint, now string) bool) error {
	if len(ids) == 0 {
		return missingParameter.New("The request must contain the parameter VpcEndpointId")
	}
	return s.change(ctx, func(tx *store.Tx) error {
		v, err := endpointServices.get(tx, c.Account(), id)
		if err != nil {
			return err
		}
		list, err := v.connections(tx)
		if err != nil {
			return err
		}
		*out, err = itemwise(ids, func(id string) error {
			at := slices.IndexFunc(list, func(e *endpoint) bool { return e.ID == id })
			if at < 0 {
				return endpoints.missing(id)
			}
			e := list[at]
			if now := e.state(tx.Now); !f(e, now) {
				return invalidState.New("The endpoint %s is %s.", id, now)
			}
			return endpoints.put(tx, e)
		})
		return err
	})
}
