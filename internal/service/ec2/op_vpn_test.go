package ec2

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"cloister/internal/machine/tunnel"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

func (h *house) vgw(vpc string) string {
	h.Helper()
	id := *must[shape.CreateVpnGatewayResult](h, "CreateVpnGateway", &shape.CreateVpnGatewayRequest{Type: new("ipsec.1")}).VpnGateway.VpnGatewayId
	if vpc != "" {
		must[shape.AttachVpnGatewayResult](h, "AttachVpnGateway", &shape.AttachVpnGatewayRequest{VpnGatewayId: &id, VpcId: &vpc})
	}
	return id
}

func (h *house) cgw(address string) string {
	h.Helper()
	return *must[shape.CreateCustomerGatewayResult](h, "CreateCustomerGateway",
		&shape.CreateCustomerGatewayRequest{Type: new("ipsec.1"), IpAddress: &address, BgpAsn: new(int32(65000))}).CustomerGateway.CustomerGatewayId
}

func wants(cgw, vgw string) *shape.CreateVpnConnectionRequest {
	return &shape.CreateVpnConnectionRequest{Type: new("ipsec.1"), CustomerGatewayId: &cgw, VpnGatewayId: &vgw,
		Options: &shape.VpnConnectionOptionsSpecification{StaticRoutesOnly: new(true)}}
}

func (h *house) vpn(cgw, vgw string, networks ...string) string {
	h.Helper()
	id := *must[shape.CreateVpnConnectionResult](h, "CreateVpnConnection", wants(cgw, vgw)).VpnConnection.VpnConnectionId
	for _, n := range networks {
		must[struct{}](h, "CreateVpnConnectionRoute", behind(id, n))
	}
	return id
}

func behind(id, network string) *shape.CreateVpnConnectionRouteRequest {
	return &shape.CreateVpnConnectionRouteRequest{VpnConnectionId: &id, DestinationCidrBlock: &network}
}

func (h *house) connection(id string) shape.VpnConnection {
	h.Helper()
	return must[shape.DescribeVpnConnectionsResult](h, "DescribeVpnConnections", &shape.DescribeVpnConnectionsRequest{VpnConnectionIds: []string{id}}).VpnConnections[0]
}

// plannedVPN is the VPN gateway that the fabric was told of for a VPC.
func (h *house) plannedVPN(vpc string) *network.VPN {
	for _, v := range h.fabric.network().VPCs {
		if v.ID == vpc {
			return v.VPN
		}
	}
	return nil
}

