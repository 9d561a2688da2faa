package route53

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/route53"
)

var (
	_ = api.Define(operations, "AssociateVPCWithHostedZone", func(_ *api.Call, in *shape.AssociateVPCWithHostedZoneRequest) []api.Check {
		return withVPCs(onZone("AssociateVPCWithHostedZone", *in.HostedZoneId))
	}, (*Service).associateVPC)
	_ = api.Define(operations, "DisassociateVPCFromHostedZone", func(_ *api.Call, in *shape.DisassociateVPCFromHostedZoneRequest) []api.Check {
		return withVPCs(onZone("DisassociateVPCFromHostedZone", *in.HostedZoneId))
	}, (*Service).disassociateVPC)
	_ = api.Define(operations, "ListHostedZonesByVPC", func(_ *api.Call, in *shape.ListHostedZonesByVPCRequest) []api.Check {
		return withVPCs(onAll("ListHostedZonesByVPC"))
	}, (*Service).listHostedZonesByVPC)
)

func (s *Service) associateVPC(ctx context.Context, c *api.Call, in *shape.AssociateVPCWithHostedZoneRequest) (*shape.AssociateVPCWithHostedZoneResponse, error) {
	out := new(shape.AssociateVPCWithHostedZoneResponse)
	return out, s.Network.Change(ctx, func(tx *store.Tx) error {
		z, err := findZone(tx, c.Account(), *in.HostedZoneId)
		if err != nil {
			return err
		}
		if err := s.associable(tx, c.Account(), in.VPC, z.Name); err != nil {
			return err
		}
		if len(z.VPCs) >= mostVPCs {
			return limitsExceeded.New("The maximum number of VPCs that can be associated with hosted zone %s has been reached.", z.ID)
		}
		s.join(z, in.VPC)
		if out.ChangeInfo, err = changed(tx, z.Account, text(in.Comment)); err != nil {
			return err
		}
		return putZone(tx, z)
	})
}

func (s *Service) disassociateVPC(ctx context.Context, c *api.Call, in *shape.DisassociateVPCFromHostedZoneRequest) (*shape.DisassociateVPCFromHostedZoneResponse, error) {
	out := new(shape.DisassociateVPCFromHostedZoneResponse)
	return out, s.Network.Change(ctx, func(tx *store.Tx) error {
		z, err := findZone(tx, c.Account(), *in.HostedZoneId)
		if err != nil {
			return err
		}
		at := slices.Index(z.VPCs, text(in.VPC.VPCId))
		if at < 0 || text(in.VPC.VPCRegion) != s.region(z, text(in.VPC.VPCId)) {
			return associationNotFound.New("The VPC: %s is not associated with hosted zone: %s", text(in.VPC.VPCId), z.ID)
		}
		if len(z.VPCs) == 1 {
			return lastAssociation.New("Cannot remove last VPC association for the private zone")
		}
		z.VPCs = slices.Delete(z.VPCs, at, at+1)
		delete(z.Regions, *in.VPC.VPCId)
		if out.ChangeInfo, err = changed(tx, z.Account, text(in.Comment)); err != nil {
			return err
		}
		return putZone(tx, z)
	})
}

func (s *Service) listHostedZonesByVPC(ctx context.Context, c *api.Call, in *shape.ListHostedZonesByVPCRequest) (*shape.ListHostedZonesByVPCResponse, error) {
	out := &shape.ListHostedZonesByVPCResponse{HostedZoneSummaries: []shape.HostedZoneSummary{}}
	most, err := itemsOf(in.MaxItems)
	if err != nil {
		return nil, err
	}
	out.MaxItems = shown(most)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		if found, _, err := s.Network.VPC(tx, *in.VPCRegion, c.Account(), *in.VPCId); err != nil || !found {
			return either(err, invalidVPC.New("The VPC ID '%s' is not valid for this account.", *in.VPCId))
		}
		all, err := zones.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		for _, z := range all {
			if !slices.Contains(z.VPCs, *in.VPCId) || z.ID < text(in.NextToken) {
				continue
			}
			if len(out.HostedZoneSummaries) == most {
				out.NextToken = &z.ID
				break
			}
			out.HostedZoneSummaries = append(out.HostedZoneSummaries, shape.HostedZoneSummary{HostedZoneId: &z.ID, Name: new(escaped(z.Name)),
				Owner: &shape.HostedZoneOwner{OwningAccount: &z.Account}})
		}
		return nil
	})
}
