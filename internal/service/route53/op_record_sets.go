package route53

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/route53"
)

var (
	_ = api.Define(operations, "ChangeResourceRecordSets", changeChecks, (*Service).changeResourceRecordSets)
	_ = api.Define(operations, "ListResourceRecordSets", func(_ *api.Call, in *shape.ListResourceRecordSetsRequest) []api.Check {
		return onZone("ListResourceRecordSets", *in.HostedZoneId)
	}, (*Service).listResourceRecordSets)
)

// changeChecks brings the keys by which a policy may allow some names, types and actions only.
func changeChecks(_ *api.Call, in *shape.ChangeResourceRecordSetsRequest) []api.Check {
	checks := onZone("ChangeResourceRecordSets", *in.HostedZoneId)
	var names, types, actions []string
	for _, c := range in.ChangeBatch.Changes {
		name, _ := normal(*c.ResourceRecordSet.Name)
		if name != "" {
			name = escaped(name[:len(name)-1])
		}
		names, types, actions = append(names, name), append(types, *c.ResourceRecordSet.Type), append(actions, *c.Action)
	}
	checks[0].Keys = []api.Key{api.Ks("route53:ChangeResourceRecordSetsNormalizedRecordNames", names...),
		api.Ks("route53:ChangeResourceRecordSetsRecordTypes", types...), api.Ks("route53:ChangeResourceRecordSetsActions", actions...)}
	return checks
}

// changeResourceRecordSets makes all changes of a batch or none.
func (s *Service) changeResourceRecordSets(ctx context.Context, c *api.Call, in *shape.ChangeResourceRecordSetsRequest) (*shape.ChangeResourceRecordSetsResponse, error) {
	if len(in.ChangeBatch.Changes) > 1000 {
		return nil, invalidBatch.New("[Number of records limit of 1000 exceeded.]")
	}
	out := new(shape.ChangeResourceRecordSetsResponse)
	return out, s.Network.Change(ctx, func(tx *store.Tx) error {
		z, err := findZone(tx, c.Account(), *in.HostedZoneId)
		if err != nil {
			return err
		}
		b := &batch{service: s, tx: tx, zone: z}
		var made []*record
		for i := range in.ChangeBatch.Changes {
			change := &in.ChangeBatch.Changes[i]
			before := len(b.problems)
			r, err := b.read(change)
			if err != nil {
				return err
			}
			if r == nil || len(b.problems) > before {
				continue
			}
			if err := b.apply(*change.Action, r); err != nil {
				return err
			}
			if *change.Action != "DELETE" {
				made = append(made, r)
			}
		}
		if err := b.targets(made); err != nil {
			return err
		}
		if f := b.verdict(); f != nil {
			return f
		}
		if z.Count > mostRecords {
			return limitsExceeded.New("The maximum number of records in hosted zone %s has been reached.", z.ID)
		}
		if out.ChangeInfo, err = changed(tx, z.Account, text(in.ChangeBatch.Comment)); err != nil {
			return err
		}
		return putZone(tx, z)
	})
}

func (s *Service) listResourceRecordSets(ctx context.Context, c *api.Call, in *shape.ListResourceRecordSetsRequest) (*shape.ListResourceRecordSetsResponse, error) {
	most, err := itemsOf(in.MaxItems)
	if err != nil {
		return nil, err
	}
	if in.StartRecordType != nil && in.StartRecordName == nil {
		return nil, invalidInput.New("The input is not valid: StartRecordType is only permitted with StartRecordName.")
	}
	if in.StartRecordIdentifier != nil {
		return nil, invalidInput.New("StartRecordIdentifier is not supported by Cloister: no record set has an identifier.")
	}
	out := &shape.ListResourceRecordSetsResponse{ResourceRecordSets: []shape.ResourceRecordSet{}, MaxItems: shown(most), IsTruncated: new(false)}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		z, err := findZone(tx, c.Account(), *in.HostedZoneId)
		if err != nil {
			return err
		}
		from := ""
		if in.StartRecordName != nil {
			name, ok := normal(*in.StartRecordName)
			if !ok {
				return invalidInput.New("FATAL problem: DomainLabelInvalid (Domain label is not valid) encountered with '%s'", *in.StartRecordName)
			}
			from = recordKey(z.ID, name, text(in.StartRecordType))
		}
		list, err := records.From(tx, store.Prefix(z.ID), from, most+1)
		if err != nil {
			return err
		}
		for i, e := range list {
			if i == most {
				out.IsTruncated, out.NextRecordName, out.NextRecordType = new(true), new(escaped(e.Value.Name)), new(e.Value.Type)
				break
			}
			out.ResourceRecordSets = append(out.ResourceRecordSets, e.Value.aws())
		}
		return nil
	})
}
