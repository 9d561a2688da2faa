package sagemaker

import "sync"

// bells wake whoever waits on a record: a ring says only "read it again", so a lost one loses
// nothing but time, and a fresh process needs none.
type bells struct {
	mu sync.Mutex
	by map[string]chan struct{}
}

// listen gives a channel that closes at the next ring. Take it before reading the record.
func (b *bells) listen(key string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by == nil {
		b.by = map[string]chan struct{}{}
	}
	c := b.by[key]
	if c == nil {
		c = make(chan struct{})
		b.by[key] = c
	}
	return c
}

// ring wakes all who listen.
func (b *bells) ring(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.by[key]; c != nil {
		close(c)
		delete(b.by, key)
	}
}

// forget drops the bell of a record that is at rest.
func (b *bells) forget(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.by, key)
}
