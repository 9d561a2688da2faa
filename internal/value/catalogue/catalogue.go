// Package catalogue is the table of AWS's services as Cloister knows them: their host names, their VPC
// endpoint services, their prefix lists and the public addresses of their doors.
//
// It promises that a service is served here exactly when it stands here and is not Unserved. The
// endpoints of Unserved services exist, packets reach them, and their calls are handed to the upstream
// that the operator names, or answered with 501. Source: facts privatelink 4.4, 4.7 and 5.3.
package catalogue

import (
	"net/netip"
	"slices"
	"strings"
)

// Service is one row. A service with FIPS endpoints has a row for these too.
type Service struct {
	// ID is the service's model and folder: "sagemaker".
	ID string
	// Endpoint is its endpoint service's name, as "sagemaker.api" for com.amazonaws.<region>.sagemaker.api;
	// one that begins with com. or aws. is the whole name. Empty when it has none.
	Endpoint string
	// Hosts are its public names, most usual first; {r} is the region. A leading "*." is a wildcard.
	Hosts []string
	// Private are the names that an interface endpoint with private DNS takes over.
	Private []string
	// Tail is the domain below which its endpoints get names of their own; {r} is the region. Empty is
	// the usual one, made of the first host.
	Tail string
	// Star says that its endpoints' own names are wildcards: *.vpce-….s3.…
	Star bool
	// Interface and Gateway say which kinds of VPC endpoint it offers.
	Interface, Gateway bool
	// Global services are signed for us-east-1 and reached by one name in every region.
	Global bool
	// NoPolicy endpoints take no endpoint policy.
	NoPolicy bool
	// Private DNS is on unless a call says otherwise, but for those that are PrivateOff (1.5).
	PrivateOff bool
	// Except are the regions that do not offer its endpoint service.
	Except []string
	// Prefixes are the ranges of its prefix list in us-east-1, for those with a gateway endpoint. The other
	// regions have ranges of Elsewhere.
	Prefixes  []netip.Prefix
	Elsewhere netip.Prefix
	// Unserved services have endpoints and names, and nothing of ours behind them.
	Unserved *Unserved
	// Door is the public address: of all regions, or of us-east-1 where Prefixes are the region's own.
	Door netip.Addr
}

// Unserved is what the door must know of a service that it hands on: which form its calls have, by
// what name they are signed, and how they say what they want.
type Unserved struct {
	// Protocol is the dress of an answer: "json", "query", "rest-json", "rest-xml". Empty for sites that are
	// no API (Studio, notebooks): nothing can be handed on, as their calls carry no signature.
	Protocol string
	// Signing is the service of the signature's scope; empty is the ID.
	Signing string
	// Prefix is of the service's actions in policies; empty is Signing.
	Prefix string
	// Names says where a call names its action.
	Names Naming
}

// Naming is where a call says which action it is.
type Naming int

const (
	ByTarget Naming = iota // X-Amz-Target: Prefix_2015.Action
	ByForm                 // the parameter Action
	ByMethod               // the HTTP method is the action: apigateway:GET
	Invoking               // every call is Invoke: execute-api
	Nowhere                // not in a way that is known here: no action but "*" covers it
)

// EndpointName is the full name of the row's endpoint service.
func (s *Service) EndpointName(region string) string {
	if strings.HasPrefix(s.Endpoint, "com.") || strings.HasPrefix(s.Endpoint, "aws.") {
		return In(region, s.Endpoint)
	}
	return "com.amazonaws." + region + "." + s.Endpoint
}

// Offered says whether a region has the row's endpoint service.
func (s *Service) Offered(region string) bool {
	return s.Endpoint != "" && !slices.Contains(s.Except, region)
}

// Base is the name under which the endpoints of the row get their own names:
// api.sagemaker.us-east-1.vpce.amazonaws.com.
func (s *Service) Base(region string) string {
	if s.Tail != "" {
		return In(region, s.Tail)
	}
	host := strings.TrimPrefix(s.Hosts[0], "*.")
	return strings.TrimSuffix(host, ".{r}.amazonaws.com") + "." + region + ".vpce.amazonaws.com"
}

// SigningName is the service of the scope of a signature; only for the Unserved, the others' models say it.
func (u *Unserved) SigningName(id string) string {
	if u.Signing != "" {
		return u.Signing
	}
	return id
}

