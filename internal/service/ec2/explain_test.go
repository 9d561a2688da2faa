package ec2

import (
	"encoding/json"
	"strings"
	"testing"

	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

func (h *house) explained(of, id, subnet string, groups []string, to, peer string) *Explanation {
	h.Helper()
	text, reaches, err := h.Explain(h.Context(), of, id, subnet, groups, to, peer, "")
	if err != nil {
		h.Fatal(err)
	}
	e := new(Explanation)
	if err := json.Unmarshal([]byte(text), e); err != nil {
		h.Fatal(err)
	}
	if reaches != (len(e.Ways) > 0 && e.reaches()) {
		h.Errorf("%s: %t", text, reaches)
	}
	return e
}

// lacks fails unless the only way ends for a reason, with a remedy.
func (h *house) lacks(e *Explanation, why, remedy string) {
	h.Helper()
	if len(e.Ways) != 1 || e.Ways[0].Reaches || e.Ways[0].Why != why || e.Ways[0].Remedy != remedy {
		h.Errorf("%+v\nwant %s; %s", e, why, remedy)
	}
}

func TestTheRuleThatIsMissingBetweenMembersIsNamed(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a, b := h.subnet(v, "10.0.0.0/24", "a"), h.subnet(v, "10.0.1.0/24", "b")
	g := h.group(v, "members")
	one, two := h.eni(a, g), h.eni(b, g)
	const remedy = "add an inbound rule to %g for TCP to port 7777 from itself (%g), of which 10.0.0.4 is a member"
	why := "no inbound rule of " + g + " lets TCP to port 7777 pass from 10.0.0.4"
	h.lacks(h.explained(account, *one.NetworkInterfaceId, "", nil, "10.0.1.4:7777", ""), why, strings.ReplaceAll(remedy, "%g", g))
	supposed := h.explained(account, "", a, []string{g}, ":7777", b)
	h.lacks(supposed, strings.ReplaceAll(why, "10.0.0.4", "10.0.0.5"), strings.ReplaceAll(strings.ReplaceAll(remedy, "%g", g), "10.0.0.4", "10.0.0.5"))
	must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g,
		IpPermissions: []shape.IpPermission{{IpProtocol: new("-1"), UserIdGroupPairs: []shape.UserIdGroupPair{{GroupId: &g}}}}})
	if e := h.explained(account, *one.NetworkInterfaceId, "", nil, "10.0.1.4:7777", ""); !e.reaches() || e.Ways[0].At != *two.NetworkInterfaceId || e.Ways[0].End != "delivered" {
		t.Errorf("with the rule: %+v", e)
	}
	if e := h.explained(account, "", a, []string{g}, ":7777", a); !e.reaches() {
		t.Errorf("two more in one subnet: %+v", e)
	}
	if n := len(must[shape.DescribeNetworkInterfacesResult](h, "DescribeNetworkInterfaces", &shape.DescribeNetworkInterfacesRequest{}).NetworkInterfaces); n != 2 {
		t.Errorf("%d interfaces: what was supposed was made", n)
	}
}

