package ec2

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cloister/internal/machine/fabric"
	shape "cloister/internal/value/shape/ec2"
)

// telling is a fabric with tunnels.
type telling struct {
	fabric.Fabric
	tunnels func(gateway string) (map[string]fabric.Tunnel, error)
}

func (f *telling) Tunnels(gateway string) (map[string]fabric.Tunnel, error) {
	return f.tunnels(gateway)
}

func TestVPNTelemetry(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	g := h.vgw("")
	id := h.vpn(h.cgw("192.0.2.1"), g, "192.168.0.0/24")
	told := func() shape.VgwTelemetry {
		t.Helper()
		return h.connection(id).VgwTelemetry[0]
	}
	if got := told(); *got.Status != "DOWN" || !strings.Contains(*got.StatusMessage, "not attached") {
		t.Errorf("of a detached gateway: %s", *got.StatusMessage)
	}
	must[shape.AttachVpnGatewayResult](h, "AttachVpnGateway", &shape.AttachVpnGatewayRequest{VpnGatewayId: &g, VpcId: &v})
	if got := told(); *got.Status != "DOWN" || !strings.Contains(*got.StatusMessage, "no devices") {
		t.Errorf("of a fabric without tunnels: %s", *got.StatusMessage)
	}
	since := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	state := map[string]fabric.Tunnel{}
	var failure error
	h.Service.Fabric = &telling{h.Service.Fabric, func(string) (map[string]fabric.Tunnel, error) { return state, failure }}
	if got := told(); *got.Status != "DOWN" || *got.StatusMessage != "" || *got.AcceptedRouteCount != 0 {
		t.Errorf("before the customer came: %+v", got)
	}
	state[id] = fabric.Tunnel{Up: true, Since: since, Handshake: since, Peer: netip.MustParseAddrPort("192.0.2.1:1"), Sent: 1, Received: 2}
	if got := told(); *got.Status != "UP" || *got.AcceptedRouteCount != 1 || !got.LastStatusChange.Equal(since.Truncate(time.Second)) || *got.OutsideIpAddress != "127.0.0.1" {
		t.Errorf("when the customer is there: %+v", got)
	}
	failure = errors.New("open /dev/net/tun: permission denied")
	if got := told(); *got.Status != "DOWN" || !strings.Contains(*got.StatusMessage, failure.Error()) {
		t.Errorf("of a gateway that cannot open: %s", *got.StatusMessage)
	}
}
