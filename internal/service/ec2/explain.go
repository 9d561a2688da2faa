package ec2

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"cloister/internal/engine/reach"
	"cloister/internal/machine/store"
	"cloister/internal/value/catalogue"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
)

var invalidConnection = fault.Kind{Code: "InvalidConnection", Status: 400}

// Explanation says whether an interface reaches an address or a name, and why not.
type Explanation struct {
	From, Subnet, VPC, Address string
	To, Protocol               string
	// Note is said where no packet is sent at all: the name has no address.
	Note string `json:",omitempty"`
	Ways []Way  // one for each address of the name
}

// Way is what becomes of a connection to one address.
type Way struct {
	Target  string
	Reaches bool
	End     string   // delivered, accepted, …
	At      string   `json:",omitempty"` // the interface or the endpoint that gets it
	Hops    []string // what decided, in order
	Why     string   `json:",omitempty"` // what was missing
	Remedy  string   `json:",omitempty"`
}

// Explain tells an account about a connection, as a JSON text: from an interface of its, or from one that it
// could make in a subnet with groups. To is "host:port", where a name is asked of the VPC's resolver; with peer,
// a subnet, the other end is another such interface there, and the host is not looked at.
func (s *Service) Explain(ctx context.Context, account, id, subnet string, groups []string, to, peer, protocol string) (text string, reaches bool, err error) {
	q := question{account: account, id: id, to: to}
	if q.number, err = protocolNumber(protocol); err != nil {
		return "", false, err
	}
	host, port, found := strings.Cut(to, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if host == "" && peer == "" || (!found || err != nil) && q.number != reach.ICMP {
		return "", false, invalidConnection.New("%q is not of the form host:port.", to)
	}
	q.host, q.port = host, uint16(n)
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		all, wanted, err := s.wanted(tx)
		if err != nil {
			return err
		}
		q.own = owned(all, account)
		q.network = wanted
		if id != "" {
			_, err = enis.get(tx, account, id)
		} else {
			q.id, err = s.suppose(tx, &q, subnet, groups)
		}
		if err == nil && peer != "" {
			q.peer, err = s.suppose(tx, &q, peer, groups)
		}
		return err
	})
	if err != nil {
		return "", false, err
	}
	out, err := s.explain(&q)
	if err != nil {
		return "", false, err
	}
	b, err := json.Marshal(out)
	return string(b), len(out.Ways) > 0 && out.reaches(), err
}

func protocolNumber(name string) (int, error) {
	switch strings.ToLower(name) {
	case "", "tcp":
		return reach.TCP, nil
	case "udp":
		return reach.UDP, nil
	case "icmp":
		return reach.ICMP, nil
	}
	return 0, invalidConnection.New("%q is none of tcp, udp and icmp.", name)
}

// question is one that is asked of a network.
type question struct {
	account, id, to, host, peer string
	port                        uint16
	number                      int
	network                     *network.Network
	own                         map[string]bool
}

// suppose adds an interface to the network that is asked, with a free address, and gives its id.
func (s *Service) suppose(tx *store.Tx, q *question, subnet string, groups []string) (string, error) {
	n, err := subnets.get(tx, q.account, subnet)
	if err != nil {
		return "", err
	}
	v, err := vpcs.get(tx, q.account, n.VPC)
	if err != nil {
		return "", err
	}
	if groups, err = s.usable(tx, v, groups, n.ID); err != nil {
		return "", err
	}
	taken := map[netip.Addr]bool{}
	for _, i := range q.network.Interfaces {
		taken[i.Address] = taken[i.Address] || i.VPC == n.VPC
	}
	first, last := bounds(n.CIDR)
	for a := first; a <= last; a++ {
		if !taken[address(a)] {
			id := fmt.Sprintf("an interface in %s at %s", n.ID, address(a))
			q.network.Interfaces = append(q.network.Interfaces, network.Interface{ID: id, VPC: n.VPC, Subnet: n.ID, Address: address(a), Groups: groups})
			q.own[id] = true
			return id, nil
		}
	}
	return "", addressesUsedUp.New("There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", n.ID)
}

func (s *Service) explain(q *question) (*Explanation, error) {
	x, err := reach.NewIndex(q.network)
	if err != nil {
		return nil, err
	}
	var from *network.Interface
	addresses := map[string]netip.Addr{}
	for i := range q.network.Interfaces {
		at := &q.network.Interfaces[i]
		if addresses[at.ID] = at.Address; at.ID == q.id {
			from = at
		}
	}
	if from == nil {
		return nil, invalidConnection.New("%s is in no network now.", q.id)
	}
	out := &Explanation{From: from.ID, Subnet: from.Subnet, VPC: from.VPC, Address: from.Address.String(), To: q.to}
	out.Protocol = map[int]string{reach.TCP: "tcp", reach.UDP: "udp", reach.ICMP: "icmp"}[q.number]
	var targets []netip.Addr
	if a, err := netip.ParseAddr(q.host); q.peer != "" {
		targets = []netip.Addr{addresses[q.peer]}
	} else if err == nil {
		targets = []netip.Addr{a.Unmap()}
	} else if targets = x.Lookup(q.id, q.host, 0); len(targets) == 0 {
		out.Note = s.nameless(x, from, q.host)
	}
	for _, a := range targets {
		p := x.Walk(reach.Probe{From: q.id, Protocol: q.number, To: netip.AddrPortFrom(a, q.port)})
		out.Ways = append(out.Ways, s.way(q, &p, a))
	}
	return out, nil
}

