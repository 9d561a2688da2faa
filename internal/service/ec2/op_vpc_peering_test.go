package ec2

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

// ask asks for a peering, as an account, with a VPC of another.
func (h *house) ask(as, vpc, owner, peer string) *shape.VpcPeeringConnection {
	h.Helper()
	out, err := try[shape.CreateVpcPeeringConnectionResult](h, as, "CreateVpcPeeringConnection", &shape.CreateVpcPeeringConnectionRequest{VpcId: &vpc, PeerVpcId: &peer, PeerOwnerId: &owner})
	if err != nil {
		h.Fatal(err)
	}
	return out.VpcPeeringConnection
}

// peer joins two VPCs of the account.
func (h *house) peer(a, b string) string {
	h.Helper()
	id := h.ask(account, a, account, b).VpcPeeringConnectionId
	must[shape.AcceptVpcPeeringConnectionResult](h, "AcceptVpcPeeringConnection", &shape.AcceptVpcPeeringConnectionRequest{VpcPeeringConnectionId: id})
	return *id
}

func (h *house) peering(as, id string) shape.VpcPeeringConnection {
	h.Helper()
	out, err := try[shape.DescribeVpcPeeringConnectionsResult](h, as, "DescribeVpcPeeringConnections", &shape.DescribeVpcPeeringConnectionsRequest{VpcPeeringConnectionIds: []string{id}})
	if err != nil {
		h.Fatal(err)
	}
	return out.VpcPeeringConnections[0]
}

func (h *house) vpcOf(as, cidr string) string {
	h.Helper()
	out, err := try[shape.CreateVpcResult](h, as, "CreateVpc", &shape.CreateVpcRequest{CidrBlock: &cidr})
	if err != nil {
		h.Fatal(err)
	}
	return *out.Vpc.VpcId
}

func TestPeeringBetweenAccounts(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpcOf(other, "10.1.0.0/16")
	made := h.ask(account, v, other, w)
	id := made.VpcPeeringConnectionId
	if *made.Status.Code != "initiating-request" || *made.Status.Message != "Initiating Request to "+other {
		t.Errorf("made %+v", *made.Status)
	}
	p := h.peering(account, *id)
	if *p.Status.Code != "pending-acceptance" || *p.Status.Message != "Pending Acceptance by "+other || p.ExpirationTime == nil || p.AccepterVpcInfo.CidrBlock != nil || *p.RequesterVpcInfo.CidrBlock != "10.0.0.0/16" {
		t.Errorf("asked %+v", p)
	}
	accept := &shape.AcceptVpcPeeringConnectionRequest{VpcPeeringConnectionId: id}
	reject := &shape.RejectVpcPeeringConnectionRequest{VpcPeeringConnectionId: id}
	remove := &shape.DeleteVpcPeeringConnectionRequest{VpcPeeringConnectionId: id}
	refused[shape.AcceptVpcPeeringConnectionResult](h, "AcceptVpcPeeringConnection", accept, "OperationNotPermitted", "User "+account+" cannot accept peering "+*id)
	refused[shape.RejectVpcPeeringConnectionResult](h, "RejectVpcPeeringConnection", reject, "OperationNotPermitted", "")
	refused[shape.CreateVpcPeeringConnectionResult](h, "CreateVpcPeeringConnection", &shape.CreateVpcPeeringConnectionRequest{VpcId: &v, PeerVpcId: &w, PeerOwnerId: new(other)},
		"VpcPeeringConnectionAlreadyExists", "")
	if len(h.fabric.network().Peerings) != 0 {
		t.Error("packets pass before anybody has accepted")
	}
	got, err := try[shape.AcceptVpcPeeringConnectionResult](h, other, "AcceptVpcPeeringConnection", accept)
	if err != nil || *got.VpcPeeringConnection.Status.Code != "provisioning" {
		t.Fatalf("accepted %+v, %v", got, err)
	}
	if p := h.peering(other, *id); *p.Status.Code != "active" || *p.Status.Message != "Active" || *p.AccepterVpcInfo.CidrBlock != "10.1.0.0/16" || *p.AccepterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc {
		t.Errorf("active %+v", p)
	}
	if got := h.fabric.network().Peerings; !slices.Equal(got, []network.Peering{{ID: *id, VPCs: [2]string{v, w}}}) {
		t.Errorf("the fabric was told %+v", got)
	}
	if _, err := try[shape.RejectVpcPeeringConnectionResult](h, other, "RejectVpcPeeringConnection", reject); err == nil || err.Error() != "InvalidStateTransition: Invalid state transition for "+*id+", attempted to transition from active to rejected" {
		t.Errorf("rejected: %v", err)
	}
	must[struct{}](h, "CreateTags", &shape.CreateTagsRequest{Resources: []string{*id}, Tags: []shape.Tag{tag("mine", "1")}})
	if got := h.peering(other, *id).Tags; len(got) != 0 {
		t.Errorf("the other account sees tags %+v", got)
	}
	refused[struct{}](h, "DeleteVpc", &shape.DeleteVpcRequest{VpcId: &v}, "DependencyViolation", "")

	r := h.table(v)
	must[shape.CreateRouteResult](h, "CreateRoute", &shape.CreateRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("10.1.0.0/16"), VpcPeeringConnectionId: id})
	if got := h.state(r, "10.1.0.0/16"); got != "active" {
		t.Errorf("the route is %s", got)
	}
	if _, err := try[shape.DeleteVpcPeeringConnectionResult](h, other, "DeleteVpcPeeringConnection", remove); err != nil {
		t.Fatal(err)
	}
	if p := h.peering(account, *id); *p.Status.Code != "deleted" || *p.Status.Message != "Deleted by "+other {
		t.Errorf("deleted %+v", *p.Status)
	}
	if got := h.state(r, "10.1.0.0/16"); got != "blackhole" || len(h.fabric.network().Peerings) != 0 {
		t.Errorf("the route is %s", got)
	}
	refused[shape.DeleteVpcPeeringConnectionResult](h, "DeleteVpcPeeringConnection", remove, "InvalidStateTransition", "")
	refused[shape.CreateRouteResult](h, "CreateRoute", &shape.CreateRouteRequest{RouteTableId: &r, DestinationCidrBlock: new("10.2.0.0/16"), VpcPeeringConnectionId: id}, "InvalidVpcPeeringConnectionID.NotFound", "")
}