func TestVPNGateways(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	create := func(in shape.CreateVpnGatewayRequest, code string) {
		t.Helper()
		refused[shape.CreateVpnGatewayResult](h, "CreateVpnGateway", &in, code, "")
	}
	create(shape.CreateVpnGatewayRequest{}, "MissingParameter")
	create(shape.CreateVpnGatewayRequest{Type: new("ipsec.2")}, "InvalidParameterValue")
	create(shape.CreateVpnGatewayRequest{Type: new("ipsec.1"), AmazonSideAsn: new(int64(7224))}, "InvalidParameterValue")
	create(shape.CreateVpnGatewayRequest{Type: new("ipsec.1"), AvailabilityZone: new("us-east-1a")}, "UnsupportedOperation")
	create(shape.CreateVpnGatewayRequest{Type: new("ipsec.1"), DryRun: new(true)}, "DryRunOperation")

	g, second := h.vgw(""), h.vgw(w)
	attach := func(gateway, vpc string) *shape.AttachVpnGatewayRequest {
		return &shape.AttachVpnGatewayRequest{VpnGatewayId: &gateway, VpcId: &vpc}
	}
	detach := func(gateway, vpc string) *shape.DetachVpnGatewayRequest {
		return &shape.DetachVpnGatewayRequest{VpnGatewayId: &gateway, VpcId: &vpc}
	}
	for range 2 {
		if got := must[shape.AttachVpnGatewayResult](h, "AttachVpnGateway", attach(g, v)).VpcAttachment; *got.State != "attached" || *got.VpcId != v {
			t.Errorf("attached: %+v", got)
		}
	}
	a, b := h.plannedVPN(v), h.plannedVPN(w)
	if a == nil || b == nil || a.ID != g || b.ID != second || a.Port == b.Port || a.Key == b.Key || a.Key == (network.Key{}) {
		t.Fatalf("the fabric was told of %+v and %+v", a, b)
	}
	refused[shape.AttachVpnGatewayResult](h, "AttachVpnGateway", attach(g, w), "VpnGatewayAttachmentLimitExceeded", "")
	refused[shape.AttachVpnGatewayResult](h, "AttachVpnGateway", attach(h.vgw(""), v), "VpnGatewayAttachmentLimitExceeded", "")
	refused[shape.AttachVpnGatewayResult](h, "AttachVpnGateway", attach("vgw-0abc", v), "InvalidVpnGatewayID.NotFound", "The vpnGateway ID 'vgw-0abc' does not exist")
	refused[shape.AttachVpnGatewayResult](h, "AttachVpnGateway", attach("x", v), "InvalidVpnGatewayID.Malformed", "")
	refused[struct{}](h, "DetachVpnGateway", detach(g, w), "InvalidVpnGatewayAttachment.NotFound", "")
	refused[struct{}](h, "DeleteVpnGateway", &shape.DeleteVpnGatewayRequest{VpnGatewayId: &g}, "IncorrectState", "")
	refused[struct{}](h, "DeleteVpc", &shape.DeleteVpcRequest{VpcId: &v}, "DependencyViolation", "")

	list := func(filters ...shape.Filter) []shape.VpnGateway {
		return must[shape.DescribeVpnGatewaysResult](h, "DescribeVpnGateways", &shape.DescribeVpnGatewaysRequest{Filters: filters}).VpnGateways
	}
	if got := list(filter("attachment.vpc-id", v), filter("attachment.state", "attached"), filter("state", "available"), filter("amazon-side-asn", "64512")); len(got) != 1 || *got[0].VpnGatewayId != g {
		t.Errorf("found: %+v", got)
	}
	refused[struct{}](h, "DetachVpnGateway", detach(g, "vpc-0abc"), "InvalidVpnGatewayAttachment.NotFound", "The attachment with vpn gateway ID '"+g+"' and vpc ID 'vpc-0abc' does not exist")
	refused[struct{}](h, "DetachVpnGateway", detach(g, "x"), "InvalidVpcID.Malformed", "")
	must[struct{}](h, "DetachVpnGateway", detach(g, v))
	if h.plannedVPN(v) != nil {
		t.Error("the fabric was told of a gateway that is detached")
	}
	must[struct{}](h, "DeleteVpnGateway", &shape.DeleteVpnGatewayRequest{VpnGatewayId: &g})
	refused[struct{}](h, "DeleteVpnGateway", &shape.DeleteVpnGatewayRequest{VpnGatewayId: &g}, "InvalidVpnGatewayID.NotFound", "")
	if got := list(filter("vpn-gateway-id", g)); len(got) != 1 || *got[0].State != "deleted" {
		t.Errorf("when it is deleted: %+v", got)
	}
	if out, err := try[shape.DescribeVpnGatewaysResult](h, other, "DescribeVpnGateways", &shape.DescribeVpnGatewaysRequest{}); err != nil || len(out.VpnGateways) != 0 {
		t.Errorf("another account sees %+v, %v", out, err)
	}
}

