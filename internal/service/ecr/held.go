package ecr

import "sync"

// held are blobs that have no record yet, whom the sweep must leave alone.
type held struct {
	mu  sync.Mutex
	all map[string]bool
}

func (h *held) take(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[string]bool{}
	}
	h.all[id] = true
}

func (h *held) release(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, id)
}

func (h *held) has(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[id]
}
