package route53

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/route53"
)

var (
	_ = api.Define(operations, "CreateHostedZone", func(_ *api.Call, in *shape.CreateHostedZoneRequest) []api.Check {
		checks := onAll("CreateHostedZone")
		if in.VPC != nil {
			checks = withVPCs(checks)
		}
		return checks
	}, (*Service).createHostedZone)
	_ = api.Define(operations, "GetHostedZone", func(_ *api.Call, in *shape.GetHostedZoneRequest) []api.Check {
		return onZone("GetHostedZone", *in.Id)
	}, (*Service).getHostedZone)
	_ = api.Define(operations, "DeleteHostedZone", func(_ *api.Call, in *shape.DeleteHostedZoneRequest) []api.Check {
		return onZone("DeleteHostedZone", *in.Id)
	}, (*Service).deleteHostedZone)
	_ = api.Define(operations, "UpdateHostedZoneComment", func(_ *api.Call, in *shape.UpdateHostedZoneCommentRequest) []api.Check {
		return onZone("UpdateHostedZoneComment", *in.Id)
	}, (*Service).updateHostedZoneComment)
	_ = api.Define(operations, "GetDNSSEC", func(_ *api.Call, in *shape.GetDNSSECRequest) []api.Check {
		return onZone("GetDNSSEC", *in.HostedZoneId)
	}, (*Service).getDNSSEC)
	_ = api.Define(operations, "GetChange", func(_ *api.Call, in *shape.GetChangeRequest) []api.Check {
		return []api.Check{{Action: "route53:GetChange", Resource: "arn:aws:route53:::change/" + bare(*in.Id)}}
	}, (*Service).getChange)
)

// createHostedZone makes a zone and its two record sets. A zone without a VPC would be public, and no
// resolver here would answer it.
func (s *Service) createHostedZone(ctx context.Context, c *api.Call, in *shape.CreateHostedZoneRequest) (*shape.CreateHostedZoneResponse, error) {
	if in.VPC == nil {
		if in.HostedZoneConfig != nil && in.HostedZoneConfig.PrivateZone != nil && *in.HostedZoneConfig.PrivateZone {
			return nil, invalidInput.New("When you're creating a private hosted zone (when you specify true for PrivateZone), you must also specify values for VPCId and VPCRegion.")
		}
		return nil, invalidInput.New("Public hosted zones are not supported by Cloister: nobody on the internet asks it. Name a VPC to create a private one.")
	}
	if in.DelegationSetId != nil {
		return nil, invalidInput.New("DelegationSetId is not permitted with a VPC: a private hosted zone has no reusable delegation set.")
	}
	name, ok := normal(*in.Name)
	if !ok || strings.Contains(name, "*") || name == "." {
		return nil, invalidName.New("The domain name %s is not valid.", *in.Name)
	}
	out := &shape.CreateHostedZoneResponse{VPC: in.VPC}
	return out, s.Network.Change(ctx, func(tx *store.Tx) error {
		all, err := zones.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		for _, z := range all {
			if z.Reference == *in.CallerReference {
				return zoneExists.New("A hosted zone has already been created with the specified caller reference.")
			}
		}
		if len(all) >= mostZones {
			return tooManyZones.New("The maximum number of hosted zones that can be created with this account has been reached.")
		}
		if err := s.associable(tx, c.Account(), in.VPC, name); err != nil {
			return err
		}
		z := &zone{ID: newID("Z"), Account: c.Account(), Name: name, Reference: *in.CallerReference, Created: tx.Now, Count: 2}
		s.join(z, in.VPC)
		if in.HostedZoneConfig != nil {
			z.Comment = text(in.HostedZoneConfig.Comment)
		}
		for _, r := range base(z) {
			if err := records.Put(tx, r.key(), r); err != nil {
				return err
			}
		}
		out.HostedZone, out.Location = z.aws(), new("https://route53.amazonaws.com/2013-04-01/hostedzone/"+z.ID)
		if out.ChangeInfo, err = changed(tx, z.Account, ""); err != nil {
			return err
		}
		return putZone(tx, z)
	})
}

func (s *Service) getHostedZone(ctx context.Context, c *api.Call, in *shape.GetHostedZoneRequest) (*shape.GetHostedZoneResponse, error) {
	out := new(shape.GetHostedZoneResponse)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		z, err := findZone(tx, c.Account(), *in.Id)
		if err != nil {
			return err
		}
		out.HostedZone, out.VPCs = z.aws(), s.vpcs(z)
		return nil
	})
}

// deleteHostedZone deletes a zone in which nothing is but what every zone has.
func (s *Service) deleteHostedZone(ctx context.Context, c *api.Call, in *shape.DeleteHostedZoneRequest) (*shape.DeleteHostedZoneResponse, error) {
	out := new(shape.DeleteHostedZoneResponse)
	return out, s.Network.Change(ctx, func(tx *store.Tx) error {
		z, err := findZone(tx, c.Account(), *in.Id)
		if err != nil {
			return err
		}
		if z.Count > 2 {
			return zoneNotEmpty.New("The specified hosted zone contains non-required resource record sets  and so cannot be deleted.")
		}
		if err := records.DeleteAll(tx, store.Prefix(z.ID)); err != nil {
			return err
		}
		if out.ChangeInfo, err = changed(tx, z.Account, ""); err != nil {
			return err
		}
		return zones.Delete(tx, store.Key(z.Account, z.ID))
	})
}

func (s *Service) updateHostedZoneComment(ctx context.Context, c *api.Call, in *shape.UpdateHostedZoneCommentRequest) (*shape.UpdateHostedZoneCommentResponse, error) {
	out := new(shape.UpdateHostedZoneCommentResponse)
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		z, err := findZone(tx, c.Account(), *in.Id)
		if err != nil {
			return err
		}
		z.Comment = text(in.Comment)
		out.HostedZone = z.aws()
		return putZone(tx, z)
	})
}

// getDNSSEC says of every zone what AWS says of private ones.
func (s *Service) getDNSSEC(ctx context.Context, c *api.Call, in *shape.GetDNSSECRequest) (*shape.GetDNSSECResponse, error) {
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		_, err := findZone(tx, c.Account(), *in.HostedZoneId)
		return err
	})
	return nil, either(err, invalidArgument.New("Operation is unsupported for private hosted zones."))
}

func (s *Service) getChange(ctx context.Context, c *api.Call, in *shape.GetChangeRequest) (*shape.GetChangeResponse, error) {
	out := new(shape.GetChangeResponse)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		found, err := changes.Get(tx, store.Key(c.Account(), bare(*in.Id)))
		if err != nil || found == nil {
			return either(err, noSuchChange.New("A change with id: %s does not exist", bare(*in.Id)))
		}
		out.ChangeInfo = found.aws()
		return nil
	})
}
