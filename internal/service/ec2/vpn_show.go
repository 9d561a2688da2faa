package ec2

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/netip"
	"time"

	"cloister/internal/machine/fabric"
	"cloister/internal/machine/store"
	"cloister/internal/machine/tunnel"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

const ipsec = "ipsec.1" // the only type that AWS has; what is behind it here is WireGuard

func awsVPNGateway(g *vpnGateway) shape.VpnGateway {
	out := shape.VpnGateway{VpnGatewayId: &g.ID, State: new(stateOf(g)), Type: new(ipsec), AmazonSideAsn: &g.ASN, Tags: awsTags(g.Tags), VpcAttachments: []shape.VpcAttachment{}}
	if g.VPC != "" {
		out.VpcAttachments = append(out.VpcAttachments, shape.VpcAttachment{VpcId: &g.VPC, State: new("attached")})
	}
	return out
}

func awsCustomerGateway(g *customerGateway) shape.CustomerGateway {
	out := shape.CustomerGateway{CustomerGatewayId: &g.ID, State: new(stateOf(g)), Type: new(ipsec), BgpAsn: &g.ASN, IpAddress: new(g.Address.String()), Tags: awsTags(g.Tags)}
	if g.Device != "" {
		out.DeviceName = &g.Device
	}
	return out
}

// connectionView is what showing VPN connections needs besides their records: who the ends are, and
// what the fabric tells of the tunnels.
type connectionView struct {
	*Service
	tx       *store.Tx
	gateways map[string]*vpnGateway
	devices  map[string]*customerGateway
	told     map[string]map[string]fabric.Tunnel // by gateway
	failed   map[string]error
}

func (s *Service) newConnectionView(tx *store.Tx, account string) (v *connectionView, err error) {
	v = &connectionView{Service: s, tx: tx, told: map[string]map[string]fabric.Tunnel{}, failed: map[string]error{}}
	if v.gateways, err = vpnGateways.byID(tx, account); err != nil {
		return nil, err
	}
	v.devices, err = customerGateways.byID(tx, account)
	return v, err
}

func (v *connectionView) aws(c *vpnConnection) shape.VpnConnection {
	everywhere := netip.PrefixFrom(netip.IPv4Unspecified(), 0).String()
	out := shape.VpnConnection{
		VpnConnectionId: &c.ID, State: new(stateOf(c)), Type: new(ipsec), Category: new("VPN"), CustomerGatewayId: &c.Customer, VpnGatewayId: &c.Gateway,
		Tags: awsTags(c.Tags), Routes: []shape.VpnStaticRoute{}, VgwTelemetry: []shape.VgwTelemetry{}, GatewayAssociationState: new(v.association(c)),
		Options: &shape.VpnConnectionOptions{
			StaticRoutesOnly: new(true), EnableAcceleration: new(false), LocalIpv4NetworkCidr: &everywhere, RemoteIpv4NetworkCidr: &everywhere,
			OutsideIpAddressType: new("PublicIpv4"), TunnelInsideIpVersion: new("ipv4"),
		},
	}
	if !c.Deleted.IsZero() {
		return out
	}
	for _, n := range c.Networks {
		out.Routes = append(out.Routes, shape.VpnStaticRoute{DestinationCidrBlock: new(n.String()), Source: new("Static"), State: new(available)})
	}
	out.VgwTelemetry = append(out.VgwTelemetry, v.telemetry(c))
	out.CustomerGatewayConfiguration = new(v.configuration(c))
	return out
}

func (v *connectionView) association(c *vpnConnection) string {
	if g := v.gateways[c.Gateway]; g != nil && g.VPC != "" {
		return "associated"
	}
	return "not-associated"
}

// telemetry says whether the customer is there, from the handshakes.
func (v *connectionView) telemetry(c *vpnConnection) shape.VgwTelemetry {
	out := shape.VgwTelemetry{
		OutsideIpAddress: new(v.TunnelAddress.String()), Status: new("DOWN"), AcceptedRouteCount: new(int32(0)), LastStatusChange: &c.Created, StatusMessage: new(""),
	}
	g := v.gateways[c.Gateway]
	if g == nil || g.VPC == "" {
		out.StatusMessage = new("The VPN gateway is not attached to a VPC.")
		return out
	}
	if _, asked := v.told[g.ID]; !asked {
		v.told[g.ID], v.failed[g.ID] = v.Fabric.Tunnels(g.ID)
	}
	if err := v.failed[g.ID]; err != nil {
		out.StatusMessage = new("The tunnel cannot be opened on this host: " + err.Error())
		return out
	}
	t, known := v.told[g.ID][c.ID]
	if known && !t.Since.IsZero() {
		out.LastStatusChange = new(t.Since.UTC().Truncate(time.Second))
	}
	if t.Up {
		out.Status, out.AcceptedRouteCount = new("UP"), new(int32(len(c.Networks)))
		out.StatusMessage = new(fmt.Sprintf("Last handshake %s, %d bytes in, %d out.", t.Handshake.UTC().Format(time.RFC3339), t.Received, t.Sent))
	}
	return out
}

// What a customer's device is told, in the elements that AWS's has for it; keys and the port are in an
// element of our own. AWS has two tunnels of which one waits: here both elements name the one there is.
// As on AWS it does not change with routes: those are told elsewhere.
type configuration struct {
	XMLName  xml.Name     `xml:"vpn_connection"`
	ID       string       `xml:"id,attr"`
	Customer string       `xml:"customer_gateway_id"`
	Gateway  string       `xml:"vpn_gateway_id"`
	Type     string       `xml:"vpn_connection_type"`
	Tunnels  []ipsecEnds  `xml:"ipsec_tunnel"`
	Own      wireguardXML `xml:"cloister>wireguard"`
}

type ipsecEnds struct {
	Customer string `xml:"customer_gateway>tunnel_outside_address>ip_address"`
	Gateway  string `xml:"vpn_gateway>tunnel_outside_address>ip_address"`
}

type wireguardXML struct {
	PrivateKey string `xml:"customer_gateway>private_key"`
	PublicKey  string `xml:"vpn_gateway>public_key"`
	Address    string `xml:"vpn_gateway>endpoint>ip_address"`
	Port       int    `xml:"vpn_gateway>endpoint>port"`
	Shared     string `xml:"pre_shared_key"`
	MTU        int    `xml:"mtu"`
}

func (v *connectionView) configuration(c *vpnConnection) string {
	g, device := v.gateways[c.Gateway], v.devices[c.Customer]
	if g == nil || device == nil {
		return ""
	}
	ends := ipsecEnds{device.Address.String(), v.TunnelAddress.String()}
	text, err := xml.MarshalIndent(&configuration{
		ID: c.ID, Customer: c.Customer, Gateway: c.Gateway, Type: ipsec, Tunnels: []ipsecEnds{ends, ends},
		Own: wireguardXML{
			PrivateKey: spell(c.Key), PublicKey: spell(tunnel.Public(g.Key)), Shared: spell(c.Shared), MTU: tunnel.MTU,
			Address: v.TunnelAddress.String(), Port: g.Port,
		},
	}, "", "  ")
	if err != nil {
		return "" // texts and numbers always can be
	}
	return xml.Header + string(text)
}

func spell(k network.Key) string { return base64.StdEncoding.EncodeToString(k[:]) }

func spellAll(list []netip.Prefix) (out []string) {
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}
