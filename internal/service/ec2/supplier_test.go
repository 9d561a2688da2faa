package ec2

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

// supplier is a house with a supplier's VPC, in which a balancer stands before a server.
type supplier struct {
	*house
	balancer, front string // the balancer's ARN, and its interface
	texts           map[string][]string
}

const firstBalancer = "arn:aws:elasticloadbalancing:us-east-1:" + account + ":loadbalancer/net/first/0123456789abcdef"

func newSupplier(t *testing.T, h *house) *supplier {
	s := &supplier{house: h, balancer: firstBalancer, texts: map[string][]string{}}
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/24", "a")
	g := h.group(v, "server")
	must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: web("10.0.0.0/16")})
	front, target := h.eni(a), h.eni(a, g)
	s.front = *front.NetworkInterfaceId
	at := netip.AddrPortFrom(netip.MustParseAddr(*target.PrivateIpAddress), 443)
	h.Service.Balancer = func(_ *store.Tx, of, arn string) ([]string, bool, error) {
		return []string{region + "a"}, of == account && strings.HasPrefix(arn, strings.TrimSuffix(firstBalancer, "first/0123456789abcdef")), nil
	}
	h.Service.TXT = func(_ *store.Tx, _, name string) ([]string, error) { return s.texts[name], nil }
	h.Service.Parts = []Part{func(_ *store.Tx, n *network.Network) error {
		for i := range n.Interfaces {
			if n.Interfaces[i].ID == s.front {
				n.Interfaces[i].Open = true
			}
		}
		n.Balancers = append(n.Balancers, network.Balancer{ID: firstBalancer, VPC: v, Interfaces: []string{s.front}, Listeners: []network.Listener{{Port: 443, Targets: []netip.AddrPort{at}}}})
		return nil
	}}
	l, err := h.fabric.Fabric.(interface {
		ListenIn(string, netip.AddrPort) (net.Listener, error)
	}).ListenIn(*target.NetworkInterfaceId, netip.MustParseAddrPort("0.0.0.0:443"))
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { l.Close() })
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			from := netip.MustParseAddrPort(c.RemoteAddr().String()).Addr()
			c.Write([]byte("hello " + from.String() + "\n"))
			serving.Go(func() { c.Read(make([]byte, 1)); c.Close() })
		}
	})
	return s
}

func (s *supplier) service(change func(*shape.CreateVpcEndpointServiceConfigurationRequest)) *shape.ServiceConfiguration {
	s.Helper()
	in := &shape.CreateVpcEndpointServiceConfigurationRequest{NetworkLoadBalancerArns: []string{s.balancer}}
	if change != nil {
		change(in)
	}
	return must[shape.CreateVpcEndpointServiceConfigurationResult](s.house, "CreateVpcEndpointServiceConfiguration", in).ServiceConfiguration
}

// consumer makes a VPC of an account with a subnet and an interface in it.
func (s *supplier) consumer(as string) (vpc, subnet, eni string) {
	s.Helper()
	run := func(name string, in any) any {
		op := s.bound.Operations[name]
		out, err := op.Run(s.Context(), callOf(as), in)
		if err != nil {
			s.Fatal(err)
		}
		return out
	}
	vpc = *run("CreateVpc", &shape.CreateVpcRequest{CidrBlock: new("10.0.0.0/16")}).(*shape.CreateVpcResult).Vpc.VpcId
	run("ModifyVpcAttribute", &shape.ModifyVpcAttributeRequest{VpcId: &vpc, EnableDnsHostnames: &shape.AttributeBooleanValue{Value: new(true)}})
	subnet = *run("CreateSubnet", &shape.CreateSubnetRequest{VpcId: &vpc, CidrBlock: new("10.0.0.0/24"), AvailabilityZone: new(region + "a")}).(*shape.CreateSubnetResult).Subnet.SubnetId
	eni = *run("CreateNetworkInterface", &shape.CreateNetworkInterfaceRequest{SubnetId: &subnet}).(*shape.CreateNetworkInterfaceResult).NetworkInterface.NetworkInterfaceId
	return vpc, subnet, eni
}

func (s *supplier) connect(as, vpc, subnet, service string) (*shape.VpcEndpoint, error) {
	out, err := try[shape.CreateVpcEndpointResult](s.house, as, "CreateVpcEndpoint", &shape.CreateVpcEndpointRequest{
		VpcId: &vpc, ServiceName: &service, VpcEndpointType: new("Interface"), SubnetIds: []string{subnet}})
	if err != nil {
		return nil, err
	}
	return out.VpcEndpoint, nil
}

