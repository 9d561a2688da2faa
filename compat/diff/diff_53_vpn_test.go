package diff

import (
	"strings"
	"testing"
)

// TestDiff53VPN: a VPN connection is one WireGuard tunnel with static routes.
func TestDiff53VPN(t *testing.T) {
	call := func(action string, params ...string) answer {
		t.Helper()
		return root.query(t, "ec2", action, params...)
	}
	gateway := call("CreateVpnGateway", "Type", "ipsec.1").good(t).one(t, "vpnGatewayId")
	device := call("CreateCustomerGateway", "Type", "ipsec.1", "IpAddress", "192.0.2.52", "BgpAsn", "65000").good(t).one(t, "customerGatewayId")
	create := func(more ...string) answer {
		t.Helper()
		return call("CreateVpnConnection", append([]string{"Type", "ipsec.1", "CustomerGatewayId", device}, more...)...)
	}
	const unsupported = "UnsupportedOperation"
	create("VpnGatewayId", gateway).fault(t, 400, unsupported,
		"VPN connections with dynamic routing (BGP) are not supported. Set Options.StaticRoutesOnly to true and name the networks with CreateVpnConnectionRoute.")
	create("VpnGatewayId", gateway, "Options.StaticRoutesOnly", "true", "Options.TunnelOptions.1.PreSharedKey", "anything.1").fault(t, 400, unsupported, "The tunnel option PreSharedKey is not supported.")
	create("TransitGatewayId", "tgw-0123456789abcdef0", "Options.StaticRoutesOnly", "true").fault(t, 400, "InvalidTransitGatewayID.NotFound", "The transitGateway ID 'tgw-0123456789abcdef0' does not exist")

	connect := func() string {
		t.Helper()
		return create("VpnGatewayId", gateway, "Options.StaticRoutesOnly", "true").good(t).one(t, "vpnConnectionId")
	}
	first, second := connect(), connect()
	call("CreateVpnConnectionRoute", "VpnConnectionId", first, "DestinationCidrBlock", "192.168.0.0/16").good(t)
	call("CreateVpnConnectionRoute", "VpnConnectionId", second, "DestinationCidrBlock", "192.168.1.0/24").
		fault(t, 400, unsupported, "The network 192.168.1.0/24 overlaps with one behind "+first+", which has the same VPN gateway.")
	got := call("DescribeVpnConnections", "VpnConnectionId.1", first).good(t)
	if strings.Count(got.body, "<outsideIpAddress>") != 1 || strings.Count(got.body, "&lt;ipsec_tunnel&gt;") != 2 || !strings.Contains(got.body, "&lt;private_key&gt;") {
		t.Errorf("the connection is described as %s", got.body)
	}
	for _, id := range []string{first, second} {
		call("DeleteVpnConnection", "VpnConnectionId", id).good(t)
	}
	call("DeleteCustomerGateway", "CustomerGatewayId", device).good(t)
	call("DeleteVpnGateway", "VpnGatewayId", gateway).good(t)
}
