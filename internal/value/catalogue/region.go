package catalogue

import (
	"net/netip"
	"slices"
	"strings"
)

// Regions are those whose gateway endpoints have ranges of their own. The order is kept: a region's ranges
// are by its place, and new ones come last.
var Regions = []string{
	"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "sa-east-1", "mx-central-1",
	"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2",
	"ap-east-1", "ap-east-2", "ap-south-1", "ap-south-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
	"ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7",
	"af-south-1", "il-central-1", "me-central-1", "me-south-1", "us-gov-east-1", "us-gov-west-1",
}

// perRegion is how many addresses of Elsewhere a region has.
const perRegion = 22

// Ranges are those of the row's prefix list in a region; none for a row without one. Only those of
// us-east-1 are AWS's, the others stand where AWS has its other regions'.
func (s *Service) Ranges(region string) []netip.Prefix {
	at := slices.Index(Regions, region)
	if len(s.Prefixes) == 0 || at <= 0 {
		return s.Prefixes
	}
	b := s.Elsewhere.Addr().As4()
	b[2] = byte(at << (24 - perRegion))
	return []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4(b), perRegion)}
}

// Address is the public address of the row's door in a region.
func (s *Service) Address(region string) netip.Addr {
	if len(s.Prefixes) == 0 {
		return s.Door
	}
	ranges := s.Ranges(region)
	if ranges[0].Contains(s.Door) {
		return s.Door
	}
	b := ranges[0].Addr().As4()
	b[3] = s.Door.As4()[3]
	return netip.AddrFrom4(b)
}

// Regional says whether a host template belongs to one region, and not to all.
func Regional(host string) bool { return strings.Contains(host, "{r}") }
