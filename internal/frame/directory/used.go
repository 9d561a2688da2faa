package directory

import (
	"maps"
	"strings"
	"sync"
	"time"
)

// Use is when and for what an access key or a role was last used.
type Use struct {
	At              time.Time
	Service, Region string
}

// uses keeps the last use of each key and role until it is written down. It has a lock of its own, since every
// call writes here.
type uses struct {
	mu  sync.Mutex
	all map[string]Use
}

// RoleKey is what the uses of a role are noted under, beside keys: one made later under the same name is another.
func RoleKey(arn, id string) string {
	role, _, _ := strings.Cut(id, ":")
	return arn + " " + role
}

// Used notes that a long-term key, or a role, was used. It is to be quick: nothing is written.
func (d *Directory) Used(key, service, region string) {
	u := Use{At: d.clock().UTC().Truncate(time.Second), Service: service, Region: region}
	d.uses.mu.Lock()
	defer d.uses.mu.Unlock()
	if d.uses.all == nil {
		d.uses.all = map[string]Use{}
	}
	d.uses.all[key] = u
}

// LastUse gives what Used noted of a key and is not written down yet.
func (d *Directory) LastUse(key string) (Use, bool) {
	d.uses.mu.Lock()
	defer d.uses.mu.Unlock()
	u, ok := d.uses.all[key]
	return u, ok
}

// Uses gives all that Used noted; Wrote forgets those that nothing was noted of since.
func (d *Directory) Uses() map[string]Use {
	d.uses.mu.Lock()
	defer d.uses.mu.Unlock()
	return maps.Clone(d.uses.all)
}

// Wrote tells that these are written down.
func (d *Directory) Wrote(all map[string]Use) {
	d.uses.mu.Lock()
	defer d.uses.mu.Unlock()
	for k, u := range all {
		if d.uses.all[k] == u {
			delete(d.uses.all, k)
		}
	}
}
