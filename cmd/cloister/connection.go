package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// credentialsOf reads the keys and the endpoint out of a customerGatewayConfiguration. Its errors repeat
// nothing of it.
func credentialsOf(text string) (*wireguard, error) {
	var in struct {
		Private string `xml:"cloister>wireguard>customer_gateway>private_key"`
		Gateway string `xml:"cloister>wireguard>vpn_gateway>public_key"`
		Address string `xml:"cloister>wireguard>vpn_gateway>endpoint>ip_address"`
		Port    uint16 `xml:"cloister>wireguard>vpn_gateway>endpoint>port"`
		Shared  string `xml:"cloister>wireguard>pre_shared_key"`
		MTU     int    `xml:"cloister>wireguard>mtu"`
	}
	if err := xml.Unmarshal([]byte(text), &in); err != nil || in.Private == "" {
		return nil, errors.New("this is no configuration of one of Cloister's VPN connections")
	}
	w := &wireguard{mtu: in.MTU}
	address, err := netip.ParseAddr(in.Address)
	w.endpoint = netip.AddrPortFrom(address, in.Port)
	return w, errors.Join(err, readKey(in.Private, &w.private), readKey(in.Gateway, &w.gateway), readKey(in.Shared, &w.shared))
}

// maker makes in the API what is missing for a connection, and remembers how to take it away again.
type maker struct {
	*client
	progress io.Writer
	undone   []func(context.Context) error
}

func (m *maker) say(format string, args ...any) { fmt.Fprintf(m.progress, format+"\n", args...) }

// made notes something that was made.
func (m *maker) made(what string, action string, pairs ...string) {
	m.say("made %s", what)
	m.undone = append(m.undone, func(ctx context.Context) error { return m.ec2(ctx, action, nil, pairs...) })
}

// undo takes away what was made, the newest first.
func (m *maker) undo() {
	for _, f := range slices.Backward(m.undone) {
		if err := f(context.Background()); err != nil {
			m.say("left behind: %v", err)
		}
	}
}

// connection finds or makes a VPN connection that has the networks behind it.
func (m *maker) connection(ctx context.Context, vpc string, networks []netip.Prefix, propagate bool) (*wireguard, error) {
	gateway, err := m.gateway(ctx, vpc)
	if err != nil {
		return nil, err
	}
	device, err := m.device(ctx)
	if err != nil {
		return nil, err
	}
	id, err := m.tunnel(ctx, gateway, device, networks)
	if err != nil {
		return nil, err
	}
	if propagate {
		if err := m.propagate(ctx, vpc, gateway); err != nil {
			return nil, err
		}
	}
	var out struct {
		Text     string   `xml:"vpnConnectionSet>item>customerGatewayConfiguration"`
		Messages []string `xml:"vpnConnectionSet>item>vgwTelemetry>item>statusMessage"`
	}
	if err := m.ec2(ctx, "DescribeVpnConnections", &out, "VpnConnectionId.1", id); err != nil {
		return nil, err
	}
	if len(out.Messages) > 0 && strings.Contains(out.Messages[0], "cannot be opened") {
		return nil, fmt.Errorf("%s: %s (a port that is taken: give serve another --tunnel-port)", id, out.Messages[0])
	}
	w, err := credentialsOf(out.Text)
	if err == nil {
		w.ranges, err = m.ranges(ctx, vpc)
	}
	return w, err
}

