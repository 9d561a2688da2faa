package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateNatGateway", func(c *api.Call, in *shape.CreateNatGatewayRequest) []api.Check {
	out := append(creates(c, "CreateNatGateway", "natgateway", in.TagSpecifications), check(c, "CreateNatGateway", "subnet", str(in.SubnetId)))
	if id := str(in.AllocationId); id != "" {
		out = append(out, check(c, "CreateNatGateway", "elastic-ip", id))
	}
	return out
}, (*Service).createNatGateway)

func (s *Service) createNatGateway(ctx context.Context, c *api.Call, in *shape.CreateNatGatewayRequest) (*shape.CreateNatGatewayResult, error) {
	if err := begin(in, "AllocationId", "ClientToken", "SubnetId", "ConnectivityType", "PrivateIpAddress", "TagSpecifications", "AvailabilityMode"); err != nil {
		return nil, err
	}
	if err := sensibleNAT(in); err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "natgateway")
	if err != nil {
		return nil, err
	}
	out := &shape.CreateNatGatewayResult{ClientToken: in.ClientToken}
	return out, s.change(ctx, func(tx *store.Tx) error {
		n, err := again(tx, natGateways, c.Account(), "CreateNatGateway", in.ClientToken, in)
		if err != nil {
			return err
		}
		if n == nil {
			if n, err = s.newNAT(tx, c.Account(), in, tags); err != nil {
				return err
			}
			if err := remember(tx, c.Account(), "CreateNatGateway", in.ClientToken, in, n.ID); err != nil {
				return err
			}
		}
		out.NatGateway = new(awsNAT(n))
		return nil
	})
}

func sensibleNAT(in *shape.CreateNatGatewayRequest) error {
	if m := str(in.AvailabilityMode); m != "" && m != "zonal" {
		return unsupportedOperation.New("The availability mode %s is not supported.", m)
	}
	switch t := str(in.ConnectivityType); {
	case t != "" && t != "public" && t != "private":
		return invalidValue.New("Value (%s) for parameter connectivityType is invalid.", t)
	case t == "private" && str(in.AllocationId) != "":
		return invalidCombination.New("The parameter AllocationId cannot be used with the connectivity type private")
	case t != "private" && str(in.AllocationId) == "":
		return missingParameter.New("The request must include the AllocationId parameter. Add the required parameter and retry the request.")
	}
	return need("SubnetId", str(in.SubnetId))
}

// newNAT makes a NAT gateway. What AWS finds out only while it builds one makes it a failed one.
func (s *Service) newNAT(tx *store.Tx, account string, in *shape.CreateNatGatewayRequest, tags map[string]string) (*natGateway, error) {
	if err := forgetNATs(tx, account); err != nil {
		return nil, err
	}
	net, err := subnets.get(tx, account, *in.SubnetId)
	if err != nil {
		return nil, err
	}
	if have, err := natsIn(tx, account, net.Zone); err != nil || have >= s.Quotas.NATsPerZone {
		return nil, either(err, natLimit.New("Performing this operation would exceed the limit of %d NAT gateways", s.Quotas.NATsPerZone))
	}
	n := &natGateway{
		head: natGateways.begin(tx, account, tags), VPC: net.VPC, Subnet: net.ID, Zone: net.Zone, Private: str(in.ConnectivityType) == "private", State: pending,
	}
	var e *elastic
	if !n.Private {
		if e, err = elastics.get(tx, account, *in.AllocationId); err != nil {
			return nil, err
		}
		n.Allocation, n.Public = e.ID, e.Public
		if err := n.public(tx, e); err != nil {
			return n, n.fail(tx, err)
		}
	}
	want, err := parseAddress(str(in.PrivateIpAddress))
	if err != nil {
		return nil, err
	}
	if n.Address, err = allocate(tx, net, want); fault.Is(err, addressesUsedUp.Code) {
		return n, n.fail(tx, addressesUsedUp.New("Subnet has insufficient free addresses to create this NAT gateway"))
	} else if err != nil {
		return nil, err
	}
	return n, n.furnish(tx, e)
}

