package ec2

import (
	"context"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeVpcPeeringConnections", describes[shape.DescribeVpcPeeringConnectionsRequest]("DescribeVpcPeeringConnections"),
	(*Service).describeVpcPeeringConnections)

func (s *Service) describeVpcPeeringConnections(ctx context.Context, c *api.Call, in *shape.DescribeVpcPeeringConnectionsRequest) (*shape.DescribeVpcPeeringConnectionsResult, error) {
	if err := begin(in, "VpcPeeringConnectionIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeVpcPeeringConnectionsResult{VpcPeeringConnections: []shape.VpcPeeringConnection{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := peerings.where(tx, "", func(p *peering) bool { return p.of(c.Account()) && p.visible(tx.Now) })
		if err != nil {
			return err
		}
		if len(in.VpcPeeringConnectionIds) > 0 {
			if all, err = peerings.chosen(all, in.VpcPeeringConnectionIds); err != nil {
				return err
			}
		}
		page, err := sift(all, func(p *peering) string { return p.ID }, func(p *peering) map[string]string { return p.tagsFor(c.Account()) },
			query{nil, in.Filters, in.MaxResults, in.NextToken}, peeringFields(tx.Now))
		for _, p := range page.items {
			out.VpcPeeringConnections = append(out.VpcPeeringConnections, s.awsPeering(p, c.Account(), tx.Now))
		}
		out.NextToken = page.next
		return err
	})
}

func peeringFields(now time.Time) fields[*peering] {
	f := fields[*peering]{
		"vpc-peering-connection-id": one(func(p *peering) string { return p.ID }),
		"status-code":               one(func(p *peering) string { code, _ := p.status(now); return code }),
		"status-message":            one(func(p *peering) string { _, message := p.status(now); return message }),
		"expiration-time": func(p *peering) []string {
			if p.Code != peeringPending {
				return nil
			}
			return []string{p.Expires.UTC().Format("2006-01-02T15:04:05.000Z")}
		},
	}
	for prefix, of := range map[string]func(*peering) *side{
		"requester-vpc-info.": func(p *peering) *side { return &p.Requester }, "accepter-vpc-info.": func(p *peering) *side { return &p.Accepter },
	} {
		f[prefix+"owner-id"] = one(func(p *peering) string { return of(p).Account })
		f[prefix+"vpc-id"] = one(func(p *peering) string { return of(p).VPC })
		f[prefix+"cidr-block"] = func(p *peering) (out []string) {
			for _, c := range of(p).CIDRs {
				out = append(out, c.String())
			}
			return out
		}
	}
	return f
}

var _ = api.Define(operations, "ModifyVpcPeeringConnectionOptions", named("ModifyVpcPeeringConnectionOptions", "vpc-peering-connection",
	func(in *shape.ModifyVpcPeeringConnectionOptionsRequest) *string { return in.VpcPeeringConnectionId }), (*Service).modifyVpcPeeringConnectionOptions)

func (s *Service) modifyVpcPeeringConnectionOptions(ctx context.Context, c *api.Call, in *shape.ModifyVpcPeeringConnectionOptionsRequest) (*shape.ModifyVpcPeeringConnectionOptionsResult, error) {
	if err := begin(in, "VpcPeeringConnectionId", "RequesterPeeringConnectionOptions", "AccepterPeeringConnectionOptions"); err != nil {
		return nil, err
	}
	if in.RequesterPeeringConnectionOptions == nil && in.AccepterPeeringConnectionOptions == nil {
		return nil, missingParameter.New("The request must contain at least one of requesterPeeringConnectionOptions and accepterPeeringConnectionOptions")
	}
	out := &shape.ModifyVpcPeeringConnectionOptionsResult{}
	return out, s.change(ctx, func(tx *store.Tx) error {
		p, err := peeringOf(tx, c.Account(), str(in.VpcPeeringConnectionId))
		if err != nil {
			return err
		}
		if !p.joins() {
			return notPermitted.New("Peering %s is not active. Peering options can be added only to active peerings.", p.ID)
		}
		if out.RequesterPeeringConnectionOptions, err = p.Requester.modify(c.Account(), p.ID, in.RequesterPeeringConnectionOptions); err != nil {
			return err
		}
		if out.AccepterPeeringConnectionOptions, err = p.Accepter.modify(c.Account(), p.ID, in.AccepterPeeringConnectionOptions); err != nil {
			return err
		}
		return peerings.put(tx, p)
	})
}

// modify changes the options of a side, which only its own account may.
func (o *side) modify(account, id string, in *shape.PeeringConnectionOptionsRequest) (*shape.PeeringConnectionOptions, error) {
	if in == nil {
		return nil, nil
	}
	if account != o.Account {
		return nil, notPermitted.New("User %s cannot modify the peering options of %s in %s", account, o.VPC, id)
	}
	if yes(in.AllowEgressFromLocalClassicLinkToRemoteVpc) || yes(in.AllowEgressFromLocalVpcToRemoteClassicLink) {
		return nil, unsupportedOperation.New("ClassicLink is not supported.")
	}
	if in.AllowDnsResolutionFromRemoteVpc != nil {
		o.ResolveRemote = *in.AllowDnsResolutionFromRemoteVpc
	}
	return &shape.PeeringConnectionOptions{
		AllowDnsResolutionFromRemoteVpc: &o.ResolveRemote, AllowEgressFromLocalClassicLinkToRemoteVpc: new(false), AllowEgressFromLocalVpcToRemoteClassicLink: new(false),
	}, nil
}