func (s *supplier) state(as, endpoint string) string {
	s.Helper()
	out, err := try[shape.DescribeVpcEndpointsResult](s.house, as, "DescribeVpcEndpoints", &shape.DescribeVpcEndpointsRequest{VpcEndpointIds: []string{endpoint}})
	if err != nil {
		s.Fatal(err)
	}
	return *out.VpcEndpoints[0].State
}

func (s *supplier) decide(name, service string, endpoints ...string) []shape.UnsuccessfulItem {
	s.Helper()
	if name == "AcceptVpcEndpointConnections" {
		return must[shape.AcceptVpcEndpointConnectionsResult](s.house, name, &shape.AcceptVpcEndpointConnectionsRequest{ServiceId: &service, VpcEndpointIds: endpoints}).Unsuccessful
	}
	return must[shape.RejectVpcEndpointConnectionsResult](s.house, name, &shape.RejectVpcEndpointConnectionsRequest{ServiceId: &service, VpcEndpointIds: endpoints}).Unsuccessful
}

func TestASuppliersService(t *testing.T) { onBoth(t, endpointServicePath) }

// endpointServicePath goes through the life of a connection to a customer's service, with packets.
func endpointServicePath(t *testing.T, h *house) {
	s := newSupplier(t, h)
	sv := s.service(nil)
	name := *sv.ServiceName
	if name != "com.amazonaws.vpce.us-east-1."+*sv.ServiceId || *sv.ServiceState != "Available" || !*sv.AcceptanceRequired || !slices.Equal(sv.AvailabilityZones, []string{"us-east-1a"}) ||
		!slices.Equal(sv.BaseEndpointDnsNames, []string{*sv.ServiceId + ".us-east-1.vpce.amazonaws.com"}) {
		t.Errorf("%+v", sv)
	}
	// Another account sees nothing of it until it is permitted.
	v, subnet, from := s.consumer(other)
	if _, err := s.connect(other, v, subnet, name); err == nil || err.Error() != "InvalidServiceName: The Vpc Endpoint Service '"+name+"' does not exist" {
		t.Errorf("who is not permitted: %v", err)
	}
	if _, err := try[shape.DescribeVpcEndpointServicesResult](h, other, "DescribeVpcEndpointServices", &shape.DescribeVpcEndpointServicesRequest{ServiceNames: []string{name}}); err == nil {
		t.Error("who is not permitted sees it")
	}
	must[shape.ModifyVpcEndpointServicePermissionsResult](h, "ModifyVpcEndpointServicePermissions",
		&shape.ModifyVpcEndpointServicePermissionsRequest{ServiceId: sv.ServiceId, AddAllowedPrincipals: []string{"arn:aws:iam::" + other + ":root"}})
	seen, err := try[shape.DescribeVpcEndpointServicesResult](h, other, "DescribeVpcEndpointServices", &shape.DescribeVpcEndpointServicesRequest{ServiceNames: []string{name}})
	if err != nil || *seen.ServiceDetails[0].Owner != account || !*seen.ServiceDetails[0].AcceptanceRequired || *seen.ServiceDetails[0].VpcEndpointPolicySupported {
		t.Errorf("%+v, %v", seen, err)
	}
	e, err := s.connect(other, v, subnet, name)
	if err != nil {
		t.Fatal(err)
	}
	id := *e.VpcEndpointId
	eni, err := try[shape.DescribeNetworkInterfacesResult](h, other, "DescribeNetworkInterfaces", &shape.DescribeNetworkInterfacesRequest{NetworkInterfaceIds: e.NetworkInterfaceIds})
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddr(*eni.NetworkInterfaces[0].PrivateIpAddress)
	reach := func(want, when string) {
		t.Helper()
		if want == "nothing" {
			if got := h.reach(from, at); got != want {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // what must come is waited for
		defer cancel()
		c, err := h.fabric.Dial(ctx, from, netip.AddrPortFrom(at, 443))
		if err != nil {
			t.Errorf("%s: %v", when, err)
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if got, err := bufio.NewReader(c).ReadString('\n'); got != want {
			t.Errorf("%s: %q, %v, want %q", when, got, err, want)
		}
	}
	answer := "hello " + h.fabric.network().Interfaces[slices.IndexFunc(h.fabric.network().Interfaces, func(i network.Interface) bool { return i.ID == s.front })].Address.String() + "\n"
	if s.state(other, id) != "pendingAcceptance" {
		t.Errorf("it is %s", s.state(other, id))
	}
	reach("nothing", "before it is accepted")
	seenBy := func(state string) int {
		return len(must[shape.DescribeVpcEndpointConnectionsResult](h, "DescribeVpcEndpointConnections", &shape.DescribeVpcEndpointConnectionsRequest{Filters: []shape.Filter{
			{Name: new("service-id"), Values: []string{*sv.ServiceId}}, {Name: new("vpc-endpoint-state"), Values: []string{state}}, {Name: new("vpc-endpoint-owner"), Values: []string{other}}}}).VpcEndpointConnections)
	}
	if seenBy("pendingAcceptance") != 1 {
		t.Error("the supplier does not see who waits")
	}
	if bad := s.decide("AcceptVpcEndpointConnections", *sv.ServiceId, id, "vpce-0123456789abcdef0"); len(bad) != 1 || *bad[0].Error.Code != "InvalidVpcEndpointId.NotFound" {
		t.Errorf("accepted, but %+v", bad)
	}
	if seenBy("available") != 1 || s.state(other, id) != "available" {
		t.Errorf("accepted it is %s", s.state(other, id))
	}
	reach(answer, "accepted")
	if bad := s.decide("AcceptVpcEndpointConnections", *sv.ServiceId, id); len(bad) != 0 {
		t.Errorf("accepted twice: %+v", bad)
	}
	// A connection that is open ends when the supplier rejects.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := h.fabric.Dial(ctx, from, netip.AddrPortFrom(at, 443))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	if line, err := r.ReadString('\n'); line != answer {
		t.Fatal(line, err)
	}
	s.decide("RejectVpcEndpointConnections", *sv.ServiceId, id)
	c.SetDeadline(time.Now().Add(5 * time.Second))
	var late net.Error
	if _, err := r.ReadByte(); err == nil || errors.As(err, &late) && late.Timeout() {
		t.Errorf("the connection lives on: %v", err)
	}
	if s.state(other, id) != "rejected" {
		t.Errorf("rejected it is %s", s.state(other, id))
	}
	reach("nothing", "rejected")
	s.decide("AcceptVpcEndpointConnections", *sv.ServiceId, id)
	reach(answer, "accepted again")
	// While endpoints are connected the service stays, and after that it goes.
	remove := func() []shape.UnsuccessfulItem {
		return must[shape.DeleteVpcEndpointServiceConfigurationsResult](h, "DeleteVpcEndpointServiceConfigurations",
			&shape.DeleteVpcEndpointServiceConfigurationsRequest{ServiceIds: []string{*sv.ServiceId}}).Unsuccessful
	}
	if bad := remove(); len(bad) != 1 || *bad[0].Error.Code != "ExistingVpcEndpointConnections" {
		t.Errorf("a service with connections: %+v", bad)
	}
	if _, err := try[shape.DeleteVpcEndpointsResult](h, other, "DeleteVpcEndpoints", &shape.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	if bad := remove(); len(bad) != 0 {
		t.Errorf("a service without connections: %+v", bad)
	}
	if _, err := s.connect(account, v, subnet, name); err == nil {
		t.Error("a service that is gone takes endpoints")
	}
}

func TestEndpointServicesThatCannotBe(t *testing.T) {
	h := newHouse(t)
	s := newSupplier(t, h)
	create := func(change func(*shape.CreateVpcEndpointServiceConfigurationRequest), code string) {
		t.Helper()
		in := &shape.CreateVpcEndpointServiceConfigurationRequest{NetworkLoadBalancerArns: []string{s.balancer}}
		change(in)
		refused[shape.CreateVpcEndpointServiceConfigurationResult](h, "CreateVpcEndpointServiceConfiguration", in, code, "")
	}
	type in = shape.CreateVpcEndpointServiceConfigurationRequest
	create(func(in *in) { in.NetworkLoadBalancerArns = nil }, "InvalidParameter")
	create(func(in *in) {
		in.NetworkLoadBalancerArns = []string{"arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/net/x/1"}
	}, "InvalidParameter")
	create(func(in *in) { in.NetworkLoadBalancerArns = []string{s.balancer, s.balancer + "0"} }, "UnsupportedOperation")
	create(func(in *in) { in.GatewayLoadBalancerArns = []string{"arn"} }, "UnsupportedOperation")
	create(func(in *in) { in.SupportedIpAddressTypes = []string{"ipv6"} }, "UnsupportedOperation")
	create(func(in *in) { in.SupportedRegions = []string{"eu-west-1"} }, "UnsupportedOperation")
	create(func(in *in) { in.PrivateDnsName = new("api.sagemaker.us-east-1.amazonaws.com") }, "InvalidParameter")
	create(func(in *in) { in.PrivateDnsName = new("no name") }, "InvalidParameter")
	create(func(in *in) { in.DryRun = new(true) }, "DryRunOperation")
	sv := s.service(func(in *in) { in.ClientToken, in.AcceptanceRequired = new("one"), new(false) })
	if again := s.service(func(in *in) { in.ClientToken, in.AcceptanceRequired = new("one"), new(false) }); *again.ServiceId != *sv.ServiceId {
		t.Error("the same token made a second service")
	}
	create(func(in *in) { in.ClientToken = new("one") }, "IdempotentParameterMismatch")
	create(func(*in) {}, "InvalidParameter") // the balancer is behind another service
	v, _, _ := s.consumer(account)
	far := h.subnet(v, "10.0.9.0/24", "b")
	if _, err := s.connect(account, v, far, *sv.ServiceName); err == nil || err.Error() != "InvalidParameter: The VPC endpoint service "+*sv.ServiceName+" does not support the availability zone of the subnet: "+far+"." {
		t.Errorf("in a zone where it is not: %v", err)
	}
	permit := func(principal string) {
		t.Helper()
		refused[shape.ModifyVpcEndpointServicePermissionsResult](h, "ModifyVpcEndpointServicePermissions",
			&shape.ModifyVpcEndpointServicePermissionsRequest{ServiceId: sv.ServiceId, AddAllowedPrincipals: []string{principal}}, "InvalidPrincipal", "")
	}
	permit("everybody")
	permit("arn:aws:iam::1:root")
	refused[struct{}](h, "AcceptVpcEndpointConnections", &shape.AcceptVpcEndpointConnectionsRequest{ServiceId: new("vpce-svc-0123456789abcdef0"), VpcEndpointIds: []string{"vpce-1"}},
		"InvalidVpcEndpointServiceId.NotFound", "The VpcEndpointService Id 'vpce-svc-0123456789abcdef0' does not exist")
	refused[struct{}](h, "DescribeVpcEndpointServiceConfigurations", &shape.DescribeVpcEndpointServiceConfigurationsRequest{ServiceIds: []string{"svc"}}, "InvalidVpcEndpointServiceIdId.Malformed", "")
	refused[struct{}](h, "CreateVpcEndpointConnectionNotification", &shape.CreateVpcEndpointConnectionNotificationRequest{ServiceId: sv.ServiceId}, "UnsupportedOperation", "")
	// Another account's service is nobody's to change.
	if _, err := try[struct{}](h, other, "ModifyVpcEndpointServiceConfiguration", &shape.ModifyVpcEndpointServiceConfigurationRequest{ServiceId: sv.ServiceId, AcceptanceRequired: new(true)}); err == nil {
		t.Error("another account changes a service")
	}
}

func TestPermits(t *testing.T) {
	role, session := "arn:aws:iam::"+other+":role/buyer", "arn:aws:sts::"+other+":assumed-role/buyer/me"
	who := &caller.Identity{Account: other, ARN: session, PrincipalARN: role}
	for principal, want := range map[string]bool{
		"*": true, "arn:aws:iam::" + other + ":root": true, role: true, "arn:aws:iam::" + other + ":role/other": false, "arn:aws:iam::" + account + ":root": false, "": false,
	} {
		v := &endpointService{head: head{Account: account}, Principals: []permission{{Principal: principal}}}
		if v.permits(who) != want {
			t.Errorf("%q permits the session of a role: %t", principal, !want)
		}
	}
	if !(&endpointService{head: head{Account: account}}).permits(&caller.Identity{Account: account}) {
		t.Error("the owner's account is not permitted")
	}
}

func TestAcceptanceExpires(t *testing.T) {
	e := &endpoint{head: head{Created: time.Unix(0, 0)}, State: pendingAcceptance}
	if got := e.state(time.Unix(0, 0).Add(acceptanceWaits)); got != pendingAcceptance {
		t.Errorf("in time it is %s", got)
	}
	if got := e.state(time.Unix(1, 0).Add(acceptanceWaits)); got != expired {
		t.Errorf("too late it is %s", got)
	}
}

func TestSuppliersPrivateNames(t *testing.T) {
	h := newHouse(t)
	s := newSupplier(t, h)
	sv := s.service(func(in *shape.CreateVpcEndpointServiceConfigurationRequest) {
		in.AcceptanceRequired, in.PrivateDnsName = new(false), new("orders.example.com")
	})
	shown := func() *shape.ServiceConfiguration {
		return &must[shape.DescribeVpcEndpointServiceConfigurationsResult](h, "DescribeVpcEndpointServiceConfigurations",
			&shape.DescribeVpcEndpointServiceConfigurationsRequest{ServiceIds: []string{*sv.ServiceId}}).ServiceConfigurations[0]
	}
	state := func(want string) {
		t.Helper()
		if got := *shown().PrivateDnsNameConfiguration.State; got != want {
			t.Errorf("the name is %s, want %s", got, want)
		}
	}
	verify := func() {
		t.Helper()
		must[shape.StartVpcEndpointServicePrivateDnsVerificationResult](h, "StartVpcEndpointServicePrivateDnsVerification",
			&shape.StartVpcEndpointServicePrivateDnsVerificationRequest{ServiceId: sv.ServiceId})
	}
	state("pendingVerification")
	verify()
	state("failed")
	v, subnet, from := s.consumer(account)
	e, err := s.connect(account, v, subnet, *sv.ServiceName)
	if err != nil {
		t.Fatal(err)
	}
	if *e.PrivateDnsEnabled {
		t.Error("a name that is not verified is taken over")
	}
	enable := &shape.ModifyVpcEndpointRequest{VpcEndpointId: e.VpcEndpointId, PrivateDnsEnabled: new(true)}
	refused[struct{}](h, "ModifyVpcEndpoint", enable, "InvalidParameter", "Private DNS can't be enabled because the service "+*sv.ServiceName+" does not provide a private DNS name.")
	// The proof in another's domain, or a wrong one, is none.
	proof := shown().PrivateDnsNameConfiguration
	s.texts["orders.example.com"] = []string{*proof.Value}
	s.texts[*proof.Name+".orders.example.com"] = []string{"vpce:wrong"}
	verify()
	state("failed")
	s.texts[*proof.Name+".orders.example.com"] = []string{"v=spf1", *proof.Value}
	verify()
	state("verified")
	must[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", enable)
	if got := h.fabric.Lookup(from, "orders.example.com"); len(got) != 1 {
		t.Errorf("inside, the name is %v", got)
	}
	// One endpoint of a VPC has a name.
	if _, err := s.connect(account, v, subnet, *sv.ServiceName); err == nil || !strings.HasPrefix(err.Error(), "InvalidParameter: private-dns-enabled cannot be set because there is already a conflicting DNS domain for orders.example.com") {
		t.Errorf("a second endpoint with the name: %v", err)
	}
	refused[struct{}](h, "ModifyVpcEndpointServiceConfiguration", &shape.ModifyVpcEndpointServiceConfigurationRequest{ServiceId: sv.ServiceId, RemovePrivateDnsName: new(true)}, "ExistingVpcEndpointConnections", "")
	refused[struct{}](h, "ModifyVpcEndpointServiceConfiguration", &shape.ModifyVpcEndpointServiceConfigurationRequest{ServiceId: sv.ServiceId,
		RemoveNetworkLoadBalancerArns: []string{s.balancer}, AddNetworkLoadBalancerArns: []string{s.balancer + "0"}}, "ExistingVpcEndpointConnections", "")
	must[shape.DeleteVpcEndpointsResult](h, "DeleteVpcEndpoints", &shape.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{*e.VpcEndpointId}})
	if got := h.fabric.Lookup(from, "orders.example.com"); len(got) != 0 {
		t.Errorf("after the endpoint the name is %v", got)
	}
	must[shape.ModifyVpcEndpointServiceConfigurationResult](h, "ModifyVpcEndpointServiceConfiguration", &shape.ModifyVpcEndpointServiceConfigurationRequest{ServiceId: sv.ServiceId, RemovePrivateDnsName: new(true)})
	if shown().PrivateDnsName != nil {
		t.Error("the name is not removed")
	}
}