func TestTheEndpointThatIsMissingIsNamed(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a := h.subnet(v, "10.0.0.0/24", "a")
	table := h.lead(a, "192.0.2.0/24", &shape.CreateRouteRequest{NetworkInterfaceId: h.eni(a).NetworkInterfaceId})
	id := *h.eni(a).NetworkInterfaceId
	e := h.explained(account, id, "", nil, "my-bucket.s3.us-east-1.amazonaws.com:443", "")
	if len(e.Ways) != 1 || !strings.Contains(e.Ways[0].Why, table+", the route table of "+a+", has no route to ") ||
		!strings.HasPrefix(e.Ways[0].Remedy, "make a gateway endpoint for com.amazonaws.us-east-1.s3 with the route table "+table+", or ") {
		t.Errorf("S3: %+v", e)
	}
	if e := h.explained(account, id, "", nil, "sts.us-east-1.amazonaws.com:443", ""); len(e.Ways) != 1 ||
		!strings.HasPrefix(e.Ways[0].Remedy, "make an interface endpoint for com.amazonaws.us-east-1.sts with private DNS, or ") {
		t.Errorf("STS: %+v", e)
	}
	must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", &shape.CreateVpcEndpointRequest{VpcId: &v, ServiceName: new("com.amazonaws.us-east-1.s3"), RouteTableIds: []string{table}})
	if e := h.explained(account, id, "", nil, "my-bucket.s3.us-east-1.amazonaws.com:443", ""); !e.reaches() || !strings.HasPrefix(e.Ways[0].At, "vpce-") {
		t.Errorf("S3 with its endpoint: %+v", e)
	}
	if e := h.explained(account, id, "", nil, "nobody.example:443", ""); e.Note != "the resolver of "+v+" has no address for nobody.example" || len(e.Ways) != 0 {
		t.Errorf("a name of nobody: %+v", e)
	}
}

// TestAnExplanationIsTheAccountsOwn: nothing of another account is told, neither at its side of a peering nor of its interfaces.
func TestAnExplanationIsTheAccountsOwn(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/24", "a")
	id := *h.eni(a).NetworkInterfaceId
	ask := func(of, id, subnet string, groups []string, to, peer string) string {
		_, _, err := h.Explain(t.Context(), of, id, subnet, groups, to, peer, "")
		f, _ := fault.As(err)
		if f == nil {
			return ""
		}
		return f.Code
	}
	for want, got := range map[string]string{
		"InvalidNetworkInterfaceID.NotFound": ask(other, id, "", nil, "10.0.0.5:1", ""),
		"InvalidSubnetID.NotFound":           ask(other, "", a, nil, "10.0.0.5:1", ""),
		"InvalidGroup.NotFound":              ask(account, "", a, []string{"sg-0123456789abcdef0"}, "10.0.0.5:1", ""),
		"InvalidConnection":                  ask(account, id, "", nil, "10.0.0.5", ""),
	} {
		if got != want {
			t.Errorf("%q, not %s", got, want)
		}
	}
	w := h.vpcOf(other, "10.1.0.0/16")
	theirs, err := try[shape.CreateSubnetResult](h, other, "CreateSubnet", &shape.CreateSubnetRequest{VpcId: &w, CidrBlock: new("10.1.0.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	closed, err := try[shape.CreateNetworkInterfaceResult](h, other, "CreateNetworkInterface", &shape.CreateNetworkInterfaceRequest{SubnetId: theirs.Subnet.SubnetId})
	if err != nil {
		t.Fatal(err)
	}
	peering := *h.ask(account, v, other, w).VpcPeeringConnectionId
	if _, err := try[shape.AcceptVpcPeeringConnectionResult](h, other, "AcceptVpcPeeringConnection", &shape.AcceptVpcPeeringConnectionRequest{VpcPeeringConnectionId: &peering}); err != nil {
		t.Fatal(err)
	}
	h.lead(a, "10.1.0.0/16", &shape.CreateRouteRequest{VpcPeeringConnectionId: &peering})
	there, nowhere := h.explained(account, id, "", nil, *closed.NetworkInterface.PrivateIpAddress+":80", ""), h.explained(account, id, "", nil, "10.1.0.200:80", "")
	there.To, nowhere.To, there.Ways[0].Target, nowhere.Ways[0].Target = "", "", "", ""
	one, _ := json.Marshal(there)
	none, _ := json.Marshal(nowhere)
	if string(one) != string(none) || strings.Contains(string(one), *closed.NetworkInterface.Groups[0].GroupId) || strings.Contains(string(one), *closed.NetworkInterface.NetworkInterfaceId) ||
		len(there.Ways[0].Hops) != 2 {
		t.Errorf("somebody and nobody at the other side:\n%s\n%s", one, none)
	}
}
