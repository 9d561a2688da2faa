package ec2

import (
	"net/netip"
	"sync"
	"testing"

	"cloister/internal/machine/fabric"
	shape "cloister/internal/value/shape/ec2"
)

// serveSources answers every connection that the fabric accepts with who it is from, and by which endpoint.
func (h *house) serveSources() {
	l := h.fabric.Listener()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				o := c.(fabric.Conn).Origin()
				c.Write([]byte(o.Source.String() + " " + o.EndpointID + "\n"))
				c.Close()
			})
		}
	})
	h.Cleanup(func() { h.stop(); wg.Wait() })
}

// lead gives a subnet a table of its own with one route.
func (h *house) lead(subnet, to string, target *shape.CreateRouteRequest) string {
	h.Helper()
	nets := must[shape.DescribeSubnetsResult](h, "DescribeSubnets", &shape.DescribeSubnetsRequest{SubnetIds: []string{subnet}}).Subnets
	r := h.table(*nets[0].VpcId)
	must[shape.AssociateRouteTableResult](h, "AssociateRouteTable", &shape.AssociateRouteTableRequest{RouteTableId: &r, SubnetId: &subnet})
	target.RouteTableId, target.DestinationCidrBlock = &r, &to
	must[shape.CreateRouteResult](h, "CreateRoute", target)
	return r
}

func TestTheInternetPath(t *testing.T) { onBoth(t, internetPath) }

func internetPath(t *testing.T, h *house) {
	h.serveSources()
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	public, private := h.subnet(v, "10.0.0.0/24", "a"), h.subnet(v, "10.0.1.0/24", "b")
	gateway := h.igw(v)
	allocation := h.eip()
	nat := h.newNAT(public, allocation)
	h.lead(public, "0.0.0.0/0", &shape.CreateRouteRequest{GatewayId: &gateway})
	table := h.lead(private, "0.0.0.0/0", &shape.CreateRouteRequest{NatGatewayId: &nat})
	own, behind := *h.eni(public).NetworkInterfaceId, *h.eni(private).NetworkInterfaceId

	doors := h.fabric.Lookup(behind, "sts.us-east-1.amazonaws.com")
	if len(doors) != 1 {
		t.Fatalf("sts is %v", doors)
	}
	if got := h.reach(behind, doors[0]); got != *h.address(allocation).PublicIp+" \n" {
		t.Errorf("through the NAT gateway: %q", got)
	}
	if got := h.reach(own, doors[0]); got != "nothing" {
		t.Errorf("without a public address: %q", got)
	}
	mine := h.eip()
	assoc := h.associate(mine, own)
	if got := h.reach(own, doors[0]); got != *h.address(mine).PublicIp+" \n" {
		t.Errorf("with an elastic address: %q", got)
	}
	name := publicName(region, netip.MustParseAddr(*h.address(mine).PublicIp))
	if in, out := h.fabric.Lookup(behind, name), h.fabric.Lookup(InternetHost, name); len(in) != 1 || !in[0].IsPrivate() || len(out) != 1 || out[0].IsPrivate() {
		t.Errorf("%s is %v inside and %v outside", name, in, out)
	}
	must[struct{}](h, "DisassociateAddress", &shape.DisassociateAddressRequest{AssociationId: &assoc})
	if got := h.reach(own, doors[0]); got != "nothing" {
		t.Errorf("with the address taken away: %q", got)
	}
	must[shape.DeleteNatGatewayResult](h, "DeleteNatGateway", &shape.DeleteNatGatewayRequest{NatGatewayId: &nat})
	if got := h.reach(behind, doors[0]); got != "nothing" || h.state(table, "0.0.0.0/0") != "blackhole" {
		t.Errorf("without the NAT gateway: %q", got)
	}
}

func TestThePeeringPath(t *testing.T) { onBoth(t, peeringPath) }

func peeringPath(t *testing.T, h *house) {
	h.serveSources()
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	h.dns(w)
	a, b := h.subnet(v, "10.0.0.0/24", "a"), h.subnet(w, "10.1.0.0/24", "a")
	clients, servers := h.group(v, "clients"), h.group(w, "servers")
	e := h.interfaceEndpoint(w, "sts", []string{b}, []string{servers})
	client, stranger := *h.eni(a, clients).NetworkInterfaceId, *h.eni(a).NetworkInterfaceId
	pcx := h.peer(v, w)
	h.lead(a, "10.1.0.0/16", &shape.CreateRouteRequest{VpcPeeringConnectionId: &pcx})
	at := ip("10.1.0.4")
	rules := []shape.IpPermission{{IpProtocol: new("tcp"), FromPort: new(int32(443)), ToPort: new(int32(443)), UserIdGroupPairs: []shape.UserIdGroupPair{{GroupId: &clients, UserId: new(account)}}}}
	must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &servers, IpPermissions: rules})
	if got := h.reach(client, at); got != "nothing" {
		t.Errorf("without a way back: %q", got)
	}
	h.lead(b, "10.0.0.0/16", &shape.CreateRouteRequest{VpcPeeringConnectionId: &pcx})
	if got := h.reach(client, at); got != "10.0.0.4 "+*e.VpcEndpointId+"\n" {
		t.Errorf("over the peering: %q", got)
	}
	if got := h.reach(stranger, at); got != "nothing" {
		t.Errorf("from another group: %q", got)
	}
	must[shape.DeleteVpcPeeringConnectionResult](h, "DeleteVpcPeeringConnection", &shape.DeleteVpcPeeringConnectionRequest{VpcPeeringConnectionId: &pcx})
	if got := h.reach(client, at); got != "nothing" {
		t.Errorf("with the peering deleted: %q", got)
	}
}
