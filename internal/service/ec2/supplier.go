package ec2

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	"cloister/internal/value/catalogue"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

// endpointService is a customer's own: endpoints of others, whom it permits, lead to its balancers.
type endpointService struct {
	head
	Acceptance bool
	Balancers  []string // ARNs
	Principals []permission
	// PrivateName may be taken over by endpoints once it is verified: a TXT record Record of its domain
	// says Proof.
	PrivateName, Record, Proof string
	NameState                  string
	PayerOwner                 bool
}

// permission lets a principal make endpoints to a service.
type permission struct{ ID, Principal string }

var endpointServices = newKind[endpointService]("vpc-endpoint-service", "vpce-svc-", "InvalidVpcEndpointServiceId", "The VpcEndpointService Id '%s' does not exist").
	malformedAs("InvalidVpcEndpointServiceIdId.Malformed", `Invalid Id: "%s" (expecting "vpce-svc-...")`) // the code's spelling is AWS's (facts 2)

var (
	existingConnections = fault.Kind{Code: "ExistingVpcEndpointConnections", Status: 400}
	invalidPrincipal    = fault.Kind{Code: "InvalidPrincipal", Status: 400}
	noNotification      = fault.Kind{Code: "InvalidConnectionNotification.NotFound", Status: 400}
	invalidState        = fault.Kind{Code: "InvalidState", Status: 400}
)

// The states of a private name.
const (
	namePending  = "pendingVerification"
	nameVerified = "verified"
	nameFailed   = "failed"
)

// States of an endpoint that a supplier decides about.
const (
	pendingAcceptance = "pendingAcceptance"
	rejected          = "rejected"
	expired           = "expired"
)

// acceptanceWaits is how long an endpoint waits to be accepted (facts 1.3).
const acceptanceWaits = 7 * 24 * time.Hour

func (v *endpointService) name(region string) string {
	return "com.amazonaws.vpce." + region + "." + v.ID
}

func (v *endpointService) base(region string) string {
	return v.ID + "." + region + ".vpce.amazonaws.com"
}

// row is the service as the catalogue has AWS's.
func (v *endpointService) row(region string) *catalogue.Service {
	out := &catalogue.Service{ID: v.ID, Endpoint: v.name(region), Interface: true, NoPolicy: true, Tail: v.base(region)}
	if v.PrivateName != "" && v.NameState == nameVerified {
		out.Private = []string{v.PrivateName}
	}
	return out
}

// row is the service of an endpoint: one of the catalogue, or what is known of a customer's.
func (e *endpoint) row(region string) (*catalogue.Service, bool) {
	if e.Provider == "" {
		return catalogue.ByEndpoint(region, e.Service)
	}
	out := &catalogue.Service{ID: e.Provider, Endpoint: e.Service, Interface: true, NoPolicy: true, Tail: e.Provider + "." + region + ".vpce.amazonaws.com"}
	if e.PrivateName != "" {
		out.Private = []string{e.PrivateName}
	}
	return out, true
}

// permits says whether a caller may make endpoints to a service: those of the owner's account may, and
// whom it has named.
func (v *endpointService) permits(id *caller.Identity) bool {
	if id.Account == v.Account {
		return true
	}
	return slices.ContainsFunc(v.Principals, func(p permission) bool {
		switch p.Principal {
		case "*", "arn:aws:iam::" + id.Account + ":root", id.Account, id.ARN:
			return true
		}
		return id.PrincipalARN != "" && p.Principal == id.PrincipalARN
	})
}

// suppliedPrefix begins the names of customers' services.
const suppliedPrefix = "com.amazonaws.vpce."

// serviceNamed finds a customer's endpoint service by its full name, whoever owns it.
func serviceNamed(tx *store.Tx, region, name string) (*endpointService, error) {
	if !strings.HasPrefix(name, suppliedPrefix) {
		return nil, nil
	}
	all, err := endpointServices.all(tx, "")
	for _, v := range all {
		if v.name(region) == name {
			return v, nil
		}
	}
	return nil, err
}

