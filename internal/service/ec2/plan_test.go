package ec2

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cloister/internal/engine/reach"
	"cloister/internal/value/catalogue"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

func cidr(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func ip(s string) netip.Addr     { return netip.MustParseAddr(s) }

// someRecords is a VPC with two subnets, one endpoint of each type and a job's interface.
func someRecords() *records {
	h := func(id string) head { return head{ID: id, Account: account} }
	return &records{
		vpcs: []*vpc{{head: h("vpc-1"), CIDR: cidr("10.0.0.0/16"), DNSSupport: true, DNSHostnames: true, Table: "rtb-main", Group: "sg-1"}},
		subnets: []*subnet{
			{head: h("subnet-a"), VPC: "vpc-1", CIDR: cidr("10.0.0.0/24"), Zone: "us-east-1a"},
			{head: h("subnet-b"), VPC: "vpc-1", CIDR: cidr("10.0.1.0/24"), Zone: "us-east-1b"},
		},
		routeTables: []*routeTable{
			{head: h("rtb-main"), VPC: "vpc-1", Main: "rtbassoc-m"},
			{head: h("rtb-2"), VPC: "vpc-1", Associations: []association{{"rtbassoc-b", "subnet-b"}}},
		},
		groups: []*group{{head: h("sg-1"), VPC: "vpc-1", Name: "default", Rules: []rule{
			{Protocol: -1, From: -1, To: -1, Group: "sg-1"},
			{Protocol: tcp, From: 443, To: 443, CIDR: cidr("10.0.0.0/16")},
			{Protocol: tcp, From: 443, To: 443, PrefixList: "pl-63a5400a", Egress: true},
		}}},
		endpoints: []*endpoint{
			{head: h("vpce-i"), VPC: "vpc-1", Service: "com.amazonaws.us-east-1.sagemaker.api", State: available, PrivateDNS: true,
				Subnets: []string{"subnet-a", "subnet-b"}, Groups: []string{"sg-1"}, Suffix: "abcdefgh"},
			{head: h("vpce-g"), VPC: "vpc-1", Service: "com.amazonaws.us-east-1.s3", State: pending, Gateway: true, Tables: []string{"rtb-2"}},
		},
		enis: []*eni{
			{head: h("eni-a"), VPC: "vpc-1", Subnet: "subnet-a", Address: ip("10.0.0.4"), Groups: []string{"sg-1"}, Endpoint: "vpce-i"},
			{head: h("eni-b"), VPC: "vpc-1", Subnet: "subnet-b", Address: ip("10.0.1.4"), Groups: []string{"sg-1"}, Endpoint: "vpce-i"},
			{head: h("eni-j"), VPC: "vpc-1", Subnet: "subnet-b", Address: ip("10.0.1.5"), Groups: []string{"sg-1"}},
		},
		isolated: []*isolated{{ID: "job-1"}},
	}
}

// names gives the addresses of a name among names; empty when it is not there.
func addressesNamed(names []network.Name, text string) string {
	var out []string
	for _, n := range names {
		if n.Text == text {
			for _, a := range n.Addresses {
				out = append(out, a.String())
			}
		}
	}
	return strings.Join(out, " ")
}

const (
	privateAPI  = "api.sagemaker.us-east-1.amazonaws.com"
	regionalAPI = "vpce-i-abcdefgh.api.sagemaker.us-east-1.vpce.amazonaws.com"
	zonalAPI    = "vpce-i-abcdefgh-us-east-1b.api.sagemaker.us-east-1.vpce.amazonaws.com"
)

func TestPlan(t *testing.T) {
	n := plan(region, true, someRecords())
	if _, err := reach.NewIndex(n); err != nil {
		t.Fatalf("the plan contradicts itself: %v", err)
	}
	v := n.VPCs[0]
	want := network.VPC{
		ID: "vpc-1", CIDRs: []netip.Prefix{cidr("10.0.0.0/16")}, Resolve: true,
		Subnets: []network.Subnet{{ID: "subnet-a", Table: "rtb-main", CIDR: cidr("10.0.0.0/24"), Zone: "us-east-1a"}, {ID: "subnet-b", Table: "rtb-2", CIDR: cidr("10.0.1.0/24"), Zone: "us-east-1b"}},
		Tables: []network.RouteTable{{ID: "rtb-main"}, {ID: "rtb-2", Routes: []network.Route{{
			Destinations: s3Prefixes(), Target: network.Target{Kind: network.ToEndpoint, ID: "vpce-g"},
		}}}},
		Groups: []network.Group{{ID: "sg-1",
			Ingress: []network.Rule{{Protocol: -1, From: -1, To: -1, Group: "sg-1"}, {Protocol: 6, From: 443, To: 443, CIDR: cidr("10.0.0.0/16")}},
			Egress:  []network.Rule{{Protocol: 6, From: 443, To: 443, Prefixes: s3Prefixes()}},
		}},
	}
	v.Names = nil
	if d := cmp.Diff(want, v, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	for name, want := range map[string]string{
		privateAPI: "10.0.0.4 10.0.1.4", "ip-10-0-1-5.ec2.internal": "10.0.1.5", regionalAPI: "", "sts.us-east-1.amazonaws.com": "",
	} {
		if got := addressesNamed(n.VPCs[0].Names, name); got != want {
			t.Errorf("in the VPC %s is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		privateAPI: "203.0.113.10", regionalAPI: "10.0.0.4 10.0.1.4", zonalAPI: "10.0.1.4", "*.s3.us-east-1.amazonaws.com": "52.216.0.10",
		"iam.amazonaws.com": "203.0.113.15",
	} {
		if got := addressesNamed(n.Internet.Names, name); got != want {
			t.Errorf("on the internet %s is %q, want %q", name, got, want)
		}
	}
	if len(n.Internet.Doors) != len(catalogue.Services) || len(n.Internet.Hosts) != 1 || n.Internet.Hosts[0].ID != InternetHost {
		t.Errorf("internet %+v", n.Internet)
	}
	if !slices.Equal(n.Isolated, []string{"job-1"}) {
		t.Errorf("isolated %v", n.Isolated)
	}
}

func TestPlanLeavesOut(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*records)
		check  func(*network.Network) bool
	}{
		"an endpoint that is being deleted, with its interfaces and names": {
			func(r *records) { r.endpoints[0].State = deleting },
			func(n *network.Network) bool {
				return len(n.Endpoints) == 1 && len(n.Interfaces) == 1 && addressesNamed(n.Internet.Names, regionalAPI) == "" &&
					addressesNamed(n.VPCs[0].Names, privateAPI) == ""
			},
		},
		"the routes of a gateway endpoint that is being deleted": {
			func(r *records) { r.endpoints[1].State = deleting },
			func(n *network.Network) bool { return len(n.VPCs[0].Tables[1].Routes) == 0 && len(n.Endpoints) == 1 },
		},
		"private names without enableDnsHostnames": {
			func(r *records) { r.vpcs[0].DNSHostnames = false },
			func(n *network.Network) bool { return len(n.VPCs[0].Names) == 0 && n.VPCs[0].Resolve },
		},
		"the resolver and private names without enableDnsSupport": {
			func(r *records) { r.vpcs[0].DNSSupport = false },
			func(n *network.Network) bool { return len(n.VPCs[0].Names) == 0 && !n.VPCs[0].Resolve },
		},
		"private names of an endpoint without private DNS": {
			func(r *records) { r.endpoints[0].PrivateDNS = false },
			func(n *network.Network) bool {
				return addressesNamed(n.VPCs[0].Names, privateAPI) == "" && addressesNamed(n.Internet.Names, regionalAPI) != ""
			},
		},
		"every name of an endpoint without interfaces": {
			func(r *records) { r.enis = r.enis[2:] },
			func(n *network.Network) bool {
				return addressesNamed(n.VPCs[0].Names, privateAPI) == "" && addressesNamed(n.Internet.Names, regionalAPI) == ""
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := someRecords()
			if c.check(plan(region, true, r)) {
				t.Fatal("it is left out before the change")
			}
			c.change(r)
			n := plan(region, true, r)
			if !c.check(n) {
				t.Errorf("still there: %+v", n)
			}
			if _, err := reach.NewIndex(n); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestARestartGivesTheSameNetworkAndPolicies(t *testing.T) {
	h := start(t, filepath.Join(t.TempDir(), "db"), Quotas{})
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a := h.subnet(v, "10.0.0.0/24", "a")
	e := h.interfaceEndpoint(v, "sts", []string{a}, nil)
	gone := h.interfaceEndpoint(v, "logs", []string{a}, nil)
	must[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", &shape.ModifyVpcEndpointRequest{VpcEndpointId: e.VpcEndpointId,
		PolicyDocument: new(`{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`)})
	must[shape.DeleteVpcEndpointsResult](h, "DeleteVpcEndpoints", &shape.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{*gone.VpcEndpointId}})
	h.eni(a)
	h.igw(v)
	nat, pcx := h.newNAT(a, h.eip()), h.peer(v, h.vpc("10.1.0.0/16"))
	h.lead(a, "0.0.0.0/0", &shape.CreateRouteRequest{NatGatewayId: &nat})
	h.lead(h.subnet(v, "10.0.1.0/24", "b"), "10.1.0.0/16", &shape.CreateRouteRequest{VpcPeeringConnectionId: &pcx})
	if err := h.Isolate(t.Context(), "job-1"); err != nil {
		t.Fatal(err)
	}
	before := h.fabric.network()
	h.stop()

	h = start(t, h.path, Quotas{})
	if d := cmp.Diff(before, h.fabric.network(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); d != "" {
		t.Error(d)
	}
	if got := h.policyOf(*e.VpcEndpointId); !strings.Contains(got, "Deny") {
		t.Errorf("after the restart the policy says %q", got)
	}
	if h.lets(*gone.VpcEndpointId) {
		t.Error("after the restart the deleted endpoint lets calls through")
	}
}

func s3Prefixes() []netip.Prefix {
	row, _ := catalogue.ByID("s3")
	return row.Prefixes
}
