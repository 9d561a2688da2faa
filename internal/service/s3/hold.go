package s3

import "sync"

// holds counts who reads or writes a blob, so that no blob is deleted under its reader and the sweep
// takes none that is being written. The zero value is ready.
type holds struct {
	mu sync.Mutex
	of map[string]*hold
}

type hold struct {
	n      int
	doomed bool // to be deleted when the last lets go
	dead   bool // being deleted
}

// take holds all blobs or, when one is being deleted, none.
func (h *holds) take(ids ...string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		if x := h.of[id]; x != nil && x.dead {
			return false
		}
	}
	if h.of == nil {
		h.of = map[string]*hold{}
	}
	for _, id := range ids {
		x := h.of[id]
		if x == nil {
			x = new(hold)
			h.of[id] = x
		}
		x.n++
	}
	return true
}

// release lets go, and gives the blobs that are now to be deleted.
func (h *holds) release(ids ...string) (dead []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		x := h.of[id]
		if x.n--; x.n > 0 {
			continue
		}
		if x.doomed {
			x.dead = true
			dead = append(dead, id)
			continue
		}
		delete(h.of, id)
	}
	return dead
}

// doom gives the blobs that may be deleted now; the others are when the last lets go of them.
func (h *holds) doom(ids ...string) (dead []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of == nil {
		h.of = map[string]*hold{}
	}
	for _, id := range ids {
		switch x := h.of[id]; {
		case x == nil:
			h.of[id] = &hold{dead: true}
			dead = append(dead, id)
		case !x.dead:
			x.doomed = true
		}
	}
	return dead
}

// gone forgets a blob that was deleted.
func (h *holds) gone(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.of, id)
}

func (h *holds) has(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.of[id] != nil
}
