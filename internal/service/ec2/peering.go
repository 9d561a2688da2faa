package ec2

import (
	"net/netip"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

// peering joins two VPCs, of one account or of two. The record is kept under the requester's account;
// the accepter's tags are its own.
type peering struct {
	head
	Requester, Accepter side
	Code, Message       string
	Expires             time.Time
	Ended               time.Time // when it came to an end, in whatever way
	AccepterTags        map[string]string
}

// side is one of the two VPCs, as it was when the connection began.
type side struct {
	Account, VPC string
	CIDRs        []netip.Prefix
	// ResolveRemote says whether the names of this side's elastic addresses mean the private ones when
	// the other side asks.
	ResolveRemote bool
}

var peerings = newKind[peering]("vpc-peering-connection", "pcx-", "InvalidVpcPeeringConnectionID", "The vpcPeeringConnection ID '%s' does not exist").
	malformedAs("InvalidVpcPeeringConnectionId.Malformed", `Invalid id: "%s" (expecting "pcx-...")`)

// The codes of a peering connection's status.
const (
	peeringInitiating   = "initiating-request"
	peeringPending      = "pending-acceptance"
	peeringProvisioning = "provisioning"
	peeringActive       = "active"
	peeringRejected     = "rejected"
	peeringExpired      = "expired"
	peeringFailed       = "failed"
	peeringDeleted      = "deleted"
)

var (
	peeringExists          = fault.Kind{Code: "VpcPeeringConnectionAlreadyExists", Status: 400}
	peeringActiveLimit     = fault.Kind{Code: "ActiveVpcPeeringConnectionPerVpcLimitExceeded", Status: 400}
	peeringPendingLimit    = fault.Kind{Code: "OutstandingVpcPeeringConnectionLimitExceeded", Status: 400}
	invalidStateTransition = fault.Kind{Code: "InvalidStateTransition", Status: 400}
)

// peeringWaits is how long a request waits to be accepted.
const peeringWaits = 7 * 24 * time.Hour

// joins tells whether packets pass.
func (c *peering) joins() bool { return c.Code == peeringProvisioning || c.Code == peeringActive }

// status is what the connection is now: a request that waited for too long is expired without anybody
// having said so.
func (c *peering) status(now time.Time) (code, message string) {
	if c.late(now) {
		return peeringExpired, "Expired"
	}
	return c.Code, c.Message
}

// late tells whether nobody accepted the request in time.
func (c *peering) late(now time.Time) bool { return c.Code == peeringPending && now.After(c.Expires) }

// over tells whether it has come to an end.
func (c *peering) over(now time.Time) bool { return !c.Ended.IsZero() || c.late(now) }

// visible tells whether Describe still shows it.
func (c *peering) visible(now time.Time) bool {
	since := c.Ended
	if c.late(now) {
		since = c.Expires
	}
	code, _ := c.status(now)
	return !c.over(now) || now.Sub(since) < peeringRemains[code]
}

// peeringRemains is how long those that came to an end can still be seen.
var peeringRemains = map[string]time.Duration{
	peeringFailed: 2 * time.Hour, peeringDeleted: 4 * time.Hour, peeringRejected: 48 * time.Hour, peeringExpired: 48 * time.Hour,
}

// holds tells whether it keeps a VPC from being deleted: somebody else's request does not.
func (c *peering) holds(v *vpc, now time.Time) bool {
	return c.touches(v.ID) && !c.over(now) && (c.joins() || c.Requester.VPC == v.ID)
}

// end gives the connection a last status.
func (c *peering) end(tx *store.Tx, code, message string) error {
	c.Code, c.Message, c.Ended = code, message, tx.Now
	return peerings.put(tx, c)
}

// of tells whether an account has a part in it.
func (c *peering) of(account string) bool {
	return account == c.Requester.Account || account == c.Accepter.Account
}

// between tells whether these are the two sides.
func (c *peering) between(a, b string) bool {
	return c.Requester.VPC == a && c.Accepter.VPC == b || c.Requester.VPC == b && c.Accepter.VPC == a
}

// touches tells whether a VPC is one of the sides.
func (c *peering) touches(vpc string) bool { return c.Requester.VPC == vpc || c.Accepter.VPC == vpc }

// peeringsOf gives the connections that an account has a part in.
func peeringsOf(tx *store.Tx, account string) ([]*peering, error) {
	return peerings.where(tx, "", func(c *peering) bool { return c.of(account) })
}

// peeringOf gives one of them.
func peeringOf(tx *store.Tx, account, id string) (*peering, error) {
	if err := peerings.valid(id); err != nil {
		return nil, err
	}
	list, err := peeringsOf(tx, account)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		if c.ID == id {
			return c, nil
		}
	}
	return nil, peerings.missing(id)
}

