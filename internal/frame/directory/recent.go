package directory

import "sync"

// generation is how many values a recent holds at least before it forgets any.
const generation = 512

// recent remembers what was dear to make, for the keys that were asked for last: the values of the
// present generation and of the one before. The zero value is empty and ready. It is for values that
// stay true of their key: what may change is to be asked each time.
type recent[V any] struct {
	mu       sync.RWMutex
	now, old map[string]V
}

func (r *recent[V]) get(key string, produce func(string) (V, error)) (V, error) {
	r.mu.RLock()
	v, ok := r.now[key]
	fresh := ok
	if !ok {
		v, ok = r.old[key]
	}
	r.mu.RUnlock()
	if fresh {
		return v, nil
	}
	if !ok {
		var err error
		if v, err = produce(key); err != nil {
			return v, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil || len(r.now) >= generation {
		r.old, r.now = r.now, make(map[string]V, generation)
	}
	r.now[key] = v
	return v, nil
}
