package ec2

import (
	"strings"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

// groupPeer tells where the group of a rule is, if not in the rule's own VPC: in one that a peering
// connection joins with it.
type groupPeer struct {
	Account, VPC, Peering string
	status                string // of the connection, once somebody has looked
}

// peerGroup reads the group that a pair names; another account than the rule's stands in the peer,
// until find knows the rest. A name means a group of the default VPC, and serves rules of its groups only.
func peerGroup(tx *store.Tx, g *group, x *shape.UserIdGroupPair) (string, *groupPeer, error) {
	id, account := str(x.GroupId), str(x.UserId)
	if id == "" && str(x.GroupName) != "" {
		if account != "" && account != g.Account {
			return "", nil, invalidCombination.New("A security group of another account is named by its groupId and not by a groupName")
		}
		named, err := groupsByName(tx, g.Account, []string{*x.GroupName})
		if err != nil {
			return "", nil, err
		}
		return named[0].ID, nil, nil
	}
	if owner, rest, ok := strings.Cut(id, "/"); ok && account == "" { // as the console has it: 123456789012/sg-…
		account, id = owner, rest
	}
	if id == "" {
		return "", nil, missingParameter.New("The request must contain the parameter groupId")
	}
	if account == "" && str(x.VpcPeeringConnectionId) == "" {
		return id, nil, groups.valid(id)
	}
	return id, &groupPeer{Account: account, Peering: str(x.VpcPeeringConnectionId)}, groups.valid(id)
}

// find looks for the group that a rule of g names: in the VPC of g, or in one that is peered with it.
func (r *rule) find(tx *store.Tx, g *group) error {
	account, through := g.Account, ""
	if r.Peer != nil {
		through = r.Peer.Peering
		if r.Peer.Account != "" {
			account = r.Peer.Account
		}
	}
	o, err := groups.table.Get(tx, store.Key(account, r.Group))
	if err != nil {
		return err
	}
	if o == nil {
		return groups.missing(r.Group)
	}
	if o.VPC == g.VPC {
		r.Peer = nil
		return nil
	}
	list, err := peeringsOf(tx, g.Account)
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.joins() && p.between(g.VPC, o.VPC) && (through == "" || through == p.ID) {
			r.Peer = &groupPeer{Account: account, VPC: o.VPC, Peering: p.ID}
			return r.Peer.look(tx, g.Account)
		}
	}
	if account != g.Account { // nothing is told about strangers' groups
		return groups.missing(r.Group)
	}
	return groups.notFound.New("You have specified two resources that belong to different networks.")
}

// look finds out the status of the peer's connection.
func (o *groupPeer) look(tx *store.Tx, account string) error {
	list, err := peeringsOf(tx, account)
	o.status = peeringDeleted
	for _, p := range list {
		if p.ID == o.Peering {
			o.status, _ = p.status(tx.Now)
		}
	}
	return err
}

// look finds out the status of the peers of a group's rules.
func look(tx *store.Tx, g *group) error {
	for i := range g.Rules {
		if o := g.Rules[i].Peer; o != nil && o.status == "" {
			if err := o.look(tx, g.Account); err != nil {
				return err
			}
		}
	}
	return nil
}

// pair shows the group of a rule in a permission of an account.
func (r *rule) pair(account string, description *string) shape.UserIdGroupPair {
	out := shape.UserIdGroupPair{GroupId: &r.Group, UserId: &account, Description: description}
	if o := r.Peer; o != nil {
		out.UserId, out.VpcId, out.VpcPeeringConnectionId, out.PeeringStatus = &o.Account, &o.VPC, &o.Peering, &o.status
	}
	return out
}

// referenced shows the group of a rule of g by itself.
func (r *rule) referenced(g *group) *shape.ReferencedSecurityGroup {
	out := &shape.ReferencedSecurityGroup{GroupId: &r.Group, UserId: &g.Account, VpcId: &g.VPC}
	if o := r.Peer; o != nil {
		out.UserId, out.VpcId, out.VpcPeeringConnectionId, out.PeeringStatus = &o.Account, &o.VPC, &o.Peering, &o.status
	}
	return out
}