func TestCustomerGateways(t *testing.T) {
	h := newHouse(t)
	g := h.cgw("192.0.2.1")
	if again := h.cgw("192.0.2.1"); again != g {
		t.Error("the same device has two gateways")
	}
	for _, c := range []struct {
		in   shape.CreateCustomerGatewayRequest
		code string
	}{
		{shape.CreateCustomerGatewayRequest{IpAddress: new("192.0.2.1")}, "MissingParameter"},
		{shape.CreateCustomerGatewayRequest{Type: new("ipsec.1")}, "MissingParameter"},
		{shape.CreateCustomerGatewayRequest{Type: new("ipsec.1"), IpAddress: new("2001:db8::1")}, "InvalidParameterValue"},
		{shape.CreateCustomerGatewayRequest{Type: new("ipsec.1"), IpAddress: new("x")}, "InvalidParameterValue"},
		{shape.CreateCustomerGatewayRequest{Type: new("ipsec.1"), IpAddress: new("192.0.2.2"), BgpAsn: new(int32(0))}, "InvalidParameterValue"},
		{shape.CreateCustomerGatewayRequest{Type: new("ipsec.1"), IpAddress: new("192.0.2.2"), CertificateArn: new("arn:x")}, "UnsupportedOperation"},
	} {
		refused[shape.CreateCustomerGatewayResult](h, "CreateCustomerGateway", &c.in, c.code, "")
	}
	list := func(filters ...shape.Filter) []shape.CustomerGateway {
		return must[shape.DescribeCustomerGatewaysResult](h, "DescribeCustomerGateways", &shape.DescribeCustomerGatewaysRequest{Filters: filters}).CustomerGateways
	}
	if got := list(filter("ip-address", "192.0.2.1"), filter("bgp-asn", "65000"), filter("type", "ipsec.1")); len(got) != 1 || *got[0].BgpAsn != "65000" || *got[0].State != "available" {
		t.Errorf("found: %+v", got)
	}
	v := h.vpn(g, h.vgw(""))
	refused[struct{}](h, "DeleteCustomerGateway", &shape.DeleteCustomerGatewayRequest{CustomerGatewayId: &g}, "IncorrectState", "The customer gateway is in use.")
	must[struct{}](h, "DeleteVpnConnection", &shape.DeleteVpnConnectionRequest{VpnConnectionId: &v})
	must[struct{}](h, "DeleteCustomerGateway", &shape.DeleteCustomerGatewayRequest{CustomerGatewayId: &g})
	refused[struct{}](h, "DeleteCustomerGateway", &shape.DeleteCustomerGatewayRequest{CustomerGatewayId: &g}, "InvalidCustomerGatewayID.NotFound", "The customerGateway ID '"+g+"' does not exist")
	if got := list(filter("state", "deleted")); len(got) != 1 {
		t.Errorf("when it is deleted: %+v", got)
	}
	if next := h.cgw("192.0.2.1"); next == g {
		t.Error("a deleted gateway came back")
	}
}

