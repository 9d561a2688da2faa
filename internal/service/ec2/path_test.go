package ec2

import (
	"bufio"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"cloister/internal/machine/fabric/linux"
	shape "cloister/internal/value/shape/ec2"
)

// reach dials from a namespace to port 443 of an address and gives what the other end says of the path.
func (h *house) reach(from string, to netip.Addr) string {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 200*time.Millisecond)
	defer cancel()
	c, err := h.fabric.Dial(ctx, from, netip.AddrPortFrom(to, 443))
	if err != nil {
		return "nothing"
	}
	defer c.Close()
	line, _ := bufio.NewReader(c).ReadString('\n')
	return line
}

func web(cidr string) []shape.IpPermission {
	return []shape.IpPermission{{IpProtocol: new("tcp"), FromPort: new(int32(443)), ToPort: new(int32(443)), IpRanges: []shape.IpRange{{CidrIp: &cidr}}}}
}

// onBoth runs a test on the memory fabric, and where it may on Linux's.
func onBoth(t *testing.T, test func(*testing.T, *house)) {
	t.Run("memory", func(t *testing.T) { test(t, newHouse(t)) })
	t.Run("linux", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("making namespaces needs root")
		}
		dir := t.TempDir()
		f, err := linux.Open(linux.Config{Directory: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // after the house has closed it
			if err := linux.Purge(dir); err != nil {
				t.Error(err)
			}
		})
		test(t, startOn(t, filepath.Join(t.TempDir(), "db"), Quotas{}, f))
	})
}

func TestThePrivatePath(t *testing.T) { onBoth(t, privatePath) }

func privatePath(t *testing.T, h *house) {
	h.serve()
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a, b := h.subnet(v, "10.0.0.0/24", "a"), h.subnet(v, "10.0.1.0/24", "b")
	clients, servers := h.group(v, "clients"), h.group(v, "servers")
	must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress",
		&shape.AuthorizeSecurityGroupIngressRequest{GroupId: &servers, IpPermissions: web("10.0.0.0/16")})
	e := h.interfaceEndpoint(v, "sagemaker.runtime", []string{a, b}, []string{servers})
	if *e.State != pending || len(e.NetworkInterfaceIds) != 2 {
		t.Errorf("created %s with %d interfaces", *e.State, len(e.NetworkInterfaceIds))
	}
	if now := h.endpoint(*e.VpcEndpointId); *now.State != available {
		t.Errorf("after the answer it is %s", *now.State)
	}
	client := *h.eni(a, clients).NetworkInterfaceId

	const name = "runtime.sagemaker.us-east-1.amazonaws.com"
	at := h.fabric.Lookup(client, name)
	slices.SortFunc(at, netip.Addr.Compare)
	if len(at) != 2 || at[0].String() != "10.0.0.4" || at[1].String() != "10.0.1.4" {
		t.Fatalf("%s is %v inside", name, at)
	}
	for _, d := range e.DnsEntries {
		if got := h.fabric.Lookup(client, *d.DnsName); len(got) == 0 || !got[0].IsPrivate() {
			t.Errorf("%s is %v", *d.DnsName, got)
		}
	}
	if got := h.fabric.Lookup(InternetHost, name); len(got) != 1 || got[0].IsPrivate() {
		t.Errorf("%s is %v on the internet", name, got)
	}
	if got := h.reach(client, at[1]); got != *e.VpcEndpointId+"\n" {
		t.Errorf("through the endpoint: %q", got)
	}

	must[shape.RevokeSecurityGroupIngressResult](h, "RevokeSecurityGroupIngress",
		&shape.RevokeSecurityGroupIngressRequest{GroupId: &servers, IpPermissions: web("10.0.0.0/16")})
	if got := h.reach(client, at[0]); got != "nothing" {
		t.Errorf("with the rule revoked: %q", got)
	}
	must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress",
		&shape.AuthorizeSecurityGroupIngressRequest{GroupId: &servers, IpPermissions: web("10.0.0.0/16")})
	if got := h.reach(client, at[0]); got != *e.VpcEndpointId+"\n" {
		t.Errorf("with the rule back: %q", got)
	}

	must[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", &shape.ModifyVpcEndpointRequest{VpcEndpointId: e.VpcEndpointId, PrivateDnsEnabled: new(false)})
	if got := h.fabric.Lookup(client, name); len(got) != 1 || got[0].IsPrivate() {
		t.Errorf("without private DNS %s is %v", name, got)
	}
	must[shape.DeleteVpcEndpointsResult](h, "DeleteVpcEndpoints", &shape.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{*e.VpcEndpointId}})
	for _, d := range e.DnsEntries[:3] {
		if got := h.fabric.Lookup(client, *d.DnsName); got != nil {
			t.Errorf("after deletion %s is %v", *d.DnsName, got)
		}
	}
	if got := h.reach(client, at[0]); got != "nothing" {
		t.Errorf("after deletion: %q", got)
	}
	refused[shape.DescribeVpcEndpointsResult](h, "DescribeVpcEndpoints", &shape.DescribeVpcEndpointsRequest{VpcEndpointIds: []string{*e.VpcEndpointId}},
		"InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '"+*e.VpcEndpointId+"' does not exist")
}

func TestTheGatewayPath(t *testing.T) { onBoth(t, gatewayPath) }

func gatewayPath(t *testing.T, h *house) {
	h.serve()
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/24", "a")
	b := h.subnet(v, "10.0.1.0/24", "b")
	table := *must[shape.CreateRouteTableResult](h, "CreateRouteTable", &shape.CreateRouteTableRequest{VpcId: &v}).RouteTable.RouteTableId
	must[shape.AssociateRouteTableResult](h, "AssociateRouteTable", &shape.AssociateRouteTableRequest{RouteTableId: &table, SubnetId: &a})
	e := must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", &shape.CreateVpcEndpointRequest{
		VpcId: &v, ServiceName: new("com.amazonaws.us-east-1.s3"), RouteTableIds: []string{table},
	}).VpcEndpoint
	if *e.State != available || *e.VpcEndpointType != "Gateway" || *e.PrivateDnsEnabled || len(e.DnsEntries) != 0 {
		t.Errorf("created %+v", e)
	}
	in, out := *h.eni(a).NetworkInterfaceId, *h.eni(b).NetworkInterfaceId
	s3 := h.fabric.Lookup(in, "my-bucket.s3.us-east-1.amazonaws.com")
	if len(s3) != 1 {
		t.Fatalf("S3 is %v", s3)
	}
	if got := h.reach(in, s3[0]); got != *e.VpcEndpointId+"\n" {
		t.Errorf("from the subnet with the route: %q", got)
	}
	if got := h.reach(out, s3[0]); got != "nothing" {
		t.Errorf("from the subnet without it: %q", got)
	}
	routes := must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{RouteTableIds: []string{table}}).RouteTables[0].Routes
	if len(routes) != 2 || *routes[1].DestinationPrefixListId != "pl-63a5400a" || *routes[1].GatewayId != *e.VpcEndpointId || routes[1].DestinationCidrBlock != nil {
		t.Errorf("routes %+v", routes)
	}
	must[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", &shape.ModifyVpcEndpointRequest{VpcEndpointId: e.VpcEndpointId, RemoveRouteTableIds: []string{table}})
	if got := h.reach(in, s3[0]); got != "nothing" {
		t.Errorf("with the route taken away: %q", got)
	}
}