// public says why an elastic address cannot be the gateway's.
func (n *natGateway) public(tx *store.Tx, e *elastic) error {
	g, err := internetGatewayOf(tx, &vpc{head: head{ID: n.VPC, Account: n.Account}})
	switch {
	case err != nil:
		return err
	case g == nil:
		return gatewayNotAttached.New("Network %s has no Internet gateway attached", n.VPC)
	case e.Interface != "":
		return resourceAssociated.New("Elastic IP address %s is already associated", e.ID)
	}
	return nil
}

// fail keeps the fault in a record of a gateway that never was; other errors it gives back.
func (n *natGateway) fail(tx *store.Tx, err error) error {
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	n.State, n.FailureCode, n.Failure, n.Deleted = failed, f.Code, f.Message, tx.Now
	return natGateways.put(tx, n)
}

// furnish gives the gateway its interface, and that its elastic address.
func (n *natGateway) furnish(tx *store.Tx, e *elastic) error {
	i := &eni{
		head: enis.begin(tx, n.Account, nil), VPC: n.VPC, Subnet: n.Subnet, Address: n.Address, MAC: newMAC(), NAT: n.ID,
		Description: "Interface for NAT Gateway " + n.ID, Attachment: newID("ela-attach-"), Attached: tx.Now,
	}
	n.Interface = i.ID
	if e != nil {
		e.Interface, e.Association = i.ID, newID("eipassoc-")
		n.Association = e.Association
		if err := elastics.put(tx, e); err != nil {
			return err
		}
	}
	if err := enis.put(tx, i); err != nil {
		return err
	}
	return natGateways.put(tx, n)
}

// forgetNATs removes the records of those that nobody can see any more.
func forgetNATs(tx *store.Tx, account string) error {
	gone, err := natGateways.where(tx, account, func(n *natGateway) bool { return !n.visible(tx.Now) })
	for _, n := range gone {
		if err := natGateways.remove(tx, n); err != nil {
			return err
		}
	}
	return err
}

var _ = api.Define(operations, "DeleteNatGateway", named("DeleteNatGateway", "natgateway",
	func(in *shape.DeleteNatGatewayRequest) *string { return in.NatGatewayId }), (*Service).deleteNatGateway)

// deleteNatGateway may be repeated while the gateway can be seen.
func (s *Service) deleteNatGateway(ctx context.Context, c *api.Call, in *shape.DeleteNatGatewayRequest) (*shape.DeleteNatGatewayResult, error) {
	if err := begin(in, "NatGatewayId"); err != nil {
		return nil, err
	}
	return &shape.DeleteNatGatewayResult{NatGatewayId: in.NatGatewayId}, s.change(ctx, func(tx *store.Tx) error {
		n, err := natGateways.get(tx, c.Account(), str(in.NatGatewayId))
		if err != nil {
			return err
		}
		switch {
		case !n.visible(tx.Now):
			return natGateways.missing(n.ID)
		case n.State == failed:
			n.State = deleted
		case n.works():
			n.State = deleting
		}
		return natGateways.put(tx, n)
	})
}

var _ = api.Define(operations, "DescribeNatGateways", describes[shape.DescribeNatGatewaysRequest]("DescribeNatGateways"), (*Service).describeNatGateways)

func (s *Service) describeNatGateways(ctx context.Context, c *api.Call, in *shape.DescribeNatGatewaysRequest) (*shape.DescribeNatGatewaysResult, error) {
	if err := begin(in, "NatGatewayIds", "Filter", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeNatGatewaysResult{NatGateways: []shape.NatGateway{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := natGateways.where(tx, c.Account(), func(n *natGateway) bool { return n.visible(tx.Now) })
		if err != nil {
			return err
		}
		if len(in.NatGatewayIds) > 0 {
			if all, err = natGateways.chosen(all, in.NatGatewayIds); err != nil {
				return err
			}
		}
		page, err := sift(all, func(n *natGateway) string { return n.ID }, func(n *natGateway) map[string]string { return n.Tags },
			query{nil, in.Filter, in.MaxResults, in.NextToken}, natFields)
		for _, n := range page.items {
			out.NatGateways = append(out.NatGateways, awsNAT(n))
		}
		out.NextToken = page.next
		return err
	})
}