// Action is the full name of an action, as policies have it.
func (u *Unserved) Action(id, name string) string {
	if u.Prefix != "" {
		return u.Prefix + ":" + name
	}
	return u.SigningName(id) + ":" + name
}

// In fills the region into a host template.
func In(region, host string) string { return strings.ReplaceAll(host, "{r}", region) }

// ByID gives the first row of a service.
func ByID(id string) (*Service, bool) {
	for i := range Services {
		if Services[i].ID == id {
			return &Services[i], true
		}
	}
	return nil, false
}

// ByEndpoint gives the row of an endpoint service's full name, if the region offers it.
func ByEndpoint(region, name string) (*Service, bool) {
	for i := range Services {
		if s := &Services[i]; s.Offered(region) && s.EndpointName(region) == name {
			return s, true
		}
	}
	return nil, false
}

// ByHost gives the row that a host name (lower case, no port) belongs to and what stands before a
// wildcard: the bucket of a virtual-host style S3 name. Names of VPC endpoints count too.
func ByHost(region, host string) (s *Service, label string, ok bool) {
	for i := range Services {
		s := &Services[i]
		for _, h := range s.Hosts {
			h = In(region, h)
			if rest, wild := strings.CutPrefix(h, "*"); wild {
				if l, found := strings.CutSuffix(host, rest); found && l != "" {
					return s, l, true
				}
			} else if h == host {
				return s, "", true
			}
		}
		if !s.Interface {
			continue
		}
		if l, found := strings.CutSuffix(host, "."+s.Base(region)); found {
			if label, ok := s.own(l); ok {
				return s, label, true
			}
		}
	}
	return nil, "", false
}

// own takes apart what stands before the base of an endpoint's own name. S3's are bucket.vpce-… for
// the service, and name.bucket.vpce-… for a bucket (4.5); what else stands there is a path-style host.
func (s *Service) own(l string) (label string, ok bool) {
	front, id := "", l
	if at := strings.LastIndexByte(l, '.'); at >= 0 {
		front, id = l[:at], l[at+1:]
	}
	if !strings.HasPrefix(id, "vpce-") {
		return "", false
	}
	if !s.Star {
		return "", front == ""
	}
	if label, ok := strings.CutSuffix(front, ".bucket"); ok && label != "" {
		return label, true
	}
	return "", front == "bucket" || front == ""
}

// PrefixList is the id of the row's prefix list in a region; regions whose id is not known take
// us-east-1's. Empty for a row without.
func (s *Service) PrefixList(region string) string {
	ids := prefixLists[s.ID]
	if id := ids[region]; id != "" {
		return id
	}
	return ids["us-east-1"]
}

// ByPrefixList gives the row that a prefix list of AWS belongs to.
func ByPrefixList(region, id string) (*Service, bool) {
	for i := range Services {
		if s := &Services[i]; len(s.Prefixes) > 0 && s.PrefixList(region) == id {
			return s, true
		}
	}
	return nil, false
}

// prefixLists are AWS's ids (5.3).
var prefixLists = map[string]map[string]string{
	"s3": {
		"us-east-1": "pl-63a5400a", "us-east-2": "pl-7ba54012", "us-west-1": "pl-6ba54002", "us-west-2": "pl-68a54001",
		"eu-west-1": "pl-6da54004", "eu-west-2": "pl-7ca54015", "eu-central-1": "pl-6ea54007", "eu-north-1": "pl-c3aa4faa",
		"ap-northeast-1": "pl-61a54008", "ap-northeast-2": "pl-78a54011", "ap-southeast-1": "pl-6fa54006",
		"ap-southeast-2": "pl-6ca54005", "ap-south-1": "pl-78a54011", "sa-east-1": "pl-6aa54003",
	},
	"dynamodb": {
		"us-east-1": "pl-02cd2c6b", "us-east-2": "pl-4ca54025", "us-west-1": "pl-6ea54007", "us-west-2": "pl-00a54069",
		"eu-west-1": "pl-6fa54006", "eu-west-2": "pl-b3a742da", "eu-central-1": "pl-66a5400f", "eu-north-1": "pl-adae4bc4",
		"ap-northeast-1": "pl-78a54011", "ap-northeast-2": "pl-48a54021", "ap-southeast-1": "pl-67a5400e",
		"ap-southeast-2": "pl-62a5400b", "ap-south-1": "pl-66a7420f",
	},
}
