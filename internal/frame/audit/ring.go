package audit

import "sync"

const (
	// Recent is how many calls of an account are kept in memory at most, whatever came of them.
	Recent = 4096
	// recentBytes is how much memory they may take; calls with many reasons are fewer.
	recentBytes = 8 << 20
)

// ring is the latest calls of one account.
type ring struct {
	mu      sync.RWMutex
	entries []*Entry // from first on, oldest first
	first   int
	bytes   int
}

func (r *ring) add(e *Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, e)
	r.bytes += e.weight()
	for r.len() > 1 && (r.len() > Recent || r.bytes > recentBytes) {
		r.bytes -= r.entries[r.first].weight()
		r.entries[r.first] = nil
		r.first++
	}
	if r.first > Recent { // the gap at the front is as long as the rest may be
		n := copy(r.entries, r.entries[r.first:])
		clear(r.entries[n:])
		r.entries, r.first = r.entries[:n], 0
	}
}

func (r *ring) len() int { return len(r.entries) - r.first }

// find looks from the newest on. Calls are many and lookups few, so nothing indexes them.
func (r *ring) find(requestID string) *Entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for i := len(r.entries) - 1; i >= r.first; i-- {
		if r.entries[i].RequestID == requestID {
			return r.entries[i]
		}
	}
	return nil
}