// resolvers are the VPCs that resolve the public names of this one to private addresses.
func (p *planner) resolvers(vpc string) (out []string) {
	for _, c := range p.peerings {
		switch {
		case !c.joins():
		case c.Requester.VPC == vpc && c.Requester.ResolveRemote:
			out = append(out, c.Accepter.VPC)
		case c.Accepter.VPC == vpc && c.Accepter.ResolveRemote:
			out = append(out, c.Requester.VPC)
		}
	}
	return out
}

// tagsFor are the tags that an account has given the connection.
func (c *peering) tagsFor(account string) map[string]string {
	if account == c.Requester.Account {
		return c.Tags
	}
	return c.AccepterTags
}

func retagPeering(tx *store.Tx, account, id string, f retagging) error {
	c, err := peeringOf(tx, account, id)
	if err != nil {
		return err
	}
	tags, err := f(c.tagsFor(account))
	if err != nil {
		return err
	}
	if account == c.Requester.Account {
		c.Tags = tags
	} else {
		c.AccepterTags = tags
	}
	return peerings.put(tx, c)
}

func listPeerings(tx *store.Tx, account string, each func(id string, tags map[string]string)) error {
	all, err := peeringsOf(tx, account)
	for _, c := range all {
		each(c.ID, c.tagsFor(account))
	}
	return err
}

func (s *Service) awsSide(o *side, full, options bool) *shape.VpcPeeringConnectionVpcInfo {
	out := &shape.VpcPeeringConnectionVpcInfo{OwnerId: &o.Account, VpcId: &o.VPC, Region: &s.Region}
	if full && len(o.CIDRs) > 0 {
		out.CidrBlock = new(o.CIDRs[0].String())
		for _, c := range o.CIDRs {
			out.CidrBlockSet = append(out.CidrBlockSet, shape.CidrBlock{CidrBlock: new(c.String())})
		}
	}
	if options {
		out.PeeringOptions = &shape.VpcPeeringConnectionOptionsDescription{
			AllowDnsResolutionFromRemoteVpc: &o.ResolveRemote, AllowEgressFromLocalClassicLinkToRemoteVpc: new(false),
			AllowEgressFromLocalVpcToRemoteClassicLink: new(false),
		}
	}
	return out
}

// awsPeering shows a connection to an account. Of the accepter's side more than its id is known only
// once it has accepted.
func (s *Service) awsPeering(c *peering, account string, now time.Time) shape.VpcPeeringConnection {
	code, message := c.status(now)
	out := shape.VpcPeeringConnection{
		VpcPeeringConnectionId: &c.ID, Status: &shape.VpcPeeringConnectionStateReason{Code: &code, Message: &message},
		RequesterVpcInfo: s.awsSide(&c.Requester, true, true), AccepterVpcInfo: s.awsSide(&c.Accepter, c.joins(), c.joins()),
		Tags: awsTags(c.tagsFor(account)),
	}
	if code == peeringPending || code == peeringInitiating {
		out.ExpirationTime = &c.Expires
	}
	return out
}
