package ec2

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

// natGateway forwards what routes lead to it, from the address of its interface. Once it is deleted or
// has failed the record only tells of it, for remains.
type natGateway struct {
	head
	VPC, Subnet, Zone string
	Interface         string
	Address           netip.Addr
	Private           bool
	// Allocation, Public and Association are of its elastic address, unless it is Private.
	Allocation, Association string
	Public                  netip.Addr
	State                   string
	FailureCode, Failure    string
	Deleted                 time.Time
}

var natGateways = coded(newKind[natGateway]("natgateway", "nat-", "NatGateway", "NAT gateway %s was not found"), "NatGatewayNotFound").
	malformedAs("NatGatewayMalformed", `Invalid id: "%s" (expecting "nat-...")`)

var natLimit = fault.Kind{Code: "NatGatewayLimitExceeded", Status: 400}

const (
	failed  = "failed"
	deleted = "deleted"
)

// remains is how long what is deleted can still be seen.
const remains = time.Hour

// coded gives a kind a fault for absence whose code does not end as usual.
func coded[T any, P interface {
	*T
	common() *head
}](k kind[T, P], code string) kind[T, P] {
	k.notFound = fault.Kind{Code: code, Status: 400}
	return k
}

// works tells whether it forwards, or will when the fabric has followed.
func (n *natGateway) works() bool { return n.State == pending || n.State == available }

// visible tells whether Describe still shows it.
func (n *natGateway) visible(now time.Time) bool {
	return n.Deleted.IsZero() || now.Sub(n.Deleted) < remains
}

func (n *natGateway) connectivity() string {
	if n.Private {
		return "private"
	}
	return "public"
}

func awsNAT(n *natGateway) shape.NatGateway {
	out := shape.NatGateway{
		NatGatewayId: &n.ID, VpcId: &n.VPC, SubnetId: &n.Subnet, State: &n.State, CreateTime: &n.Created, ConnectivityType: new(n.connectivity()),
		Tags: awsTags(n.Tags), NatGatewayAddresses: []shape.NatGatewayAddress{},
	}
	if !n.Deleted.IsZero() {
		out.DeleteTime = &n.Deleted
	}
	if n.FailureCode != "" {
		out.FailureCode, out.FailureMessage = &n.FailureCode, &n.Failure
	}
	a := shape.NatGatewayAddress{IsPrimary: new(true), Status: new("succeeded")}
	if n.State == pending {
		a.Status = new("associating")
	}
	if n.State == failed {
		a.Status = new(failed)
	}
	if n.Allocation != "" {
		a.AllocationId = &n.Allocation
	}
	if n.Interface != "" {
		a.NetworkInterfaceId, a.PrivateIp = &n.Interface, new(n.Address.String())
	}
	if n.Public.IsValid() && n.Interface != "" {
		a.PublicIp = new(n.Public.String())
		if n.Association != "" {
			a.AssociationId = &n.Association
		}
	}
	out.NatGatewayAddresses = append(out.NatGatewayAddresses, a)
	return out
}

var natFields = fields[*natGateway]{
	"nat-gateway-id": one(func(n *natGateway) string { return n.ID }),
	"vpc-id":         one(func(n *natGateway) string { return n.VPC }),
	"subnet-id":      one(func(n *natGateway) string { return n.Subnet }),
	"state":          one(func(n *natGateway) string { return n.State }),
}

// natsIn counts the NAT gateways of a zone that are not gone.
func natsIn(tx *store.Tx, account, zone string) (int, error) {
	return countIn(tx, natGateways, account, func(n *natGateway) bool { return n.Zone == zone && n.Deleted.IsZero() && n.State != failed })
}

// settleWays ends what an attempt has made true: NAT gateways that it planned are available, those it
// left out are gone with their interfaces, and accepted peerings are active.
func (s *Service) settleWays(ctx context.Context, seen *records) error {
	var nats []*natGateway
	for _, n := range seen.nats {
		if n.State == pending || n.State == deleting {
			nats = append(nats, n)
		}
	}
	var joined []*peering
	for _, c := range seen.peerings {
		if c.Code == peeringProvisioning {
			joined = append(joined, c)
		}
	}
	if len(nats)+len(joined) == 0 {
		return nil
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, old := range nats {
			n, err := natGateways.table.Get(tx, store.Key(old.Account, old.ID))
			if err == nil && n != nil && n.State == old.State {
				err = settleNAT(tx, n)
			}
			if err != nil {
				return fmt.Errorf("settle NAT gateway %s: %w", old.ID, err)
			}
		}
		for _, old := range joined {
			c, err := peerings.table.Get(tx, store.Key(old.Account, old.ID))
			if err == nil && c != nil && c.Code == peeringProvisioning {
				c.Code, c.Message = peeringActive, "Active"
				err = peerings.put(tx, c)
			}
			if err != nil {
				return fmt.Errorf("settle peering %s: %w", old.ID, err)
			}
		}
		return nil
	})
}

// settleNAT moves a NAT gateway on from a state that has come true.
func settleNAT(tx *store.Tx, n *natGateway) error {
	if n.State == pending {
		n.State = available
		return natGateways.put(tx, n)
	}
	if e, err := elasticOn(tx, n.Account, n.Interface); err != nil {
		return err
	} else if e != nil {
		if err := e.free(tx); err != nil {
			return err
		}
	}
	if err := enis.remove(tx, &eni{head: head{ID: n.Interface, Account: n.Account}}); err != nil {
		return err
	}
	n.State, n.Association, n.Deleted = deleted, "", tx.Now
	return natGateways.put(tx, n)
}