func TestVPNConnectionsAreTunnels(t *testing.T) {
	h := newHouse(t)
	vpc := h.vpc("10.0.0.0/16")
	g, c := h.vgw(vpc), h.cgw("192.0.2.1")
	id := h.vpn(c, g, "192.168.0.0/16", "192.168.3.0/24", "172.16.0.0/12")
	must[struct{}](h, "CreateVpnConnectionRoute", behind(id, "172.16.0.0/12")) // again
	p := h.plannedVPN(vpc)
	if len(p.Tunnels) != 1 || p.Tunnels[0].ID != id || fmt.Sprint(p.Tunnels[0].Networks) != "[192.168.0.0/16 172.16.0.0/12]" {
		t.Fatalf("the fabric was told of %+v", p.Tunnels)
	}
	got := h.connection(id)
	if *got.State != "available" || !*got.Options.StaticRoutesOnly || len(got.Routes) != 3 || *got.Routes[0].Source != "Static" || *got.Category != "VPN" {
		t.Errorf("described: %+v", got)
	}
	var conf configuration
	if err := xml.Unmarshal([]byte(*got.CustomerGatewayConfiguration), &conf); err != nil {
		t.Fatal(err)
	}
	private, _ := base64.StdEncoding.DecodeString(conf.Own.PrivateKey)
	public, _ := base64.StdEncoding.DecodeString(conf.Own.PublicKey)
	shared, _ := base64.StdEncoding.DecodeString(conf.Own.Shared)
	if len(private) != 32 || tunnel.Public(network.Key(private)) != p.Tunnels[0].PublicKey || network.Key(public) != tunnel.Public(p.Key) || network.Key(shared) != p.Tunnels[0].Shared {
		t.Errorf("the keys are not the tunnel's: %s", *got.CustomerGatewayConfiguration)
	}
	if conf.Own.Port != p.Port || conf.Own.Address != "127.0.0.1" || len(conf.Tunnels) != 2 || conf.Tunnels[0].Customer != "192.0.2.1" {
		t.Errorf("the configuration is %+v", conf)
	}
	for _, f := range []shape.Filter{filter("vpn-gateway-id", g), filter("customer-gateway-id", c), filter("route.destination-cidr-block", "172.16.0.0/12"), filter("bgp-asn", "65000"),
		filter("option.static-routes-only", "true"), filter("state", "available"), filter("type", "ipsec.1")} {
		if got := must[shape.DescribeVpnConnectionsResult](h, "DescribeVpnConnections", &shape.DescribeVpnConnectionsRequest{Filters: []shape.Filter{f}}).VpnConnections; len(got) != 1 {
			t.Errorf("by %s: %+v", *f.Name, got)
		}
	}
	refused[struct{}](h, "CreateVpnConnectionRoute", behind(id, "x"), "InvalidParameterValue", "")
	refused[struct{}](h, "CreateVpnConnectionRoute", behind("vpn-0abc", "10.9.0.0/16"), "InvalidVpnConnectionID.NotFound", "The vpnConnection ID 'vpn-0abc' does not exist")
	second := h.vpn(h.cgw("192.0.2.2"), g, "10.9.0.0/16")
	refused[struct{}](h, "CreateVpnConnectionRoute", behind(second, "192.168.77.0/24"), "UnsupportedOperation", "The network 192.168.77.0/24 overlaps with one behind "+id+", which has the same VPN gateway.")
	drop := &shape.DeleteVpnConnectionRouteRequest{VpnConnectionId: &id, DestinationCidrBlock: new("192.168.0.0/16")}
	must[struct{}](h, "DeleteVpnConnectionRoute", drop)
	refused[struct{}](h, "DeleteVpnConnectionRoute", drop, "InvalidRoute.NotFound", "")
	if p := h.plannedVPN(vpc); fmt.Sprint(p.Tunnels[slices.IndexFunc(p.Tunnels, func(t network.Tunnel) bool { return t.ID == id })].Networks) != "[192.168.3.0/24 172.16.0.0/12]" {
		t.Errorf("then %+v", p.Tunnels)
	}

	// It moves to another gateway and to another device.
	elsewhere := h.vgw("")
	moved := must[shape.ModifyVpnConnectionResult](h, "ModifyVpnConnection", &shape.ModifyVpnConnectionRequest{VpnConnectionId: &id, VpnGatewayId: &elsewhere}).VpnConnection
	if *moved.VpnGatewayId != elsewhere || *moved.GatewayAssociationState != "not-associated" || len(h.plannedVPN(vpc).Tunnels) != 1 {
		t.Errorf("moved: %+v", moved)
	}
	other := h.cgw("192.0.2.3")
	must[shape.ModifyVpnConnectionResult](h, "ModifyVpnConnection", &shape.ModifyVpnConnectionRequest{VpnConnectionId: &id, CustomerGatewayId: &other})
	refused[shape.ModifyVpnConnectionResult](h, "ModifyVpnConnection", &shape.ModifyVpnConnectionRequest{VpnConnectionId: &id}, "InvalidParameterCombination", "")
	refused[shape.ModifyVpnConnectionResult](h, "ModifyVpnConnection", &shape.ModifyVpnConnectionRequest{VpnConnectionId: &id, TransitGatewayId: new("tgw-1")}, "UnsupportedOperation", "")

	refused[struct{}](h, "DeleteVpnGateway", &shape.DeleteVpnGatewayRequest{VpnGatewayId: &elsewhere}, "IncorrectState", "The VPN gateway is in use.")
	must[struct{}](h, "DeleteVpnConnection", &shape.DeleteVpnConnectionRequest{VpnConnectionId: &id})
	refused[struct{}](h, "DeleteVpnConnection", &shape.DeleteVpnConnectionRequest{VpnConnectionId: &id}, "InvalidVpnConnectionID.NotFound", "")
	if got := h.connection(id); *got.State != "deleted" || got.CustomerGatewayConfiguration != nil {
		t.Errorf("when it is deleted: %+v", got)
	}
}