// connections are the endpoints of a service, whoever owns them.
func (v *endpointService) connections(tx *store.Tx) ([]*endpoint, error) {
	all, err := endpoints.all(tx, "")
	return slices.DeleteFunc(all, func(e *endpoint) bool { return e.Provider != v.ID || e.State == deleting }), err
}

// state is what an endpoint is now: one that waited too long to be accepted is expired without anybody's doing.
func (e *endpoint) state(now time.Time) string {
	if e.State == pendingAcceptance && now.Sub(e.Created) > acceptanceWaits {
		return expired
	}
	return e.State
}

// carried says whether packets get through an endpoint.
func (e *endpoint) carried() bool {
	return e.State == pending || e.State == available
}

func (s *Service) awsService(tx *store.Tx, v *endpointService) (shape.ServiceConfiguration, error) {
	out := shape.ServiceConfiguration{
		ServiceType: []shape.ServiceTypeDetail{{ServiceType: new("Interface")}}, ServiceId: &v.ID, ServiceName: new(v.name(s.Region)), ServiceState: new("Available"),
		AcceptanceRequired: &v.Acceptance, ManagesVpcEndpoints: new(false), NetworkLoadBalancerArns: v.Balancers, GatewayLoadBalancerArns: []string{},
		SupportedIpAddressTypes: []string{"ipv4"}, BaseEndpointDnsNames: []string{v.base(s.Region)}, Tags: awsTags(v.Tags),
		SupportedRegions: []shape.SupportedRegionDetail{{Region: &s.Region, ServiceState: new("Available")}}, RemoteAccessEnabled: new(false),
		AvailabilityZones: []string{}, AvailabilityZoneIds: []string{},
	}
	zones, err := s.suppliedZones(tx, v)
	if err != nil {
		return out, err
	}
	for _, z := range zones {
		out.AvailabilityZones, out.AvailabilityZoneIds = append(out.AvailabilityZones, z), append(out.AvailabilityZoneIds, zoneID(s.Region, z))
	}
	if v.PrivateName != "" {
		out.PrivateDnsName = &v.PrivateName
		out.PrivateDnsNameConfiguration = &shape.PrivateDnsNameConfiguration{State: &v.NameState, Type: new("TXT"), Value: &v.Proof, Name: &v.Record}
	}
	if v.PayerOwner {
		out.PayerResponsibility = new("ServiceOwner")
	}
	return out, nil
}