// ranges are a VPC's.
func (m *maker) ranges(ctx context.Context, vpc string) (out []netip.Prefix, err error) {
	var of struct {
		Blocks []string `xml:"vpcSet>item>cidrBlockAssociationSet>item>cidrBlock"`
	}
	if err := m.ec2(ctx, "DescribeVpcs", &of, "VpcId.1", vpc); err != nil {
		return nil, err
	}
	for _, b := range of.Blocks {
		p, err := netip.ParsePrefix(b)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// gateway is the VPC's VPN gateway.
func (m *maker) gateway(ctx context.Context, vpc string) (string, error) {
	var have struct {
		IDs []string `xml:"vpnGatewaySet>item>vpnGatewayId"`
	}
	if err := m.ec2(ctx, "DescribeVpnGateways", &have, "Filter.1.Name", "attachment.vpc-id", "Filter.1.Value.1", vpc); err != nil {
		return "", err
	}
	if len(have.IDs) > 0 {
		m.say("the VPC has the VPN gateway %s", have.IDs[0])
		return have.IDs[0], nil
	}
	// Asked before anything is made: a mistyped VPC leaves no gateway behind.
	if err := m.ec2(ctx, "DescribeVpcs", nil, "VpcId.1", vpc); err != nil {
		return "", err
	}
	var fresh struct {
		ID string `xml:"vpnGateway>vpnGatewayId"`
	}
	if err := m.ec2(ctx, "CreateVpnGateway", &fresh, "Type", "ipsec.1"); err != nil {
		return "", err
	}
	m.made("the VPN gateway "+fresh.ID, "DeleteVpnGateway", "VpnGatewayId", fresh.ID)
	if err := m.ec2(ctx, "AttachVpnGateway", nil, "VpnGatewayId", fresh.ID, "VpcId", vpc); err != nil {
		return "", err
	}
	m.made("its attachment to "+vpc, "DetachVpnGateway", "VpnGatewayId", fresh.ID, "VpcId", vpc)
	return fresh.ID, nil
}

// device is the customer gateway of this host.
func (m *maker) device(ctx context.Context) (string, error) {
	address, err := m.ownAddress()
	if err != nil {
		return "", err
	}
	var have struct {
		IDs []string `xml:"customerGatewaySet>item>customerGatewayId"`
	}
	if err := m.ec2(ctx, "DescribeCustomerGateways", &have, "Filter.1.Name", "ip-address", "Filter.1.Value.1", address, "Filter.2.Name", "state", "Filter.2.Value.1", "available"); err != nil {
		return "", err
	}
	if len(have.IDs) > 0 {
		m.say("this host (%s) is the customer gateway %s", address, have.IDs[0])
		return have.IDs[0], nil
	}
	var fresh struct {
		ID string `xml:"customerGateway>customerGatewayId"`
	}
	if err := m.ec2(ctx, "CreateCustomerGateway", &fresh, "Type", "ipsec.1", "IpAddress", address, "BgpAsn", "65000"); err != nil {
		return "", err
	}
	m.made("the customer gateway "+fresh.ID+" for this host ("+address+")", "DeleteCustomerGateway", "CustomerGatewayId", fresh.ID)
	return fresh.ID, nil
}

// ownAddress is the address with which this host reaches the API.
func (m *maker) ownAddress() (string, error) {
	at, err := url.Parse(m.Door)
	if err != nil {
		return "", err
	}
	c, err := net.Dial("udp4", net.JoinHostPort(at.Hostname(), "9"))
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).IP.String(), nil
}

// tunnel is the VPN connection between the two that has these networks and no others.
func (m *maker) tunnel(ctx context.Context, gateway, device string, networks []netip.Prefix) (string, error) {
	var have struct {
		All []struct {
			ID       string   `xml:"vpnConnectionId"`
			Networks []string `xml:"routes>item>destinationCidrBlock"`
		} `xml:"vpnConnectionSet>item"`
	}
	err := m.ec2(ctx, "DescribeVpnConnections", &have, "Filter.1.Name", "vpn-gateway-id", "Filter.1.Value.1", gateway,
		"Filter.2.Name", "customer-gateway-id", "Filter.2.Value.1", device, "Filter.3.Name", "state", "Filter.3.Value.1", "available")
	if err != nil {
		return "", err
	}
	var wanted []string
	for _, n := range networks {
		wanted = append(wanted, n.Masked().String())
	}
	slices.Sort(wanted)
	for _, c := range have.All {
		slices.Sort(c.Networks)
		if slices.Equal(c.Networks, wanted) {
			m.say("there is the VPN connection %s", c.ID)
			return c.ID, nil
		}
	}
	var fresh struct {
		ID string `xml:"vpnConnection>vpnConnectionId"`
	}
	if err := m.ec2(ctx, "CreateVpnConnection", &fresh, "Type", "ipsec.1", "CustomerGatewayId", device, "VpnGatewayId", gateway, "Options.StaticRoutesOnly", "true"); err != nil {
		return "", err
	}
	m.made("the VPN connection "+fresh.ID, "DeleteVpnConnection", "VpnConnectionId", fresh.ID)
	for i, n := range wanted {
		if err := m.ec2(ctx, "CreateVpnConnectionRoute", nil, "VpnConnectionId", fresh.ID, "DestinationCidrBlock", n); err != nil {
			if i == 0 { // a connection without networks is of no use to anybody
				err = errors.Join(err, m.ec2(ctx, "DeleteVpnConnection", nil, "VpnConnectionId", fresh.ID))
				m.undone = m.undone[:len(m.undone)-1]
			}
			return "", err
		}
	}
	m.say("behind it: %s", strings.Join(wanted, ", "))
	return fresh.ID, nil
}

// propagate gives the VPC's main route table the routes.
func (m *maker) propagate(ctx context.Context, vpc, gateway string) error {
	var table struct {
		ID      string   `xml:"routeTableSet>item>routeTableId"`
		Already []string `xml:"routeTableSet>item>propagatingVgwSet>item>gatewayId"`
	}
	err := m.ec2(ctx, "DescribeRouteTables", &table, "Filter.1.Name", "vpc-id", "Filter.1.Value.1", vpc, "Filter.2.Name", "association.main", "Filter.2.Value.1", "true")
	if err != nil || slices.Contains(table.Already, gateway) {
		return err
	}
	if err := m.ec2(ctx, "EnableVgwRoutePropagation", nil, "RouteTableId", table.ID, "GatewayId", gateway); err != nil {
		return err
	}
	m.made("the routes of the main route table "+table.ID, "DisableVgwRoutePropagation", "RouteTableId", table.ID, "GatewayId", gateway)
	return nil
}

// tellNext says which resolver knows the VPC's names, and what else the VPC must allow.
func (m *maker) tellNext(ctx context.Context, vpc string) {
	at := m.resolvers(ctx, vpc)
	if len(at) == 0 {
		m.say("for the VPC's names make an inbound resolver endpoint there (aws route53resolver create-resolver-endpoint --direction INBOUND), or use endpoints' own names")
	} else {
		m.say("the VPC's names are answered at %s: dig @%s NAME", strings.Join(at, " and "), at[0])
	}
	m.say("interface endpoints and interfaces answer as their security groups and routes let them")
}

// resolvers are the addresses of a VPC's inbound resolver endpoints.
func (m *maker) resolvers(ctx context.Context, vpc string) (at []string) {
	ask := func(operation string, in map[string]string, out any) bool {
		body, err := json.Marshal(in)
		if err != nil {
			return false
		}
		b, err := m.do(ctx, "route53resolver", "application/x-amz-json-1.1", "Route53Resolver."+operation, body)
		return err == nil && json.Unmarshal(b, out) == nil
	}
	var all struct {
		ResolverEndpoints []struct{ ID, HostVPCID, Direction string }
	}
	if !ask("ListResolverEndpoints", nil, &all) {
		return nil
	}
	for _, e := range all.ResolverEndpoints {
		if e.HostVPCID != vpc || e.Direction != "INBOUND" {
			continue
		}
		var of struct{ IPAddresses []struct{ IP string } }
		if ask("ListResolverEndpointIpAddresses", map[string]string{"ResolverEndpointId": e.ID}, &of) {
			for _, a := range of.IPAddresses {
				at = append(at, a.IP)
			}
		}
	}
	return at
}

// customer is how a command that may run elsewhere finds the API: as other AWS clients do, or by the data
// directory.
type customer struct {
	EndpointURL string `help:"Where the API is; else it is that of the data directory." env:"AWS_ENDPOINT_URL"`
	CABundle    string `name:"ca-bundle" help:"Certificates to trust for it." env:"AWS_CA_BUNDLE" type:"path"`
	Region      string `help:"Its region." env:"AWS_REGION,AWS_DEFAULT_REGION"`
	As          string `help:"Profile of the credentials file." default:"default" env:"AWS_PROFILE"`
	Credentials string `help:"The credentials file." env:"AWS_SHARED_CREDENTIALS_FILE" type:"path" hidden:""`
	AccessKey   string `help:"Access key, instead of a profile." env:"AWS_ACCESS_KEY_ID" hidden:""`
	Secret      string `help:"Its secret." env:"AWS_SECRET_ACCESS_KEY" hidden:""`
	Token       string `help:"Its session token." env:"AWS_SESSION_TOKEN" hidden:""`
}

func (c *customer) client(all *commands) (*client, error) {
	if c.EndpointURL == "" {
		out, err := place{all.Data}.client(c.As)
		if err == nil && slices.Contains(out.Regions, c.Region) {
			out.Region = c.Region
		}
		return out, err
	}
	out := &client{instance: instance{Door: strings.TrimSuffix(c.EndpointURL, "/"), CA: c.CABundle, Region: c.Region}}
	if out.Region == "" {
		return nil, errors.New("say the region: --region, or AWS_REGION")
	}
	var err error
	if c.AccessKey != "" {
		out.credentials.AccessKey, out.credentials.Secret, out.credentials.Token = c.AccessKey, c.Secret, c.Token
	} else if out.credentials, err = readProfile(c.credentialsFile(), c.As); err != nil {
		return nil, err
	}
	out.http, err = trusting(c.CABundle)
	return out, err
}

func (c *customer) credentialsFile() string {
	if c.Credentials != "" {
		return c.Credentials
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".aws/credentials"
	}
	return home + "/.aws/credentials"
}
