package mesh

import (
	"context"
	"net/netip"
	"time"

	"cloister/internal/machine/tunnel"
)

const (
	// fresh is how often the first of two hosts sends something to the second when it has nothing to say. So it is always
	// the first that renews their session, and there always is one.
	fresh = 25 * time.Second
	// patience is how long the sessions have to come up. They take some milliseconds, if anything passes.
	patience = 2 * time.Second
)

// meet tells the hosts of each other and has the first of any two begin their session. If both began one at once, as they
// would by the first packets of programs that start together, neither had one for five seconds. So the last hosts come
// first: who is called upon knows the caller.
func (o *opened) meet(ctx context.Context) error {
	peers := make([]tunnel.Peer, len(o.hosts))
	for i, h := range o.hosts {
		peers[i] = tunnel.Peer{PublicKey: tunnel.Public(h.Key), Networks: []netip.Prefix{netip.PrefixFrom(h.Inner, 32)}, Endpoint: netip.AddrPortFrom(h.Address, Port)}
	}
	for i := len(peers) - 1; i >= 0; i-- {
		var others []tunnel.Peer
		for j, p := range peers {
			if i < j {
				p.Keepalive = fresh
			}
			if i != j {
				others = append(others, p)
			}
		}
		if err := o.tunnels[i].SetPeers(others); err != nil {
			return err
		}
	}
	return o.await(ctx, peers)
}

// await waits until any two hosts have a session, for a while: that nothing passes may be as somebody wants it.
func (o *opened) await(ctx context.Context, peers []tunnel.Peer) error {
	end := time.Now().Add(patience)
	for i, pause := 0, time.Millisecond; i < len(peers)-1 && time.Now().Before(end); {
		states, err := o.tunnels[i].States()
		if err != nil {
			return err
		}
		up := true
		for _, p := range peers[i+1:] {
			s := states[p.PublicKey]
			up = up && !s.Handshake.IsZero()
		}
		if up {
			i++
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, 50*time.Millisecond)
		}
	}
	return nil
}