func TestVPNConnectionsThatCannotBe(t *testing.T) {
	h := newHouse(t)
	g, c := h.vgw(""), h.cgw("192.0.2.1")
	for name, x := range map[string]struct {
		change func(*shape.CreateVpnConnectionRequest)
		code   string
	}{
		"type":            {func(in *shape.CreateVpnConnectionRequest) { in.Type = new("ipsec.2") }, "InvalidParameterValue"},
		"no options":      {func(in *shape.CreateVpnConnectionRequest) { in.Options = nil }, "UnsupportedOperation"},
		"BGP":             {func(in *shape.CreateVpnConnectionRequest) { in.Options.StaticRoutesOnly = new(false) }, "UnsupportedOperation"},
		"transit gateway": {func(in *shape.CreateVpnConnectionRequest) { in.TransitGatewayId = new("tgw-0abc") }, "InvalidTransitGatewayID.NotFound"},
		"no gateway":      {func(in *shape.CreateVpnConnectionRequest) { in.VpnGatewayId = nil }, "UnsupportedOperation"},
		"other gateway":   {func(in *shape.CreateVpnConnectionRequest) { in.VpnGatewayId = new("vgw-0abc") }, "InvalidVpnGatewayID.NotFound"},
		"other device":    {func(in *shape.CreateVpnConnectionRequest) { in.CustomerGatewayId = new("cgw-0abc") }, "InvalidCustomerGatewayID.NotFound"},
		"pre-shared key": {func(in *shape.CreateVpnConnectionRequest) {
			in.Options.TunnelOptions = []shape.VpnTunnelOptionsSpecification{{}, {PreSharedKey: new("secret.one")}}
		}, "UnsupportedOperation"},
		"networks":     {func(in *shape.CreateVpnConnectionRequest) { in.Options.RemoteIpv4NetworkCidr = new("10.0.0.0/8") }, "UnsupportedOperation"},
		"acceleration": {func(in *shape.CreateVpnConnectionRequest) { in.Options.EnableAcceleration = new(true) }, "UnsupportedOperation"},
		"secret store": {func(in *shape.CreateVpnConnectionRequest) { in.PreSharedKeyStorage = new("SecretsManager") }, "UnsupportedOperation"},
		"dry run":      {func(in *shape.CreateVpnConnectionRequest) { in.DryRun = new(true) }, "DryRunOperation"},
	} {
		in := wants(c, g)
		x.change(in)
		t.Run(name, func(*testing.T) { refused[shape.CreateVpnConnectionResult](h, "CreateVpnConnection", in, x.code, "") })
	}
	defaults := wants(c, g)
	defaults.Options.LocalIpv4NetworkCidr, defaults.Options.TunnelInsideIpVersion, defaults.Options.TunnelOptions = new("0.0.0.0/0"), new("ipv4"), []shape.VpnTunnelOptionsSpecification{{}, {}}
	must[shape.CreateVpnConnectionResult](h, "CreateVpnConnection", defaults)
}

func TestVPNQuotas(t *testing.T) {
	h := start(t, filepath.Join(t.TempDir(), "db"), Quotas{VPNGateways: 2, CustomerGateways: 1, VPNConnections: 3, TunnelsPerGateway: 2, NetworksPerTunnel: 1})
	a, b, c := h.vgw(""), h.vgw(""), h.cgw("192.0.2.1")
	refused[shape.CreateVpnGatewayResult](h, "CreateVpnGateway", &shape.CreateVpnGatewayRequest{Type: new("ipsec.1")}, "VpnGatewayLimitExceeded", "")
	refused[shape.CreateCustomerGatewayResult](h, "CreateCustomerGateway", &shape.CreateCustomerGatewayRequest{Type: new("ipsec.1"), IpAddress: new("192.0.2.2")}, "CustomerGatewayLimitExceeded", "")
	id := h.vpn(c, a, "10.9.0.0/16")
	refused[struct{}](h, "CreateVpnConnectionRoute", behind(id, "10.8.0.0/16"), "RouteLimitExceeded", "")
	h.vpn(c, a)
	refused[shape.CreateVpnConnectionResult](h, "CreateVpnConnection", wants(c, a), "VpnConnectionLimitExceeded", "")
	h.vpn(c, b)
	refused[shape.CreateVpnConnectionResult](h, "CreateVpnConnection", wants(c, b), "VpnConnectionLimitExceeded", "")
}

