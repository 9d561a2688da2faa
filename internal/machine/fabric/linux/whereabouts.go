package linux

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"cloister/internal/value/network"
)

// whereabouts remembers where the customers of VPN gateways were last, in a file: the next process speaks
// to them first. Without that they would learn of it only when a session that it does not know of is given up.
type whereabouts struct {
	path  string
	start sync.Once
	quit  chan struct{}
	// known is the file's content, by gateway and tunnel; closed is of gateways that this process has
	// closed, and may open again.
	known, closed map[string]map[string]netip.AddrPort
}

const (
	whereaboutsFile = "tunnels.json"
	whereaboutsEach = 5 * time.Second
)

func newWhereabouts(directory string) *whereabouts {
	w := &whereabouts{path: filepath.Join(directory, whereaboutsFile), quit: make(chan struct{})}
	w.known, w.closed = map[string]map[string]netip.AddrPort{}, map[string]map[string]netip.AddrPort{}
	if text, err := os.ReadFile(w.path); err == nil {
		json.Unmarshal(text, &w.known) //nolint:errcheck // what cannot be read is not known
	}
	return w
}

// of is where a gateway's customers were.
func (w *whereabouts) of(gateway string) map[string]netip.AddrPort {
	if at := w.known[gateway]; at != nil {
		return at
	}
	return w.closed[gateway]
}

// update is of, with where the gateway's customers are now.
func (w *whereabouts) update(g *gateway) map[string]netip.AddrPort {
	if g.tunnel == nil {
		return w.of(g.id)
	}
	at := map[string]netip.AddrPort{}
	maps.Copy(at, w.of(g.id)) // who has not come back yet
	states, _ := g.states()
	for id, s := range states {
		if s.Peer.IsValid() {
			at[id] = s.Peer
		}
	}
	maps.DeleteFunc(at, func(id string, _ netip.AddrPort) bool { return g.customers[id] == (network.Key{}) })
	return at
}

// keep begins to look where the customers are, once there is a gateway.
func (f *Fabric) keepWhereabouts() {
	if len(f.gateways) == 0 {
		return
	}
	f.whereabouts.start.Do(func() {
		go func() {
			for {
				select {
				case <-f.whereabouts.quit:
					return
				case <-time.After(whereaboutsEach):
				}
				f.mu.Lock()
				if !f.closed {
					f.noteWhereabouts()
				}
				f.mu.Unlock()
			}
		}()
	})
}

// noteWhereabouts writes the file if anything has changed; f.mu is held.
func (f *Fabric) noteWhereabouts() {
	now := map[string]map[string]netip.AddrPort{}
	for _, g := range f.gateways {
		now[g.id] = f.whereabouts.update(g)
	}
	w := f.whereabouts
	if maps.EqualFunc(now, w.known, func(a, b map[string]netip.AddrPort) bool { return maps.Equal(a, b) }) {
		return
	}
	w.known = now
	if err := w.write(); err != nil {
		f.log.Warn("where VPN customers are is not remembered", "error", err)
	}
}

func (w *whereabouts) write() error {
	text, err := json.Marshal(w.known)
	if err != nil {
		return err
	}
	if err := os.WriteFile(w.path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(w.path+".new", w.path)
}

// removeWhereabouts is for Purge.
func removeWhereabouts(directory string) error {
	path := filepath.Join(directory, whereaboutsFile)
	for _, p := range []string{path, path + ".new"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