func TestPeeringsThatCannotBe(t *testing.T) {
	h := start(t, filepath.Join(t.TempDir(), "db"), Quotas{PendingPeerings: 1, ActivePeerings: 1})
	v, w, x := h.vpc("10.0.0.0/16"), h.vpc("10.0.128.0/17"), h.vpc("10.2.0.0/16")
	for what, id := range map[string]*string{
		"overlapping": h.ask(account, v, account, w).VpcPeeringConnectionId, "missing": h.ask(account, v, other, "vpc-0abc").VpcPeeringConnectionId,
		"itself": h.ask(account, v, account, v).VpcPeeringConnectionId,
	} {
		if p := h.peering(account, *id); *p.Status.Code != "failed" || *p.Status.Message != "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range" {
			t.Errorf("%s: %+v", what, *p.Status)
		}
		refused[shape.AcceptVpcPeeringConnectionResult](h, "AcceptVpcPeeringConnection", &shape.AcceptVpcPeeringConnectionRequest{VpcPeeringConnectionId: id}, map[bool]string{true: "OperationNotPermitted", false: "InvalidStateTransition"}[what == "missing"], "")
	}
	for in, code := range map[*shape.CreateVpcPeeringConnectionRequest]string{
		{VpcId: &v}:                                              "MissingParameter",
		{VpcId: &v, PeerVpcId: new("vpc-0abc")}:                  "InvalidVpcID.NotFound",
		{VpcId: new("vpc-0abc"), PeerVpcId: &v}:                  "InvalidVpcID.NotFound",
		{VpcId: &v, PeerVpcId: new("x")}:                         "InvalidVpcID.Malformed",
		{VpcId: &v, PeerVpcId: &x, PeerRegion: new("us-west-2")}: "UnsupportedOperation",
		{VpcId: &v, PeerVpcId: &x, PeerOwnerId: new("1")}:        "InvalidParameterValue",
		{VpcId: &v, PeerVpcId: &x, DryRun: new(true)}:            "DryRunOperation",
	} {
		refused[shape.CreateVpcPeeringConnectionResult](h, "CreateVpcPeeringConnection", in, code, "")
	}
	first := *h.ask(account, v, account, x).VpcPeeringConnectionId
	refused[shape.CreateVpcPeeringConnectionResult](h, "CreateVpcPeeringConnection", &shape.CreateVpcPeeringConnectionRequest{VpcId: &w, PeerVpcId: &x}, "OutstandingVpcPeeringConnectionLimitExceeded", "")
	must[shape.AcceptVpcPeeringConnectionResult](h, "AcceptVpcPeeringConnection", &shape.AcceptVpcPeeringConnectionRequest{VpcPeeringConnectionId: &first})
	second := h.ask(account, w, account, x).VpcPeeringConnectionId
	refused[shape.AcceptVpcPeeringConnectionResult](h, "AcceptVpcPeeringConnection", &shape.AcceptVpcPeeringConnectionRequest{VpcPeeringConnectionId: second}, "ActiveVpcPeeringConnectionPerVpcLimitExceeded", "")
	must[shape.RejectVpcPeeringConnectionResult](h, "RejectVpcPeeringConnection", &shape.RejectVpcPeeringConnectionRequest{VpcPeeringConnectionId: second})
	if p := h.peering(account, *second); *p.Status.Code != "rejected" || *p.Status.Message != "Rejected by "+account {
		t.Errorf("rejected %+v", *p.Status)
	}
	refused[shape.DescribeVpcPeeringConnectionsResult](h, "DescribeVpcPeeringConnections", &shape.DescribeVpcPeeringConnectionsRequest{VpcPeeringConnectionIds: []string{"pcx-0abc"}},
		"InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID 'pcx-0abc' does not exist")
}