// nameless says why a name has no address.
func (s *Service) nameless(x *reach.Index, from *network.Interface, name string) string {
	a := x.Resolve(from.VPC, name)
	switch {
	case a.Silent:
		return fmt.Sprintf("the resolver of %s does not answer: its attribute enableDnsSupport is off", from.VPC)
	case a.Outside != "" && len(s.Recursors) > 0:
		return fmt.Sprintf("nobody here knows %s; the resolvers of the configuration are asked, which is not tried here", name)
	}
	return fmt.Sprintf("the resolver of %s has no address for %s", from.VPC, name)
}

func (e *Explanation) reaches() bool {
	for _, w := range e.Ways {
		if !w.Reaches {
			return false
		}
	}
	return true
}

// way tells a path. What is decided at somebody else's is that account's to know: the telling ends before it,
// in the same words whatever it is.
func (s *Service) way(q *question, p *reach.Path, to netip.Addr) Way {
	w := Way{Target: netip.AddrPortFrom(to, q.port).String(), End: p.Kind.String(), Reaches: p.Kind != reach.Dropped && (p.Kind != reach.Balanced || len(p.Onward) > 0)}
	if q.number == reach.ICMP {
		w.Target = to.String()
	}
	if w.At = p.Interface; p.Kind == reach.Accepted && p.Origin.EndpointID != "" {
		w.At = p.Origin.EndpointID
	}
	if !q.own[w.At] {
		w.At = ""
	}
	for _, h := range p.Hops {
		if !q.own[h.At] && h.At != "internet" || strings.HasSuffix(h.Said, "at the other side") {
			w.Hops = append(w.Hops, "the rest is another account's to know, or nobody is there")
			w.Why = "the packet gets as far as the other side, which does not take it"
			return w
		}
		w.Hops = append(w.Hops, h.String())
	}
	switch {
	case p.Lack != nil:
		w.Why, w.Remedy = p.Lack.Why(), s.remedy(p.Lack)
	case p.Kind == reach.Balanced && !w.Reaches:
		w.Why = "the load balancer has no target that it reaches"
	case p.Kind == reach.Dropped && len(p.Hops) > 0:
		last := p.Hops[len(p.Hops)-1]
		w.Why = last.At + ": " + last.Said
	}
	return w
}

// remedy names the endpoint that would do for a missing route to one of AWS's services.
func (s *Service) remedy(l *reach.Lack) string {
	if l.Kind != reach.LackRoute && l.Kind != reach.LackTarget && l.Kind != reach.LackPublic {
		return l.Remedy()
	}
	for i := range catalogue.Services {
		row := &catalogue.Services[i]
		if row.Address(s.Region) != l.Peer {
			continue
		}
		name := row.EndpointName(s.Region)
		switch {
		case row.Gateway && row.Offered(s.Region) && l.Kind != reach.LackPublic:
			return fmt.Sprintf("make a gateway endpoint for %s with the route table %s, or %s that leads to a NAT gateway", name, l.At, l.Remedy())
		case row.Interface && row.Offered(s.Region):
			return fmt.Sprintf("make an interface endpoint for %s with private DNS, or %s", name, l.Remedy())
		}
	}
	return l.Remedy()
}

// owned are the ids of what an account may be told of.
func owned(r *records, account string) map[string]bool {
	own := map[string]bool{}
	note := func(h *head) {
		if h.Account == account {
			own[h.ID] = true
		}
	}
	noteAll(r.vpcs, note)
	noteAll(r.subnets, note)
	noteAll(r.routeTables, note)
	noteAll(r.groups, note)
	noteAll(r.endpoints, note)
	noteAll(r.enis, note)
	noteAll(r.acls, note)
	noteAll(r.internetGateways, note)
	noteAll(r.nats, note)
	for _, p := range r.peerings {
		if p.Requester.Account == account || p.Accepter.Account == account {
			own[p.ID] = true
		}
	}
	noteAll(r.vpnGateways, note)
	noteAll(r.vpnConnections, note)
	return own
}

func noteAll[P interface{ common() *head }](all []P, note func(*head)) {
	for _, v := range all {
		note(v.common())
	}
}
