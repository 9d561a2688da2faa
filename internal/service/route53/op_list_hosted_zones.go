package route53

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/route53"
)

var (
	_ = api.Define(operations, "ListHostedZones", func(*api.Call, *shape.ListHostedZonesRequest) []api.Check {
		return onAll("ListHostedZones")
	}, (*Service).listHostedZones)
	_ = api.Define(operations, "ListHostedZonesByName", func(*api.Call, *shape.ListHostedZonesByNameRequest) []api.Check {
		return onAll("ListHostedZonesByName")
	}, (*Service).listHostedZonesByName)
	_ = api.Define(operations, "GetHostedZoneCount", func(*api.Call, *struct{}) []api.Check {
		return onAll("GetHostedZoneCount")
	}, (*Service).getHostedZoneCount)
)

const page = 100

// itemsOf reads MaxItems, which is a number in a string.
func itemsOf(p *string) (int, error) {
	if p == nil {
		return page, nil
	}
	n, err := strconv.Atoi(*p)
	if err != nil || n < 1 {
		return 0, invalidInput.New("MaxItems must be a positive number.")
	}
	return min(n, 3*page), nil
}

func shown(n int) *string { return new(strconv.Itoa(n)) }

func (s *Service) listHostedZones(ctx context.Context, c *api.Call, in *shape.ListHostedZonesRequest) (*shape.ListHostedZonesResponse, error) {
	most, err := itemsOf(in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &shape.ListHostedZonesResponse{HostedZones: []shape.HostedZone{}, Marker: in.Marker, MaxItems: shown(most), IsTruncated: new(false)}
	if in.DelegationSetId != nil {
		return out, nil // no zone has one
	}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := zones.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		for _, z := range all {
			if z.ID < bare(text(in.Marker)) {
				continue
			}
			if len(out.HostedZones) == most {
				out.IsTruncated, out.NextMarker = new(true), &z.ID
				break
			}
			out.HostedZones = append(out.HostedZones, *z.aws())
		}
		return nil
	})
}

// listHostedZonesByName lists by the reversed labels of the names, as records are listed.
func (s *Service) listHostedZonesByName(ctx context.Context, c *api.Call, in *shape.ListHostedZonesByNameRequest) (*shape.ListHostedZonesByNameResponse, error) {
	most, err := itemsOf(in.MaxItems)
	if err != nil {
		return nil, err
	}
	from := ""
	if in.DNSName != nil {
		name, ok := normal(*in.DNSName)
		if !ok {
			return nil, invalidName.New("The domain name %s is not valid.", *in.DNSName)
		}
		from = recordKey("", name, bare(text(in.HostedZoneId)))
	} else if in.HostedZoneId != nil {
		return nil, invalidInput.New("HostedZoneId is only permitted with DNSName.")
	}
	out := &shape.ListHostedZonesByNameResponse{HostedZones: []shape.HostedZone{}, DNSName: in.DNSName, HostedZoneId: in.HostedZoneId, MaxItems: shown(most), IsTruncated: new(false)}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := zones.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		key := func(z *zone) string { return recordKey("", z.Name, z.ID) }
		slices.SortFunc(all, func(a, b *zone) int { return strings.Compare(key(a), key(b)) })
		for _, z := range all {
			if key(z) < from {
				continue
			}
			if len(out.HostedZones) == most {
				out.IsTruncated, out.NextDNSName, out.NextHostedZoneId = new(true), new(escaped(z.Name)), &z.ID
				break
			}
			out.HostedZones = append(out.HostedZones, *z.aws())
		}
		return nil
	})
}

func (s *Service) getHostedZoneCount(ctx context.Context, c *api.Call, _ *struct{}) (*shape.GetHostedZoneCountResponse, error) {
	out := new(shape.GetHostedZoneCountResponse)
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		n, err := zones.Count(tx, store.Prefix(c.Account()))
		out.HostedZoneCount = new(int64(n))
		return err
	})
}