func TestPeeringRequestsExpire(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	id := *h.ask(account, v, account, w).VpcPeeringConnectionId
	later := func(by time.Duration) {
		if err := h.DB.Update(t.Context(), func(tx *store.Tx) error {
			p, err := peeringOf(tx, account, id)
			if err != nil {
				return err
			}
			p.Expires = p.Expires.Add(-by)
			return peerings.put(tx, p)
		}); err != nil {
			t.Fatal(err)
		}
	}
	later(8 * 24 * time.Hour)
	if p := h.peering(account, id); *p.Status.Code != "expired" {
		t.Errorf("after eight days %+v", *p.Status)
	}
	refused[shape.AcceptVpcPeeringConnectionResult](h, "AcceptVpcPeeringConnection", &shape.AcceptVpcPeeringConnectionRequest{VpcPeeringConnectionId: &id}, "InvalidStateTransition", "")
	must[struct{}](h, "DeleteVpc", &shape.DeleteVpcRequest{VpcId: &w})
	later(3 * 24 * time.Hour)
	refused[shape.DescribeVpcPeeringConnectionsResult](h, "DescribeVpcPeeringConnections", &shape.DescribeVpcPeeringConnectionsRequest{VpcPeeringConnectionIds: []string{id}}, "InvalidVpcPeeringConnectionID.NotFound", "")
}

func TestNamesOverAPeering(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	h.dns(v)
	h.dns(w)
	h.igw(v)
	i := *h.eni(h.subnet(v, "10.0.0.0/24", "a")).NetworkInterfaceId
	e := h.eip()
	h.associate(e, i)
	name := publicName(region, ip(*h.address(e).PublicIp))
	seen := func() string {
		for _, n := range h.fabric.network().VPCs {
			if n.ID == w {
				return addressesNamed(n.Names, name)
			}
		}
		return ""
	}
	id := *h.ask(account, w, account, v).VpcPeeringConnectionId
	modify := &shape.ModifyVpcPeeringConnectionOptionsRequest{VpcPeeringConnectionId: &id, AccepterPeeringConnectionOptions: &shape.PeeringConnectionOptionsRequest{AllowDnsResolutionFromRemoteVpc: new(true)}}
	refused[shape.ModifyVpcPeeringConnectionOptionsResult](h, "ModifyVpcPeeringConnectionOptions", modify, "OperationNotPermitted",
		"Peering "+id+" is not active. Peering options can be added only to active peerings.")
	must[shape.AcceptVpcPeeringConnectionResult](h, "AcceptVpcPeeringConnection", &shape.AcceptVpcPeeringConnectionRequest{VpcPeeringConnectionId: &id})
	if got := seen(); got != "" {
		t.Errorf("without the option %s is %s over the peering", name, got)
	}
	out := must[shape.ModifyVpcPeeringConnectionOptionsResult](h, "ModifyVpcPeeringConnectionOptions", modify)
	if got := seen(); got != "10.0.0.4" || !*out.AccepterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc || out.RequesterPeeringConnectionOptions != nil {
		t.Errorf("with the option %s is %q over the peering, %+v", name, got, out)
	}
	if p := h.peering(account, id); !*p.AccepterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc || *p.RequesterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc {
		t.Errorf("options %+v", p)
	}
	refused[shape.ModifyVpcPeeringConnectionOptionsResult](h, "ModifyVpcPeeringConnectionOptions", &shape.ModifyVpcPeeringConnectionOptionsRequest{VpcPeeringConnectionId: &id,
		RequesterPeeringConnectionOptions: &shape.PeeringConnectionOptionsRequest{AllowEgressFromLocalClassicLinkToRemoteVpc: new(true)}}, "UnsupportedOperation", "ClassicLink is not supported.")
	refused[shape.ModifyVpcPeeringConnectionOptionsResult](h, "ModifyVpcPeeringConnectionOptions", &shape.ModifyVpcPeeringConnectionOptionsRequest{VpcPeeringConnectionId: &id}, "MissingParameter", "")
}
