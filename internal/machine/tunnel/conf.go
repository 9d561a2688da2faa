package tunnel

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conf is the text that makes a peer what it should be. Where it is, is told once: a peer that moved since
// is known better than by what was written down. Networks come and go one by one, so that packets of the
// others pass meanwhile.
func (p *Peer) conf(old *Peer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "public_key=%x\n", p.PublicKey[:])
	if old == nil && p.Shared != (Key{}) {
		fmt.Fprintf(&b, "preshared_key=%x\n", p.Shared[:])
	}
	if p.Endpoint.IsValid() && (old == nil || old.Endpoint != p.Endpoint) {
		fmt.Fprintf(&b, "endpoint=%s\n", p.Endpoint)
	}
	if old == nil {
		old = &Peer{}
	}
	for _, n := range old.Networks {
		if !slices.Contains(p.Networks, n) {
			fmt.Fprintf(&b, "allowed_ip=-%s\n", n.Masked())
		}
	}
	for _, n := range p.Networks {
		if !slices.Contains(old.Networks, n) {
			fmt.Fprintf(&b, "allowed_ip=%s\n", n.Masked())
		}
	}
	fmt.Fprintf(&b, "persistent_keepalive_interval=%d\n", int(p.Keepalive/time.Second))
	return b.String()
}

// readStates takes what is told of peers out of a device's text.
func readStates(text string) map[Key]State {
	out := map[Key]State{}
	var at Key
	var s State
	var seconds, nanoseconds int64
	end := func() {
		if at != (Key{}) {
			if seconds != 0 || nanoseconds != 0 {
				s.Handshake = time.Unix(seconds, nanoseconds)
			}
			out[at] = s
		}
		at, s, seconds, nanoseconds = Key{}, State{}, 0, 0
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "public_key":
			end()
			hex.Decode(at[:], []byte(value)) //nolint:errcheck // the device wrote it
		case "endpoint":
			s.Endpoint, _ = netip.ParseAddrPort(value)
		case "last_handshake_time_sec":
			seconds, _ = strconv.ParseInt(value, 10, 64)
		case "last_handshake_time_nsec":
			nanoseconds, _ = strconv.ParseInt(value, 10, 64)
		case "tx_bytes":
			s.Sent, _ = strconv.ParseUint(value, 10, 64)
		case "rx_bytes":
			s.Received, _ = strconv.ParseUint(value, 10, 64)
		}
	}
	end()
	return out
}