func TestRoutesPropagate(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	r := h.table(v)
	g := h.vgw(v)
	igw := h.igw(v)
	h.vpn(h.cgw("192.0.2.1"), g, "192.168.0.0/24", "192.168.1.0/24")
	enable := func(table, gateway string) *shape.EnableVgwRoutePropagationRequest {
		return &shape.EnableVgwRoutePropagationRequest{RouteTableId: &table, GatewayId: &gateway}
	}
	refused[struct{}](h, "EnableVgwRoutePropagation", enable(r, h.vgw(w)), "Gateway.NotAttached", "")
	refused[struct{}](h, "EnableVgwRoutePropagation", enable(r, "vgw-0abc"), "InvalidVpnGatewayID.NotFound", "")
	refused[struct{}](h, "EnableVgwRoutePropagation", enable("rtb-0abc", g), "InvalidRouteTableID.NotFound", "")
	for range 2 {
		must[struct{}](h, "EnableVgwRoutePropagation", enable(r, g))
	}
	static := &shape.CreateRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("192.168.1.0/24"), GatewayId: &igw}
	must[shape.CreateRouteResult](h, "CreateRoute", static)
	by := &shape.CreateRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("172.16.0.0/12"), GatewayId: &g}
	must[shape.CreateRouteResult](h, "CreateRoute", by)

	got := must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{RouteTableIds: []string{r}}).RouteTables[0]
	var lines []string
	for _, x := range got.Routes {
		lines = append(lines, *x.DestinationCidrBlock+" "+*x.GatewayId+" "+*x.Origin+" "+*x.State)
	}
	want := []string{
		"10.0.0.0/16 local CreateRouteTable active", "192.168.1.0/24 " + igw + " CreateRoute active", "172.16.0.0/12 " + g + " CreateRoute active",
		"192.168.0.0/24 " + g + " EnableVgwRoutePropagation active", "192.168.1.0/24 " + g + " EnableVgwRoutePropagation active",
	}
	if !slices.Equal(lines, want) || len(got.PropagatingVgws) != 1 || *got.PropagatingVgws[0].GatewayId != g {
		t.Errorf("shown:\n%s", strings.Join(lines, "\n"))
	}
	if routes := h.routesOf(r); len(routes) != 3 || routes["192.168.0.0/24"] != (network.Target{Kind: network.ToVPN, ID: g}) || routes["192.168.1.0/24"].Kind != network.ToInternetGateway {
		t.Errorf("the fabric was told %v", routes)
	}
	if got := must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{Filters: []shape.Filter{filter("route.origin", "EnableVgwRoutePropagation")}}).RouteTables; len(got) != 1 {
		t.Errorf("by origin: %+v", got)
	}
	refused[shape.CreateRouteResult](h, "CreateRoute", &shape.CreateRouteRequest{RouteTableId: new(h.table(w)), DestinationCidrBlock: new("172.16.0.0/12"), GatewayId: &g}, "InvalidParameterValue", "")

	must[struct{}](h, "DisableVgwRoutePropagation", &shape.DisableVgwRoutePropagationRequest{RouteTableId: &r, GatewayId: &g})
	if routes := h.routesOf(r); len(routes) != 2 {
		t.Errorf("then the fabric was told %v", routes)
	}
	must[struct{}](h, "EnableVgwRoutePropagation", enable(r, g))
	must[struct{}](h, "DetachVpnGateway", &shape.DetachVpnGatewayRequest{VpnGatewayId: &g, VpcId: &v})
	if h.state(r, "192.168.0.0/24") != "" || h.state(r, "172.16.0.0/12") != "blackhole" {
		t.Error("a detached gateway propagates, or leads somewhere")
	}
	must[shape.AttachVpnGatewayResult](h, "AttachVpnGateway", &shape.AttachVpnGatewayRequest{VpnGatewayId: &g, VpcId: &v})
	if h.state(r, "192.168.0.0/24") != "" || h.state(r, "172.16.0.0/12") != "active" {
		t.Error("attached again it propagates unasked, or leads nowhere")
	}
}

func TestVPNRecordsSurvive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	h := start(t, path, Quotas{})
	v := h.vpc("10.0.0.0/16")
	id := h.vpn(h.cgw("192.0.2.1"), h.vgw(v), "192.168.0.0/24")
	before, conf := *h.plannedVPN(v), *h.connection(id).CustomerGatewayConfiguration
	h.stop()
	h = start(t, path, Quotas{})
	after := h.plannedVPN(v)
	if after == nil || after.Key != before.Key || after.Port != before.Port || after.Tunnels[0].PublicKey != before.Tunnels[0].PublicKey || *h.connection(id).CustomerGatewayConfiguration != conf {
		t.Errorf("the gateway was %+v and is %+v", before, after)
	}
}

func TestManyVPNGatewaysAtOnce(t *testing.T) {
	h := start(t, filepath.Join(t.TempDir(), "db"), Quotas{VPNGateways: 8, VPCs: 8})
	v := h.vpc("10.0.0.0/16")
	var wg sync.WaitGroup
	var mu sync.Mutex
	attached := 0
	for range 8 {
		wg.Go(func() {
			id := h.vgw("")
			if _, err := try[shape.AttachVpnGatewayResult](h, account, "AttachVpnGateway", &shape.AttachVpnGatewayRequest{VpnGatewayId: &id, VpcId: &v}); err == nil {
				mu.Lock()
				attached++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if attached != 1 || h.plannedVPN(v) == nil {
		t.Errorf("%d gateways are attached to one VPC", attached)
	}
}