// suppliedZones are those that the balancers of a service are in.
func (s *Service) suppliedZones(tx *store.Tx, v *endpointService) (out []string, err error) {
	for _, arn := range v.Balancers {
		zones, _, err := s.Balancer(tx, v.Account, arn)
		if err != nil {
			return nil, err
		}
		out = append(out, zones...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// fronted says why balancers cannot be behind a service: each serves one, and each service has one.
func (s *Service) fronted(tx *store.Tx, v *endpointService) error {
	if s.Balancer == nil {
		return unsupportedOperation.New("There are no load balancers here.")
	}
	if len(v.Balancers) > 1 {
		return unsupportedOperation.New("More than one load balancer for an endpoint service is not supported.")
	}
	others, err := endpointServices.all(tx, "")
	if err != nil {
		return err
	}
	for _, arn := range v.Balancers {
		_, found, err := s.Balancer(tx, v.Account, arn)
		if err != nil {
			return err
		}
		if !found {
			return invalidParameter.New("Network Load Balancer %s not found", arn)
		}
		for _, o := range others {
			if o.ID != v.ID && slices.Contains(o.Balancers, arn) {
				return invalidParameter.New("The load balancer %s is already associated with the endpoint service %s.", arn, o.ID)
			}
		}
	}
	return nil
}

// unconnected refuses what cannot be done to a service that endpoints are connected to.
func (v *endpointService) unconnected(tx *store.Tx) error {
	list, err := v.connections(tx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(list, func(e *endpoint) bool { return e.carried() || e.state(tx.Now) == pendingAcceptance }) {
		return existingConnections.New("Service %s has existing active VPC Endpoint connections!", v.ID)
	}
	return nil
}

// supply makes an endpoint one of a customer's service, if it is one.
func (s *Service) supply(tx *store.Tx, e *endpoint, service *catalogue.Service, ids []string) error {
	v, err := serviceNamed(tx, s.Region, e.Service)
	if err != nil || v == nil {
		return err
	}
	e.Provider = v.ID
	if len(service.Private) > 0 {
		e.PrivateName = service.Private[0]
	}
	if v.Acceptance {
		e.State = pendingAcceptance
	}
	return s.suppliedIn(tx, e, ids)
}

// renamed brings an endpoint's private name to what its service has verified by now.
func (s *Service) renamed(tx *store.Tx, e *endpoint) error {
	if e.Provider == "" {
		return nil
	}
	v, err := serviceNamed(tx, s.Region, e.Service)
	if err != nil || v == nil {
		return err
	}
	e.PrivateName = ""
	if row := v.row(s.Region); len(row.Private) > 0 {
		e.PrivateName = row.Private[0]
	}
	return nil
}

// suppliedIn refuses subnets in zones where an endpoint's service is not.
func (s *Service) suppliedIn(tx *store.Tx, e *endpoint, ids []string) error {
	v, err := serviceNamed(tx, s.Region, e.Service)
	if err != nil || v == nil {
		return err
	}
	zones, err := s.suppliedZones(tx, v)
	if err != nil {
		return err
	}
	for _, id := range ids {
		n, err := subnets.get(tx, e.Account, id)
		if err != nil {
			return err
		}
		if !slices.Contains(zones, n.Zone) {
			return invalidParameter.New("The VPC endpoint service %s does not support the availability zone of the subnet: %s.", e.Service, id)
		}
	}
	return nil
}

// Serving tells whether an endpoint service stands in front of a balancer.
func (s *Service) Serving(tx *store.Tx, arn string) (bool, error) {
	all, err := endpointServices.all(tx, "")
	return slices.ContainsFunc(all, func(v *endpointService) bool { return slices.Contains(v.Balancers, arn) }), err
}

// claim gives a service a private name, to be verified.
func (v *endpointService) claim(name string) error {
	if !domainForm.MatchString(strings.TrimPrefix(name, "*.")) || !strings.Contains(name, ".") || strings.HasSuffix(name, ".amazonaws.com") {
		return invalidParameter.New("The private DNS name %s is not valid.", name)
	}
	v.PrivateName, v.NameState = name, namePending
	v.Record, v.Proof = "_"+pick(lowerAlphanumeric, 20), "vpce:"+pick(lowerAlphanumeric, 20)
	return nil
}

// proven looks the proof of a private name up: in the owner's hosted zones, and with those who are asked
// for names that nobody here knows.
func (s *Service) proven(ctx context.Context, v *endpointService) (bool, error) {
	name := v.Record + "." + strings.TrimPrefix(v.PrivateName, "*.")
	var texts []string
	if s.TXT != nil {
		err := s.DB.View(ctx, func(tx *store.Tx) (err error) { texts, err = s.TXT(tx, v.Account, name); return err })
		if err != nil {
			return false, err
		}
	}
	for _, at := range s.Recursors {
		texts = append(texts, lookTXT(ctx, at, name)...)
	}
	return slices.Contains(texts, v.Proof), nil
}

func lookTXT(ctx context.Context, at netip.AddrPort, name string) []string {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, at.String())
	}}
	texts, err := r.LookupTXT(ctx, name+".")
	if err != nil {
		return nil // no proof
	}
	return texts
}
