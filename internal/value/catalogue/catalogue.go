// Package catalogue is the table of the services Cloister serves: their host names, their VPC endpoint
// services and the public addresses of their doors.
//
// It promises that a service stands here exactly when it is really served, but for those marked
// Unserved: their endpoints exist, packets reach them, and every call is answered with 501. Source:
// facts privatelink 4.4, 4.7 and 5.3.
package catalogue

import (
	"net/netip"
	"strings"
)

// Service is one row.
type Service struct {
	// ID is the service's model and folder: "sagemaker".
	ID string
	// Endpoint is the tail of its endpoint service's name after com.amazonaws.<region>., as
	// "sagemaker.api"; empty when it has none.
	Endpoint string
	// Hosts are its public names, most usual first; {r} is the region. A leading "*." is a wildcard.
	Hosts []string
	// Private are the names that an interface endpoint with private DNS takes over.
	Private []string
	// Interface and Gateway say which kinds of VPC endpoint it offers.
	Interface, Gateway bool
	// Global services are signed for us-east-1 and reached by one name in every region.
	Global bool
	// Unserved services have endpoints and names, and nothing behind them yet.
	Unserved bool
	// Door is the public address.
	Door netip.Addr
}

// Services are all rows. S3's door stands in its prefix list's range, the others in TEST-NET-3: no
// packet to them can leave the machine by mistake and mean somebody.
var Services = []Service{
	{ID: "s3", Endpoint: "s3", Gateway: true, Hosts: []string{"s3.{r}.amazonaws.com", "s3.amazonaws.com", "*.s3.{r}.amazonaws.com", "*.s3.amazonaws.com"},
		Door: netip.MustParseAddr("52.216.0.10")},
	{ID: "sagemaker", Endpoint: "sagemaker.api", Interface: true, Hosts: []string{"api.sagemaker.{r}.amazonaws.com"},
		Private: []string{"api.sagemaker.{r}.amazonaws.com"}, Door: netip.MustParseAddr("203.0.113.10")},
	{ID: "sagemakerruntime", Endpoint: "sagemaker.runtime", Interface: true, Hosts: []string{"runtime.sagemaker.{r}.amazonaws.com"},
		Private: []string{"runtime.sagemaker.{r}.amazonaws.com"}, Door: netip.MustParseAddr("203.0.113.11")},
	{ID: "sts", Endpoint: "sts", Interface: true, Hosts: []string{"sts.{r}.amazonaws.com", "sts.amazonaws.com"},
		Private: []string{"sts.{r}.amazonaws.com"}, Door: netip.MustParseAddr("203.0.113.12")},
	{ID: "logs", Endpoint: "logs", Interface: true, Hosts: []string{"logs.{r}.amazonaws.com"},
		Private: []string{"logs.{r}.amazonaws.com"}, Door: netip.MustParseAddr("203.0.113.13")},
	{ID: "ec2", Endpoint: "ec2", Interface: true, Hosts: []string{"ec2.{r}.amazonaws.com"},
		Private: []string{"ec2.{r}.amazonaws.com"}, Door: netip.MustParseAddr("203.0.113.14")},
	{ID: "iam", Global: true, Hosts: []string{"iam.amazonaws.com"}, Door: netip.MustParseAddr("203.0.113.15")},
	{ID: "secretsmanager", Endpoint: "secretsmanager", Interface: true, Unserved: true, Hosts: []string{"secretsmanager.{r}.amazonaws.com"},
		Private: []string{"secretsmanager.{r}.amazonaws.com"}, Door: netip.MustParseAddr("203.0.113.17")},
	{ID: "cloister", Hosts: []string{"cloister.{r}.amazonaws.com"}, Door: netip.MustParseAddr("203.0.113.16")},
}

// S3Prefixes are the ranges of the S3 prefix list; PrefixListS3 is its id in us-east-1.
var S3Prefixes = []netip.Prefix{netip.MustParsePrefix("52.216.0.0/15"), netip.MustParsePrefix("54.231.0.0/17")}

// PrefixListS3 is the id of the S3 prefix list, by region; other regions take us-east-1's.
const PrefixListS3 = "pl-63a5400a"

// EndpointName is the full name of the row's endpoint service.
func (s Service) EndpointName(region string) string {
	return "com.amazonaws." + region + "." + s.Endpoint
}

// Base is the name under which the endpoints of the row get their own names:
// api.sagemaker.us-east-1.vpce.amazonaws.com.
func (s Service) Base(region string) string {
	host := s.Hosts[0]
	return strings.TrimSuffix(host, ".{r}.amazonaws.com") + "." + region + ".vpce.amazonaws.com"
}

// In fills the region into a host template.
func In(region, host string) string { return strings.ReplaceAll(host, "{r}", region) }

// ByID gives the row of a service.
func ByID(id string) (Service, bool) {
	for _, s := range Services {
		if s.ID == id {
			return s, true
		}
	}
	return Service{}, false
}

// ByEndpoint gives the row of an endpoint service's full name.
func ByEndpoint(region, name string) (Service, bool) {
	for _, s := range Services {
		if s.Endpoint != "" && s.EndpointName(region) == name {
			return s, true
		}
	}
	return Service{}, false
}

// ByHost gives the row that a host name (lower case, no port) belongs to and what stands before a
// wildcard: the bucket of a virtual-host style S3 name. Names of VPC endpoints count too.
func ByHost(region, host string) (s Service, label string, ok bool) {
	for _, s := range Services {
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
		if s.Interface {
			if l, found := strings.CutSuffix(host, "."+s.Base(region)); found && strings.HasPrefix(l, "vpce-") && !strings.Contains(l, ".") {
				return s, "", true
			}
		}
	}
	return Service{}, "", false
}
